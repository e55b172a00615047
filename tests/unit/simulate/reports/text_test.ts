// Lines, figures, excerpts, and Markdown.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  boundText,
  boundUses,
  causalExcerpt,
  countText,
  EXCERPT_LINES,
  ExcerptKeeper,
  type Fact,
  factLine,
  identityOf,
  isAsWanted,
  markdown,
  spanText,
  violatedIds,
  worstBound,
} from "../../../../lib/simulate/mod.ts";
import { factsOf, HOSTILE, reportOf, resultOf, runOf, scenarioFor, violationOf } from "./fixture.ts";

Deno.test("every kind of fact is one harmless line that begins with its time", () => {
  const violation = violationOf({ text: HOSTILE });
  const facts: Fact[] = [
    ...factsOf(violation),
    { kind: "session", atUs: 1, node: HOSTILE, peer: "b", what: "lost" },
    { kind: "discovery", atUs: 1, node: "a", event: "found" },
    { kind: "claim", atUs: 1, claim: "suspected" },
    { kind: "crash", atUs: 1, node: "a", text: "TypeError: x\n  at y" },
    { kind: "sent", atUs: 1, traffic: "t", from: "a", to: "b", number: 1, status: "sent" },
    { kind: "received", atUs: 900, traffic: "t", from: "a", to: "b", number: 1, sentAtUs: 1, session: 1 },
    { kind: "answered", atUs: 900, traffic: "t", from: "a", to: "b", number: 1, sentAtUs: 1, status: "ok" },
  ];
  for (const fact of facts) {
    const line = factLine(fact);
    assertMatch(line, /^ *\d+\.\d{3}s {2}\S/);
    // deno-lint-ignore no-control-regex
    assert(!/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/.test(line), line);
  }
});

Deno.test("times and counts keep three digits", () => {
  const spans: [number, string][] = [[0, "0us"], [840, "840us"], [1_234, "1.23ms"], [19_000, "19ms"]];
  spans.push([1_500_000, "1.5s"], [63_000_000, "63s"], [600_000_000, "10min"], [28_800_000_000, "8h"]);
  for (const [us, text] of spans) assertEquals(spanText(us), text);
  for (const [n, text] of [[0, "0"], [999, "999"], [14_700, "14.7k"], [9_740_000, "9.74M"]] as const) {
    assertEquals(countText(n), text);
  }
});

Deno.test("the bound that is nearest to being missed is the one that is told", () => {
  const scenario = scenarioFor();
  const uses = boundUses(resultOf(scenario), scenario.expect.metrics);
  assertEquals(uses.map(({ used, isMet }) => [used, isMet]), [[0.75, true]]);
  assertEquals(boundText(uses[0] ?? fail()), "discovery.all.p99 1.5s (< 2s)");
  const [bound] = scenario.expect.metrics;
  assert(bound !== undefined);
  const others = [
    { ...bound, operator: ">=", value: 1_000_000, text: "at least" },
    { ...bound, operator: "<", value: 1_000_000, text: "missed" },
    { ...bound, metric: "nobody.measures", text: "nothing" },
  ] as const;
  const all = boundUses(resultOf(scenario), [bound, ...others]);
  assertEquals(all.map(({ isMet }) => isMet), [true, true, false, true]);
  assertEquals(worstBound(all)?.bound.text, "missed");
  assertEquals(worstBound([]), null);
});

function fail(): never {
  throw new Error("nothing there");
}

Deno.test("an excerpt holds the fault, what the named nodes believed, and ends with the violation", () => {
  const violation = violationOf();
  const facts = factsOf(violation);
  const keeper = new ExcerptKeeper();
  for (const fact of facts) keeper.onFact(fact);
  const excerpt = keeper.excerpt(violation);
  assertEquals(excerpt.length, EXCERPT_LINES);
  assertEquals(excerpt.at(-1)?.kind, "violation");
  const lines = excerpt.map(factLine).join("\n");
  assertStringIncludes(lines, "fault t0 begins: crash viz-1");
  assertStringIncludes(lines, "app-0 suspects viz-2");
  assertStringIncludes(lines, "app-0 declares viz-2 dead");
  const times = excerpt.map(({ atUs }) => atUs);
  assertEquals(times, times.toSorted((a, b) => a - b));
  assertEquals(keeper.excerpt(undefined), []);
});

Deno.test("an excerpt of a rule that is judged at the end comes out of what was remembered", () => {
  const violation = violationOf({ id: "metric:discovery.all", kind: "metric", nodes: [], atUs: 20_000_000 });
  const keeper = new ExcerptKeeper();
  for (const fact of factsOf(null)) keeper.onFact(fact);
  const excerpt = keeper.excerpt(violation);
  assertEquals(excerpt.at(-1), { kind: "violation", atUs: violation.atUs, violation });
  assert(excerpt.some(({ kind }) => kind === "fault"));
});

Deno.test("a flood of facts costs an excerpt neither its faults nor memory without end", () => {
  const violation = violationOf({ atUs: 99_000_000 });
  const keeper = new ExcerptKeeper();
  for (const fact of factsOf(null)) keeper.onFact(fact);
  for (let i = 0; i < 50_000; i++) {
    keeper.onFact({
      kind: "sent",
      atUs: 13_000_000 + i,
      traffic: "t",
      from: "app-0",
      to: "viz-2",
      number: i,
      status: "sent",
    });
  }
  const excerpt = keeper.excerpt(violation);
  assert(excerpt.some((fact) => fact.kind === "fault" && fact.action === "t0"));
  assertEquals(excerpt.length, EXCERPT_LINES);
});

Deno.test("of two facts of the same weight the later one stays", () => {
  const violation = violationOf();
  const facts = Array.from({ length: 30 }, (_, i) => ({
    kind: "session",
    atUs: i,
    node: "app-0",
    peer: "viz-2",
    what: "open",
  } as const));
  const kept = causalExcerpt(facts, violation, 3);
  assertEquals(kept.map(({ atUs }) => atUs), [27, 28, 29]);
});

Deno.test("an identity is name, hash, seed and software", () => {
  assertEquals(
    identityOf({ scenario: "a", hash: "0011223344556677", seed: 5, software: "1.0+c" }),
    "a@0011223344556677:5:1.0+c",
  );
});

Deno.test("a planted bug is as wanted only when it fails", () => {
  const scenario = scenarioFor();
  const failed = resultOf(scenario, { verdict: "fail", violations: [violationOf()] });
  for (
    const [mustFail, result, wanted] of [
      [false, resultOf(scenario), true],
      [false, failed, false],
      [true, resultOf(scenario), false],
      [true, failed, true],
      [true, resultOf(scenario, { verdict: "inconclusive" }), false],
    ] as const
  ) assertEquals(isAsWanted({ mustFail }, result), wanted);
});

Deno.test("rules are gathered over runs, each run once", () => {
  const scenario = scenarioFor();
  const twice = resultOf(scenario, { verdict: "fail", violations: [violationOf(), violationOf()] });
  const ids = violatedIds(reportOf(scenario, [runOf(twice), runOf(resultOf(scenario)), runOf(twice)]));
  assertEquals([...ids].map(([id, runs]) => [id, runs.length]), [["no_false_death", 2]]);
});

Deno.test("Markdown counts, tells failures with the command that plays them again, and stays Markdown", () => {
  const scenario = { ...scenarioFor(), name: HOSTILE };
  const violation = violationOf({ text: HOSTILE });
  const failed = resultOf(scenario, { verdict: "fail", violations: [violation] });
  const text = markdown([
    reportOf(scenario, [runOf(failed, factsOf(violation).slice(-4)), runOf(resultOf(scenario))]),
    reportOf(scenarioFor(), [runOf(resultOf(scenarioFor()))]),
  ]);
  assertStringIncludes(text, "2 scenarios, 3 runs: **1 did not pass**");
  assertStringIncludes(text, "| 1/2 |");
  assertStringIncludes(text, "✅ pass");
  assertStringIncludes(text, "hana simulate replay");
  // Outside of code nothing of a name is markup; each table row has its eight columns.
  const outside = text.replace(/```[\s\S]*?```/g, "").replace(/(`+) ?[^\n]*? ?\1(?!`)/g, "");
  assert(!/<img|<\/script/.test(outside), outside);
  for (const row of text.split("\n").filter((line) => line.startsWith("| "))) {
    assertEquals(row.replace(/\\\|/g, "").split("|").length, 9, row);
  }
});

Deno.test("Markdown stays below what CI servers take, however much failed", () => {
  const scenario = scenarioFor();
  const violation = violationOf({ text: "x".repeat(2_000) });
  const runs = Array.from(
    { length: 2_000 },
    (_, seed) =>
      runOf(
        resultOf(scenario, { seed, verdict: "fail", violations: [violation] }),
        factsOf(violation).slice(0, 10),
      ),
  );
  const text = markdown([reportOf(scenario, runs)]);
  assert(text.length < 500_000, String(text.length));
  assertStringIncludes(text, "and 1975 more");
});
