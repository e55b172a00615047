// `hana wait NAME[@NODE]…`: until programs are ready, stopped, or have ended; for scripts.

import type { Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { addProgramSettings } from "../programs/flags.ts";
import type { Goal } from "../programs/goals.ts";
import { Hosts } from "../programs/hosts.ts";
import { findTargets } from "../programs/targets.ts";
import { follow } from "../programs/verbs.ts";
import { ProgramWatches } from "../programs/watched.ts";

interface WaitOptions {
  readonly ready?: true;
  readonly started?: true;
  readonly stopped?: true;
  readonly exited?: true;
}

const GOALS = ["ready", "started", "stopped", "exited"] as const satisfies readonly Goal[];
const FAILING: Readonly<Record<Goal, string>> = {
  ready: "did not get ready",
  started: "did not start",
  stopped: "did not end",
  exited: "did not end well",
};
const DEFAULT_TIMEOUT_US = 20_000_000;

/** Declares `hana wait`. */
export function define(command: Command, cli: Cli): void {
  command.description(
    "waits for programs; exit code 1 when one ended badly or cannot get there, 4 when the time is up",
  );
  setExamples(
    command,
    { call: "hana wait viz --ready --timeout 20s", why: "before the doors open" },
    { call: "hana wait render@backstage --exited --timeout 10m", why: "exit code 1 if it failed" },
  );
  command
    .argument("<PROGRAM...>", "NAME, or NAME@NODE")
    .option("--ready", "until they are ready (the default)")
    .option("--started", "until they were started")
    .option("--stopped", "until nothing of them runs")
    .option("--exited", "until their present run has ended")
    .action(async (names, options) => await wait(cli, names, options as WaitOptions));
  addProgramSettings(command as unknown as Command);
}

async function wait(cli: Cli, names: readonly string[], options: WaitOptions): Promise<void> {
  const [goal = "ready", second] = GOALS.filter((each) => options[each] === true);
  if (second !== undefined) {
    throw new HanaError("usage", {
      what: `--${goal} and --${second} together`,
      why: "one thing is waited for",
      hint: `without --${second}`,
    });
  }
  const hosts = await Hosts.open(cli);
  try {
    const watches = new ProgramWatches(hosts);
    const { found, lost } = await findTargets(hosts, names, "hana wait");
    const orders = found.map(({ host, program: { name, run } }) => ({
      host,
      name,
      give: null,
      // The present run counts, and of a program that rests its last one.
      afterRun: goal === "exited" ? run - 1 : 0,
    }));
    await follow(cli, watches, orders, {
      goal,
      timeoutUs: cli.settings.timeout ?? DEFAULT_TIMEOUT_US,
      told: "",
      what: "wait",
      failing: FAILING[goal],
    }, lost);
  } finally {
    await hosts.close();
  }
}
