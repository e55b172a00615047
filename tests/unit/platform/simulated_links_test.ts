// Links that play a LinkSpec: each fault by itself, and that nobody's draws depend on anybody else.

import { assert, assertEquals } from "@std/assert";
import {
  CUT,
  HELD,
  Link,
  type LinkSpec,
  LOST,
  SimulatedRandom,
  SimulatedWorld,
  SpecLink,
  type Traffic,
} from "../../../lib/platform/simulated/mod.ts";

const MS = 1_000;
const SECOND = 1_000_000;
const linkOf = (seed: number, from = "a", to = "b"): Link =>
  new Link(from, to, new SimulatedRandom(seed, "segment:lan/"));

interface Planned {
  readonly atUs: number;
  readonly delayUs: number;
  readonly copyUs: number;
  readonly flippedBit: number;
}

/** Sends `count` frames of `bytes`, one every `everyUs`, and returns what befell each. */
function play(
  spec: LinkSpec,
  count: number,
  everyUs: number,
  { seed = 1, bytes = 100, traffic = "unicast" as Traffic, startUs = 0, link = linkOf(seed) } = {},
): Planned[] {
  const model = new SpecLink(spec);
  return Array.from({ length: count }, (_, i) => {
    const atUs = startUs + i * everyUs;
    link.beginFrame();
    const delayUs = model.planUs(link, bytes, atUs, traffic);
    return { atUs, delayUs, copyUs: link.copyUs, flippedBit: link.flippedBit };
  });
}

const lostShare = (planned: readonly Planned[]): number =>
  planned.filter(({ delayUs }) => delayUs === LOST).length / planned.length;
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const delays = (planned: readonly Planned[]): number[] =>
  planned.flatMap(({ delayUs }) => delayUs < 0 ? [] : delayUs);

Deno.test("a link without a word is perfect and immediate", () => {
  for (const { delayUs, copyUs, flippedBit } of play({}, 100, 10)) {
    assertEquals([delayUs, copyUs, flippedBit], [0, LOST, -1]);
  }
});

Deno.test("delays follow their distribution, in whole microseconds", () => {
  const of = (delay: LinkSpec["delay"]) => delays(play(delay === undefined ? {} : { delay }, 20_000, SECOND));
  assertEquals(new Set(of({ kind: "constant", us: 250 })), new Set([250]));
  const uniform = of({ kind: "uniform", minUs: 100, maxUs: 300 });
  assert(Math.min(...uniform) === 100 && Math.max(...uniform) === 300);
  assert(Math.abs(mean(uniform) - 200) < 2);
  const exponential = of({ kind: "exponential", minUs: 150, meanUs: 50 });
  assert(Math.min(...exponential) >= 150);
  assert(Math.abs(mean(exponential) - 200) < 2, `${mean(exponential)}`);
  const lognormal = of({ kind: "lognormal", minUs: 800, medianUs: 1051, sigma: 0.8 });
  assert(Math.abs(median(lognormal) - 1851) < 25, `${median(lognormal)}`);
  // The mean of a lognormal is its median times e^(σ²/2).
  assert(Math.abs(mean(lognormal) - 800 - 1051 * Math.exp(0.32)) < 40, `${mean(lognormal)}`);
  for (const delay of [...uniform, ...exponential, ...lognormal]) assert(Number.isInteger(delay));
});

Deno.test("frames keep their order, however their delays fall, unless they are meant to be overtaken", () => {
  const arrivals = (spec: LinkSpec) => play(spec, 5000, 10).map(({ atUs, delayUs }) => atUs + delayUs);
  const wild = arrivals({ delay: { kind: "lognormal", minUs: 0, medianUs: 5000, sigma: 1 } });
  for (let i = 1; i < wild.length; i++) assert((wild[i] ?? 0) >= (wild[i - 1] ?? 0));
  const reordered = arrivals({
    delay: { kind: "constant", us: 100 },
    reorder: { share: 0.1, extraUs: 1000 },
  });
  const late = reordered.filter((atUs, i) => atUs > i * 10 + 100).length;
  assert(Math.abs(late / reordered.length - 0.1) < 0.02, `${late}`);
  assert(reordered.every((atUs, i) => atUs === i * 10 + 100 || atUs === i * 10 + 1100));
});

Deno.test("random loss loses its share, all or nothing at the ends", () => {
  assert(Math.abs(lostShare(play({ loss: 0.02 }, 50_000, MS)) - 0.02) < 0.003);
  assertEquals(lostShare(play({ loss: 1 }, 100, MS)), 1);
  assertEquals(lostShare(play({ loss: 0 }, 100, MS)), 0);
});

Deno.test("bursts run with time: the same outages for 1 Hz and for 500 Hz, whoever asks", () => {
  const spec: LinkSpec = { bursts: { goodUs: 2 * SECOND, badUs: 200 * MS, lossGood: 0, lossBad: 1 } };
  const seconds = 600;
  const fine = play(spec, seconds * 500, SECOND / 500, { seed: 3 });
  const coarse = play(spec, seconds, SECOND, { seed: 3 });
  // A share of 200 / 2200 is bad, for both.
  assert(Math.abs(lostShare(fine) - 0.0909) < 0.02, `${lostShare(fine)}`);
  coarse.forEach(({ delayUs }, second) => assertEquals(delayUs, fine[second * 500]?.delayUs));
  // Bursts of 500 Hz last about 100 frames.
  let bursts = 0;
  fine.forEach(({ delayUs }, i) => {
    if (delayUs === LOST && fine[i - 1]?.delayUs !== LOST) bursts++;
  });
  const length = fine.filter(({ delayUs }) => delayUs === LOST).length / bursts;
  assert(length > 70 && length < 140, `${length} frames a burst`);
});

Deno.test("a stall holds frames and lets them out together, in order, the first one lost", () => {
  const stall = { everyUs: 2 * SECOND, minUs: 100 * MS, meanExtraUs: 100 * MS, losesFirst: true };
  const planned = play({ delay: { kind: "constant", us: 500 }, stall }, 6000, 10 * MS, { seed: 5 });
  const held = planned.filter(({ delayUs }) => delayUs > 500);
  const lost = planned.filter(({ delayUs }) => delayUs === LOST);
  assert(lost.length > 10 && lost.length < 50, `${lost.length} stalls in a minute`);
  assert(held.length / lost.length > 10, `${held.length} held`);
  const outUs = new Set(held.map(({ atUs, delayUs }) => atUs + delayUs));
  assert(outUs.size <= lost.length + 1, "all frames of a stall come out at once");
  const longest = Math.max(...held.map(({ delayUs }) => delayUs));
  assert(longest > 100 * MS, `${longest}`);
  assertEquals(lostShare(play({ stall: { ...stall, losesFirst: false } }, 6000, 10 * MS, { seed: 5 })), 0);
});

Deno.test("a rate takes its time for every bit, and a full queue drops at the tail", () => {
  // 1,000 bytes at 8 Mbit/s take 1 ms; the queue holds three more.
  const spec: LinkSpec = { bitsPerSecond: 8_000_000, queueBytes: 4000 };
  const burst = play(spec, 8, 0, { bytes: 1000 }).map(({ delayUs }) => delayUs);
  assertEquals(burst, [1000, 2000, 3000, 4000, LOST, LOST, LOST, LOST]);
  assertEquals(play(spec, 8, 1000, { bytes: 1000 }).map(({ delayUs }) => delayUs), new Array(8).fill(1000));
  // A stream is held back, never thrown away.
  const stream = play(spec, 8, 0, { bytes: 1000, traffic: "stream" }).map(({ delayUs }) => delayUs);
  assertEquals(stream, [1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000]);
});

Deno.test("copies and broken bits come in their share; a stream sees a loss instead", () => {
  const spec: LinkSpec = { delay: { kind: "constant", us: 100 }, duplicate: 0.1, corrupt: 0.05 };
  const planned = play(spec, 20_000, MS, { bytes: 50 });
  const share = (test: (planned: Planned) => boolean) => planned.filter(test).length / planned.length;
  assert(Math.abs(share(({ copyUs }) => copyUs === 100) - 0.1) < 0.01);
  const flipped = planned.filter(({ flippedBit }) => flippedBit >= 0);
  assert(Math.abs(flipped.length / planned.length - 0.05) < 0.01);
  assert(flipped.every(({ flippedBit }) => flippedBit < 400));
  assert(new Set(flipped.map(({ flippedBit }) => flippedBit)).size > 200);
  const stream = play(spec, 20_000, MS, { traffic: "stream" });
  assert(Math.abs(lostShare(stream) - 0.05) < 0.01);
  assert(stream.every(({ copyUs, flippedBit }) => copyUs === LOST && flippedBit === -1));
});

Deno.test("multicast and broadcast fare as their own part of the spec says", () => {
  const spec: LinkSpec = {
    delay: { kind: "constant", us: 100 },
    group: { loss: 0.5, delay: { kind: "constant", us: 900 } },
  };
  const unicast = play(spec, 2000, MS);
  const group = play(spec, 2000, MS, { traffic: "group" });
  assertEquals(lostShare(unicast), 0);
  assert(Math.abs(lostShare(group) - 0.5) < 0.05);
  assertEquals([new Set(delays(unicast)), new Set(delays(group))], [new Set([100]), new Set([900])]);
});

Deno.test("what one frame needs shifts no other frame, and no model shifts another", () => {
  const plain: LinkSpec = { loss: 0.3, delay: { kind: "uniform", minUs: 0, maxUs: 500 } };
  const rich: LinkSpec = { ...plain, duplicate: 0.5, corrupt: 0.5, reorder: { share: 0, extraUs: 9 } };
  const pick = (planned: Planned[]) => planned.map(({ delayUs }) => delayUs);
  assertEquals(pick(play(plain, 500, SECOND)), pick(play(rich, 500, SECOND)));
  // A fault that comes and goes on a link leaves the later draws of that link as they were.
  const link = linkOf(9);
  const whole = pick(play(plain, 300, SECOND, { link: linkOf(9) }));
  const parts = [plain, { ...rich, loss: 0.9 }, plain].flatMap((spec, i) =>
    pick(play(spec, 100, SECOND, { link, startUs: i * 100 * SECOND }))
  );
  assertEquals([parts.slice(0, 100), parts.slice(200)], [whole.slice(0, 100), whole.slice(200)]);
});

Deno.test("a segment says why a frame cannot pass, and gives a direction its own model and back", () => {
  const world = new SimulatedWorld({ seed: 1 });
  const segment = world.createSegment("lan", { delayUs: 100 });
  const [a, b] = ["a", "b"].map((name, i) =>
    world.createHost({
      name,
      interfaces: [{ name: "eth0", segment: "lan", address: `10.0.0.${i + 1}`, prefix: 24 }],
    })
  );
  assert(a !== undefined && b !== undefined);
  const [from, to] = [a.network.find("eth0"), b.network.find("eth0")];
  assert(from !== null && to !== null);
  const plan = (bytes = 100, traffic: Traffic = "unicast") => segment.planUs(from, to, bytes, traffic);
  const talk = () => [world.canTalk("a", "b"), world.canTalk("b", "a")];
  assertEquals([plan(), ...talk()], [100, true, true]);
  segment.cut("a", "b");
  segment.cut("a", "b");
  assertEquals([plan(), ...talk()], [CUT, false, true]);
  segment.heal("a", "b");
  assertEquals(plan(), CUT, "two faults cut it, one is over");
  segment.heal("a", "b");
  segment.heal("a", "b");
  assertEquals([plan(), ...talk()], [100, true, true]);
  segment.clog("a", "b");
  assertEquals([plan(), ...talk()], [HELD, false, true]);
  segment.unclog("a", "b");
  segment.setModel("a", "b", new SpecLink({ delay: { kind: "constant", us: 7 }, mtuBytes: 500 }));
  assertEquals([plan(), plan(501), plan(501, "stream")], [7, LOST, 7]);
  segment.setModel("a", "b", new SpecLink({ loss: 1 }));
  assertEquals([plan(), ...talk()], [LOST, false, true]);
  segment.setModel("a", "b", null);
  assertEquals(plan(), 100);
  b.isolate();
  assertEquals([plan(), ...talk(), world.canTalk("b", "b")], [CUT, false, false, true]);
  b.endIsolation();
  b.setGroupLoss(1);
  assertEquals([plan(), plan(100, "group"), ...talk()], [100, LOST, true, true]);
  b.setGroupLoss(0);
  b.setInterfaceUp("eth0", false);
  assertEquals([plan(), ...talk()], [CUT, false, false]);
  b.setInterfaceUp("eth0", true);
  b.crash();
  assertEquals([plan(), ...talk(), world.canTalk("b", "b")], [CUT, false, false, false]);
});

Deno.test("datagrams to one host can fare otherwise, while streams and groups pass", () => {
  const spec: LinkSpec = { delay: { kind: "constant", us: 250 }, datagrams: { loss: 1 } };
  const share = (traffic: Traffic): number => lostShare(play(spec, 200, SECOND, { traffic }));
  assertEquals([share("unicast"), share("stream"), share("group")], [1, 0, 0]);
  // What they do not have otherwise they have as all the others.
  const some = play({ ...spec, datagrams: { loss: 0.3 } }, 5_000, SECOND);
  assert(Math.abs(lostShare(some) - 0.3) < 0.03, `${lostShare(some)}`);
  assertEquals(new Set(delays(some)), new Set([250]));
});

Deno.test("datagrams share rate and spells with streams, unless they have their own", () => {
  const link = linkOf(1);
  const shared = new SpecLink({ bitsPerSecond: 8_000_000, datagrams: { loss: 0 } });
  const next = (model: SpecLink, traffic: Traffic): number => {
    link.beginFrame();
    return model.planUs(link, 1_000, 0, traffic);
  };
  assertEquals([next(shared, "stream"), next(shared, "unicast"), next(shared, "stream")], [
    1_000,
    2_000,
    3_000,
  ]);
  const apart = new SpecLink({ bitsPerSecond: 8_000_000, datagrams: { bitsPerSecond: 4_000_000 } });
  assertEquals([next(apart, "stream"), next(apart, "unicast"), next(apart, "stream")], [1_000, 2_000, 2_000]);
  // The same process, also where the normal form has written it out for both.
  const bursts = { goodUs: 100_000, badUs: 100_000, lossGood: 0, lossBad: 1 };
  const both = new SpecLink({ bursts, datagrams: { bursts: { ...bursts }, duplicate: 0 } });
  const fates = linkOf(5);
  for (let i = 0; i < 2_000; i++) {
    const lost = (["stream", "unicast"] as const).map((traffic) => {
      fates.beginFrame();
      return both.planUs(fates, 100, i * 1_000, traffic) === LOST;
    });
    assertEquals(lost[0], lost[1]);
  }
});
