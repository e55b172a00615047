// `hana restart NAME[@NODE]…`: ends the present run and sees the next one ready.

import type { Command } from "@commander-js/extra-typings";
import { RESTART_PROGRAM } from "../../lib/supervision/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { addProgramSettings } from "../programs/flags.ts";
import { Hosts } from "../programs/hosts.ts";
import { findTargets, opFor } from "../programs/targets.ts";
import { follow } from "../programs/verbs.ts";
import { ProgramWatches } from "../programs/watched.ts";

interface RestartOptions {
  readonly now?: true;
  /** False with `--no-wait`. */
  readonly wait?: boolean;
  readonly op?: string;
}

/** Its grace and the kill, then its own start deadline: 10 s and 15 s, and a little more. */
const DEFAULT_TIMEOUT_US = 30_000_000;
const ANSWER_US = 20_000_000;

/** Declares `hana restart`. */
export function define(command: Command, cli: Cli): void {
  command.description(
    "ends the present run of programs and starts another; returns when they are ready again",
  );
  setExamples(
    command,
    { call: "hana restart viz", why: "two consoles that press it at once cause one restart" },
    { call: "hana restart viz@stage-left --now", why: "without waiting for it to end by itself" },
  );
  command
    .argument("<PROGRAM...>", "NAME, or NAME@NODE")
    .option("--now", "without its grace")
    .option("--no-wait", "return as soon as the node has taken it on")
    .option("--op <ID>", "the name of this demand: whoever repeats it gets its first answer")
    .action(async (names, options) => await restart(cli, names, options as RestartOptions));
  addProgramSettings(command as unknown as Command);
}

async function restart(cli: Cli, names: readonly string[], options: RestartOptions): Promise<void> {
  const op = opFor(options.op, names.length);
  const hosts = await Hosts.open(cli);
  try {
    const watches = new ProgramWatches(hosts);
    const { found, lost } = await findTargets(hosts, names, "hana restart");
    const now = options.now === true ? { now: true } : {};
    const orders = found.map(({ host, program: { name, run } }) => ({
      host,
      name,
      // A demand that is repeated by its name is word for word the same, whatever has happened since.
      ...(op === undefined ? { afterRun: run } : {}),
      give: (parts: { op: string; by: string }) =>
        host.session.request(RESTART_PROGRAM, {
          ...parts,
          name,
          ...(op === undefined ? { run } : {}),
          ...now,
        }, { timeoutUs: ANSWER_US }),
    }));
    await follow(cli, watches, orders, {
      goal: options.wait !== false ? "ready" : null,
      timeoutUs: cli.settings.timeout ?? DEFAULT_TIMEOUT_US,
      told: "is told to start anew",
      what: "restart",
      failing: "did not get ready again",
      op,
    }, lost);
  } finally {
    await hosts.close();
  }
}
