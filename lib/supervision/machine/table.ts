// The one state table of supervision: what each event does in each state, and how long each state may last.
// Decides every edge; docs/supervision-states.md and the exhaustive tests are made from it (research, section 1.5).
// Never computes anything: guards and steps are names, program_machine.ts gives them their meaning.

import type { Actual, ExitClass, ProgramEventKind, ProgramSpec } from "../model/mod.ts";
import type { MachineEvent } from "./events.ts";

/** Everything that a row can answer: what is told from outside, and the machine's own timers. */
export type TableEvent = MachineEvent["kind"] | "deadline" | "stable" | "proven" | "calm";

/** Every event of the table, in the order of the documentation. */
export const TABLE_EVENTS: readonly TableEvent[] = [
  "start",
  "clear",
  "stop",
  "restart",
  "spawned",
  "spawn-failed",
  "ready",
  "heard",
  "silent",
  "dead",
  "frozen",
  "moving",
  "fault",
  "over-memory",
  "extend",
  "exited",
  "tree-empty",
  "survivors",
  "file-changed",
  "adopted",
  "suspended",
  "deadline",
  "stable",
  "proven",
  "calm",
];

/** Every state, in the order of the documentation. */
export const TABLE_STATES: readonly Actual[] = [
  "idle",
  "waiting",
  "starting",
  "running",
  "hung",
  "stopping",
  "killing",
  "backoff",
  "parked",
  "done",
  "unkillable",
];

/** When a row holds. */
export const GUARDS = {
  clear: "what it needs is there",
  now: "without grace",
  spawned: "its process is there",
  remains: "descendants are left",
  down: "wanted down",
  asked: "the end was asked for, or a human wants another try at once",
  over: "the policy starts it no more",
  hopeless: "another try is of no use, or it gave up",
  fatal: "the fault is fatal",
  strict: "stall: restart",
} as const;
/** The name of a guard. */
export type Guard = keyof typeof GUARDS;

/** What a row does besides changing the state. */
export const STEPS = {
  spawn: "begin a run, start the process",
  "ask-stop": "ask it to stop",
  kill: "end the tree without grace",
  sweep: "end what is left of the tree",
  alert: "tell what it waits for",
  fresh: "failures and tries count from zero",
  hurry: "no delay before the next try",
  coalesce: "join the wish under way",
  extend: "push the deadline out, 120 s at most",
  forgive: "begin budgets of silence and deadlines anew",
  healthy: "health ready",
  stalled: "health stalled",
  degraded: "health degraded",
  recovered: "health ready, tell how long it was silent",
  "reset-fails": "failures count from zero",
  "end-fallback": "end the safe look",
  calm: "no longer unstable",
  note: "tell it",
  count: "ignored and counted",
} as const;
/** The name of a step. */
export type Step = keyof typeof STEPS;

/** One row. Of the rows for a state and an event the first whose guard holds is taken. */
export interface Row {
  readonly from: readonly Actual[];
  readonly event: TableEvent;
  readonly guard: Guard | null;
  readonly to: Actual | "same";
  /** Why the run ends, where this row ends it. */
  readonly reason?: ExitClass;
  readonly actions: readonly Step[];
  readonly why: string;
}

/** How long a state may last, and what it means. */
export interface StateRule {
  readonly means: string;
  /** Null where it may last for ever: nothing is under way. */
  readonly limit: string | null;
  /** The limit in microseconds; null where it is the time of the next try, or there is none. */
  readonly limitUs: ((spec: ProgramSpec) => number) | null;
  /** Whether time that nobody observed (a suspended machine) is given back before the limit strikes. */
  readonly forgives: boolean;
  /** What is told on entering it. */
  readonly note: ProgramEventKind | null;
}

/** After so long in `waiting` it is told what is missing, and again each time. */
export const WAITING_ALERT_US = 60_000_000;
/** How long ending the tree by force may take. */
export const KILL_US = 5_000_000;
/** How often an unkillable tree is looked at. */
export const UNKILLABLE_POLL_US = 1_000_000;

/** The states. */
export const STATE_RULES: Readonly<Record<Actual, StateRule>> = {
  idle: rests("nothing runs, nothing is wanted", null),
  waiting: lasts("it waits for what it needs", "60 s, then an alert, and on", () => WAITING_ALERT_US, null),
  starting: {
    ...lasts("spawned, not ready yet", "startUs (15 s), more by `extend`", (spec) => spec.startUs, null),
    forgives: true,
  },
  running: rests("it runs", "ready"),
  hung: {
    ...lasts("it runs and is silent", "hang.killUs (6 s)", (spec) => spec.hang.killUs, "hung"),
    forgives: true,
  },
  stopping: lasts("it was asked to end", "graceUs (5 s)", (spec) => spec.graceUs, "stopping"),
  killing: lasts("its tree is being ended by force", "5 s", () => KILL_US, "killing"),
  backoff: {
    ...rests("it failed; the next try has a time", "backoff"),
    limit: "the time of the next try",
  },
  parked: rests("no try comes by itself: its file must change, or a human says start", "parked"),
  done: rests("it ended well, or is not to be started again", "done"),
  unkillable: lasts(
    "processes of it cannot be ended",
    "looked at every second",
    () => UNKILLABLE_POLL_US,
    "unkillable",
  ),
};

function rests(means: string, note: ProgramEventKind | null): StateRule {
  return { means, limit: null, limitUs: null, forgives: false, note };
}

function lasts(
  means: string,
  limit: string,
  limitUs: (spec: ProgramSpec) => number,
  note: ProgramEventKind | null,
): StateRule {
  return { means, limit, limitUs, forgives: false, note };
}

const ALIVE: readonly Actual[] = ["starting", "running", "hung"];
const ENDING: readonly Actual[] = ["stopping", "killing", "unkillable"];
const NOTHING: readonly Actual[] = ["idle", "waiting", "backoff", "parked", "done"];

function row(
  from: Actual | readonly Actual[],
  event: TableEvent,
  guard: Guard | null,
  to: Actual | "same",
  actions: readonly Step[],
  why: string,
  reason?: ExitClass,
): Row {
  const states = typeof from === "string" ? [from] : from;
  return { from: states, event, guard, to, actions, why, ...(reason === undefined ? {} : { reason }) };
}

/** Where a program goes when nothing of it is left. The order matters: a human's wish is above every policy. */
function ends(from: readonly Actual[], event: TableEvent): Row[] {
  return [
    row(from, event, "down", "idle", [], "nobody wants it"),
    row(from, event, "asked", "waiting", [], "a restart, or a human who waits: no delay"),
    row(from, event, "over", "done", [], "it ended well, asks to stay down, or has restart: never"),
    row(from, event, "hopeless", "parked", [], "the same try would end the same way"),
    row(from, event, null, "backoff", [], "it is tried again"),
  ];
}

/** The table. */
export const STATE_TABLE: readonly Row[] = [
  // Wishes. The newest one wins: `want` is set before the row is sought.
  row(
    ["idle", "done", "parked"],
    "start",
    null,
    "waiting",
    ["fresh"],
    "a human's start forgets why it rested",
  ),
  row("backoff", "start", null, "waiting", [], "a human skips the delay; the counter stays"),
  row("waiting", "start", "clear", "starting", ["spawn"], "nothing is missing any more"),
  row(["waiting", ...ALIVE], "start", null, "same", ["coalesce"], "it is on its way or there"),
  row(ENDING, "start", null, "same", ["hurry", "coalesce"], "it starts anew when the tree is empty"),

  row("waiting", "clear", null, "starting", ["spawn"], "nothing of it lives and nothing is missing"),
  row(["idle", ...ALIVE, ...ENDING, "backoff", "parked", "done"], "clear", null, "same", [], "remembered"),

  row(
    ["waiting", "backoff", "parked", "done"],
    "stop",
    null,
    "idle",
    [],
    "nothing runs (process-compose #530)",
  ),
  row("idle", "stop", null, "same", ["coalesce"], "it is down"),
  row(ALIVE, "stop", "now", "killing", ["kill"], "asked without grace", "stopped"),
  row(ALIVE, "stop", null, "stopping", ["ask-stop"], "asked politely", "stopped"),
  row("stopping", "stop", "now", "killing", ["kill", "coalesce"], "the grace is cut short"),
  row(ENDING, "stop", null, "same", ["coalesce"], "it is ending; it will be idle"),

  row(["idle", "done", "parked"], "restart", null, "waiting", ["fresh"], "nothing to stop: a start"),
  row("backoff", "restart", null, "waiting", [], "a human skips the delay; the counter stays"),
  row("waiting", "restart", null, "same", ["coalesce"], "it starts anyway"),
  row(ALIVE, "restart", "now", "killing", ["kill"], "asked without grace", "stopped"),
  row(ALIVE, "restart", null, "stopping", ["ask-stop"], "asked politely", "stopped"),
  row("stopping", "restart", "now", "killing", ["hurry", "kill", "coalesce"], "the grace is cut short"),
  row(ENDING, "restart", null, "same", ["hurry", "coalesce"], "two restarts are one (process-compose #347)"),

  // The process.
  row("starting", "spawned", null, "same", ["note"], "the time to get ready begins"),
  row("stopping", "spawned", null, "same", ["ask-stop"], "it came after the wish to stop it"),
  row(["killing", "unkillable"], "spawned", null, "same", ["kill"], "it came after the wish to end it"),
  row([...NOTHING, "running", "hung"], "spawned", null, "same", ["count"], "no start is under way"),

  ...ends(["starting", ...ENDING], "spawn-failed"),
  row([...NOTHING, "running", "hung"], "spawn-failed", null, "same", ["count"], "no start is under way"),

  row(ALIVE, "exited", "remains", "killing", ["sweep"], "its descendants go before the next try (#520)"),
  row("stopping", "exited", "remains", "killing", ["sweep"], "the leader went, others did not"),
  row(["killing", "unkillable"], "exited", "remains", "same", ["sweep"], "the rest of the tree is under way"),
  ...ends([...ALIVE, ...ENDING], "exited"),
  row(NOTHING, "exited", null, "same", ["count"], "an end of nobody"),

  ...ends(ENDING, "tree-empty"),
  row([...NOTHING, ...ALIVE], "tree-empty", null, "same", ["count"], "no tree is being ended"),

  row(["stopping", "killing"], "survivors", null, "unkillable", [], "a new copy would fight it for the GPU"),
  row("unkillable", "survivors", null, "same", [], "still there"),
  row([...NOTHING, ...ALIVE], "survivors", null, "same", ["count"], "no tree is being ended"),

  // What it says, and what it does not say.
  row("starting", "ready", "spawned", "running", ["healthy"], "failures stay counted until it is stable"),
  row("running", "ready", null, "same", ["healthy"], "it feels well again"),
  row("hung", "ready", null, "running", ["recovered"], "it speaks"),
  row(["starting", ...NOTHING, ...ENDING], "ready", null, "same", ["count"], "nothing runs, or it is ending"),

  row("hung", "heard", null, "running", ["recovered"], "it speaks again"),
  row(["starting", "running", "stopping"], "heard", null, "same", [], "as expected"),
  row([...NOTHING, "killing", "unkillable"], "heard", null, "same", ["count"], "a late word"),

  row("running", "silent", null, "hung", [], "silence over hang.warnUs, observed"),
  row(["starting", "hung"], "silent", null, "same", [], "another deadline counts already"),
  row([...NOTHING, ...ENDING], "silent", null, "same", ["count"], "nobody listens"),

  row(["running", "hung"], "dead", null, "killing", ["kill"], "silence over hang.killUs, observed", "hang"),
  row("starting", "dead", null, "same", [], "the start deadline counts"),
  row([...NOTHING, ...ENDING], "dead", null, "same", ["count"], "nobody listens"),

  row("running", "frozen", "strict", "killing", ["kill"], "the policy restarts frozen pictures", "stall"),
  row("running", "frozen", null, "same", ["stalled"], "a still picture may be meant: alert alone"),
  row(["starting", "hung"], "frozen", null, "same", [], "another deadline counts already"),
  row([...NOTHING, ...ENDING], "frozen", null, "same", ["count"], "nobody looks"),

  row("running", "moving", null, "same", ["healthy"], "the picture moves again"),
  row(["starting", "hung"], "moving", null, "same", [], "`ready` and `heard` decide here"),
  row([...NOTHING, ...ENDING], "moving", null, "same", ["count"], "nobody looks"),

  row(
    ALIVE,
    "fault",
    "fatal",
    "stopping",
    ["note", "ask-stop"],
    "it said so itself: parked after the end",
    "fatal",
  ),
  row(ALIVE, "fault", null, "same", ["note", "degraded"], "it goes on"),
  row(ENDING, "fault", null, "same", ["note"], "it is ending already"),
  row(NOTHING, "fault", null, "same", ["count"], "nothing runs"),

  row(ALIVE, "over-memory", null, "killing", ["note", "kill"], "before the system picks a victim", "oom"),
  row(ENDING, "over-memory", null, "same", [], "it is ending already"),
  row(NOTHING, "over-memory", null, "same", ["count"], "nothing runs"),

  row("starting", "extend", null, "same", ["extend"], "it says that it is busy"),
  row(["running", "hung"], "extend", null, "same", [], "the judge of silence grants it"),
  row([...NOTHING, ...ENDING], "extend", null, "same", ["count"], "a stop is not put off"),

  // The world.
  row("parked", "file-changed", null, "waiting", ["fresh"], "what made it useless may be mended"),
  row(
    ["idle", "waiting", ...ALIVE, ...ENDING, "backoff", "done"],
    "file-changed",
    null,
    "same",
    [],
    "the next start takes the new file",
  ),

  row(TABLE_STATES, "adopted", null, "same", ["note"], "a daemon came back; no side effect"),

  row(
    ALIVE,
    "suspended",
    null,
    "same",
    ["forgive"],
    "silence that nobody observed is nobody's (systemd #9538)",
  ),
  row([...NOTHING, ...ENDING], "suspended", null, "same", [], "no budget runs"),

  // Timers.
  row("waiting", "deadline", null, "same", ["alert"], "never fails silently"),
  row("starting", "deadline", null, "killing", ["kill"], "it did not get ready in time", "start-timeout"),
  row("hung", "deadline", null, "killing", ["kill"], "the judge did not say `dead`: never for ever", "hang"),
  row("stopping", "deadline", null, "killing", ["kill"], "the grace is over"),
  row("killing", "deadline", null, "unkillable", [], "no proof of emptiness within 5 s"),
  row("backoff", "deadline", null, "waiting", [], "the next try"),
  row("unkillable", "deadline", null, "same", ["sweep"], "clears by itself when the driver lets go"),
  row(["idle", "running", "parked", "done"], "deadline", null, "same", ["count"], "it has none"),

  row("running", "stable", null, "same", ["reset-fails"], "30 s continuously ready"),
  row(TABLE_STATES.filter((s) => s !== "running"), "stable", null, "same", ["count"], "it is not ready"),
  row("running", "proven", null, "same", ["end-fallback"], "10 s continuously ready: its picture is there"),
  row(TABLE_STATES.filter((s) => s !== "running"), "proven", null, "same", ["count"], "it is not ready"),
  row(TABLE_STATES, "calm", null, "same", ["calm"], "fewer than three crashes within the last minute"),
];

/** The rows for each state and event, in the table's order. */
const INDEX: ReadonlyMap<Actual, ReadonlyMap<TableEvent, readonly Row[]>> = new Map(
  TABLE_STATES.map((state) => [
    state,
    new Map(TABLE_EVENTS.map((event) => [
      event,
      STATE_TABLE.filter((row) => row.event === event && row.from.includes(state)),
    ])),
  ]),
);

/** The rows for an event in a state; the first whose guard holds is taken, and none means that the event is spurious. */
export function rowsFor(state: Actual, event: TableEvent): readonly Row[] {
  return INDEX.get(state)?.get(event) ?? [];
}
