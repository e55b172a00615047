// Supervisor (supervisord.org) in the comparison: as it comes, and with what its documentation offers against each scenario.

import { startChild } from "../../children.ts";
import { eventually } from "../processes.ts";
import { environmentOf, type Ground, type Program, runCommand, type Running, type Tool } from "./tool.ts";

const BEST = [
  "autorestart=true",
  "startsecs=0",
  "startretries=1000000",
  "stopwaitsecs=5",
  "stopasgroup=true",
  "killasgroup=true",
];

/** Both settings. */
export const SUPERVISORD: readonly Tool[] = [
  tool("defaults", "a `[program]` with a command alone", []),
  tool("best", BEST.join(" "), BEST),
];

function tool(settings: Tool["settings"], says: string, options: readonly string[]): Tool {
  return {
    name: "supervisor",
    settings,
    says,
    commands: ["supervisord", "supervisorctl"],
    packages: ["supervisor"],
    seesHangs: false,
    begin: (ground) => begin(ground, options),
  };
}

async function begin(ground: Ground, options: readonly string[]): Promise<Running> {
  const { directory, programs, bench } = ground;
  const config = `${directory}/supervisord.conf`;
  const socket = `${directory}/supervisor.sock`;
  await Deno.mkdir(`${directory}/logs`);
  await Deno.writeTextFile(config, configOf(directory, socket, programs, options));
  const start = async (): Promise<Deno.ChildProcess> => {
    const [first = "", ...rest] = [...bench.isolated, "supervisord", "--nodaemon", "-c", config];
    const streams = { stdin: "null", stdout: "null", stderr: "null" } as const;
    const child = startChild([first, ...rest], { ...streams, env: environmentOf(ground), cwd: directory });
    await eventually(() => isThere(socket), 10_000);
    return child;
  };
  let child = await start();
  const control = async (...words: string[]): Promise<void> => {
    await runCommand(ground, ["supervisorctl", "-c", config, ...words]);
  };
  return {
    mainProcess: () => child.pid,
    stop: (name) => control("stop", name),
    restart: (name) => control("restart", name),
    startAgain: async () => {
      child = await start();
    },
  };
}

function configOf(
  directory: string,
  socket: string,
  programs: readonly Program[],
  options: readonly string[],
): string {
  return [
    "[unix_http_server]",
    `file=${socket}`,
    "[supervisord]",
    `logfile=${directory}/supervisord.log`,
    `pidfile=${directory}/supervisord.pid`,
    `childlogdir=${directory}/logs`,
    "user=root",
    "[rpcinterface:supervisor]",
    "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
    "[supervisorctl]",
    `serverurl=unix://${socket}`,
    ...programs.flatMap(({ name, argv }) => [
      `[program:${name}]`,
      `command=${argv.map((word) => `"${word.replaceAll("%", "%%")}"`).join(" ")}`,
      ...options,
    ]),
    "",
  ].join("\n");
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
