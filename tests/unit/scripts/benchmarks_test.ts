// How scripts/bench turns values into figures and figures into a verdict.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { renderResult } from "../../../scripts/benchmarks/rendering.ts";
import { exitCodeOf, type Result } from "../../../scripts/benchmarks/result.ts";
import { median, percentile, round } from "../../../scripts/benchmarks/statistics.ts";

const values = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 });
const share = fc.double({ min: 0, max: 1, noNaN: true });

Deno.test("a percentile is one of the values, and at least its share of them are no greater", () => {
  fc.assert(fc.property(values, share, (all, wanted) => {
    const found = percentile(all, wanted);
    assert(all.includes(found));
    assert(all.filter((value) => value <= found).length >= wanted * all.length);
    assert(all.filter((value) => value < found).length <= wanted * all.length);
  }));
});

Deno.test("a median does not move when values change their order or the greatest grows", () => {
  fc.assert(fc.property(values.filter((all) => all.length > 2), (all) => {
    const sorted = [...all].sort((a, b) => a - b);
    assertEquals(median(all), median(sorted));
    assertEquals(median([...sorted.slice(0, -1), 1e9]), median(sorted));
  }));
});

Deno.test("figures of nothing are no numbers", () => {
  assert(Number.isNaN(percentile([], 0.5)));
  assert(Number.isNaN(median([])));
});

Deno.test("a shown figure is off by half a per cent at most", () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-3, max: 1e9, noNaN: true }), (value) => {
      assert(Math.abs(round(value) - value) <= 0.005 * value + Number.EPSILON);
    }),
  );
});

function result(met: boolean): Result {
  return {
    name: "rtt-unix",
    n: 10,
    rttUs: { p50: 20, p99: 60 },
    baseline: { name: "bare echo", rttUs: { p50: 18, p99: 40 } },
    ratio: { p50: 1.11, p99: 1.5 },
    limit: { p50: 2, p99: 2.5 },
    met,
    how: "as always",
  };
}

Deno.test("a missed limit decides the exit code before what could not be measured", () => {
  const unmeasured = [{ name: "idle", why: "no /proc" }];
  assertEquals(exitCodeOf([result(true)], []), 0);
  assertEquals(exitCodeOf([result(true)], unmeasured), 3);
  assertEquals(exitCodeOf([result(true), result(false)], []), 5);
  assertEquals(exitCodeOf([result(false)], unmeasured), 5);
});

Deno.test("a result shows its verdict first, then hana beside the baseline, then ratio and limit", () => {
  const [first = "", hana = "", bare = "", ratio = ""] = renderResult(result(false)).split("\n");
  assert(first.startsWith("MISSED"));
  assert(hana.includes("hana") && hana.includes("p50 20"));
  assert(bare.includes("bare echo") && bare.includes("p99 40"));
  assert(ratio.includes("p50 1.11") && ratio.includes("limit  p50 2"));
  assert(renderResult(result(true)).startsWith("met"));
});
