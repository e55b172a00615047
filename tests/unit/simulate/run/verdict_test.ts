// What decides a verdict, and how good a way is.

import { assertEquals } from "@std/assert";
import {
  decide,
  judgeMetrics,
  type LinkSpec,
  qualityOf,
  type Violation,
  worstVerdict,
} from "../../../../lib/simulate/mod.ts";
import { FACT_KINDS, FactBus } from "../../../../lib/simulate/run/facts.ts";
import type { Fact } from "../../../../lib/simulate/mod.ts";

const violation: Violation = { id: "no_ghosts", kind: "safety", atUs: 1, nodes: [], text: "" };
const nothing = { violations: [], claims: [], unmeasured: [], notWarm: null, cutShort: null };
const unmet = [{ claim: "suspected", times: 0, atLeast: 1 }];

Deno.test("a violation fails a run, whatever else it showed", () => {
  assertEquals(decide(nothing), { verdict: "pass", reason: null });
  assertEquals(decide({ ...nothing, violations: [violation], claims: unmet }).verdict, "fail");
  assertEquals(decide({ ...nothing, violations: [violation], cutShort: "interrupted" }).verdict, "fail");
  assertEquals(decide({ ...nothing, claims: unmet }).verdict, "inconclusive");
  assertEquals(decide({ ...nothing, unmeasured: ["<2s"] }).verdict, "inconclusive");
  assertEquals(decide({ ...nothing, cutShort: "interrupted" }), {
    verdict: "inconclusive",
    reason: "interrupted",
  });
});

Deno.test("who never warmed up proves nothing, but a bug of hana counts all the same", () => {
  const cold = { ...nothing, notWarm: "viz-0 misses viz-1" };
  assertEquals(decide(cold), { verdict: "invalid", reason: "viz-0 misses viz-1" });
  assertEquals(decide({ ...cold, violations: [violation] }).verdict, "invalid");
  assertEquals(decide({ ...cold, violations: [{ ...violation, kind: "internal" }] }).verdict, "fail");
});

Deno.test("the worst of several verdicts is the one that counts, and no run at all is no pass", () => {
  const worst = (...verdicts: ("pass" | "fail" | "inconclusive" | "invalid")[]) =>
    worstVerdict(verdicts.map((verdict) => ({ verdict })));
  assertEquals(worst("pass", "pass"), "pass");
  assertEquals(worst("pass", "inconclusive"), "inconclusive");
  assertEquals(worst("invalid", "inconclusive"), "invalid");
  assertEquals(worst("fail", "invalid", "pass"), "fail");
  assertEquals(worst(), "inconclusive");
});

Deno.test("bounds hold or do not; a bound without a statistic is one on the value, or else on the worst", () => {
  const metrics = {
    flap: { unit: "count", count: 1, value: 3 },
    age: { unit: "us", count: 2, min: 1, p50: 1, p95: 9, p99: 9, max: 9 },
    gap: { unit: "us", count: 0 },
  };
  const judge = (
    metric: string,
    statistic: "value" | "p50" | "count",
    operator: "<" | "<=" | "=" | ">=" | ">",
    value: number,
  ) => {
    const text = `${operator}${value}`;
    const { violations, unmeasured } = judgeMetrics(
      [{ metric, statistic, operator, value, text }],
      metrics,
      5,
    );
    return unmeasured.length > 0 ? "unmeasured" : violations.length === 0;
  };
  assertEquals(judge("flap", "value", "<=", 3), true);
  assertEquals(judge("flap", "value", "<", 3), false);
  assertEquals(judge("flap", "value", "=", 3), true);
  assertEquals(judge("flap", "value", ">", 3), false);
  assertEquals(judge("age", "value", "<", 9), false);
  assertEquals(judge("age", "p50", ">=", 1), true);
  assertEquals(judge("gap", "value", "<", 9), "unmeasured");
  assertEquals(judge("gap", "count", "=", 0), true);
});

Deno.test("a way is judged by what can befall a node on it", () => {
  const cases: [LinkSpec, string][] = [
    [{}, "clean"],
    [{ delay: { kind: "exponential", minUs: 150, meanUs: 50 } }, "clean"],
    [{ loss: 0.05 }, "fair"],
    [{ loss: 0.3 }, "poor"],
    [{ loss: 1 }, "none"],
    [{ bursts: { goodUs: 8e6, badUs: 3e5, lossGood: 0, lossBad: 0.95 } }, "fair"],
    [{ bursts: { goodUs: 8e6, badUs: 3e6, lossGood: 0, lossBad: 0.95 } }, "poor"],
    [{ stall: { everyUs: 27e6, minUs: 1e5, meanExtraUs: 18e4, losesFirst: true } }, "fair"],
    [{ stall: { everyUs: 27e6, minUs: 2e6, meanExtraUs: 18e4, losesFirst: true } }, "poor"],
    [{ delay: { kind: "constant", us: 2_000_000 } }, "poor"],
    [{ mtuBytes: 600 }, "poor"],
    [{ group: { loss: 1 } }, "fair"],
    // Streams and groups pass: nobody is cut off, and nobody answers questions.
    [{ datagrams: { loss: 1 } }, "poor"],
    [{ datagrams: { loss: 0.05 } }, "fair"],
  ];
  for (const [spec, quality] of cases) assertEquals(qualityOf(spec), quality, JSON.stringify(spec));
});

Deno.test("facts that nobody wants need not be made, and observers hear before the outside does", () => {
  const heard: string[] = [];
  const bus = new FactBus(null, false);
  bus.add({ wants: ["phase"], onFact: () => heard.push("observer") });
  assertEquals(FACT_KINDS.filter((kind) => bus.isWanted(kind)), ["phase"]);
  assertEquals(bus.watchesFrames, false);
  const open = new FactBus(() => heard.push("outside"), true);
  open.add({ onFact: () => heard.push("observer") });
  const fact: Fact = { kind: "phase", atUs: 0, phase: "warm" };
  open.tell(fact);
  assertEquals(heard, ["observer", "outside"]);
  assertEquals(open.watchesFrames, true);
});
