// How lanes share a path: tiers, weights, floors, bursts (research 4.7, 4.8; I10, I11, I12). Measured on the packets that
// leave, at a fixed rate that a test can reckon with.

import { assert } from "@std/assert";
import { type Lane, LANES } from "../../lib/lanes/mod.ts";
import { OVERHEAD_BYTES } from "../support/lanes/endpoint.ts";
import type { Pair } from "../support/lanes/pair.ts";
import { assertSound, laneOf, MILLISECOND, quietPair, SECOND } from "../support/lanes/quiet.ts";

/** A packet that left the first side: when, how large, and the bytes of each lane's frames in it. */
interface Left {
  readonly atUs: number;
  readonly bytes: number;
  readonly pure: boolean;
  readonly lanes: ReadonlyMap<number, number>;
}

function watch(pair: Pair): Left[] {
  const left: Left[] = [];
  pair.ends[0].onPacket = (atUs, _number, frames, bytes) => {
    const lanes = new Map<number, number>();
    for (const frame of frames) {
      if (frame.type === "data") {
        lanes.set(frame.data.lane, (lanes.get(frame.data.lane) ?? 0) + frame.data.size);
      }
    }
    left.push({ atUs, bytes, pure: frames.every(({ type }) => type === "ack"), lanes });
  };
  return left;
}

/** Keeps lanes full for a while: each gets a message whenever its queue has room. */
function saturate(pair: Pair, lanes: readonly Lane[], bytes: number, forUs: number): void {
  const endUs = pair.nowUs + forUs;
  while (pair.nowUs < endUs) {
    for (const lane of lanes) {
      const id = pair.laneOf(0, lane).id;
      while (pair.peers[0].laneStats(id).queuedBytes < 30_000) {
        if (pair.send(0, id, bytes, {}, true) < 0) break;
      }
    }
    pair.ends[0].drain(pair.nowUs);
    pair.run(pair.nowUs + 2 * MILLISECOND);
  }
}

function bytesOf(left: readonly Left[], lane: number, fromUs: number, toUs: number): number {
  let sum = 0;
  for (const { atUs, lanes } of left) if (atUs >= fromUs && atUs < toUs) sum += lanes.get(lane) ?? 0;
  return sum;
}

const FIXED = { congestion: "fixed", maxRateBytesPerSecond: 1_000_000 } as const;

Deno.test("two saturated lanes of one tier share three to one by their weights within 5 % (I12)", () => {
  for (const [heavy, light] of [[1_000, 1_000], [200, 1_400], [5_000, 64]] as const) {
    const lanes = [
      laneOf("heavy", "reliable-ordered", { tier: 2, weight: 3 }),
      laneOf("light", "unreliable-unordered", { tier: 2, weight: 1 }),
    ];
    const pair = quietPair({ delayUs: MILLISECOND }, { ...FIXED, lanes });
    const left = watch(pair);
    const [first, second] = lanes.map((lane) => pair.laneOf(0, lane).id);
    const endUs = pair.nowUs + 1_500 * MILLISECOND;
    while (pair.nowUs < endUs) {
      for (const [id, bytes] of [[first, heavy], [second, light]] as const) {
        if (id === undefined) continue;
        while (pair.peers[0].laneStats(id).queuedBytes < 30_000) pair.send(0, id, bytes, {}, true);
      }
      pair.ends[0].drain(pair.nowUs);
      pair.run(pair.nowUs + 2 * MILLISECOND);
    }
    const fromUs = endUs - SECOND;
    const share = bytesOf(left, first ?? 0, fromUs, endUs) / bytesOf(left, second ?? 0, fromUs, endUs);
    assert(share > 3 * 0.95 && share < 3 * 1.05, `${heavy} B and ${light} B: ${share.toFixed(2)} to one`);
    assertSound(pair);
  }
});

Deno.test("a cue waits for one packet of an asset at most, and the asset goes on (I11)", () => {
  const cues = laneOf("cues", "reliable-unordered", { tier: 1 });
  const bulk = laneOf("assets", "reliable-ordered", { tier: 3 });
  const pair = quietPair({ delayUs: MILLISECOND }, { ...FIXED, lanes: [cues, bulk] });
  const left = watch(pair);
  const [cue, asset] = [pair.laneOf(0, cues).id, pair.laneOf(0, bulk).id];
  const sentAfter: number[] = [];
  for (let i = 0; i < 100; i++) {
    saturate(pair, [bulk], 8_000, 10 * MILLISECOND);
    sentAfter.push(left.length);
    pair.send(0, cue, 40);
  }
  pair.run(pair.nowUs + 50 * MILLISECOND);
  for (const [i, packets] of sentAfter.entries()) {
    const after = left.slice(packets).filter(({ pure }) => !pure);
    const waited = after.findIndex(({ lanes }) => lanes.has(cue));
    assert(waited >= 0 && waited <= 1, `${waited} packets went before cue ${i}`);
  }
  const total = bytesOf(left, asset, 0, Infinity);
  assert(total > 0.85e6, `the asset got ${total} B of 1 MB`);
  assertSound(pair);
});

Deno.test("a lower tier gets its twentieth of any 100 ms, and tier 0 no more than half while tier 1 waits (I11)", () => {
  const high = laneOf("high", "reliable-ordered", { tier: 1 });
  const low = laneOf("low", "reliable-ordered", { tier: 3 });
  const pair = quietPair({ delayUs: MILLISECOND }, { ...FIXED, lanes: [high, low] });
  const left = watch(pair);
  const startUs = pair.nowUs;
  saturate(pair, [high, low], 900, SECOND);
  const lowId = pair.laneOf(0, low).id;
  for (
    let fromUs = startUs + 200 * MILLISECOND;
    fromUs < startUs + 900 * MILLISECOND;
    fromUs += 10 * MILLISECOND
  ) {
    const toUs = fromUs + 100 * MILLISECOND;
    const all = left.filter(({ atUs }) => atUs >= fromUs && atUs < toUs).reduce(
      (sum, { bytes }) => sum + bytes,
      0,
    );
    const share = bytesOf(left, lowId, fromUs, toUs) / all;
    assert(share > 0.03 && share < 0.09, `the lower tier got ${(100 * share).toFixed(1)} % of 100 ms`);
  }
  const both = quietPair({ delayUs: MILLISECOND }, { ...FIXED, lanes: [high] });
  const packets = watch(both);
  saturate(both, [LANES.control, high], 900, SECOND);
  const fromUs = both.nowUs - 700 * MILLISECOND;
  const zero = bytesOf(packets, LANES.control.id, fromUs, Infinity);
  const one = bytesOf(packets, both.laneOf(0, high).id, fromUs, Infinity);
  assert(zero / (zero + one) < 0.55, `tier 0 took ${(100 * zero / (zero + one)).toFixed(0)} %`);
  assert(zero / (zero + one) > 0.4, `tier 0 got ${(100 * zero / (zero + one)).toFixed(0)} %`);
});

Deno.test("at any rate no window holds more than a burst and the rate's due (I10)", () => {
  for (const rate of [50_000, 400_000, 4_000_000]) {
    const bulk = laneOf("assets", "reliable-ordered", { tier: 3 });
    const options = { congestion: "fixed", maxRateBytesPerSecond: rate, lanes: [bulk] } as const;
    const pair = quietPair({ delayUs: 5 * MILLISECOND }, options);
    const left = watch(pair).filter(() => true);
    const packets = watch(pair);
    saturate(pair, [bulk], 3_000, SECOND);
    const timed = packets.filter(({ pure, lanes }) => !pure && lanes.size > 0);
    assert(left.length === 0 && timed.length > 20, `${timed.length} packets`);
    // Two packets and a debt of one, or two quanta of the timer; one more for a probe of its own.
    const burst = Math.max(4 * (1_427 + OVERHEAD_BYTES), rate * 3 * 2_100 / SECOND);
    for (let i = 0; i < timed.length; i++) {
      let bytes = 0;
      for (let j = i; j < Math.min(timed.length, i + 400); j++) {
        bytes += timed[j]?.bytes ?? 0;
        const windowUs = (timed[j]?.atUs ?? 0) - (timed[i]?.atUs ?? 0);
        const most = burst + rate * windowUs / SECOND;
        assert(bytes <= most, `${bytes} B within ${windowUs} µs at ${rate} B/s, ${most} would do`);
      }
    }
    const used = timed.reduce((sum, { bytes }) => sum + bytes, 0);
    assert(used > 0.9 * rate, `${used} B in a second at ${rate} B/s`);
    assertSound(pair);
  }
});
