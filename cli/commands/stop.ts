// `hana stop NAME[@NODE]…`: ends programs and keeps them ended.

import type { Command } from "@commander-js/extra-typings";
import { STOP_PROGRAM } from "../../lib/supervision/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { addProgramSettings } from "../programs/flags.ts";
import { Hosts } from "../programs/hosts.ts";
import { findTargets, opFor } from "../programs/targets.ts";
import { follow } from "../programs/verbs.ts";
import { ProgramWatches } from "../programs/watched.ts";

interface StopOptions {
  readonly now?: true;
  /** False with `--no-wait`. */
  readonly wait?: boolean;
  readonly op?: string;
}

/** A grace of 5 s, its processes ended by force within 5 more, and as much again for a grace that was set longer. */
const DEFAULT_TIMEOUT_US = 20_000_000;
const ANSWER_US = 20_000_000;

/** Declares `hana stop`. */
export function define(command: Command, cli: Cli): void {
  command.description("ends programs, and keeps them ended; returns when nothing of them runs");
  setExamples(
    command,
    { call: "hana stop viz", why: "asked to end, then by force after its grace" },
    { call: "hana stop viz@stage-left slate --now", why: "at once, wherever they are" },
  );
  command
    .argument("<PROGRAM...>", "NAME, or NAME@NODE")
    .option("--now", "without its grace")
    .option("--no-wait", "return as soon as the node has taken it on")
    .option("--op <ID>", "the name of this demand: whoever repeats it gets its first answer")
    .action(async (names, options) => await stop(cli, names, options as StopOptions));
  addProgramSettings(command as unknown as Command);
}

async function stop(cli: Cli, names: readonly string[], options: StopOptions): Promise<void> {
  const op = opFor(options.op, names.length);
  const hosts = await Hosts.open(cli);
  try {
    const watches = new ProgramWatches(hosts);
    const { found, lost } = await findTargets(hosts, names, "hana stop");
    const now = options.now === true ? { now: true } : {};
    const orders = found.map(({ host, program: { name } }) => ({
      host,
      name,
      give: (parts: { op: string; by: string }) =>
        host.session.request(STOP_PROGRAM, { ...parts, name, ...now }, { timeoutUs: ANSWER_US }),
    }));
    await follow(cli, watches, orders, {
      goal: options.wait !== false ? "stopped" : null,
      timeoutUs: cli.settings.timeout ?? DEFAULT_TIMEOUT_US,
      told: "is told to end",
      what: "stop",
      failing: "did not end",
      op,
    }, lost);
  } finally {
    await hosts.close();
  }
}
