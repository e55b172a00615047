// The daemontools family in the comparison: a directory of services that one process scans, and a process that stands by each
// service. runit, s6 and daemontools differ in names and in what they do about a program that does not end.

import { startChild } from "../../children.ts";
import { environmentOf, type Ground, quoted, runCommand, type Running, type Tool } from "./tool.ts";

interface Family {
  readonly name: string;
  readonly settings: Tool["settings"];
  readonly says: string;
  readonly commands: readonly string[];
  /** Scans the directory. */
  readonly scan: (services: string) => readonly string[];
  /** Keeps the log in the directory. */
  readonly log: (directory: string) => string;
  readonly stop: (service: string) => readonly string[];
  readonly restart: (service: string) => readonly string[];
  /** Further files of a service. */
  readonly files?: Readonly<Record<string, string>>;
}

const RUNIT = {
  name: "runit",
  commands: ["runsvdir", "runsv", "sv", "svlogd"],
  scan: (services: string) => ["runsvdir", services],
  log: (directory: string) => `svlogd -tt ${directory}`,
};
const S6 = {
  name: "s6",
  commands: ["s6-svscan", "s6-supervise", "s6-svc", "s6-log"],
  scan: (services: string) => ["s6-svscan", services],
  log: (directory: string) => `s6-log T ${directory}`,
  stop: (service: string) => ["s6-svc", "-wD", "-T", "15000", "-d", service],
  restart: (service: string) => ["s6-svc", "-wR", "-T", "15000", "-r", service],
};

const FAMILIES: readonly Family[] = [
  {
    ...RUNIT,
    settings: "defaults",
    says: "`sv stop`, `sv restart`",
    stop: (service) => ["sv", "stop", service],
    restart: (service) => ["sv", "restart", service],
  },
  {
    ...RUNIT,
    settings: "best",
    says: "`sv force-stop`, `sv force-restart`",
    stop: (service) => ["sv", "force-stop", service],
    restart: (service) => ["sv", "force-restart", service],
  },
  { ...S6, settings: "defaults", says: "`s6-svc -wD -d`, `s6-svc -wR -r`" },
  {
    ...S6,
    settings: "best",
    says: "timeout-kill 5000",
    files: { "timeout-kill": "5000\n" },
  },
  {
    name: "daemontools",
    settings: "defaults",
    says: "`svc -d`, `svc -t`",
    commands: ["svscan", "supervise", "svc", "multilog"],
    scan: (services) => ["svscan", services],
    log: (directory) => `multilog t ${directory}`,
    stop: (service) => ["svc", "-d", service],
    restart: (service) => ["svc", "-t", service],
  },
];

/** All of them. */
export const SCAN_TREES: readonly Tool[] = FAMILIES.map((family) => ({
  name: family.name,
  settings: family.settings,
  says: family.says,
  commands: family.commands,
  packages: [family.name],
  seesHangs: false,
  begin: (ground) => begin(ground, family),
}));

async function begin(ground: Ground, family: Family): Promise<Running> {
  const { directory, programs } = ground;
  const services = `${directory}/services`;
  for (const { name, argv } of programs) {
    const service = `${services}/${name}`;
    const logs = `${directory}/logs/${name}`;
    await Deno.mkdir(`${service}/log`, { recursive: true });
    await Deno.mkdir(logs, { recursive: true });
    await script(`${service}/run`, `exec 2>&1\nexec ${argv.map(quoted).join(" ")}`);
    await script(`${service}/log/run`, `exec ${family.log(logs)}`);
    for (const [file, text] of Object.entries(family.files ?? {})) {
      await Deno.writeTextFile(`${service}/${file}`, text);
    }
  }
  const start = (): Deno.ChildProcess =>
    startChild([...ground.bench.isolated, ...family.scan(services)], {
      env: environmentOf(ground),
      cwd: directory,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
  let child = start();
  return {
    mainProcess: () => child.pid,
    stop: async (name) => void await runCommand(ground, family.stop(`${services}/${name}`)),
    restart: async (name) => void await runCommand(ground, family.restart(`${services}/${name}`)),
    startAgain: () => {
      child = start();
      return Promise.resolve();
    },
  };
}

async function script(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}
