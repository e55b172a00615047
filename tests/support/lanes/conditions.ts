// The link conditions C1 to C20 (research 5.1) as data. Where the table speaks of minutes, times here are scaled so that
// a run of two to three virtual seconds meets what the condition is about: outages come once a second, a limit
// changes after 1.2 s, an address after 0.8 s, a reader rests for 1.5 s.
// Decides what happens to packets, drivers, clocks and readers; never what is sent.

import type { LinkSpec, Span } from "./link.ts";
import { Draws } from "./random.ts";

/** The conditions' names. */
export type ConditionId =
  | ("C1" | "C2" | "C3" | "C4" | "C5" | "C6" | "C7" | "C8" | "C9" | "C10")
  | ("C11" | "C12" | "C13" | "C14" | "C15" | "C16" | "C17" | "C18" | "C19" | "C20");

/** How an event loop serves its connection. */
export interface DriverSpec {
  /** Timers fire late by up to this. */
  readonly lateUs?: number;
  /** The event loop is busy: packets wait in the socket's buffer, timers too. */
  readonly stalls?: readonly Span[];
}

/** One condition as it is for one seed. */
export interface Condition {
  readonly id: ConditionId;
  readonly title: string;
  /** From the first side to the second, and back. */
  readonly forward: LinkSpec;
  readonly backward: LinkSpec;
  /** Changes of both directions during the run. */
  readonly changes?: readonly {
    readonly atUs: number;
    readonly forward: LinkSpec;
    readonly backward: LinkSpec;
  }[];
  /** Other flows over the same bottleneck, each as a burst now and then. */
  readonly crossTraffic?: { readonly flows: number; readonly burstBytes: number; readonly everyUs: number };
  readonly drivers?: readonly [DriverSpec, DriverSpec];
  /** Clocks: what they show at the beginning and how fast they go. */
  readonly clocks?: readonly [ClockSpec, ClockSpec];
  /** The second side's application reads nothing in this span. */
  readonly readerRests?: Span;
  /** The first side's address changes. */
  readonly addressChangesAtUs?: number;
  /** Datagrams of nobody that reach the second side. */
  readonly junkPerSecond?: number;
  /** When the last outage is over. */
  readonly calmFromUs: number;
  /** Round trip without queues. */
  readonly roundTripUs: number;
}

/** A clock of one side. */
export interface ClockSpec {
  readonly startUs: number;
  readonly driftPpm: number;
}

const MILLISECOND = 1_000;
const SECOND = 1_000_000;
const MBIT = 125_000;
/** All runs begin here, not at zero: a clock that shows 0 is one that hides bugs. */
export const START_US: number = 10 * SECOND;

const after = (us: number) => START_US + us;
const span = (fromUs: number, toUs: number): Span => ({ fromUs: after(fromUs), toUs: after(toUs) });

const GOOD_WIFI: LinkSpec = {
  ...{ delayUs: 5 * MILLISECOND, jitterUs: 2 * MILLISECOND, jitterCorrelation: 0.5 },
  bursts: { goodUs: 200 * MILLISECOND, badUs: 10 * MILLISECOND, lossGood: 0.0005, lossBad: 0.2 },
  reorder: { share: 0.001, minUs: 500, maxUs: 4_000 },
  ...{ bytesPerSecond: 100 * MBIT, bufferBytes: 200_000 },
};
const LOSSY_WIFI: LinkSpec = {
  ...{ delayUs: 15 * MILLISECOND, jitterUs: 10 * MILLISECOND, jitterCorrelation: 0.5 },
  bursts: { goodUs: 150 * MILLISECOND, badUs: 25 * MILLISECOND, lossGood: 0.003, lossBad: 0.33 },
  reorder: { share: 0.01, minUs: 500, maxUs: 10_000 },
  ...{ bytesPerSecond: 50 * MBIT, bufferBytes: 100_000 },
};
const CONGESTED_WIFI: LinkSpec = {
  ...{ delayUs: 10 * MILLISECOND, jitterUs: 20 * MILLISECOND, jitterCorrelation: 0.5 },
  bursts: { goodUs: 100 * MILLISECOND, badUs: 33 * MILLISECOND, lossGood: 0.005, lossBad: 0.38 },
  reorder: { share: 0.02, minUs: 500, maxUs: 15_000 },
  ...{ bytesPerSecond: 5 * MBIT, bufferBytes: 30_000 },
};
const SATELLITE: LinkSpec = {
  ...{ delayUs: 300 * MILLISECOND, jitterUs: 30 * MILLISECOND, jitterCorrelation: 0.5 },
  bursts: { goodUs: 300 * MILLISECOND, badUs: 30 * MILLISECOND, lossGood: 0.003, lossBad: 0.3 },
  ...{ bytesPerSecond: 15 * MBIT, bufferBytes: 500_000 },
};
const CLEAN: LinkSpec = { delayUs: MILLISECOND };
const WIRED: LinkSpec = {
  ...{ delayUs: 200, jitterUs: 50, loss: 1e-5, bytesPerSecond: 1_000 * MBIT, bufferBytes: 512_000 },
};

type Described = Omit<Condition, "id">;

/** For each condition what it is with this seed's draws. */
const TABLE: Readonly<Record<ConditionId, (draws: Draws, seed: number) => Described>> = {
  C1: () => both("nothing ever happens", {}, 0),
  C2: () => both("a wired network", WIRED, 400),
  C3: () => ({
    ...both("a busy switch", {
      ...{ delayUs: 200, jitterUs: MILLISECOND, bytesPerSecond: 100 * MBIT, bufferBytes: 64_000 },
    }, 400),
    crossTraffic: { flows: 9, burstBytes: 24_000, everyUs: 30 * MILLISECOND },
  }),
  C4: (_, seed) => leaning("good WiFi", GOOD_WIFI, { delayUs: 5 * MILLISECOND }, seed, 10 * MILLISECOND),
  C5: (_, seed) => leaning("lossy WiFi", LOSSY_WIFI, { delayUs: 15 * MILLISECOND }, seed, 30 * MILLISECOND),
  C6: (_, seed) =>
    leaning("congested WiFi", CONGESTED_WIFI, { delayUs: 10 * MILLISECOND }, seed, 20 * MILLISECOND),
  C7: (draws, seed) => {
    const holds: Span[] = [];
    for (let atUs = 300 * MILLISECOND; atUs < 4 * SECOND; atUs += SECOND) {
      const fromUs = atUs + draws.below(300 * MILLISECOND);
      holds.push(span(fromUs, fromUs + draws.between(100, 300) * MILLISECOND));
    }
    const spec = { delayUs: 5 * MILLISECOND, jitterUs: 2 * MILLISECOND, jitterCorrelation: 0.5, holds };
    return {
      ...leaning("a radio that looks elsewhere", spec, { delayUs: 5 * MILLISECOND }, seed, 10 * MILLISECOND),
      calmFromUs: holds.at(-1)?.toUs ?? START_US,
    };
  },
  C8: (_, seed) =>
    leaning(
      "overtaking",
      { delayUs: 5 * MILLISECOND, reorder: { share: 0.2, minUs: MILLISECOND, maxUs: 8 * MILLISECOND } },
      { delayUs: 5 * MILLISECOND },
      seed,
      10 * MILLISECOND,
    ),
  C9: (_, seed) =>
    leaning(
      "duplicates",
      {
        ...{ delayUs: 2 * MILLISECOND, loss: 0.01, duplicate: { share: 0.2, lateUs: SECOND } },
        reorder: { share: 0.05, minUs: 500, maxUs: 5 * MILLISECOND },
      },
      { delayUs: 2 * MILLISECOND },
      seed,
      4 * MILLISECOND,
    ),
  C10: (_, seed) => {
    const outages = [span(500 * MILLISECOND, 2_500 * MILLISECOND)];
    const dead = { ...CLEAN, outages };
    return {
      title: "one way is dead for two seconds",
      ...(seed % 2 === 0 ? { forward: dead, backward: CLEAN } : { forward: CLEAN, backward: dead }),
      ...{ calmFromUs: after(2_500 * MILLISECOND), roundTripUs: 2 * MILLISECOND },
    };
  },
  C11: () => ({
    title: "half of the acknowledgements are lost",
    ...{
      forward: CLEAN,
      backward: { ...CLEAN, loss: 0.5 },
      calmFromUs: START_US,
      roundTripUs: 2 * MILLISECOND,
    },
  }),
  C12: () => ({
    ...both("a limit of size that falls", {
      ...CLEAN,
      mtu: [{ fromUs: 0, bytes: 1_400 }, { fromUs: after(1_200 * MILLISECOND), bytes: 1_280 }],
    }, 2 * MILLISECOND),
    calmFromUs: after(1_200 * MILLISECOND),
  }),
  C13: () => both("flipped bits", { ...CLEAN, corrupt: 0.01 }, 2 * MILLISECOND),
  C14: () => ({
    ...both("an address that changes", CLEAN, 2 * MILLISECOND),
    addressChangesAtUs: after(800 * MILLISECOND),
    calmFromUs: after(800 * MILLISECOND),
  }),
  C15: () => ({
    ...both(
      "someone who replays everything",
      { ...CLEAN, replayWithinUs: 500 * MILLISECOND },
      2 * MILLISECOND,
    ),
    junkPerSecond: 1_000,
  }),
  C16: (draws) => {
    const stallUs = 300 * MILLISECOND + draws.below(500 * MILLISECOND);
    const stalled = { lateUs: 50 * MILLISECOND, stalls: [span(stallUs, stallUs + SECOND)] };
    const late = { lateUs: 50 * MILLISECOND };
    return {
      ...both("slow drivers", { delayUs: 200 }, 400),
      drivers: draws.happens(0.5) ? [late, stalled] : [stalled, late],
      calmFromUs: after(stallUs + SECOND),
    };
  },
  C17: () => ({
    ...both("clocks that drift and wrap", CLEAN, 2 * MILLISECOND),
    clocks: [
      { startUs: 2 ** 32 - SECOND, driftPpm: 200 },
      { startUs: 2 ** 31 - SECOND, driftPpm: -200 },
    ],
  }),
  C18: () => ({
    ...both("a reader that rests", { delayUs: 200 }, 400),
    readerRests: span(200 * MILLISECOND, 1_700 * MILLISECOND),
    calmFromUs: after(1_700 * MILLISECOND),
  }),
  C19: (_, seed) =>
    leaning("a satellite", SATELLITE, { delayUs: 300 * MILLISECOND }, seed, 600 * MILLISECOND),
  C20: (draws) => {
    const kinds = [WIRED, GOOD_WIFI, LOSSY_WIFI, CONGESTED_WIFI, CLEAN, { ...CLEAN, loss: 0.5 }];
    const one = () => {
      const kind = kinds[draws.below(kinds.length)] ?? CLEAN;
      return {
        ...kind,
        duplicate: { share: draws.float() * 0.2, lateUs: 200 * MILLISECOND },
        corrupt: draws.float() * 0.01,
      };
    };
    const changes = [];
    for (let i = 1; i <= 10; i++) {
      changes.push({ atUs: after(i * 250 * MILLISECOND), forward: one(), backward: one() });
    }
    changes.push({ atUs: after(2_750 * MILLISECOND), forward: GOOD_WIFI, backward: GOOD_WIFI });
    return {
      ...{ title: "anything, four times a second", forward: one(), backward: one(), changes },
      ...{ calmFromUs: after(2_750 * MILLISECOND), roundTripUs: 30 * MILLISECOND },
    };
  },
};

/** All conditions in order. */
export const CONDITION_IDS: readonly ConditionId[] = Object.keys(TABLE) as ConditionId[];

/** The condition as it is with this seed. */
export function conditionOf(id: ConditionId, seed: number): Condition {
  return { id, ...TABLE[id](new Draws(seed, `condition ${id}`), seed) };
}

function both(title: string, spec: LinkSpec, roundTripUs: number): Described {
  return { title, forward: spec, backward: spec, calmFromUs: START_US, roundTripUs };
}

/** Both directions alike with most seeds, one of them clean with the others. */
function leaning(
  title: string,
  spec: LinkSpec,
  clean: LinkSpec,
  seed: number,
  roundTripUs: number,
): Described {
  const [forward, backward] = seed % 4 === 1 ? [spec, clean] : seed % 4 === 3 ? [clean, spec] : [spec, spec];
  return { title, forward, backward, calmFromUs: START_US, roundTripUs };
}
