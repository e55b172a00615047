// Round trips: what samples make of the estimate.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { INITIAL_RTT_US, RttEstimator } from "../../../../lib/lanes/recovery/mod.ts";

Deno.test("before the first sample the round trip is a guess, the first sample replaces it", () => {
  const rtt = new RttEstimator();
  assertEquals([rtt.hasSample, rtt.smoothedUs, rtt.minUs], [false, INITIAL_RTT_US, INITIAL_RTT_US]);
  rtt.update(1_000, 300, 0);
  assertEquals([rtt.hasSample, rtt.smoothedUs, rtt.varianceUs, rtt.minUs], [true, 300, 150, 300]);
  const known = new RttEstimator(5_000, 800);
  assertEquals([known.hasSample, known.smoothedUs, known.minUs, known.latestUs], [true, 800, 800, 800]);
  known.reset();
  assertEquals([known.hasSample, known.smoothedUs, known.minUs], [false, INITIAL_RTT_US, INITIAL_RTT_US]);
});

Deno.test("the peer's delay is taken off unless that makes the path faster than it ever was", () => {
  const rtt = new RttEstimator(0, 1_000);
  rtt.update(10, 6_000, 5_000);
  assertEquals([rtt.latestUs, rtt.latestRawUs], [1_000, 6_000]);
  // Delays are rounded, and clocks drift: that little is believed, and no path gets faster by it.
  rtt.update(20, 6_000, 5_001);
  assertEquals([rtt.latestUs, rtt.minUs], [1_000, 1_000]);
  rtt.update(30, 6_000, 5_021);
  assertEquals(rtt.latestUs, 1_000);
  rtt.update(40, 6_000, 5_022);
  assertEquals(rtt.latestUs, 6_000);
});

Deno.test("the smallest sample is that of the last ten seconds", () => {
  const sample = fc.record({
    gap: fc.integer({ min: 0, max: 4_000_000 }),
    us: fc.integer({ min: 0, max: 100_000 }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 40 }),
      fc.array(sample, { minLength: 1, maxLength: 200, size: "max" }),
      (start, samples) => {
        const rtt = new RttEstimator();
        const model: { second: number; us: number }[] = [];
        let now = start;
        for (const { gap, us } of samples) {
          now += gap;
          rtt.update(now, us, 0);
          const second = Math.floor(now / 1_000_000);
          model.push({ second, us });
          assertEquals(
            rtt.minUs,
            Math.min(...model.filter((past) => past.second > second - 10).map((past) => past.us)),
          );
        }
      },
    ),
  );
});

Deno.test("the smoothed round trip stays between the smallest and the largest sample, and nothing is negative", () => {
  const sample = fc.record({
    gap: fc.integer({ min: 0, max: 2_000_000 }),
    us: fc.integer({ min: -50, max: 500_000 }),
    delay: fc.integer({ min: 0, max: 30_000 }),
  });
  fc.assert(fc.property(fc.array(sample, { minLength: 1, maxLength: 200, size: "max" }), (samples) => {
    const rtt = new RttEstimator();
    let now = 0;
    let least = Infinity;
    let most = 0;
    for (const { gap, us, delay } of samples) {
      now += gap;
      rtt.update(now, us, delay);
      least = Math.min(least, Math.max(0, us));
      most = Math.max(most, us);
      assert(rtt.smoothedUs >= least && rtt.smoothedUs <= Math.max(0, most));
      assert(rtt.varianceUs >= 0 && rtt.latestUs >= 0 && rtt.minUs >= 0);
      assert(Number.isInteger(rtt.smoothedUs) && Number.isInteger(rtt.varianceUs));
      assert(rtt.ptoUs(2_100, 5_000) >= rtt.smoothedUs + 2 * 2_100 + 5_000);
    }
  }));
});

Deno.test("the wait for an answer is that of the design for a cable and for a wireless link", () => {
  const cable = new RttEstimator(0, 300);
  for (let i = 0; i < 50; i++) cable.update(i, 300, 0);
  assertEquals(cable.ptoUs(2_100, 5_000), 300 + 4_200 + 5_000);
  const wireless = new RttEstimator(0, 10_000);
  for (let i = 0; i < 200; i++) wireless.update(i, i % 2 === 0 ? 7_000 : 13_000, 0);
  const ptoUs = wireless.ptoUs(2_100, 5_000);
  assert(ptoUs > 24_000 && ptoUs < 30_000, `${ptoUs}`);
});
