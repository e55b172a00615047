// `hana start NAME[@NODE]…`: has programs run that are known and do not.

import type { Command } from "@commander-js/extra-typings";
import { START_PROGRAM } from "../../lib/supervision/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { addProgramSettings } from "../programs/flags.ts";
import { Hosts } from "../programs/hosts.ts";
import { findTargets, opFor } from "../programs/targets.ts";
import { follow } from "../programs/verbs.ts";
import { ProgramWatches } from "../programs/watched.ts";

interface StartOptions {
  /** False with `--no-wait`. */
  readonly wait?: boolean;
  readonly op?: string;
}

const DEFAULT_TIMEOUT_US = 20_000_000;
const ANSWER_US = 20_000_000;

/** Declares `hana start`. */
export function define(command: Command, cli: Cli): void {
  command.description("starts programs that are known: stopped, parked, or waiting for their next try");
  setExamples(
    command,
    { call: "hana start viz", why: "as it was spawned; returns when it is ready" },
    { call: "hana start viz@stage-left slate@stage-right", why: "several, at once" },
  );
  command
    .argument("<PROGRAM...>", "NAME, or NAME@NODE")
    .option("--no-wait", "return as soon as the node has taken it on")
    .option("--op <ID>", "the name of this demand: whoever repeats it gets its first answer")
    .action(async (names, options) => await start(cli, names, options as StartOptions));
  addProgramSettings(command as unknown as Command);
}

async function start(cli: Cli, names: readonly string[], options: StartOptions): Promise<void> {
  const op = opFor(options.op, names.length);
  const hosts = await Hosts.open(cli);
  try {
    const watches = new ProgramWatches(hosts);
    const { found, lost } = await findTargets(hosts, names, "hana start");
    const orders = found.map(({ host, program: { name } }) => ({
      host,
      name,
      give: (parts: { op: string; by: string }) =>
        host.session.request(START_PROGRAM, { ...parts, name }, { timeoutUs: ANSWER_US }),
    }));
    await follow(cli, watches, orders, {
      goal: options.wait !== false ? "ready" : null,
      timeoutUs: cli.settings.timeout ?? DEFAULT_TIMEOUT_US,
      told: "is told to start",
      what: "start",
      failing: "did not get ready",
      op,
    }, lost);
  } finally {
    await hosts.close();
  }
}
