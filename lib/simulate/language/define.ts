// Scenarios in TypeScript: loops and computed timelines, read by the same normaliser as files.
// Decides what a timeline builder offers. It has no clock and no randomness: a definition is run twice and must say the
// same both times.

import { HanaError } from "../../base/mod.ts";
import { canonical } from "./hash.ts";

/** A scenario as it is written by hand; the JSON Schema says what stands in each key. */
export interface ScenarioDefinition {
  readonly version?: string;
  readonly name: string;
  readonly summary?: string;
  readonly extends?: string;
  readonly tags?: readonly string[];
  readonly params?: Readonly<Record<string, string | number | boolean>>;
  readonly sweep?: Readonly<Record<string, readonly (string | number | boolean)[]>>;
  readonly duration?: string;
  readonly warmup?: string;
  readonly quiet?: string;
  readonly nodes?: Readonly<Record<string, Readonly<Record<string, unknown>> | null>>;
  readonly network?: Readonly<Record<string, unknown>>;
  readonly traffic?: readonly Readonly<Record<string, unknown>>[];
  /** Entries as in a file, or a function that makes them. */
  readonly timeline?: readonly Readonly<Record<string, unknown>>[] | ((timeline: TimelineBuilder) => void);
  readonly expect?: Readonly<Record<string, unknown>>;
}

/** Makes the entries of a timeline. Times are texts with units, as in a file. */
export class TimelineBuilder {
  readonly #entries: Record<string, unknown>[] = [];

  /** What has been written so far. */
  get entries(): readonly Readonly<Record<string, unknown>>[] {
    return this.#entries;
  }

  /** At a time since the run began: `t.at("10s").crash("viz-1")`. */
  at(at: string): ActionBuilder {
    return new ActionBuilder(this.#entries, { at });
  }

  /** When the last entry, or the one called `id`, has ended; so much later as `wait` says. */
  after(wait = "0s", id = "previous"): ActionBuilder {
    return new ActionBuilder(this.#entries, { after: id, wait });
  }

  /** Any entry as in a file. */
  add(entry: Readonly<Record<string, unknown>>): this {
    this.#entries.push({ ...entry });
    return this;
  }
}

/** One entry in the making: its length, then its verb. */
export class ActionBuilder {
  readonly #entries: Record<string, unknown>[];
  readonly #times: Record<string, unknown>;

  constructor(entries: Record<string, unknown>[], times: Record<string, unknown>) {
    this.#entries = entries;
    this.#times = times;
  }

  /** How long it lasts. */
  for(length: string): ActionBuilder {
    return new ActionBuilder(this.#entries, { ...this.#times, for: length });
  }

  /** Its name, for `after` and for reports. */
  called(id: string): ActionBuilder {
    return new ActionBuilder(this.#entries, { ...this.#times, id });
  }

  /** Any verb with its argument as in a file: `t.at("10s").do("slow", {nodes: "viz-0", extra: "20ms"})`. */
  do(verb: string, argument: unknown): void {
    this.#entries.push({ ...this.#times, [verb]: argument });
  }

  /** Nobody of one group reaches anybody of another. */
  partition(...groups: readonly (string | readonly string[])[]): void {
    this.do("partition", groups);
  }
  /** Each of them is alone. */
  isolate(nodes: string): void {
    this.do("isolate", nodes);
  }
  /** Nothing gets from the ones to the others. */
  cut(from: string, to: string): void {
    this.do("cut", { from, to });
  }
  /** Ends partitions, isolations, cuts and clogs. */
  heal(): void {
    this.do("heal", "all");
  }
  /** The process is gone without a word. */
  crash(nodes: string): void {
    this.do("crash", nodes);
  }
  /** The machine loses its power. */
  powerLoss(nodes: string): void {
    this.do("power-loss", nodes);
  }
  /** Nothing runs on the machine. */
  freeze(nodes: string): void {
    this.do("freeze", nodes);
  }
  /** The process starts anew. */
  restart(nodes: string): void {
    this.do("restart", nodes);
  }
  /** They start. */
  start(nodes: string): void {
    this.do("start", nodes);
  }
  /** They say goodbye and go. */
  leave(nodes: string): void {
    this.do("leave", nodes);
  }
  /** A note in the report. */
  mark(text: string): void {
    this.do("mark", text);
  }
}

/**
 * A scenario written in TypeScript, as plain data that `normaliseScenario` takes. A timeline function is called twice.
 * Throws `config` when it does not say the same both times: it has looked at a clock or thrown dice.
 */
export function defineScenario(definition: ScenarioDefinition): Record<string, unknown> {
  const { timeline, ...rest } = definition;
  if (timeline === undefined) return { ...rest };
  if (typeof timeline !== "function") return { ...rest, timeline: [...timeline] };
  const [first, second] = [build(timeline), build(timeline)];
  if (canonical(first) !== canonical(second)) {
    throw new HanaError("config", {
      what: `${definition.name}: timeline`,
      why: "is another one each time it is made",
      hint: "use no clock and no randomness; draws come from @random and generators",
    });
  }
  return { ...rest, timeline: first };
}

function build(make: (timeline: TimelineBuilder) => void): readonly Readonly<Record<string, unknown>>[] {
  const builder = new TimelineBuilder();
  make(builder);
  return builder.entries;
}
