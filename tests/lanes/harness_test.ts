// The harness judges the lanes, so it is judged first: links do what their numbers say, every checker sees what it is
// for, and the reader of packets refuses what the layout forbids.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { CONDITION_IDS, conditionOf, START_US } from "../support/lanes/conditions.ts";
import { FakePeer, type Fault } from "../support/lanes/fake_peer.ts";
import { framesOf, LayoutError } from "../support/lanes/frames.ts";
import { EventHeap } from "../support/lanes/heap.ts";
import { type Datagram, Link, type LinkSpec } from "../support/lanes/link.ts";
import { Pair } from "../support/lanes/pair.ts";
import { Draws } from "../support/lanes/random.ts";
import { type Workload, workloadOf } from "../support/lanes/workloads.ts";
import { fromHex } from "../../lib/base/mod.ts";
import { LANES } from "../../lib/lanes/mod.ts";

interface Arrival {
  readonly atUs: number;
  readonly datagram: Datagram;
}

/** Sends `count` packets of 100 bytes, one every `everyUs`, and gives what arrives in the order of arrival. */
function play(spec: LinkSpec, count: number, everyUs: number, seed = 1): { link: Link; arrivals: Arrival[] } {
  const arrivals: Arrival[] = [];
  const link = new Link(spec, new Draws(seed, "link"), (atUs, datagram) => arrivals.push({ atUs, datagram }));
  for (let i = 0; i < count; i++) link.send(i * everyUs, new Uint8Array(100), 100);
  arrivals.sort((a, b) => a.atUs - b.atUs);
  return { link, arrivals };
}

function near(actual: number, expected: number, tolerance: number, what: string): void {
  assert(Math.abs(actual - expected) <= tolerance, `${what}: ${actual}, expected ${expected} ± ${tolerance}`);
}

Deno.test("a link loses, doubles, overtakes and flips the share that it says", () => {
  const count = 20_000;
  near(play({ loss: 0.05 }, count, 1_000).link.counts.lost / count, 0.05, 0.006, "loss");
  const bursts = { goodUs: 150_000, badUs: 25_000, lossGood: 0.003, lossBad: 0.33 };
  near(play({ bursts }, 100_000, 1_000).link.counts.lost / 100_000, 0.05, 0.01, "loss in bursts");
  const doubled = play({ duplicate: { share: 0.2, lateUs: 1_000_000 } }, count, 1_000);
  near(doubled.arrivals.length / count, 1.2, 0.02, "arrivals with duplicates");
  const flipped = play({ corrupt: 0.01 }, count, 1_000).arrivals.filter(({ datagram }) => datagram.corrupt);
  near(flipped.length / count, 0.01, 0.003, "flipped");
  assert(flipped.every(({ datagram }) => datagram.bytes.some((byte) => byte !== 0)));
});

Deno.test("losses in bursts depend on time and not on how many packets come", () => {
  const bursts = { goodUs: 100_000, badUs: 100_000, lossGood: 0, lossBad: 1 };
  for (const everyUs of [500, 20_000]) {
    const { link } = play({ bursts }, Math.floor(400_000_000 / everyUs), everyUs);
    near(link.counts.lost / link.counts.sent, 0.5, 0.05, `every ${everyUs} µs`);
  }
});

Deno.test("jitter has its deviation and its memory and lets nothing overtake", () => {
  const { arrivals } = play({ delayUs: 15_000, jitterUs: 2_000, jitterCorrelation: 0.5 }, 20_000, 40_000);
  const delays = arrivals.map(({ atUs, datagram }) => atUs - datagram.sentAtUs - 15_000);
  const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length;
  const variance = delays.reduce((sum, delay) => sum + (delay - mean) ** 2, 0) / delays.length;
  let together = 0;
  for (let i = 1; i < delays.length; i++) {
    together += ((delays[i - 1] ?? 0) - mean) * ((delays[i] ?? 0) - mean);
  }
  near(mean, 0, 80, "mean");
  near(Math.sqrt(variance), 2_000, 100, "deviation");
  near(together / delays.length / variance, 0.5, 0.05, "correlation");
  const dense = play({ delayUs: 15_000, jitterUs: 5_000 }, 5_000, 100).arrivals;
  for (let i = 1; i < dense.length; i++) {
    assert((dense[i - 1]?.datagram.sentAtUs ?? 0) <= (dense[i]?.datagram.sentAtUs ?? 0));
  }
});

Deno.test("a rate delays, its buffer overflows, a hold releases in order, a limit of size swallows", () => {
  const { link, arrivals } = play({ bytesPerSecond: 100_000, bufferBytes: 1_000 }, 100, 10);
  assertEquals(link.counts.overflowed, 100 - arrivals.length);
  assertEquals(arrivals.slice(0, 3).map(({ atUs }) => atUs), [1_000, 2_000, 3_000]);
  const held = play({ delayUs: 10, holds: [{ fromUs: 500, toUs: 5_000 }] }, 100, 10).arrivals;
  assertEquals(held.filter(({ atUs }) => atUs >= 500 && atUs < 5_000), []);
  assert(held.filter(({ atUs }) => atUs === 5_000).length > 40);
  const small = play({ mtu: [{ fromUs: 0, bytes: 100 }, { fromUs: 500, bytes: 99 }] }, 100, 10);
  assertEquals([small.arrivals.length, small.link.counts.tooLarge], [50, 50]);
  const cut = play({ outages: [{ fromUs: 200, toUs: 400 }] }, 100, 10);
  assertEquals([cut.arrivals.length, cut.link.counts.lost], [80, 20]);
});

Deno.test("the same seed plays the same link, another one another", () => {
  for (const id of CONDITION_IDS) {
    const once = (seed: number) =>
      JSON.stringify(play(conditionOf(id, seed).forward, 300, 2_000, seed).arrivals);
    assertEquals(once(7), once(7), id);
  }
  const lossy = (seed: number) =>
    JSON.stringify(play(conditionOf("C5", seed).forward, 300, 2_000, seed).arrivals);
  assert(lossy(7) !== lossy(8));
});

Deno.test("events come out by time, those of one moment in the order in which they went in", () => {
  const heap = new EventHeap();
  const draws = new Draws(3, "heap");
  const expected: [number, number][] = [];
  const came: [number, number][] = [];
  for (let i = 0; i < 2_000; i++) {
    const atUs = draws.below(300);
    expected.push([atUs, i]);
    heap.add(atUs, () => came.push([atUs, i]));
  }
  while (heap.size > 0) heap.take()?.run();
  assertEquals(came, expected.sort((a, b) => a[0] - b[0] || a[1] - b[1]));
});

const TRIGGERS: Workload = {
  ...{ id: "W3", title: "a few triggers", lanes: [] },
  sources: [{
    ...{ side: 0, lane: LANES.events, fromUs: 100, everyUs: 1_000, count: 20 },
    ...{ bytes: () => 40, report: true },
  }],
};

function runFake(fault: Fault, reported: boolean): string[] {
  const condition = conditionOf("C1", 1);
  const sources = TRIGGERS.sources.map((source) => ({ ...source, report: reported }));
  const pair = new Pair({
    ...{ condition, workload: { ...TRIGGERS, sources }, seed: 1 },
    makePeer: (options) => new FakePeer(options, fault),
  });
  try {
    pair.run(START_US + 1_000_000, () => pair.isSettled());
  } catch (error) {
    assert(String(error).includes("threw"), String(error));
  }
  for (const side of [0, 1] as const) {
    pair.models[side].finish(
      pair.nowUs,
      (id) => pair.peers[side].laneStats(pair.models[side].lane(id).lane.id),
    );
  }
  return [...new Set(pair.findings.violations.map(({ id, kind }) => `${id} ${kind}`))].sort();
}

Deno.test("each checker sees what it is for, and a good end passes all of them", () => {
  assertEquals(runFake("none", false), []);
  assertEquals(runFake("none", true), ["I6 RU"]); // no report ever comes
  assertEquals(runFake("twice", false), ["I2 RU"]);
  assertEquals(runFake("changed", false), ["I1 RU"]);
  assertEquals(runFake("early-report", true), ["I6 RU"]);
  assertEquals(runFake("busy", false), ["I18 connection"]);
  assert(runFake("number-again", false).includes("I23 connection"));
  assert(runFake("throws", false).includes("I20 connection"));
  assert(runFake("endless", false).includes("I18 connection"));
});

Deno.test("the reader of packets reads the layout and refuses other forms", () => {
  const read = (hex: string) =>
    framesOf(fromHex(hex.replaceAll(" ", "")), 0, hex.replaceAll(" ", "").length / 2);
  assertEquals(
    read("81 00000005 02 aabb a1 01 cc").map((frame) => frame.type === "data" ? frame.data.number : -1),
    [5, 6],
  );
  assertEquals(read("02 0000000a ffff 01 03 02 01"), [{
    ...{ type: "ack", largest: 10, delay: 65_535, timeUs: -1 },
    ranges: [{ from: 0, to: 2 }, { from: 5, to: 5 }],
  }]);
  const broken = [
    "81 00000005", // cut
    "81 00000005 4001 aa", // a long form
    "a1 01 cc", // nothing before it
    "81 00000005 00 81 00000006 00", // N would do
    "8f 03 00000005 00", // a low lane in two bytes
    "c1 00000005 00 02 02 aabb", // a piece that is the whole
    "c1 00000005 01 02 02 aabb", // beyond the end
    "00 01", // padding that says something
    "02 0000000a ffff 00 00", // an empty range
    "0b",
    "0a 0f 00 00 00 00000000 01 61",
  ];
  for (const hex of broken) assertThrows(() => read(hex), LayoutError);
});

Deno.test("every load has what it says, at both ends", () => {
  for (const id of ["W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8"] as const) {
    const { sources } = workloadOf(id, 1);
    assert(sources.length > 0 && sources.every(({ count }) => count > 0 && Number.isInteger(count)), id);
  }
});
