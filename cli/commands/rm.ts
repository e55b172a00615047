// `hana rm NAME[@NODE]…`: forgets programs that are stopped, with their logs.

import type { Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import { address, REMOVE_PROGRAM } from "../../lib/supervision/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { addProgramSettings } from "../programs/flags.ts";
import { Hosts } from "../programs/hosts.ts";
import { findTargets, opFor } from "../programs/targets.ts";
import { stateWords } from "../programs/goals.ts";
import { follow } from "../programs/verbs.ts";
import { ProgramWatches } from "../programs/watched.ts";

interface RemoveOptions {
  readonly stop?: true;
  readonly now?: true;
  readonly op?: string;
}

const DEFAULT_TIMEOUT_US = 25_000_000;

/** Declares `hana rm`. */
export function define(command: Command, cli: Cli): void {
  command.description("forgets programs that are stopped, with their logs; they cannot be started again");
  setExamples(
    command,
    { call: "hana rm viz", why: "after hana stop viz" },
    { call: "hana rm viz@stage-left --stop", why: "and end it first if it runs" },
  );
  command
    .argument("<PROGRAM...>", "NAME, or NAME@NODE")
    .option("--stop", "end those that run")
    .option("--now", "with --stop: without their grace")
    .option("--op <ID>", "the name of this demand: whoever repeats it gets its first answer")
    .action(async (names, options) => await remove(cli, names, options as RemoveOptions));
  addProgramSettings(command as unknown as Command);
}

async function remove(cli: Cli, names: readonly string[], options: RemoveOptions): Promise<void> {
  const op = opFor(options.op, names.length);
  if (options.now === true && options.stop !== true) {
    throw new HanaError("usage", {
      what: "--now without --stop",
      why: "only a program that runs has a grace to skip",
      hint: "without --now",
    });
  }
  const hosts = await Hosts.open(cli);
  try {
    const watches = new ProgramWatches(hosts);
    const { found, lost } = await findTargets(hosts, names, "hana rm");
    const running = found.find(({ program: { state } }) =>
      state !== "idle" && state !== "done" && state !== "parked"
    );
    if (running !== undefined && options.stop !== true) {
      const who = address(running.program.name, running.host.name);
      throw new HanaError("conflict", {
        what: `${who} is not stopped`,
        why: `it is ${stateWords(running.program, Date.now())}; nothing was forgotten`,
        hint: `hana rm ${who} --stop`,
      });
    }
    const timeoutUs = cli.settings.timeout ?? DEFAULT_TIMEOUT_US;
    const now = options.now === true ? { now: true } : {};
    const orders = found.map(({ host, program: { name } }) => ({
      host,
      name,
      give: (parts: { op: string; by: string }) =>
        host.session.request(REMOVE_PROGRAM, { ...parts, name, ...now }, { timeoutUs }),
    }));
    await follow(cli, watches, orders, {
      goal: null,
      timeoutUs,
      told: "is forgotten",
      answered: "reached",
      what: "rm",
      failing: "could not be forgotten",
      op,
    }, lost);
  } finally {
    await hosts.close();
  }
}
