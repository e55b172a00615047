// Markdown for the summary of a CI job: one table, then what broke, with the command that plays it again.
// Decides its form; bounded, because CI servers refuse summaries above a megabyte (GitHub: 1 MiB a step).

import type { RunResult } from "../observe.ts";
import { factLine, plainText } from "./fact_line.ts";
import { boundText, boundUses, countText, momentText, spanText, worstBound } from "./figures.ts";
import { identityOf, isAsWanted, type RunReport, type ScenarioReport } from "./report.ts";

/** Failures that are told in full; the table counts the others. */
const MAX_TOLD = 25;

/** The summary of all scenarios. */
export function markdown(reports: readonly ScenarioReport[]): string {
  const runs = reports.flatMap((report) => report.runs.map((run) => ({ report, run })));
  const failures = reports.flatMap(({ failures }) => failures);
  const bad = runs.filter(({ report, run }) => !isAsWanted(report, run.result));
  const total = runs.length + failures.length;
  const verdict = bad.length + failures.length === 0
    ? "all passed"
    : `${bad.length + failures.length} did not pass`;
  const lines = [
    "## hana simulate",
    "",
    `${reports.length} ${reports.length === 1 ? "scenario" : "scenarios"}, ` +
    `${total} ${total === 1 ? "run" : "runs"}: **${verdict}**.`,
    "",
    "| | scenario | seeds | simulated | events | real time | nearest bound |",
    "|---|---|--:|--:|--:|--:|---|",
    ...reports.map(rowOf),
    "",
  ];
  for (const { report, run } of bad.slice(0, MAX_TOLD)) lines.push(...detailOf(report, run));
  for (const failure of failures.slice(0, MAX_TOLD)) {
    lines.push(`### hana failed: ${code(failure.identity)}`, "", text(failure.text), "");
    lines.push(...fenced([failure.repro], "sh"), "");
  }
  if (bad.length > MAX_TOLD) lines.push(`… and ${bad.length - MAX_TOLD} more.`, "");
  return lines.join("\n");
}

function rowOf(report: ScenarioReport): string {
  const { runs, scenario, failures } = report;
  const total = runs.length + failures.length;
  const ok = runs.filter(({ result }) => isAsWanted(report, result)).length;
  const uses = runs.flatMap(({ result }) => boundUses(result, scenario.expect.metrics));
  const worst = worstBound(uses);
  const cells = [
    ok === total ? "✅ pass" : `❌ ${failures.length > 0 ? "error" : worstWord(report)}`,
    code(scenario.name),
    `${ok}/${total}`,
    spanText(sum(runs, ({ result }) => result.simulatedUs)),
    countText(sum(runs, ({ result }) => result.events)),
    spanText(sum(runs, ({ wallMs }) => wallMs * 1000)),
    worst === null ? "" : text(boundText(worst)),
  ];
  return `| ${cells.join(" | ")} |`;
}

function worstWord(report: ScenarioReport): string {
  if (report.mustFail) return "not caught";
  const verdicts = new Set(report.runs.map(({ result }) => result.verdict));
  return (["fail", "invalid", "inconclusive"] as const).find((verdict) => verdicts.has(verdict)) ?? "no run";
}

function detailOf(report: ScenarioReport, run: RunReport): string[] {
  const { result } = run;
  const title = report.mustFail ? "not caught" : result.verdict;
  const lines = [`### ${title}: ${code(report.scenario.name)}, seed ${result.seed}`, ""];
  for (const violation of result.violations.slice(0, 5)) {
    lines.push(`- ${code(violation.id)} at ${momentText(violation.atUs)}: ${text(violation.text)}`);
  }
  if (result.violations.length > 5) lines.push(`- … and ${result.violations.length - 5} more`);
  const reason = reasonOf(result);
  if (reason !== null) lines.push(text(reason));
  if (run.excerpt.length > 0) lines.push("", ...fenced(run.excerpt.map(factLine)));
  lines.push("", ...fenced([run.repro], "sh"), "", `<sub>${text(identityOf(result))}</sub>`, "");
  return lines;
}

function reasonOf(result: RunResult): string | null {
  if (result.reason !== null) return result.reason;
  const unmet = result.claims.filter(({ times, atLeast }) => times < atLeast).map(({ claim }) => claim);
  return unmet.length === 0 ? null : `never happened: ${unmet.join(", ")}`;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** Text that is no Markdown and no HTML, whatever it holds. */
function text(raw: string): string {
  return plainText(raw).replace(
    /[\\`*_{}[\]()#+!|<>~$@]/g,
    (c) => c === "<" ? "&lt;" : c === ">" ? "&gt;" : `\\${c}`,
  );
}

function code(raw: string): string {
  const safe = plainText(raw).replaceAll("|", "\\|");
  const fence = "`".repeat(longestRun(safe) + 1);
  return fence.length === 1 ? `\`${safe}\`` : `${fence} ${safe} ${fence}`;
}

function fenced(lines: readonly string[], language = "text"): string[] {
  const fence = "`".repeat(Math.max(3, longestRun(lines.join("\n")) + 1));
  return [`${fence}${language}`, ...lines.map(plainText), fence];
}

function longestRun(of: string): number {
  return Math.max(0, ...[...of.matchAll(/`+/g)].map(([run]) => run.length));
}
