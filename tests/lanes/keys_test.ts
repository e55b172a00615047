// Keys of sequenced lanes, whole pairs and single ends: each key is sequenced by itself, the newest value wins, nothing
// old comes back. And the figures of a path that never varies.

import { assert, assertEquals } from "@std/assert";
import { LANES } from "../../lib/lanes/mod.ts";
import { START_US } from "../support/lanes/conditions.ts";
import { Link } from "../support/lanes/link.ts";
import { data, Lone } from "../support/lanes/lone.ts";
import {
  arrived,
  connectionOf,
  MILLISECOND,
  plainCondition,
  quietPair,
  SECOND,
  settle,
  statsOf,
} from "../support/lanes/quiet.ts";
import { Draws } from "../support/lanes/random.ts";

const { modulation, telemetry } = LANES;

Deno.test("a value of one key makes none of another key old, nor what has no key", () => {
  const lone = new Lone();
  lone.feed(data(modulation.id, 9, "a9", undefined, 1));
  lone.feed(data(modulation.id, 4, "b4", undefined, 2));
  lone.feed(data(modulation.id, 3, "n3"));
  lone.feed(data(modulation.id, 2, "n2"));
  lone.feed(data(modulation.id, 8, "a8", undefined, 1));
  lone.feed(data(modulation.id, 5, "b5", undefined, 2));
  lone.feed(data(modulation.id, 6, "n6"));
  assertEquals(lone.came.map(({ text }) => text), ["a9", "b4", "n3", "b5", "n6"]);
  assertEquals(lone.peer.laneStats(modulation.id).receivedStale, 2);
});

Deno.test("a thousand keys in any order: of each the newest came, and only newer after newer", () => {
  const draws = new Draws(5, "keys");
  const lone = new Lone();
  const keys = Array.from({ length: 1_000 }, () => draws.below(2 ** 30));
  const newest = new Map<number, number>();
  const expected: number[] = [];
  for (let i = 0; i < 6_000; i++) {
    const number = 10_000 + draws.below(20_000);
    const key = keys[draws.below(keys.length)] ?? 0;
    lone.feed(data(modulation.id, number, "v", undefined, key));
    if (number <= (newest.get(key) ?? -1)) continue;
    newest.set(key, number);
    expected.push(number);
  }
  assertEquals(lone.came.map(({ number }) => number), expected);
});

Deno.test("of a key that changes faster than the link the newest waits, and every key gets its turn", () => {
  const options = { congestion: "fixed", maxRateBytesPerSecond: 40_000 } as const;
  const pair = quietPair({ delayUs: MILLISECOND }, options);
  for (let i = 0; i < 2_000; i++) {
    pair.send(0, modulation.id, 100, { key: i % 20 }, true);
    if (i % 4 === 3) pair.ends[0].drain(pair.nowUs);
    pair.run(pair.nowUs + 500);
  }
  settle(pair);
  const lane = pair.models[0].lane(modulation.id);
  const came = new Map<number, number>();
  for (const { key, deliveries } of lane.messages) came.set(key, (came.get(key) ?? 0) + deliveries);
  const counts = [...came.values()];
  assert(Math.min(...counts) > 5 && Math.max(...counts) < 3 * Math.min(...counts), counts.join(" "));
  assert(statsOf(pair, 0, modulation).conflated > 1_000);
  const worst = Math.max(...lane.latenciesUs);
  assert(worst < 250 * MILLISECOND, `a value was ${worst} µs old`);
});

Deno.test("lost values of keys go again only while they are the newest", () => {
  const pair = quietPair({ delayUs: 5 * MILLISECOND });
  pair.run(pair.nowUs + SECOND);
  pair.links[0].change({ delayUs: 5 * MILLISECOND, loss: 0.3 });
  for (let i = 0; i < 300; i++) {
    pair.send(0, modulation.id, 40, { key: i % 3 });
    pair.run(pair.nowUs + 2 * MILLISECOND);
  }
  settle(pair);
  // Each key gets a new value every 6 ms, which is before the loss of the one before is known.
  const { repairedPieces } = statsOf(pair, 0, modulation);
  assert(repairedPieces <= 12, `${repairedPieces} values went again`);
});

Deno.test("the very last value of a key is lost, and its loss is noticed by a probe and not by chance", () => {
  for (const bytes of [24, 6_000]) {
    const pair = quietPair({ delayUs: MILLISECOND });
    for (let i = 0; i < 40; i++) {
      pair.send(0, modulation.id, 24, { key: 3 });
      pair.run(pair.nowUs + 5 * MILLISECOND);
    }
    pair.run(pair.nowUs + 100 * MILLISECOND);
    const link = pair.links[0];
    assert(link instanceof Link);
    link.cut({ fromUs: pair.nowUs, toUs: pair.nowUs + 10 * MILLISECOND });
    const sentUs = pair.nowUs;
    pair.send(0, modulation.id, bytes, { key: 3 });
    pair.run(pair.nowUs + SECOND, () => pair.isSettled());
    // Two probe timeouts of a path whose acknowledgements of such packets may wait for 25 ms.
    assert(pair.nowUs - sentUs < 120 * MILLISECOND, `${bytes} B came after ${pair.nowUs - sentUs} µs`);
    settle(pair);
  }
});

Deno.test("the round trip of a path that never varies is told as it is, however late its acknowledgements (RFC 9002)", () => {
  for (const [delayUs, driftPpm] of [[500, 0], [1_000, 300], [7_777, 0], [7_777, 300]] as const) {
    // The one who acknowledges counts faster than the one who measures.
    const clocks = [{ startUs: START_US, driftPpm: -driftPpm }, { startUs: START_US, driftPpm }] as const;
    const pair = quietPair({ delayUs }, { condition: plainCondition({ delayUs }, { clocks }) });
    for (let i = 0; i < 400; i++) {
      pair.send(0, telemetry.id, 100);
      pair.run(pair.nowUs + 4 * MILLISECOND);
    }
    pair.run(pair.nowUs + SECOND);
    const { rttUs } = connectionOf(pair, 0).stats();
    assert(Math.abs(rttUs.smoothed - 2 * delayUs) < 300, `${rttUs.smoothed} µs of ${2 * delayUs}`);
    assert(rttUs.variance < 500, `a variation of ${rttUs.variance} µs`);
    assertEquals(arrived(pair, telemetry).length, 400);
  }
});
