// JUnit XML: a test suite a scenario, a test case an invariant, a bound or a claim, with all seeds gathered in it.
// Decides what counts as failure (a rule was broken), error (hana failed, or the run was invalid) and skipped
// (inconclusive). The first line of every failure is the command that plays it again.
// The format follows what CI servers read: the Jenkins xUnit plugin's schema.

import type { RunResult, Violation } from "../observe.ts";
import type { Scenario } from "../scenario.ts";
import { factLine } from "./fact_line.ts";
import { momentText } from "./figures.ts";
import { identityOf, type RunReport, type ScenarioReport } from "./report.ts";

/** How one test case came out. */
interface TestCase {
  readonly name: string;
  readonly outcome: "passed" | "failure" | "error" | "skipped";
  readonly type?: string;
  readonly message?: string;
  readonly body?: string;
}

/** The whole document. */
export function junit(reports: readonly ScenarioReport[]): string {
  const suites = reports.map((report) => ({ report, cases: casesOf(report) }));
  const all = suites.flatMap(({ cases }) => cases);
  const lines = [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<testsuites name="hana simulate" ${counts(all)} time="${seconds(reports.flatMap(({ runs }) => runs))}">`,
  ];
  for (const { report, cases } of suites) lines.push(...suiteLines(report, cases));
  return [...lines, "</testsuites>", ""].join("\n");
}

function suiteLines(report: ScenarioReport, cases: readonly TestCase[]): string[] {
  const { scenario, runs, hash } = report;
  const software = runs[0]?.result.software ?? "";
  const properties = [
    ["hash", hash],
    ["software", software],
    ["seeds", runs.map(({ result }) => result.seed).join(" ")],
    ["simulated-seconds", (runs.reduce((sum, { result }) => sum + result.simulatedUs, 0) / 1e6).toFixed(3)],
    ["events", String(runs.reduce((sum, { result }) => sum + result.events, 0))],
  ] as const;
  return [
    `  <testsuite name=${quoted(scenario.name)} ${counts(cases)} time="${seconds(runs)}">`,
    "    <properties>",
    ...properties.map(([name, value]) => `      <property name=${quoted(name)} value=${quoted(value)}/>`),
    "    </properties>",
    ...cases.flatMap((testCase) => caseLines(scenario, testCase)),
    "  </testsuite>",
  ];
}

function caseLines(scenario: Scenario, testCase: TestCase): string[] {
  const head = `    <testcase classname=${quoted(`hana.simulate.${scenario.name}`)} name=${
    quoted(testCase.name)
  }`;
  if (testCase.outcome === "passed") return [`${head}/>`];
  const message = `message=${quoted(testCase.message ?? "")}`;
  if (testCase.outcome === "skipped") return [`${head}>`, `      <skipped ${message}/>`, "    </testcase>"];
  return [
    `${head}>`,
    `      <${testCase.outcome} ${message} type=${quoted(testCase.type ?? "")}>${
      escaped(testCase.body ?? "")
    }` +
    `</${testCase.outcome}>`,
    "    </testcase>",
  ];
}

function casesOf(report: ScenarioReport): TestCase[] {
  const { scenario, runs, failures } = report;
  const cases: TestCase[] = [];
  const seen = new Set<string>();
  if (report.mustFail) cases.push(canaryCase(report));
  else {
    const bounds = scenario.expect.metrics.map((bound) => `metric:${bound.metric}`);
    const violated = runs.flatMap(({ result }) => result.violations.map(({ id }) => id));
    for (const id of [...report.invariants, ...bounds, ...violated]) {
      if (seen.has(id)) continue;
      seen.add(id);
      cases.push(ruleCase(id, runs));
    }
    for (const { claim } of scenario.expect.sometimes) cases.push(claimCase(claim, runs));
  }
  const invalid = runs.filter(({ result }) => result.verdict === "invalid");
  cases.push(
    invalid.length === 0 ? { name: "warm-up", outcome: "passed" } : {
      name: "warm-up",
      outcome: "error",
      type: "invalid",
      message: `invalid: ${ofSeeds(invalid, runs)}: ${invalid[0]?.result.reason ?? ""}`,
      body: invalid.map(({ repro }) => repro).join("\n"),
    },
  );
  for (const failure of failures) {
    cases.push({
      name: `run with seed ${failure.seed}`,
      outcome: "error",
      type: "internal",
      message: failure.text,
      body: `${failure.repro}\n${failure.text}`,
    });
  }
  return cases;
}

function ruleCase(id: string, runs: readonly RunReport[]): TestCase {
  const broken = runs.flatMap((run) => {
    const violation = run.result.violations.find((one) => one.id === id);
    return violation === undefined ? [] : [{ run, violation }];
  });
  const [first] = broken;
  if (first === undefined) return { name: id, outcome: "passed" };
  return {
    name: id,
    outcome: first.violation.kind === "internal" ? "error" : "failure",
    type: first.violation.kind,
    message: `${ofSeeds(broken.map(({ run }) => run), runs)}: ${first.violation.text}`,
    body: broken.map(({ run, violation }) => failureText(run, violation)).join("\n\n"),
  };
}

function claimCase(claim: string, runs: readonly RunReport[]): TestCase {
  const name = `sometimes:${claim}`;
  const unmet = runs.filter(({ result }) => isUnmet(result, claim));
  if (unmet.length === 0) return { name, outcome: "passed" };
  return { name, outcome: "skipped", message: `inconclusive: ${ofSeeds(unmet, runs)} never showed ${claim}` };
}

function canaryCase(report: ScenarioReport): TestCase {
  const passed = report.runs.filter(({ result }) => result.verdict !== "fail");
  const name = "the planted bug is caught";
  if (passed.length === 0) return { name, outcome: "passed" };
  return {
    name,
    outcome: "failure",
    type: "canary",
    message: `${ofSeeds(passed, report.runs)} did not fail, though a bug is planted there`,
    body: passed.map(({ repro }) => repro).join("\n"),
  };
}

function isUnmet(result: RunResult, claim: string): boolean {
  return result.verdict !== "invalid" &&
    result.claims.some((one) => one.claim === claim && one.times < one.atLeast);
}

function ofSeeds(some: readonly RunReport[], all: readonly RunReport[]): string {
  const seeds = some.map(({ result }) => result.seed);
  const listed = seeds.slice(0, 10).join(", ") + (seeds.length > 10 ? ", …" : "");
  return all.length === 1 ? `seed ${listed}` : `${some.length} of ${all.length} seeds (${listed})`;
}

function failureText(run: RunReport, violation: Violation): string {
  return [
    run.repro,
    `${identityOf(run.result)} at ${momentText(violation.atUs)}: ${violation.text}`,
    ...run.excerpt.map(factLine),
  ].join("\n");
}

function counts(cases: readonly TestCase[]): string {
  const of = (outcome: TestCase["outcome"]): number => cases.filter((one) => one.outcome === outcome).length;
  return `tests="${cases.length}" failures="${of("failure")}" errors="${of("error")}" skipped="${
    of("skipped")
  }"`;
}

function seconds(runs: readonly RunReport[]): string {
  return (runs.reduce((sum, { wallMs }) => sum + wallMs, 0) / 1e3).toFixed(3);
}

// What XML 1.0 (section 2.2) does not allow at all, not even as a reference: controls and lone surrogates.
const IMPOSSIBLE =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function escaped(text: string): string {
  return text.replace(IMPOSSIBLE, "\ufffd").replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}

function quoted(text: string): string {
  return `"${escaped(text).replaceAll('"', "&quot;").replaceAll("\n", "&#10;").replaceAll("\t", "&#9;")}"`;
}
