// From what the processes of a run noted to figures, and from runs to medians.
// Decides what an age is, and how stale the newest value was; every peer's rows are computed here and nowhere else.

import { median, percentile } from "../statistics.ts";

/** Figures by name: `…Us` are microseconds, `…PerS` by second, `…Share` 0 to 1. */
export type Figures = Readonly<Record<string, number>>;

/** What a run left: its processes' answers, and rows of numbers. */
export interface Outcome {
  /** Round trips in microseconds. */
  readonly trips: Float64Array;
  /** By receiver: number, phase, due, sent, received. */
  readonly streams: readonly Float64Array[];
  readonly flow: { readonly messages: number; readonly us: number; readonly sent: number };
  /** Microseconds of each transfer; null of one that was given up. */
  readonly transfersUs: readonly (number | null)[];
  readonly lost: number;
  readonly bulkBytes: number;
}

/** Columns of a stream's row, and phases, as the drivers write them. */
const COLUMNS = 5;
const PHASE_BEFORE = 1;
const PHASE_DURING = 2;
const PERIOD_US = 1_000;

/** Figures of one run. Throws when nothing arrived: that is no figure. */
export function figuresOf(task: string, outcome: Outcome): Figures {
  const arrived = task === "echo"
    ? outcome.trips.length
    : task === "flow"
    ? outcome.flow.messages
    : Math.min(...outcome.streams.map((rows) => rows.length));
  if (!(arrived > 0)) throw new Error("nothing arrived at one receiver at least");
  if (task === "echo") return tripFigures(outcome);
  if (task === "flow") return flowFigures(outcome);
  const { streams } = outcome;
  if (task === "stream") {
    return {
      ...ageFigures("", streams, PHASE_BEFORE, "sent"),
      ...ageFigures("due", streams, PHASE_BEFORE, "due"),
    };
  }
  if (task === "mixed") {
    const before = ageFigures("before", streams, PHASE_BEFORE, "due");
    const during = ageFigures("during", streams, PHASE_DURING, "due");
    return {
      ...before,
      ...during,
      growth: (during["duringP99Us"] ?? NaN) / (before["beforeP99Us"] ?? NaN),
      bytesPerS: outcome.bulkBytes / (transferUs(outcome) / 1e6),
    };
  }
  return {
    ...ageFigures("", streams, PHASE_BEFORE, "due"),
    staleP99Us: staleness(streams[0] ?? new Float64Array(), PHASE_BEFORE),
    transferUs: transferUs(outcome),
  };
}

function tripFigures({ trips, lost }: Outcome): Figures {
  const all = [...trips];
  return {
    p50Us: percentile(all, 0.5),
    p99Us: percentile(all, 0.99),
    p999Us: percentile(all, 0.999),
    n: all.length,
    lost,
  };
}

function flowFigures({ flow }: Outcome): Figures {
  return {
    perS: flow.messages / (flow.us / 1e6),
    lostShare: flow.sent > 0 ? Math.max(0, 1 - flow.messages / flow.sent) : NaN,
    n: flow.messages,
  };
}

/** The median transfer; never when one was given up. */
function transferUs({ transfersUs }: Outcome): number {
  return median(transfersUs.map((us) => us ?? Infinity));
}

/** Ages of a phase's messages over all receivers, since they were due or since they were sent. */
function ageFigures(
  prefix: string,
  streams: readonly Float64Array[],
  phase: number,
  since: "due" | "sent",
): Figures {
  const ages: number[] = [];
  let expected = 0;
  for (const rows of streams) {
    const numbers = new Set<number>();
    let [first, last] = [Infinity, -Infinity];
    for (let at = 0; at + COLUMNS <= rows.length; at += COLUMNS) {
      const number = rows[at] ?? NaN;
      if (rows[at + 1] !== phase || numbers.has(number)) continue;
      numbers.add(number);
      [first, last] = [Math.min(first, number), Math.max(last, number)];
      ages.push((rows[at + 4] ?? NaN) - (rows[at + (since === "due" ? 2 : 3)] ?? NaN));
    }
    if (numbers.size > 0) expected += last - first + 1;
  }
  const name = (figure: string): string =>
    prefix === "" ? figure : `${prefix}${figure.slice(0, 1).toUpperCase()}${figure.slice(1)}`;
  return {
    [name("p50Us")]: percentile(ages, 0.5),
    [name("p99Us")]: percentile(ages, 0.99),
    [name("lostShare")]: expected === 0 ? NaN : 1 - ages.length / expected,
    [name("n")]: ages.length,
  };
}

/**
 * How old the newest value that a receiver knew was, looked at once a millisecond from its first value until the last one
 * was made: what is lost and what is late count alike. The 99th percentile.
 */
export function staleness(rows: Float64Array, phase: number): number {
  const arrivals: { readonly due: number; readonly received: number }[] = [];
  for (let at = 0; at + COLUMNS <= rows.length; at += COLUMNS) {
    if (rows[at + 1] !== phase) continue;
    arrivals.push({ due: rows[at + 2] ?? NaN, received: rows[at + 4] ?? NaN });
  }
  arrivals.sort((a, b) => a.received - b.received);
  const [first] = arrivals;
  if (first === undefined) return NaN;
  const endUs = arrivals.reduce((latest, { due }) => Math.max(latest, due), 0);
  const ages: number[] = [];
  let newest = first.due;
  let next = 0;
  for (let us = first.received; us <= endUs; us += PERIOD_US) {
    for (
      let arrival = arrivals[next];
      arrival !== undefined && arrival.received <= us;
      arrival = arrivals[++next]
    ) {
      newest = Math.max(newest, arrival.due);
    }
    ages.push(us - newest);
  }
  return percentile(ages, 0.99);
}

/** A cell of the table: the median of each figure over its runs. */
export interface Cell {
  readonly peer: string;
  readonly workload: string;
  /** Runs behind it. */
  readonly n: number;
  readonly figures: Figures;
  /** What each run said, in order. */
  readonly runs: readonly Figures[];
}

/** Medians by figure; a figure that some runs lack counts in those that have it. */
export function cellOf(peer: string, workload: string, runs: readonly Figures[]): Cell {
  const names = [...new Set(runs.flatMap((figures) => Object.keys(figures)))];
  const figures = Object.fromEntries(names.map((name) => {
    const values = runs.map((run) => run[name] ?? NaN).filter((value) => !Number.isNaN(value));
    return [name, median(values)];
  }));
  return { peer, workload, n: runs.length, figures, runs };
}
