// pm2 in the comparison, with a PM2_HOME of its own: as it comes, and with what its documentation offers.

import { eventually } from "../processes.ts";
import { type Ground, runCommand, type Running, type Tool } from "./tool.ts";

const BEST = {
  kill_timeout: 5_000,
  exp_backoff_restart_delay: 100,
  max_restarts: 1_000_000,
  min_uptime: 1_000,
};

/** Both settings; `command` is where its program stands. */
export function pm2Tools(command: string): readonly Tool[] {
  return [
    tool(
      command,
      "defaults",
      "an app with a script and its arguments alone; `pm2 save`, `pm2 resurrect`",
      {},
    ),
    tool(command, "best", Object.entries(BEST).map(([key, value]) => `${key}: ${value}`).join(", "), BEST),
  ];
}

function tool(
  command: string,
  settings: Tool["settings"],
  says: string,
  options: Readonly<Record<string, unknown>>,
): Tool {
  return {
    name: "pm2",
    settings,
    says,
    commands: ["node", command],
    packages: [],
    seesHangs: false,
    begin: (ground) => begin(ground, command, options),
  };
}

async function begin(
  ground: Ground,
  command: string,
  options: Readonly<Record<string, unknown>>,
): Promise<Running> {
  const { directory, programs } = ground;
  const home = `${directory}/pm2`;
  const call = (...words: string[]): Promise<string> =>
    runCommand(ground, [command, ...words], { PM2_HOME: home });
  const apps = programs.map(({ name, argv: [script, ...args] }) => ({
    name,
    script,
    args,
    interpreter: "none",
    exec_mode: "fork",
    ...options,
  }));
  const file = `${directory}/ecosystem.json`;
  await Deno.writeTextFile(file, JSON.stringify({ apps }));
  await call("start", file);
  await call("save");
  return {
    mainProcess: () => readProcessId(`${home}/pm2.pid`),
    stop: async (name) => void await call("stop", name),
    restart: async (name) => void await call("restart", name),
    startAgain: async () => {
      await call("resurrect");
      await eventually(() => readProcessId(`${home}/pm2.pid`) > 0, 5_000);
    },
  };
}

function readProcessId(path: string): number {
  try {
    return Number(Deno.readTextFileSync(path));
  } catch {
    return -1;
  }
}
