// A pair without a load, for stories of a few steps: who sends what stands in the test.
// Decides the smallest options that make a run; everything can be said otherwise.

import { type Lane, laneDefaults, type LaneId, LANES, type LaneStats } from "../../../lib/lanes/mod.ts";
import { assert, assertEquals } from "@std/assert";
import { type Condition, START_US } from "./conditions.ts";
import type { LinkSpec } from "./link.ts";
import { Pair, type PairOptions } from "./pair.ts";
import { type RealPeer, realPeer } from "./peers.ts";
import type { Workload } from "./workloads.ts";

/** A load of nothing. */
export const SILENCE: Workload = { id: "W1", title: "a story", sources: [], lanes: [] };

/** Microseconds. */
export const MILLISECOND = 1_000;
export const SECOND = 1_000_000;

/** A condition with the same link both ways. */
export function plainCondition(spec: LinkSpec, rest: Partial<Condition> = {}): Condition {
  const { delayUs = 0 } = spec;
  return {
    ...{ id: "C1", title: "a story", forward: spec, backward: spec, calmFromUs: START_US },
    ...{ roundTripUs: 2 * delayUs, ...rest },
  };
}

/** A pair over this link; both ends know each other and nothing was sent. */
export function quietPair(spec: LinkSpec, options: Partial<PairOptions> = {}): Pair {
  const pair = new Pair({
    ...{ condition: plainCondition(spec), workload: SILENCE, seed: 1, makePeer: realPeer },
    ...options,
  });
  pair.run(START_US);
  return pair;
}

/** A lane of a program, for {@linkcode PairOptions.lanes}. */
export function laneOf(name: string, kind: Lane["kind"], rest: Partial<Lane> = {}): Lane {
  return { ...laneDefaults(kind), id: 0 as LaneId, name, kind, ...rest };
}

/** The connection of one side. */
export function connectionOf(pair: Pair, side: 0 | 1): RealPeer["connection"] {
  return (pair.peers[side] as RealPeer).connection;
}

/** Counters of a lane of one side. */
export function statsOf(pair: Pair, side: 0 | 1, lane: Lane): LaneStats {
  return pair.peers[side].laneStats(pair.laneOf(side, lane).id);
}

/** Numbers of the messages of the first side that came, as offsets from the first. */
export function arrived(pair: Pair, lane: Lane = LANES.events, side: 0 | 1 = 0): number[] {
  const model = pair.models[side].lane(pair.laneOf(side, lane).id);
  return [...model.deliveredNumbers].map((number) => number - model.firstNumber);
}

/** Asserts that nothing broke, and tells everything when something did. */
export function assertSound(pair: Pair): void {
  assert(pair.findings.violationCount === 0, pair.describe());
}

/** Runs until everything arrived, checks the ends' books, and asserts that nothing broke. */
export function settle(pair: Pair, withinUs: number = 10 * SECOND): void {
  pair.run(pair.nowUs + withinUs, () => pair.isSettled());
  pair.run(pair.nowUs + SECOND);
  for (const side of [0, 1] as const) {
    pair.models[side].finish(pair.nowUs, (id) => pair.peers[side].laneStats(id as LaneId));
    assertEquals(pair.closed[side], null);
  }
  assertSound(pair);
}
