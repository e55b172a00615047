// `hana state undo|redo`: takes back what commands under one name did, and nobody else's doing.
// Decides what taking back means for a client that ends: the value of before is put back where the path still shows what
// was done; where somebody has moved it since, it is left as it is.

import type { Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { EXIT, shellWord } from "../output/mod.ts";
import type { Change, Desk, Outcome } from "./desk.ts";
import { readValue } from "./errors.ts";
import { addStateSettings, AS_FLAG } from "./flags.ts";
import { type OpenDesk, openDesk, READY_US } from "./opening.ts";
import { showOutcomes } from "./outcomes.ts";
import type { Action, Standing } from "./place.ts";
import { valueText } from "./rendering.ts";

/** Declares `hana state undo`. */
export function defineUndo(command: Command, cli: Cli): void {
  command.summary("take back what you did last").description(
    "takes back the last set of this name, own actions only: a value that somebody has moved since stays as it is. Actions are kept with the name in the state directory, the last 64 of them",
  );
  setExamples(
    command,
    { call: "hana state undo --as foh", why: "the last hana state set --as foh" },
    { call: "hana state undo --list --as foh", why: "what could be taken back" },
  );
  command
    .option("--list", "show what could be taken back, the last first")
    .option(AS_FLAG, "whose actions")
    .action(async (options) => await move(cli, "done", options as UndoOptions));
  addStateSettings(command);
}

/** Declares `hana state redo`. */
export function defineRedo(command: Command, cli: Cli): void {
  command.summary("do again what you took back").description(
    "does again what hana state undo took back; a new set ends what could be done again",
  );
  setExamples(
    command,
    { call: "hana state redo --as foh", why: "after one undo too many" },
    { call: "hana state redo --list --as foh", why: "what could be done again" },
  );
  command
    .option("--list", "show what could be done again, the next first")
    .option(AS_FLAG, "whose actions")
    .action(async (options) => await move(cli, "undone", options as UndoOptions));
  addStateSettings(command);
}

interface UndoOptions {
  readonly as?: string;
  readonly list?: true;
}

async function move(cli: Cli, from: "done" | "undone", { as, list }: UndoOptions): Promise<void> {
  const verb = from === "done" ? "undo" : "redo";
  if (as === undefined) {
    throw new HanaError("usage", {
      what: `hana state ${verb} without --as`,
      why: "a command alone is a client of its own that has done nothing; actions are kept under a name",
      hint: `hana state set PATH=VALUE --as NAME, then hana state ${verb} --as NAME`,
    });
  }
  const open = await openDesk(cli, { as });
  try {
    const actions = open.place?.place[from] ?? [];
    if (list === true) return await showList(cli, verb, actions);
    const action = actions.at(-1);
    if (action === undefined) {
      throw new HanaError("not-found", {
        what: from === "done"
          ? `${as} has done nothing that could be taken back`
          : `${as} has taken nothing back`,
        why: from === "done"
          ? "hana state set and load count; they are kept under the name that they were called with"
          : "a new set ends what could be done again",
        hint: from === "done"
          ? `hana state set PATH=VALUE --as ${shellWord(as)}`
          : `hana state undo --as ${shellWord(as)}`,
      });
    }
    const outcomes = await carryOut(cli, open, action, from);
    open.place?.move(from);
    cli.output.message(`${verb}: ${action.what}`);
    await showOutcomes(cli, outcomes);
  } finally {
    await open.close();
  }
}

async function carryOut(
  cli: Cli,
  { desk }: OpenDesk,
  action: Action,
  from: "done" | "undone",
): Promise<Outcome[]> {
  const timeoutUs = cli.settings.timeout ?? READY_US;
  const outcomes: Outcome[] = [];
  for (const { before, after } of action.changes) {
    const [now, then] = from === "done" ? [after, before] : [before, after];
    const left = leftAs(desk, now, from);
    if (left !== null) {
      outcomes.push(left);
      continue;
    }
    outcomes.push(await bring(desk, then, timeoutUs));
  }
  return outcomes;
}

/** The outcome where the path does not show any more what was done; null where it does. */
function leftAs(desk: Desk, now: Standing, from: "done" | "undone"): Outcome | null {
  const row = desk.row(now.path);
  if (row === null) {
    return {
      path: now.path,
      kind: "refused",
      reason: "unknown-path",
      text: "the path is there no more",
      row,
    };
  }
  if (from === "undone" || valueText(row.definition, row.value) === now.text) return null;
  if (row.holder === null || row.holder.client === desk.client.number) return null;
  const text = `${row.holder.name} has moved it since; it stays as it is`;
  return { path: now.path, kind: "refused", reason: "takeover", text, row };
}

async function bring(
  desk: Desk,
  { path, text, priority, held }: Standing,
  timeoutUs: number,
): Promise<Outcome> {
  let last: Outcome | null = null;
  const row = desk.row(path);
  if (row !== null && text !== null) {
    const change: Change = { path, value: readValue(row.definition, text) };
    [last = null] = await desk.write("set", [change], { priority }, timeoutUs);
    if (held || last?.kind === "refused") return last ?? refused(path);
  }
  // It was nobody's, or somebody else's: so it is again.
  const [released] = await desk.write("release", [{ path, value: null }], {}, timeoutUs);
  if (released === undefined) return refused(path);
  return last === null || last.kind === "shadowed" ? released : { ...released, kind: "stands" };
}

function refused(path: string): Outcome {
  return { path, kind: "refused", reason: "unknown", text: "the host did not answer", row: null };
}

async function showList(cli: Cli, verb: string, actions: readonly Action[]): Promise<void> {
  const rows = actions.map(({ what, changes }, at) => ({ step: actions.length - at, what, changes }))
    .reverse();
  await cli.output.rows({
    what: `state.${verb}`,
    row: "action",
    id: ({ what }) => what,
    columns: [
      { header: "STEP", cell: ({ step }) => step, align: "right" },
      { header: "ACTION", cell: ({ what }) => what, shrinks: true },
    ],
    json: ({ step, what, changes }) => ({ step, what, paths: changes.map(({ after }) => after.path) }),
    document: (all) => ({
      actions: all.map(({ step, what }) => ({ step, what })),
      summary: { total: all.length },
    }),
  }, rows);
  if (rows.length === 0) {
    cli.output.message(verb === "undo" ? "nothing could be taken back" : "nothing could be done again");
    cli.exitWith(EXIT.negative);
  }
}
