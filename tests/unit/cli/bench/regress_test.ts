import { assertEquals, assertThrows } from "@std/assert";
import { compare, readBaseline, shareOf } from "../../../../cli/bench/regress.ts";
import type { BenchResult } from "../../../../cli/bench/result.ts";
import { HanaError } from "../../../../lib/base/mod.ts";

function result(name: string, ratio: Record<string, number> | null): BenchResult {
  return { name, workload: "rtt", n: 1, baseline: null, ratio, how: "" };
}

Deno.test("a round trip that got longer and a rate that fell are regressions, the other way round they are none", () => {
  const before = new Map<string, Record<string, number>>([["a", { p50: 1.0, p99: 1.0 }], ["b", {
    msgsPerS: 4,
  }]]);
  const worse = compare([result("a", { p50: 1.2, p99: 9 }), result("b", { msgsPerS: 3 })], before, 0.1);
  assertEquals(worse.compared, 2);
  assertEquals(worse.regressions.map(({ name, figure, worseBy }) => [name, figure, worseBy]), [
    ["a", "p50", 0.2],
    ["b", "msgsPerS", 0.333],
  ]);
  const better = compare([result("a", { p50: 0.5 }), result("b", { msgsPerS: 8 })], before, 0);
  assertEquals([better.compared, better.regressions], [2, []]);
});

Deno.test("what is as much worse as it may be is allowed", () => {
  const before = new Map([["a", { p50: 1 }]]);
  assertEquals(compare([result("a", { p50: 1.5 })], before, 0.5).regressions, []);
  assertEquals(compare([result("a", { p50: 1.5001 })], before, 0.5).regressions.length, 1);
});

Deno.test("a result without a ratio, or that the baseline does not have, is not compared", () => {
  const before = new Map([["a", { p50: 1 }], ["z", { p50: NaN }]]);
  const { compared } = compare(
    [result("a", null), result("b", { p50: 9 }), result("z", { p50: 1 })],
    before,
    0,
  );
  assertEquals(compared, 0);
});

Deno.test("a share is per cent or a fraction", () => {
  assertEquals(["10%", "0.1", "0", "12.5%"].map(shareOf), [0.1, 0.1, 0, 0.125]);
  for (const bad of ["", "x", "-1%", "10 %%", "2000%"]) assertThrows(() => shareOf(bad), HanaError);
});

Deno.test("a file that is no result of bench is refused with what it is", async () => {
  const path = await Deno.makeTempFile();
  try {
    for (
      const [text, why] of [["{}", "schema"], ["nonsense", "JSON"], [
        '{"schema":"hana.ping/1"}',
        "hana.ping/1",
      ]]
    ) {
      await Deno.writeTextFile(path, text ?? "");
      const error = assertThrows(() => readBaseline(path), HanaError);
      assertEquals([error.code, error.why?.includes(why ?? "")], ["usage", true], error.why);
    }
    const results = [{ name: "a", ratio: { p50: 2 } }, { name: "b", ratio: null }];
    await Deno.writeTextFile(path, JSON.stringify({ schema: "hana.bench/1", results }));
    assertEquals([...readBaseline(path)], [["a", { p50: 2 }]]);
    assertEquals(assertThrows(() => readBaseline(`${path}-none`), HanaError).code, "storage");
  } finally {
    await Deno.remove(path);
  }
});
