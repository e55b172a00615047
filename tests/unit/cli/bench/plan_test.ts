import { assertEquals, assertThrows } from "@std/assert";
import { formatSize, planOf, sizeOf, workloadOf } from "../../../../cli/bench/plan.ts";
import { HanaError } from "../../../../lib/base/mod.ts";
import { LANE_KINDS } from "../../../../lib/lanes/mod.ts";

function problem(run: () => unknown): { what: string; why: string | undefined; hint: string | undefined } {
  const { code, what, why, hint } = assertThrows(run, HanaError);
  assertEquals(code, "usage");
  return { what, why, hint };
}

Deno.test("sizes are bytes, KiB or MiB, and read back as they are written", () => {
  assertEquals(["64", "64B", "1KiB", "2kib", "1MiB"].map(sizeOf), [64, 64, 1024, 2048, 1024 * 1024]);
  assertEquals([64, 1024, 1200, 1024 * 1024].map(formatSize), ["64 B", "1 KiB", "1200 B", "1 MiB"]);
  for (const bad of ["", "8", "2MiB", "x", "-64", "64 KB", "1e3"]) problem(() => sizeOf(bad));
});

Deno.test("a mistyped workload, path or kind is answered with the one that was meant", () => {
  assertEquals(problem(() => workloadOf("fannout")).why, "did you mean fanout?");
  assertEquals(problem(() => planOf("rtt", { path: "upd" })).hint, "--path udp");
  assertEquals(
    problem(() => planOf("rtt", { kind: "reliable-orderd" })).why,
    "did you mean reliable-ordered?",
  );
  assertEquals(
    problem(() => workloadOf("zzzzzz")).why,
    "the workloads are rtt, lane, fanout, codec, handshake",
  );
});

Deno.test("kinds go by short names, and what is named twice is measured once", () => {
  assertEquals(planOf("rtt", { kind: "us,unreliable-sequenced,ro" }).kinds, [
    "unreliable-sequenced",
    "reliable-ordered",
  ]);
  assertEquals(planOf("lane", {}).kinds, LANE_KINDS);
  assertEquals(planOf("fanout", {}).kinds, ["unreliable-sequenced"]);
  assertEquals(planOf("fanout", { kind: "all" }).kinds, LANE_KINDS);
});

Deno.test("round trips go at 1,000 a second unless told otherwise, or one after the other", () => {
  assertEquals(planOf("rtt", {}).ratePerS, 1_000);
  assertEquals(planOf("rtt", { rate: "250" }).ratePerS, 250);
  assertEquals(planOf("rtt", { closed: true }).ratePerS, null);
  assertEquals(problem(() => planOf("rtt", { closed: true, rate: "5" })).hint, "without --rate");
  for (const bad of ["0", "1.5", "x", "2000000"]) problem(() => planOf("rtt", { rate: bad }));
});

Deno.test("durations need a unit, and no measurement lasts no time", () => {
  const plan = planOf("lane", { duration: "250ms", warmup: "0", rounds: "2" });
  assertEquals([plan.durationUs, plan.warmupUs, plan.rounds], [250_000, 0, 2]);
  problem(() => planOf("lane", { duration: "0" }));
  problem(() => planOf("lane", { duration: "5" }));
  problem(() => planOf("lane", { rounds: "0" }));
  problem(() => planOf("fanout", { receivers: "1,65" }));
});
