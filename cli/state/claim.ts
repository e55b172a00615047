// `hana state claim|release`: control of parameters, taken with the value that they have, and given up.
// Decides how long a claim lasts: as long as this command, or, under a name, until it is released. Who may edit an
// object alone is another matter (own.ts); `--own` does both.

import type { Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import { DEFAULT_PRIORITY } from "../../lib/state/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { counted, shellWord } from "../output/mod.ts";
import { offerPaths } from "./completing.ts";
import { addStateSettings, AS_FLAG, AS_TEXT, GIVE_TEXT, holdOf, priorityOf } from "./flags.ts";
import { openDesk, READY_US } from "./opening.ts";
import { disownObjects, ownObjects } from "./own.ts";
import { holdOn, nothingToRelease, rowsOf, tellKept } from "./held.ts";
import { showOutcomes } from "./outcomes.ts";
import { Stay } from "./staying.ts";
import type { ValueRow } from "./desk.ts";

interface ClaimOptions {
  readonly priority?: string;
  readonly hold?: string;
  readonly give?: true;
  readonly momentary?: true;
  readonly own?: true;
  readonly as?: string;
}

/** Declares `hana state claim`. */
export function defineClaim(command: Command, cli: Cli): void {
  command.summary("take control of values").description(
    "takes control of parameters with the values that they have, until Ctrl-C or --hold, or under a name until they are released; others may still take over with a higher or a newer claim",
  );
  setExamples(
    command,
    { call: "hana state claim stage-left/hue", why: "with the value that it has, until Ctrl-C" },
    { call: "hana state claim stage-left --priority 150", why: "nobody below 150 moves it until Ctrl-C" },
    {
      call: "hana state claim stage-left/hue --own --as foh",
      why: "and edit it alone; release: hana state release stage-left/hue --own --as foh",
    },
  );
  offerPaths(command.argument("<PATH...>", "a path, or the beginning of several"));
  command
    .option("--priority <N>", "1 to 200; the highest wins, of equals the newest; 100 unless given")
    .option("--hold <DURATION>", "for so long; until Ctrl-C unless given")
    .option("--momentary", "leave no trace behind; what was below is back")
    .option("--own", "own them, too: nobody else may write there (see hana state own)")
    .option("--give", GIVE_TEXT)
    .option(AS_FLAG, AS_TEXT)
    .action(async (words, options) => await claim(cli, words as string[], options as ClaimOptions));
  addStateSettings(command);
}

async function claim(cli: Cli, words: readonly string[], options: ClaimOptions): Promise<void> {
  const priority = priorityOf(options.priority) ?? DEFAULT_PRIORITY;
  const holdUs = holdOf(options.hold);
  if (options.momentary === true && options.as !== undefined && holdUs === null) {
    throw new HanaError("usage", {
      what: "--momentary with --as and without --hold",
      why: "a momentary claim ends with the command that holds it, and this one would end at once",
      hint: `hana state claim ${words.map(shellWord).join(" ")} --momentary --hold 10s`,
    });
  }
  const open = await openDesk(cli, { as: options.as });
  try {
    const rows = rowsOf(open, words, "hana state claim");
    const timeoutUs = cli.settings.timeout ?? READY_US;
    const stay = new Stay(cli);
    if (options.own === true && !await ownObjects(cli, open, rows, { isTaken: false, signal: stay.signal })) {
      return;
    }
    const writing = { priority, momentary: options.momentary === true };
    const outcomes = await open.desk.write("claim", rows, writing, timeoutUs);
    await showOutcomes(cli, outcomes);
    if (outcomes.every(({ kind }) => kind === "refused")) return;
    if (open.place !== null && holdUs === null) {
      if (outcomes.some(({ kind }) => kind === "stands")) tellKept(cli, open, "hana state release");
      return;
    }
    await holdOn(cli, open, stay, holdUs, options.give === true);
    if (open.place === null) return;
    // A name keeps its place, and what it was to hold for so long is over all the same.
    await open.desk.write("release", rows, {}, timeoutUs);
    if (options.own === true) await open.desk.client.ownership.disown(rows.map(({ path }) => path));
  } finally {
    await open.close();
  }
}

/** Declares `hana state release`. */
export function defineRelease(command: Command, cli: Cli): void {
  command.summary("give control up").description(
    "gives up claims that were made under a name: the next claim counts, or the value stays; --all leaves for good, with everything that the name holds",
  );
  setExamples(
    command,
    { call: "hana state release --all --as foh", why: "everything, and the name is free" },
    { call: "hana state release stage-left/hue --as foh", why: "the next claim there counts" },
  );
  offerPaths(command.argument("[PATH...]", "a path, or the beginning of several"));
  command
    .option("--own", "disown them, too")
    .option("--all", "everything that the name holds")
    .option(AS_FLAG, "the name under which it was claimed")
    .action(async (words, options) =>
      await release(cli, words as string[], options as { own?: true; all?: true; as?: string })
    );
  addStateSettings(command);
}

async function release(
  cli: Cli,
  words: readonly string[],
  options: { readonly own?: true; readonly all?: true; readonly as?: string },
): Promise<void> {
  if (options.as === undefined) throw nothingToRelease("hana state release", words);
  if ((words.length === 0) !== (options.all === true)) {
    throw new HanaError("usage", {
      what: words.length === 0 ? "nothing to release is named" : "--all and paths together",
      why: "either the paths, or everything that the name holds",
      hint: `hana state release --all --as ${shellWord(options.as)}`,
    });
  }
  const open = await openDesk(cli, { as: options.as });
  let forGood = false;
  try {
    const { desk } = open;
    const mine = (rows: readonly ValueRow[]): ValueRow[] =>
      rows.filter(({ holder }) => holder?.client === desk.client.number);
    if (options.all === true) {
      const held = mine(desk.rows()).length;
      const owned = desk.client.ownership.owned().length;
      cli.output.message(
        `${options.as} leaves: it held ${counted(held, "path")} and owned ${counted(owned, "object")}`,
      );
      forGood = true;
      return;
    }
    const rows = rowsOf(open, words, "hana state release");
    const outcomes = await desk.write("release", rows, {}, cli.settings.timeout ?? READY_US);
    if (options.own === true) await disownObjects(cli, open, rows);
    await showOutcomes(cli, outcomes);
  } finally {
    await open.close(forGood);
  }
}
