// From a stream of events to what a crew must know: alarms, repeats of them as one (×4), and an all-clear for each.
// Decides which events raise an alarm, which end it, and when a repeat is worth another line. Synchronous and bounded;
// never decides what is done about a program.

import type { ProgramEvent, ProgramEventKind } from "../model/mod.ts";
import { ENDINGS } from "./endings.ts";
import { exitOf, tell } from "./happenings.ts";
import { address, advise, at, compose, type CrewContext, type CrewText, NOTHING } from "./text.ts";
import { spanWords, times } from "./words.ts";

/** What can be wrong with a program, each until it is over. */
export type AlarmTopic =
  | "down"
  | "silent"
  | "frozen"
  | "fault"
  | "memory"
  | "waiting"
  | "unkillable"
  | "disk"
  | "fallback";

/** One line for a crew. */
export interface Alert {
  /** `alarm`: something is wrong. `repeat`: the same again. `clear`: it is over. `note`: good to know. */
  readonly kind: "alarm" | "repeat" | "clear" | "note";
  readonly text: CrewText;
  /** How often it happened since it began; 1 for all but repeats and their all-clear. */
  readonly count: number;
  /** Whether it is worth a line of its own: of repeats the 2nd, 4th, 8th and so on. */
  readonly isShown: boolean;
}

/** What raises an alarm, what says that it is over, and what it becomes a part of. */
export const ALARMS: Readonly<
  Record<
    AlarmTopic,
    {
      readonly raisedBy: readonly ProgramEventKind[];
      readonly clearedBy: readonly ProgramEventKind[];
      /** Ends it without a word, since another alarm tells of it now. */
      readonly supersededBy: readonly ProgramEventKind[];
      readonly allClear: string;
    }
  >
> = {
  down: {
    raisedBy: ["exited", "parked", "shim-lost"],
    // Not by `done`: a program that ended badly and is not started again is no reason for an all-clear.
    clearedBy: ["ready", "stopped"],
    supersededBy: [],
    allClear: "runs again",
  },
  silent: {
    raisedBy: ["hung"],
    clearedBy: ["recovered", "ready", "stopped", "done"],
    supersededBy: ["exited", "shim-lost"],
    allClear: "answers again",
  },
  frozen: {
    raisedBy: ["stalled"],
    clearedBy: ["moving", "ready", "stopped", "done"],
    supersededBy: ["exited", "shim-lost"],
    allClear: "moves again",
  },
  fault: {
    raisedBy: ["fault"],
    clearedBy: ["recovered", "ready", "stopped", "done"],
    supersededBy: ["exited", "shim-lost"],
    allClear: "is well again",
  },
  memory: {
    raisedBy: ["memory"],
    clearedBy: ["ready", "stopped", "done"],
    supersededBy: ["exited", "shim-lost"],
    allClear: "uses as much memory as it may again",
  },
  waiting: {
    raisedBy: ["waiting"],
    clearedBy: ["started", "ready", "stopped", "done"],
    supersededBy: [],
    allClear: "waits no longer",
  },
  unkillable: {
    raisedBy: ["unkillable"],
    clearedBy: ["stopped", "backoff", "started", "ready", "done"],
    supersededBy: [],
    allClear: "has ended at last",
  },
  disk: {
    raisedBy: ["disk-full"],
    clearedBy: ["disk-freed"],
    supersededBy: [],
    allClear: "writes its log again",
  },
  fallback: {
    raisedBy: ["fallback-started"],
    clearedBy: ["fallback-ended", "stopped", "done"],
    supersededBy: [],
    allClear: "shows its own picture again",
  },
};

const TOPICS = Object.keys(ALARMS) as readonly AlarmTopic[];
/** Alarms that are open at once; more than any show has programs, times their topics. */
export const MAX_OPEN_ALARMS = 4_096;
/** Told as they are, without being alarms. */
const NOTES: readonly ProgramEventKind[] = [
  "wanted",
  "started",
  "stopped",
  "done",
  "adopted",
  "refused",
  "suspended",
  "protocol",
  "logs-suppressed",
  "extended",
];

/** What is raised again so soon after its all-clear is the same trouble: three times in that make it unstable. */
const SAME_MS = 60_000;
/** A program that failed often is well again when it has been so for this long (research, section 1.5). */
const PROVEN_MS = 30_000;
/** From so many times on an all-clear waits for that proof. */
const OFTEN = 3;

interface OpenAlarm {
  readonly topic: AlarmTopic;
  readonly sinceWallMs: number;
  count: number;
}

/** An alarm that is over, as far as anybody knows yet. */
interface OverAlarm {
  readonly alarm: OpenAlarm;
  readonly overWallMs: number;
  readonly clear: Alert;
  isTold: boolean;
}

/** The alarms of any number of programs. */
export class Alerts {
  readonly #open = new Map<string, OpenAlarm>();
  readonly #over = new Map<string, OverAlarm>();
  /** Alarms that had to be forgotten since too many were open; each would have had an all-clear. */
  forgotten = 0;

  /** Alarms that are open now. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Events of a program in the order of their happening. What is to be told, in order. */
  handle(event: ProgramEvent, context: CrewContext): Alert[] {
    const alerts = this.handleTime(event.atWallMs);
    const topic = topicOf(event);
    let cleared = false;
    for (const each of TOPICS) {
      const key = keyOf(each, event, context);
      const open = this.#open.get(key);
      if (open === undefined) continue;
      const { clearedBy, supersededBy } = ALARMS[each];
      if (supersededBy.includes(event.kind)) this.#open.delete(key);
      else if (clearedBy.includes(event.kind)) {
        this.#open.delete(key);
        cleared = true;
        const clear = allClear(open, event, context);
        // Whoever stops a program waits for no proof that it is well.
        const isTold = open.count < OFTEN || event.kind === "stopped" || event.kind === "done";
        keep(this.#over, key, { alarm: open, overWallMs: event.atWallMs, clear, isTold });
        if (isTold) alerts.push(clear);
      }
    }
    const down = this.#open.get(keyOf("down", event, context));
    if (topic !== null) alerts.push(this.#raise(topic, event, context));
    else if (event.kind === "done" && down !== undefined) {
      alerts.push({ kind: "repeat", text: endedBadly(event, context), count: down.count, isShown: true });
    } else if (event.kind === "started" && down !== undefined) {
      // One more try: whether it is of any use, the next event says.
    } else if (NOTES.includes(event.kind) && !cleared) {
      alerts.push({ kind: "note", text: tell(event, context), count: 1, isShown: true });
    }
    return alerts;
  }

  /** Time has passed: all-clears that waited for proof. `nowWallMs` in the time of the events. */
  handleTime(nowWallMs: number): Alert[] {
    const alerts: Alert[] = [];
    for (const [key, over] of this.#over) {
      if (!over.isTold && nowWallMs - over.overWallMs >= PROVEN_MS) {
        over.isTold = true;
        alerts.push(over.clear);
      }
      if (nowWallMs - over.overWallMs >= SAME_MS) this.#over.delete(key);
    }
    return alerts;
  }

  #raise(topic: AlarmTopic, event: ProgramEvent, context: CrewContext): Alert {
    const key = keyOf(topic, event, context);
    const open = this.#open.get(key);
    if (open !== undefined) {
      // That it is not tried any more is no further failure, but always worth a line.
      if (event.kind !== "parked") open.count++;
      const isShown = isPowerOfTwo(open.count) || event.kind === "parked";
      return { kind: "repeat", text: textOf(open, event, context), count: open.count, isShown };
    }
    const over = this.#over.get(key);
    this.#over.delete(key);
    const alarm: OpenAlarm = {
      topic,
      sinceWallMs: over?.alarm.sinceWallMs ?? event.atWallMs,
      count: (over?.alarm.count ?? 0) + 1,
    };
    if (!keep(this.#open, key, alarm)) this.forgotten++;
    // Where nobody was told that it was over, it never was.
    const isNew = over?.isTold !== false;
    return {
      kind: isNew ? "alarm" : "repeat",
      text: textOf(alarm, event, context),
      count: alarm.count,
      isShown: isNew || isPowerOfTwo(alarm.count),
    };
  }
}

/** Puts `value` in; false where the oldest had to go for it. */
function keep<T>(map: Map<string, T>, key: string, value: T): boolean {
  let hasRoom = true;
  if (map.size >= MAX_OPEN_ALARMS && !map.has(key)) {
    hasRoom = false;
    for (const oldest of map.keys()) {
      map.delete(oldest);
      break;
    }
  }
  map.set(key, value);
  return hasRoom;
}

/** What an alarm says: a program that fails again and again has a sentence of its own. */
function textOf(alarm: OpenAlarm, event: ProgramEvent, context: CrewContext): CrewText {
  const exit = event.kind === "exited" ? exitOf(event) : null;
  if (exit === null || alarm.count < OFTEN) return tell(event, context);
  const span = spanWords(Math.max(1_000, event.atWallMs - alarm.sinceWallMs) * 1000);
  return compose(event.program, event.atWallMs, {
    code: "P102",
    happened: `${ENDINGS[exit.class].verbMany} ${times(alarm.count)} in ${span}, last${
      at(event.atWallMs, context)
    }`,
    done: "It is tried again, after a pause that grows.",
    advice: advise("Look at why", `hana why ${address(event.program, context.node)}`),
  }, context);
}

/** The alarm that an event raises; null where nothing is wrong. */
function topicOf(event: ProgramEvent): AlarmTopic | null {
  if (event.kind === "exited") {
    const exit = exitOf(event);
    return exit !== null && ENDINGS[exit.class].isFine ? null : "down";
  }
  return TOPICS.find((topic) => ALARMS[topic].raisedBy.includes(event.kind)) ?? null;
}

/** It ended badly, and nobody wants it started again. */
function endedBadly(event: ProgramEvent, context: CrewContext): CrewText {
  const who = address(event.program, context.node);
  return compose(event.program, event.atWallMs, {
    code: "P128",
    happened: `ended badly${at(event.atWallMs, context)} and is not to be started again`,
    done: "That is how it was set up.",
    advice: advise("Look at why", `hana why ${who}`),
  }, context);
}

function allClear(open: OpenAlarm, event: ProgramEvent, context: CrewContext): Alert {
  const took = spanWords(Math.max(0, event.atWallMs - open.sinceWallMs) * 1000);
  const isOver = event.kind === "stopped" || event.kind === "done";
  const happened = isOver ? "is not to run any more" : ALARMS[open.topic].allClear;
  const often = open.count > 1 ? ` It had happened ${times(open.count)}.` : "";
  const text = compose(event.program, event.atWallMs, {
    code: "P100",
    happened: `${happened}${at(event.atWallMs, context)}`,
    done: `All clear after ${took}.${often}`,
    advice: NOTHING,
  }, context);
  return { kind: "clear", text, count: open.count, isShown: true };
}

function keyOf(topic: AlarmTopic, event: ProgramEvent, context: CrewContext): string {
  return `${topic}\0${event.program}\0${context.node}`;
}

function isPowerOfTwo(n: number): boolean {
  return (n & (n - 1)) === 0;
}
