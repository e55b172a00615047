// The loads W1 to W8 (research 5.2) as data, scaled to runs of a few virtual seconds: rates are those of the table, times
// and totals are shorter (W2 three seconds instead of 60, the asset of W5 1 MiB instead of 4 MB, the burst of W7 is whole).
// LANES_SCALE multiplies times and totals. Decides who sends what when; never what must become of it.

import { type Lane, laneDefaults, type LaneId, LANES } from "../../../lib/lanes/mod.ts";
import type { Draws } from "./random.ts";

/** The loads' names. */
export type WorkloadId = "W1" | "W2" | "W3" | "W4" | "W5" | "W6" | "W7" | "W8";

/** Messages that one side sends on one lane. */
export interface Source {
  readonly side: 0 | 1;
  readonly lane: Lane;
  readonly fromUs: number;
  readonly everyUs: number;
  readonly count: number;
  /** Messages at once. */
  readonly burst?: number;
  readonly bytes: (i: number, draws: Draws) => number;
  readonly key?: (i: number, draws: Draws) => number;
  readonly ttlUs?: number;
  readonly report?: boolean;
  /** Waits for room and sends again what was refused, instead of going on without it. */
  readonly patient?: boolean;
}

/** A load. */
export interface Workload {
  readonly id: WorkloadId;
  readonly title: string;
  readonly sources: readonly Source[];
  /** Lanes beside the standard ones, opened by each side that sends on them. */
  readonly lanes: readonly Lane[];
}

const MILLISECOND = 1_000;
const SECOND = 1_000_000;

/** Lanes of programs: they have to be opened, and their numbers are the connection's choice. */
export const BULK: Lane = {
  ...laneDefaults("reliable-ordered"),
  ...{ id: 40 as LaneId, name: "assets", kind: "reliable-ordered", tier: 3 },
};
export const CUES: Lane = {
  ...laneDefaults("reliable-unordered"),
  ...{ id: 16 as LaneId, name: "cues", kind: "reliable-unordered", tier: 1, ttlUs: 0 },
};
export const METERS: Lane = {
  ...laneDefaults("unreliable-unordered"),
  ...{ id: 254 as LaneId, name: "meters", kind: "unreliable-unordered" },
};
const PROGRAM_LANES: readonly Lane[] = [BULK, CUES, METERS];

const { control, state, modulation, events, telemetry } = LANES;

/** Sizes around every boundary: varints, a packet's room, fragments, limits. */
const EDGE_SIZES: readonly number[] = [
  ...[0, 1, 2, 3, 4, 5, 62, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1_000],
  ...[
    1_100,
    1_130,
    1_140,
    1_150,
    1_151,
    1_160,
    1_163,
    1_164,
    1_165,
    1_166,
    1_167,
    1_168,
    1_169,
    1_170,
    1_174,
  ],
  ...[
    1_175,
    1_176,
    1_180,
    1_199,
    1_200,
    1_201,
    1_279,
    1_280,
    1_281,
    1_372,
    1_399,
    1_400,
    1_401,
    1_452,
    1_500,
  ],
  ...[2_300, 2_340, 2_350, 2_400, 4_095, 4_096, 4_097, 16_382, 16_383, 16_384],
];

/** A load with its times and totals multiplied by `scale`. */
export function workloadOf(id: WorkloadId, scale: number): Workload {
  const seconds = 3 * scale;
  switch (id) {
    case "W1":
      return load(
        "W1",
        "one tiny message a lane",
        [0, 1].flatMap((side) =>
          [control, state, modulation, events, telemetry, BULK, CUES, METERS].map((lane) =>
            source(side, lane, { everyUs: SECOND, count: 1, bytes: () => 8, report: true })
          )
        ),
      );
    case "W2":
      return load("W2", "modulation at 1 kHz", [modulated(0, seconds), modulated(1, seconds / 4)]);
    case "W3":
      return load("W3", "200 triggers a second", [triggers(0, seconds), triggers(1, seconds / 2)]);
    case "W4":
      return load("W4", "state at 60 Hz, snapshots at 5 Hz", stateSync(0, seconds));
    case "W5":
      return load("W5", "an asset", [asset(0, 1_024 * scale)]);
    case "W6":
      return load("W6", "everything together", [
        ...[modulated(0, seconds / 2), triggers(0, seconds / 2), triggers(1, seconds / 2)],
        ...[...stateSync(0, seconds / 2), asset(0, 512 * scale), asset(1, 128 * scale)],
        source(0, control, { everyUs: 100 * MILLISECOND, count: 10 * scale, bytes: () => 300, report: true }),
        source(1, METERS, { everyUs: 20 * MILLISECOND, count: 50 * scale, bytes: () => 120 }),
        source(0, telemetry, {
          everyUs: 50 * MILLISECOND,
          count: 20 * scale,
          bytes: () => 3_000,
          report: true,
        }),
      ]);
    case "W7":
      return load("W7", "2000 messages at once", [
        source(0, events, { everyUs: SECOND, count: 1, burst: 2_000, bytes: () => 40, report: true }),
        source(1, control, { everyUs: SECOND, count: 1, burst: 500, bytes: () => 20 }),
      ]);
    case "W8": {
      const edge = (i: number) => EDGE_SIZES[i % EDGE_SIZES.length] ?? 0;
      const all = { everyUs: 20 * MILLISECOND, count: EDGE_SIZES.length, bytes: edge, report: true };
      return load("W8", "sizes at every boundary", [
        ...[control, events, telemetry, CUES, METERS].map((lane) => source(0, lane, all)),
        source(0, modulation, { ...all, key: (i) => i % 7 }),
        source(1, modulation, all),
        source(1, CUES, {
          everyUs: 30 * MILLISECOND,
          count: 10 * scale,
          bytes: () => 5_000,
          ttlUs: 4 * MILLISECOND,
        }),
        source(1, BULK, { everyUs: 300 * MILLISECOND, count: 2, bytes: (i) => [65_536, 200_001][i] ?? 1 }),
      ]);
    }
  }
}

/** All loads in order. */
export const WORKLOAD_IDS: readonly WorkloadId[] = ["W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8"];

function load(id: WorkloadId, title: string, sources: readonly Source[]): Workload {
  return {
    id,
    title,
    sources,
    lanes: PROGRAM_LANES.filter((lane) => sources.some((each) => each.lane === lane)),
  };
}

function source(side: number, lane: Lane, rest: Omit<Source, "side" | "lane" | "fromUs">): Source {
  return { side: side === 0 ? 0 : 1, lane, fromUs: 10 * MILLISECOND, ...rest };
}

function modulated(side: number, seconds: number): Source {
  return source(side, modulation, {
    ...{ everyUs: MILLISECOND, count: Math.ceil(seconds * 1_000), bytes: () => 24, key: (i) => i % 8 },
    ttlUs: 50 * MILLISECOND,
  });
}

function triggers(side: number, seconds: number): Source {
  return source(side, events, {
    ...{ everyUs: 5 * MILLISECOND, count: Math.ceil(seconds * 200), bytes: (i) => 12 + i % 40, report: true },
  });
}

function stateSync(side: number, seconds: number): Source[] {
  return [
    source(side, modulation, {
      ...{ everyUs: 16_667, count: Math.ceil(seconds * 60), key: () => 1_000 },
      bytes: (_, draws) => draws.between(2_000, 16_000),
    }),
    source(side, state, {
      ...{ everyUs: 200 * MILLISECOND, count: Math.ceil(seconds * 5), report: true },
      bytes: (_, draws) => draws.between(2_000, 20_000),
    }),
  ];
}

function asset(side: number, kibibytes: number): Source {
  const piece = 16 * 1_024;
  return source(side, BULK, {
    ...{
      everyUs: 1,
      count: Math.ceil(kibibytes * 1_024 / piece),
      bytes: () => piece,
      report: true,
      patient: true,
    },
  });
}
