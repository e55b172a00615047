// JUnit: well-formed XML whatever stands in it, and the right verdict for each rule.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { junit, type RunResult } from "../../../../lib/simulate/mod.ts";
import { elementsOf } from "../../../support/xml.ts";
import { factsOf, HOSTILE, reportOf, resultOf, runOf, scenarioFor, violationOf } from "./fixture.ts";

const scenario = scenarioFor();

function outcomes(results: readonly RunResult[], mustFail = false): Record<string, string> {
  const xml = junit([reportOf(scenario, results.map((result) => runOf(result)), { mustFail })]);
  const cases: Record<string, string> = {};
  let current = "";
  for (const { name, attributes } of elementsOf(xml)) {
    if (name === "testcase") {
      current = attributes.name ?? "";
      cases[current] = "passed";
    } else if (["failure", "error", "skipped"].includes(name)) cases[current] = name;
  }
  return cases;
}

Deno.test("a run in which all is well passes every rule, bound and claim", () => {
  assertEquals(outcomes([resultOf(scenario)]), {
    "no_false_death": "passed",
    "no_ghosts": "passed",
    "metric:discovery.all": "passed",
    "sometimes:suspected": "passed",
    "warm-up": "passed",
  });
});

Deno.test("a broken rule fails, a bug of hana is an error, an unmet claim is skipped", () => {
  const failed = resultOf(scenario, {
    verdict: "fail",
    violations: [violationOf(), violationOf({ id: "no_unhandled_exception", kind: "internal" })],
    claims: [{ claim: "suspected", times: 0, atLeast: 1 }],
  });
  assertEquals(outcomes([resultOf(scenario), failed]), {
    "no_false_death": "failure",
    "no_ghosts": "passed",
    "metric:discovery.all": "passed",
    "no_unhandled_exception": "error",
    "sometimes:suspected": "skipped",
    "warm-up": "passed",
  });
});

Deno.test("a run that never warmed up is an error, and its claims are not counted against it", () => {
  const invalid = resultOf(scenario, {
    verdict: "invalid",
    reason: "viz-0 misses viz-1",
    claims: [{ claim: "suspected", times: 0, atLeast: 1 }],
  });
  const cases = outcomes([invalid]);
  assertEquals([cases["warm-up"], cases["sometimes:suspected"]], ["error", "passed"]);
});

Deno.test("a planted bug that is not caught is the failure", () => {
  assertEquals(outcomes([resultOf(scenario)], true)["the planted bug is caught"], "failure");
  const caught = resultOf(scenario, { verdict: "fail", violations: [violationOf()] });
  assertEquals(outcomes([caught], true), { "the planted bug is caught": "passed", "warm-up": "passed" });
});

Deno.test("failures are gathered over seeds, and begin with the command that plays one again", () => {
  const runs = [1, 2, 3, 4].map((seed) =>
    runOf(
      resultOf(scenario, {
        seed,
        ...(seed % 2 === 0 ? { verdict: "fail", violations: [violationOf()] } : {}),
      }),
    )
  );
  const xml = junit([reportOf(scenario, runs, {
    failures: [{
      seed: 5,
      identity: "fixture@x:5:y",
      text: "its worker died",
      repro: "hana simulate replay x",
    }],
  })]);
  const failure = elementsOf(xml).find(({ name }) => name === "failure");
  assertEquals(failure?.attributes.message, `2 of 4 seeds (2, 4): ${violationOf().text}`);
  assertEquals(failure?.text.split("\n")[0], runs[1]?.repro);
  const suite = elementsOf(xml).find(({ name }) => name === "testsuite");
  const { tests, failures, errors, skipped } = suite?.attributes ?? {};
  assertEquals({ tests, failures, errors, skipped }, {
    tests: "6",
    failures: "1",
    errors: "1",
    skipped: "0",
  });
  const properties = elementsOf(xml).filter(({ name }) => name === "property");
  assertEquals(properties.find(({ attributes }) => attributes.name === "seeds")?.attributes.value, "1 2 3 4");
});

Deno.test("nothing that stands in a scenario or a violation breaks the XML", () => {
  const hostile = {
    ...scenario,
    name: HOSTILE,
    expect: { ...scenario.expect, sometimes: [{ claim: HOSTILE, atLeast: 1 }] },
  };
  const violation = violationOf({ id: HOSTILE, text: HOSTILE, nodes: [HOSTILE] });
  const result = resultOf(hostile, {
    verdict: "fail",
    software: HOSTILE,
    violations: [violation],
    claims: [{ claim: HOSTILE, times: 0, atLeast: 1 }],
  });
  const xml = junit([
    reportOf(hostile, [runOf(result, factsOf(violation).slice(-3))], { invariants: [HOSTILE] }),
  ]);
  const suite = elementsOf(xml).find(({ name }) => name === "testsuite");
  assertStringIncludes(suite?.attributes.name ?? "", "</script><img src=x");
});

Deno.test("no scenario at all is a document, too", () => {
  assertEquals(elementsOf(junit([])).map(({ name }) => name), ["testsuites"]);
});
