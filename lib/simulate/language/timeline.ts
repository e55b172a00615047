// The timeline: from entries with `at`, `after`, `every`, `for` and one verb to explicit actions in the order of time.
// Decides times, repetitions and stable ids; what a verb means stands in verbs.ts and generators.ts.

import type { NodePlan, TimedAction } from "../scenario.ts";
import { selectorsOf } from "./check.ts";
import { GENERATORS } from "./generators.ts";
import { kindOf, pathOf, ScenarioProblem, suggest } from "./problem.ts";
import { substituteIndex } from "./params.ts";
import { checkSelector } from "./selector.ts";
import {
  type Fields,
  isRecord,
  type JsonSchema,
  optional,
  plainNumber,
  quantity,
  type RecordOutput,
  recordSchema,
  REFERENCE_SCHEMA,
  type Shape,
  text,
} from "./shape.ts";
import { DURATION } from "./units.ts";
import { PROGRAM_VERBS } from "./program_verbs.ts";
import { STATE_VERBS } from "./state_verbs.ts";
import { findVerb, PLAIN_VERBS, type Verb } from "./verbs.ts";

/** Every verb of a timeline. */
export const VERBS: readonly Verb[] = [...PLAIN_VERBS, ...PROGRAM_VERBS, ...STATE_VERBS, ...GENERATORS];

/** Actions of one scenario. */
export const MAX_ACTIONS = 20_000;

const duration = quantity(DURATION);
const lasting = quantity(DURATION, 1);

/** The keys that stand beside a verb. */
const timeFields = {
  id: optional(
    text("an id", "^[A-Za-z][A-Za-z0-9_.-]{0,63}$"),
    "Name of the action; t0, t1, … unless given.",
  ),
  at: optional(duration, "When it begins, since the run began."),
  after: optional(
    text("an id or `previous`", "^[A-Za-z][A-Za-z0-9_.-]{0,63}$"),
    "It begins when this one has ended: an id, or `previous`.",
  ),
  wait: optional(duration, "So much later than `after` says."),
  for: optional(lasting, "How long it lasts; then it is undone."),
  every: optional(
    lasting,
    "It happens again and again, first at `at` or when the warm-up is over; `$i` counts.",
  ),
  times: optional(plainNumber("a count", { min: 1, max: MAX_ACTIONS, integer: true }), "How often."),
  until: optional(duration, "It does not begin any more after this."),
} satisfies Fields;
type Times = RecordOutput<typeof timeFields>;
const TIME_KEYS = Object.keys(timeFields);

/** One entry, its verb not yet expanded: repetition comes first. */
export interface Entry {
  readonly times: Times;
  readonly verb: Verb;
  /** As it was written. */
  readonly argument: unknown;
  readonly path: string;
}

/** Entries of a timeline: the keys of time and exactly one verb. */
export const entryShape: Shape<Entry> = {
  read(raw, path) {
    if (!isRecord(raw)) throw new ScenarioProblem(path, `is ${kindOf(raw)}, not a mapping`);
    const verbs: Verb[] = [];
    const times: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(raw)) {
      const field = TIME_KEYS.includes(key) ? timeFields[key as keyof typeof timeFields] : undefined;
      if (field !== undefined) times[key] = field.shape.read(value, pathOf(path, key));
      else verbs.push(findVerbOrKey(key, pathOf(path, key)));
    }
    const [verb, second] = verbs;
    if (verb === undefined) {
      throw new ScenarioProblem(path, "has no verb", "such as {at: 10s, isolate: viz-0, for: 5s}");
    }
    if (second !== undefined) {
      throw new ScenarioProblem(
        path,
        `has two verbs, ${verb.verb} and ${second.verb}`,
        "make it two entries",
      );
    }
    const entry = { times: times as Times, verb, argument: raw[verb.verb], path };
    checkTimes(entry);
    // What repeats is read once it is known what `$i` stands for; everything else is right or wrong now.
    if (entry.times.every === undefined) verb.argument.read(entry.argument, pathOf(path, verb.verb));
    return entry;
  },
  schema: entrySchema,
};

function findVerbOrKey(key: string, path: string): Verb {
  if (key === "restart_after") {
    throw new ScenarioProblem(path, "there is no such key", "write `for`: it comes back then");
  }
  if (VERBS.some(({ verb }) => verb === key)) return findVerb(VERBS, key, path);
  const known = [...VERBS.map(({ verb }) => verb), ...TIME_KEYS];
  throw new ScenarioProblem(path, "there is no such verb", suggest(key, known));
}

function checkTimes({ times, verb, path }: Entry): void {
  const { at, after, every } = times;
  const say = (key: string, why: string, hint?: string): never => {
    throw new ScenarioProblem(pathOf(path, key), why, hint);
  };
  if (at !== undefined && after !== undefined) say("after", "contradicts at: say one of both");
  if (at === undefined && after === undefined && every === undefined) {
    throw new ScenarioProblem(path, "does not say when", "at: 10s");
  }
  if (times.wait !== undefined && after === undefined) say("wait", "goes with after only");
  if (times.times !== undefined && every === undefined) say("times", "goes with every only");
  if (times.until !== undefined && every === undefined) say("until", "goes with every only");
  if (times.for !== undefined && verb.length === "instant") {
    say("for", `${verb.verb} has no length`, `such as {at: 10s, ${verb.example}}`);
  }
  if (times.for === undefined && verb.length === "needs end") {
    say("for", `is missing: ${verb.verb} goes on until then`, `such as {at: 10s, ${verb.example}}`);
  }
}

function entrySchema(): JsonSchema {
  const time = recordSchema(timeFields);
  const verbs: Record<string, JsonSchema> = {};
  for (const each of VERBS) {
    verbs[each.verb] = { description: `${each.summary} Example: ${each.example}`, ...each.argument.schema() };
  }
  const needs = (key: string, ...others: string[]): JsonSchema => ({
    if: { required: [key] },
    then: { required: others },
  });
  return {
    type: "object",
    properties: { ...(time.properties as Record<string, JsonSchema>), ...verbs },
    additionalProperties: false,
    oneOf: VERBS.map(({ verb }) => ({ required: [verb] })),
    allOf: [
      { anyOf: [{ required: ["at"] }, { required: ["after"] }, { required: ["every"] }] },
      { not: { required: ["at", "after"] } },
      needs("wait", "after"),
      needs("times", "every"),
      needs("until", "every"),
      ...VERBS.filter(({ length }) => length === "needs end").map(({ verb }) => needs(verb, "for")),
      ...VERBS.filter(({ length }) => length === "instant").map(({ verb }) => ({
        not: { required: [verb, "for"] },
      })),
    ],
  };
}

/** What a timeline hangs on. */
export interface TimelineFrame {
  readonly nodes: readonly NodePlan[];
  readonly warmupUs: number;
  readonly quietUs: number;
  /** Null when it is to follow from the timeline. */
  readonly durationUs: number | null;
}

/** An action, and when it ends. */
interface Placed {
  readonly timed: TimedAction;
  readonly endUs: number;
}

/** When the quiet tail begins; null while the duration is open. */
const quietAtUs = (frame: TimelineFrame): number | null =>
  frame.durationUs === null ? null : frame.durationUs - frame.quietUs;

/** Expands all entries. Whether they lie where they may, `checkScenario` tells. */
export function expandTimeline(entries: readonly Entry[], frame: TimelineFrame): TimedAction[] {
  const ends = new Map<string, number>();
  const placed: Placed[] = [];
  const heals = healTimes(entries);
  let previous: string | null = null;
  entries.forEach((entry, index) => {
    const id = entry.times.id ?? `t${index}`;
    if (ends.has(id)) throw new ScenarioProblem(`${entry.path}.id`, `${id} is there already`);
    const beginUs = beginOf(entry, previous, ends, frame);
    const added = repeat(entry, id, beginUs, frame, heals);
    placed.push(...added);
    if (placed.length > MAX_ACTIONS) {
      throw new ScenarioProblem(entry.path, `the timeline has more than ${MAX_ACTIONS} actions`);
    }
    ends.set(id, Math.max(beginUs, ...added.map(({ endUs }) => endUs)));
    previous = id;
  });
  // Sorting is stable: what happens at one instant happens in the order in which it was written.
  return placed.map(({ timed }) => timed).sort((a, b) => a.atUs - b.atUs);
}

/** When everything heals; only those that say so by `at` count as the end of what has none. */
function healTimes(entries: readonly Entry[]): number[] {
  return entries.flatMap(({ verb, times }) =>
    verb.verb === "heal" && times.at !== undefined ? [times.at] : []
  )
    .sort((a, b) => a - b);
}

function beginOf(
  entry: Entry,
  previous: string | null,
  ends: ReadonlyMap<string, number>,
  frame: TimelineFrame,
): number {
  const { at, after, wait = 0 } = entry.times;
  if (at !== undefined) return at;
  if (after === undefined) return frame.warmupUs;
  const id = after === "previous" ? previous : after;
  if (id === null) throw new ScenarioProblem(`${entry.path}.after`, "there is no entry before this one");
  const endUs = ends.get(id);
  if (endUs === undefined) {
    throw new ScenarioProblem(
      `${entry.path}.after`,
      `there is no entry ${id} before this one`,
      suggest(id, ends.keys()),
    );
  }
  return endUs + wait;
}

function repeat(
  entry: Entry,
  id: string,
  beginUs: number,
  frame: TimelineFrame,
  heals: readonly number[],
): Placed[] {
  const { every, times, until, for: forUs } = entry.times;
  const place = (atUs: number, ownId: string, argument: unknown) =>
    expandOne(entry, { id: ownId, atUs, argument, frame, heals });
  if (every === undefined) return place(beginUs, id, entry.argument);
  const last = until ?? (times === undefined ? (quietAtUs(frame) ?? NaN) - (forUs ?? 1) : Infinity);
  if (Number.isNaN(last)) {
    throw new ScenarioProblem(
      `${entry.path}.every`,
      "how often? the scenario has no duration",
      "say times or until",
    );
  }
  const placed: Placed[] = [];
  for (let index = 0; index < (times ?? MAX_ACTIONS); index++) {
    const atUs = beginUs + index * every;
    if (atUs > last) break;
    placed.push(...place(atUs, `${id}.${index}`, substituteIndex(entry.argument, index)));
  }
  if (placed.length === 0) {
    throw new ScenarioProblem(entry.path, "never happens: it would begin after its end");
  }
  return placed;
}

interface Occasion {
  readonly id: string;
  readonly atUs: number;
  readonly argument: unknown;
  readonly frame: TimelineFrame;
  readonly heals: readonly number[];
}

function expandOne({ verb, times, path }: Entry, { id, atUs, argument, frame, heals }: Occasion): Placed[] {
  const verbPath = pathOf(path, verb.verb);
  const read = verb.argument.read(argument, verbPath);
  const instant = verb.length === "instant" || verb.isInstant?.(read) === true;
  const parts = verb.expand(read, {
    nodes: frame.nodes,
    atUs,
    forUs: times.for,
    drawName: id,
    path: verbPath,
  });
  for (const { action } of parts) {
    for (const [key, selector] of selectorsOf(action)) {
      checkSelector(selector, frame.nodes, pathOf(verbPath, key));
    }
  }
  if (instant && times.for !== undefined) throw new ScenarioProblem(`${path}.for`, "this has no length");
  let forUs = times.for;
  if (forUs === undefined && verb.length === "must end" && !instant) {
    const healUs = verb.healed === true ? heals.find((healAtUs) => healAtUs > atUs) : undefined;
    const endUs = Math.min(healUs ?? Infinity, quietAtUs(frame) ?? Infinity);
    if (endUs === Infinity) {
      throw new ScenarioProblem(
        path,
        "has no end, and the scenario has no duration",
        "say for, or duration above",
      );
    }
    forUs = endUs - atUs;
    if (forUs <= 0) throw new ScenarioProblem(`${path}.at`, "lies in the quiet tail, where nothing may hurt");
  }
  return parts.map((part, index): Placed => {
    const lastsUs = part.forUs ?? forUs;
    const beginsUs = atUs + part.afterUs;
    return {
      endUs: beginsUs + (lastsUs ?? 0),
      timed: {
        id: parts.length === 1 ? id : `${id}.${index}`,
        atUs: beginsUs,
        ...(lastsUs === undefined || instantPart(verb, part.forUs) ? {} : { forUs: lastsUs }),
        action: part.action,
      },
    };
  });
}

/** Parts of an instant verb have no length but their own. */
const instantPart = (verb: Verb, ownUs: number | undefined): boolean =>
  verb.length === "instant" && ownUs === undefined;

/** What the schema says of `$name`, for `$defs`. */
export const referenceDefinition: JsonSchema = REFERENCE_SCHEMA;
