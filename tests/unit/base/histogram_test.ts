import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Histogram } from "../../../lib/base/mod.ts";

/** Half a day in microseconds: longer than any bucket of its own. */
const HALF_A_DAY_US = 12 * 3600 * 1e6;
/** What 16 buckets a power of two promise. */
const MAX_ERROR = 1 / 16;

Deno.test("a percentile is never below the true one and at most 6.25 % above it", () => {
  const values = fc.array(fc.oneof(fc.nat(20), fc.nat(100_000), fc.nat(2 ** 31 - 1), fc.nat(2 ** 34)), {
    minLength: 1,
    maxLength: 200,
  });
  fc.assert(fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (recorded, share) => {
    const histogram = new Histogram();
    for (const value of recorded) histogram.record(value);
    const sorted = recorded.toSorted((a, b) => a - b);
    const exact = sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? 0;
    const told = histogram.percentile(share);
    assert(told >= exact && told <= exact * (1 + MAX_ERROR), `${told} for ${exact}`);
  }));
});

Deno.test("an empty histogram says nothing but zeros", () => {
  const histogram = new Histogram();
  assertEquals([histogram.count, histogram.min, histogram.max, histogram.percentile(0.5)], [0, 0, 0, 0]);
});

Deno.test("smallest and largest value are exact, and bound every percentile", () => {
  const histogram = new Histogram();
  for (const value of [1_000_003, 17, 923]) histogram.record(value);
  assertEquals([histogram.min, histogram.max, histogram.count], [17, 1_000_003, 3]);
  assertEquals([histogram.percentile(0), histogram.percentile(1)], [17, 1_000_003]);
});

Deno.test("values beyond every bucket, negative ones and NaN are counted and break nothing", () => {
  const histogram = new Histogram();
  for (const value of [-5, NaN, HALF_A_DAY_US, Infinity]) histogram.record(value);
  assertEquals(histogram.count, 4);
  assertEquals(histogram.percentile(0.5), 0);
  assertEquals(histogram.percentile(1), Infinity);
  assertEquals(histogram.countBetween(0, 1), 2);
});

Deno.test("counts between powers of two are exact, and the parts make the whole", () => {
  fc.assert(fc.property(fc.array(fc.nat(2 ** 30)), (recorded) => {
    const histogram = new Histogram();
    for (const value of recorded) histogram.record(value);
    let sum = histogram.countBetween(0, 1);
    for (let from = 1; from < 2 ** 31; from *= 2) {
      const expected = recorded.filter((value) => value >= from && value < from * 2).length;
      assertEquals(histogram.countBetween(from, from * 2), expected);
      sum += expected;
    }
    assertEquals(sum, recorded.length);
  }));
});
