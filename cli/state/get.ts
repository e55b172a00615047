// `hana state get` and `hana state watch`: what stands where, once and as it changes.

import type { Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import { isBelow, type StateValue } from "../../lib/state/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { counted, EXIT, printable, Watch, type WatchOp, whileRead } from "../output/mod.ts";
import { wallClock } from "../programs/clock.ts";
import { offerPaths } from "./completing.ts";
import { tellConnection } from "./connection.ts";
import { addStateSettings } from "./flags.ts";
import { openDesk } from "./opening.ts";
import { valuesRendering, valueText } from "./rendering.ts";
import { prefixOf, select, unknownPath } from "./selecting.ts";
import { Stay } from "./staying.ts";
import { isTold, type ValueRow } from "./desk.ts";

/** Looks at what changed are at least this far apart: nobody reads more than 30 lines a second of one path. */
const LOOK_MS = 33;

/** Declares `hana state get`. */
export function defineGet(command: Command, cli: Cli): void {
  command.summary("values, and whose they are").description(
    "shows the effective values of paths, whose they are and with which priority; -q prints the values alone; exit code 1 when a path is unknown",
  );
  setExamples(
    command,
    { call: "hana state get", why: "everything" },
    { call: "hana state get stage-left", why: "all parameters of one visualization" },
    { call: "hana state get stage-left/hue -q", why: "the value alone, for scripts" },
  );
  offerPaths(command.argument("[PATH...]", "a path, or the beginning of several"));
  command.action(async (words) => await get(cli, words as string[]));
  addStateSettings(command);
}

async function get(cli: Cli, words: readonly string[]): Promise<void> {
  const open = await openDesk(cli);
  try {
    const { rows, unknown } = select(open.desk, words);
    if (rows.length > 0 || unknown.length === 0) await cli.output.rows(valuesRendering(), rows);
    for (const error of unknown) cli.output.error(error);
    if (unknown.length > 0) cli.exitWith(EXIT.negative);
    else if (rows.length === 0) {
      cli.output.message(
        `no paths: no visualization with parameters has been here (host: ${await open.hostName()})`,
      );
      cli.exitWith(EXIT.negative);
    }
  } finally {
    await open.close();
  }
}

/** Declares `hana state watch`. */
export function defineWatch(command: Command, cli: Cli): void {
  command.summary("values as they change").description(
    "shows how paths stand, then every change, until Ctrl-C or --timeout; piped it writes NDJSON: add, sync, then update and remove",
  );
  setExamples(
    command,
    { call: "hana state watch stage-left", why: "what moves there, and who moves it" },
    { call: "hana state watch stage-left/hue --count 1 --timeout 10s", why: "wait for the next change" },
    { call: "hana state watch --ndjson | jq .text", why: "for scripts" },
  );
  offerPaths(command.argument("[PATH...]", "only these paths, and what is below them"));
  command
    .option("--count <N>", "end after so many changes")
    .action(async (words, options) => await watch(cli, words as string[], options as { count?: string }));
  addStateSettings(command);
}

async function watch(
  cli: Cli,
  words: readonly string[],
  options: { readonly count?: string },
): Promise<void> {
  const most = options.count === undefined ? Infinity : countOf(options.count);
  const { output } = cli;
  const isPaper = output.mode === "table";
  // A person reads lines with the time; a table that is redrawn would hide what happened between two looks.
  const view = isPaper ? null : await Watch.open(output, valuesRendering("state.watch"));
  const open = await openDesk(cli);
  const { desk } = open;
  try {
    const prefixes = words.map(prefixOf);
    const isMeant = (row: ValueRow): boolean =>
      prefixes.some((prefix) => prefix !== "" && isBelow(row.path, prefix)) ||
      ((prefixes.length === 0 || prefixes.includes("")) && isTold(row));
    const stay = new Stay(cli);
    const shown = new Map<string, Shown>();
    let changes = 0;
    const tell = (op: WatchOp, row: ValueRow, before: Shown | undefined, isChange: boolean): void => {
      if (changes >= most) return;
      whileRead(() => {
        if (view !== null) view.change(op, row);
        else if (isChange) output.raw(changeLine(op, row, before));
      }, stay.done);
      if (isChange && ++changes >= most) stay.done();
    };
    const look = (isChange: boolean): void => {
      const rows = new Map(desk.rows().filter(isMeant).map((row) => [row.path, row]));
      for (const row of rows.values()) {
        const before = shown.get(row.path);
        const now = shownOf(row);
        if (before?.key === now.key) continue;
        shown.set(row.path, now);
        tell(before === undefined ? "add" : "update", row, before, isChange);
      }
      for (const [path, before] of shown) {
        if (rows.has(path)) continue;
        shown.delete(path);
        tell("remove", before.row, before, isChange);
      }
    };
    if (isPaper) await output.rows(valuesRendering(), desk.rows().filter(isMeant));
    look(false);
    view?.sync();
    if (shown.size === 0) {
      const word = words[0];
      output.message(
        word === undefined
          ? "no paths yet"
          : `${unknownPath(word, desk.rows(), (path) => `hana state watch ${path}`).message}; waiting for it`,
      );
    }
    let timer: number | undefined;
    const stop = desk.client.port.onBatch(() => {
      timer ??= setTimeout(() => {
        timer = undefined;
        look(true);
      }, LOOK_MS);
    });
    const stopNews = tellConnection(cli, desk.client);
    const end = await stay.until(null);
    stop();
    stopNews();
    clearTimeout(timer);
    view?.close();
    if (end === "time" && changes < most && most !== Infinity) {
      output.message(`${counted(changes, "change")} of ${most} came`);
      cli.exitWith(EXIT.timeout);
    }
  } finally {
    await open.close();
  }
}

interface Shown {
  readonly row: ValueRow;
  readonly value: StateValue;
  /** Two that have the same are the same to a watcher. */
  readonly key: string;
}

function shownOf(row: ValueRow): Shown {
  const { definition, value, holder, priority } = row;
  return {
    row,
    value,
    key: `${valueText(definition, value)} ${holder?.client ?? 0} ${holder?.name} ${priority}`,
  };
}

function changeLine(op: WatchOp, row: ValueRow, before: Shown | undefined): string {
  const time = wallClock()(Date.now());
  const now = valueText(row.definition, row.value);
  const was = before === undefined ? null : valueText(before.row.definition, before.value);
  const who = row.holder === null ? "nobody holds it" : `${row.holder.name} (${row.priority})`;
  const what = was === null || was === now ? now : `${was} → ${now}`;
  return op === "remove"
    ? `${time}  ${row.path} is gone\n`
    : `${time}  ${row.path}  ${printable(`${what}  ${who}`)}\n`;
}

function countOf(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new HanaError("usage", {
    what: `--count ${JSON.stringify(text)} is no number`,
    why: "it says how many changes to wait for",
    hint: "hana state watch --count 1",
  });
}
