import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { LatencyHistogram } from "../../../../cli/bench/latency.ts";

function histogramOf(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

const LATENCIES = fc.array(fc.double({ min: 0, max: 3e8, noNaN: true }), { minLength: 1, maxLength: 200 });

Deno.test("a percentile is off by a thousandth or a tenth of a microsecond, whichever is more", () => {
  fc.assert(fc.property(LATENCIES, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, share) => {
    const exact = [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)] ?? NaN;
    const told = histogramOf(values).percentile(share);
    assert(Math.abs(told - exact) <= Math.max(0.1, exact / 1000), `${told} for ${exact}`);
  }));
});

Deno.test("two histograms added, or one through JSON, hold all values", () => {
  fc.assert(fc.property(LATENCIES, LATENCIES, (some, others) => {
    const both = histogramOf([...some, ...others]);
    const added = histogramOf(some);
    added.add(histogramOf(others));
    const read = LatencyHistogram.fromJSON(JSON.parse(JSON.stringify(both)));
    for (const each of [added, read]) {
      assertEquals(each.count, both.count);
      assertEquals([each.min, each.max], [both.min, both.max]);
      for (const share of [0.01, 0.5, 0.99, 1]) assertEquals(each.percentile(share), both.percentile(share));
    }
  }));
});

Deno.test("an empty histogram says 0 and has no ranges, and stays empty through JSON", () => {
  const empty = LatencyHistogram.fromJSON(JSON.parse(JSON.stringify(new LatencyHistogram())));
  assertEquals([empty.count, empty.min, empty.max, empty.mean, empty.percentile(0.5)], [0, 0, 0, 0, 0]);
  assertEquals(empty.ranges(4), []);
  empty.record(12);
  assertEquals([empty.min, empty.max], [12, 12]);
});

Deno.test("ranges cover all values without a gap and count each once", () => {
  fc.assert(fc.property(LATENCIES, (values) => {
    const histogram = histogramOf(values);
    const ranges = histogram.ranges(8);
    assertEquals(ranges.reduce((sum, { count }) => sum + count, 0), values.length);
    for (const [i, range] of ranges.entries()) {
      const next = ranges[i + 1];
      if (next !== undefined) assertEquals(range.toUs, next.fromUs);
    }
  }));
});

Deno.test("negative times count as 0 and what is above seven minutes counts in the last bucket", () => {
  const histogram = histogramOf([-5, 1e12]);
  assertEquals([histogram.min, histogram.max, histogram.count], [0, 1e12, 2]);
  assert(histogram.percentile(1) > 4e8);
});
