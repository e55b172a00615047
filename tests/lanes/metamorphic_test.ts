// Changes that must change nothing: another lane beside, a burst spread over time, a stream in the place of datagrams,
// the same run again, a run without any global clock or chance (research 5.5, I19).

import { assert, assertEquals } from "@std/assert";
import { LANES } from "../../lib/lanes/mod.ts";
import { conditionOf, START_US } from "../support/lanes/conditions.ts";
import { Pair, type PairOptions } from "../support/lanes/pair.ts";
import { realPeer } from "../support/lanes/peers.ts";
import { runPair } from "../support/lanes/run.ts";
import { METERS, type Source, type Workload, workloadOf } from "../support/lanes/workloads.ts";

const SECOND = 1_000_000;

const burst: Source = {
  ...{ side: 0, lane: LANES.events, fromUs: 1_000, everyUs: SECOND, count: 1, burst: 300 },
  bytes: (i) => 20 + 37 * i % 900,
};
const ordered: Source = { ...burst, lane: LANES.control };
const spread: Source = { ...burst, everyUs: 1_500, count: 300, burst: 1 };
const spreadOrdered: Source = { ...spread, lane: LANES.control };
const beside: Source = {
  ...{ side: 0, lane: METERS, fromUs: 1_500, everyUs: 5_000, count: 100, bytes: () => 200 },
};

function load(sources: readonly Source[]): Workload {
  return {
    id: "W7",
    title: "a burst",
    sources,
    lanes: sources.some(({ lane }) => lane === METERS) ? [METERS] : [],
  };
}

/** Numbers that were delivered on the reliable lanes, in their order of number. */
function delivered(sources: readonly Source[], seed: number, options: Partial<PairOptions> = {}): string {
  const condition = conditionOf("C5", seed);
  const pair = new Pair({ condition, workload: load(sources), seed, makePeer: realPeer, ...options });
  pair.run(START_US + 30 * SECOND, () => pair.isSettled());
  assertEquals(pair.findings.violations, [], pair.findings.violationCount > 0 ? pair.describe() : "");
  const numbers = [LANES.events, LANES.control].map(({ id }) =>
    [...pair.models[0].lane(id).deliveredNumbers].toSorted((a, b) => a - b)
  );
  assertEquals(numbers.map((of) => of.length), [300, 300]);
  return JSON.stringify(numbers);
}

Deno.test("a lane beside, time between, a stream below: what arrives on reliable lanes is the same", () => {
  for (const seed of [1, 2, 3, 4]) {
    const plain = delivered([burst, ordered], seed);
    assertEquals(delivered([burst, ordered, beside], seed), plain, "a lane beside");
    assertEquals(delivered([spread, spreadOrdered], seed), plain, "time between");
    assertEquals(delivered([burst, ordered], seed, { kind: "stream" }), plain, "a stream below");
    assertEquals(delivered([burst, ordered], seed, { congestion: "fixed" }), plain, "a fixed rate");
  }
});

function hashes(seed: number): string {
  return (["C1", "C5", "C9", "C16"] as const).map((id) => {
    const workload = workloadOf("W6", 0.5);
    const { pair } = runPair({ condition: conditionOf(id, seed), workload, seed, makePeer: realPeer });
    return `${id} ${pair.trace.steps} ${pair.trace.hash}`;
  }).join(", ");
}

Deno.test("the same seed gives the same packets, byte for byte, another seed others", () => {
  assertEquals(hashes(5), hashes(5));
  assert(hashes(5) !== hashes(6));
});

Deno.test("no clock, no timer and no chance but those of its inputs is ever asked (I19)", () => {
  const expected = hashes(8);
  const poison = (what: string) => () => {
    throw new Error(`${what} was asked`);
  };
  const kept = {
    ...{ now: Date.now, performance: performance.now, random: Math.random },
    ...{ setTimeout: globalThis.setTimeout, queueMicrotask: globalThis.queueMicrotask },
    values: crypto.getRandomValues,
  };
  try {
    Date.now = poison("Date.now");
    performance.now = poison("performance.now");
    Math.random = poison("Math.random");
    globalThis.setTimeout = poison("setTimeout") as unknown as typeof setTimeout;
    globalThis.queueMicrotask = poison("queueMicrotask");
    crypto.getRandomValues = poison("getRandomValues");
    assertEquals(hashes(8), expected);
  } finally {
    Date.now = kept.now;
    performance.now = kept.performance;
    Math.random = kept.random;
    globalThis.setTimeout = kept.setTimeout;
    globalThis.queueMicrotask = kept.queueMicrotask;
    crypto.getRandomValues = kept.values;
  }
});
