// Results as people and scripts see them: a row a scenario, a JSON object a run, and what a failure says of itself.
// Decides words and columns; the JSON shape is a promise (`hana.simulate/1`).

import {
  boundText,
  boundUses,
  countText,
  factLine,
  identityOf,
  isAsWanted,
  momentText,
  type RunFailure,
  type RunReport,
  type ScenarioReport,
  spanText,
  worstBound,
} from "../../lib/simulate/mod.ts";
import {
  type Cell,
  counted,
  type Json,
  type JsonObject,
  type Palette,
  printable,
  type Rendering,
} from "../output/mod.ts";
import { codeOfReports } from "./outcome.ts";

/** What is said about everything that was played. */
export interface Whole {
  readonly software: string;
  readonly wallMs: number;
  readonly cutOff: number;
}

/** One run for scripts. */
export function runJson(
  report: { readonly [Key in "mustFail" | "file" | "params"]?: ScenarioReport[Key] | null },
  run: RunReport,
): JsonObject {
  const { result } = run;
  return {
    scenario: result.scenario,
    hash: result.hash,
    seed: result.seed,
    software: result.software,
    identity: identityOf(result),
    verdict: result.verdict,
    reason: result.reason,
    simulatedMs: result.simulatedUs / 1000,
    events: result.events,
    wallMs: Math.round(run.wallMs * 10) / 10,
    digest: result.digest,
    metrics: result.metrics as unknown as Json,
    violations: result.violations.map(({ id, kind, atUs, nodes, text }) => ({
      id,
      kind,
      atMs: atUs / 1000,
      nodes: [...nodes],
      text,
    })),
    claims: result.claims.map((claim) => ({ ...claim })),
    excerpt: run.excerpt.map(factLine),
    repro: run.repro,
    ...(report.mustFail === true ? { mustFail: true } : {}),
    ...(report.file === undefined || report.file === null ? {} : { file: report.file }),
    ...(report.params === undefined || report.params === null || report.params.length === 0
      ? {}
      : { params: [...report.params] }),
  };
}

/** A run of which nothing came, for scripts. */
export function failureJson(failure: RunFailure): JsonObject {
  return { identity: failure.identity, seed: failure.seed, text: failure.text, repro: failure.repro };
}

/** How many runs came out how. */
export function summaryJson(reports: readonly ScenarioReport[], whole: Whole): JsonObject {
  const runs = reports.flatMap(({ runs }) => runs);
  const of = (verdict: string): number => runs.filter(({ result }) => result.verdict === verdict).length;
  return {
    pass: of("pass"),
    fail: of("fail"),
    inconclusive: of("inconclusive"),
    invalid: of("invalid"),
    failedInside: reports.reduce((sum, { failures }) => sum + failures.length, 0),
    cutOff: whole.cutOff,
    scenarios: reports.length,
    elapsedMs: Math.round(whole.wallMs),
    software: whole.software,
    exitCode: codeOfReports(reports),
  };
}

/** A row a scenario. */
export function reportRendering(whole: Whole, coloured: boolean): Rendering<ScenarioReport> {
  const tone = (cell: Cell): Cell => coloured ? cell : { text: cell.text, tone: "none" };
  return {
    what: "simulate",
    row: "scenario",
    id: (report) => report.scenario.name,
    columns: [
      {
        header: "VERDICT",
        cell: (report) => tone(verdictCell(report)),
        plain: (report) => tone(verdictCell(report)).text.toLowerCase(),
      },
      { header: "SCENARIO", cell: (report) => report.scenario.name, shrinks: true },
      { header: "HASH", cell: (report) => report.hash, spare: 1 },
      {
        header: "SEEDS",
        cell: seedsText,
        plain: (report) => `${okOf(report)}/${totalOf(report)}`,
        align: "right",
      },
      {
        header: "SIMULATED",
        cell: (report) => spanText(simulatedUs(report)),
        plain: (report) => `${simulatedUs(report) / 1000}`,
        align: "right",
        spare: 3,
      },
      {
        header: "EVENTS",
        cell: (report) => countText(eventsOf(report)),
        plain: (report) => String(eventsOf(report)),
        align: "right",
        spare: 2,
      },
      {
        header: "RATIO",
        cell: (report) => {
          const ratio = ratioOf(report);
          return ratio === null ? null : `${countText(ratio)}x`;
        },
        plain: (report) => ratioOf(report)?.toFixed(1) ?? null,
        align: "right",
        spare: 4,
      },
      {
        header: "NEAREST BOUND",
        cell: (report) => shortened(worstText(report)),
        plain: worstText,
        shrinks: true,
      },
    ],
    json: (report) => ({
      scenario: report.scenario.name,
      hash: report.hash,
      ok: okOf(report),
      total: totalOf(report),
      runs: report.runs.map((run) => runJson(report, run)),
    }),
    document: (reports) => ({
      runs: reports.flatMap((report) => report.runs.map((run) => runJson(report, run))),
      failures: reports.flatMap(({ failures }) => failures.map(failureJson)),
      summary: summaryJson(reports, whole),
    }),
    summary: (reports) => summaryText(reports, whole),
  };
}

/** `12 scenarios, 24 runs, all as wanted, in 3.2s; hana 0.1.0+abc`. */
export function summaryText(reports: readonly ScenarioReport[], whole: Whole): string {
  const total = reports.reduce((sum, report) => sum + totalOf(report), 0);
  const ok = reports.reduce((sum, report) => sum + okOf(report), 0);
  const cutOff = whole.cutOff === 0 ? "" : `, ${whole.cutOff} cut off`;
  const outcome = ok === total ? "all as wanted" : `${total - ok} not as wanted`;
  return `${counted(reports.length, "scenario")}, ${counted(total, "run")}, ${outcome}${cutOff}, ` +
    `in ${spanText(whole.wallMs * 1000)}; hana ${whole.software}`;
}

function okOf(report: ScenarioReport): number {
  return report.runs.filter(({ result }) => isAsWanted(report, result)).length;
}

function totalOf({ runs, failures }: ScenarioReport): number {
  return runs.length + failures.length;
}

function simulatedUs({ runs }: ScenarioReport): number {
  return runs.reduce((sum, { result }) => sum + result.simulatedUs, 0);
}

function eventsOf({ runs }: ScenarioReport): number {
  return runs.reduce((sum, { result }) => sum + result.events, 0);
}

function ratioOf(report: ScenarioReport): number | null {
  const wallMs = report.runs.reduce((sum, run) => sum + run.wallMs, 0);
  return wallMs > 0 ? simulatedUs(report) / 1000 / wallMs : null;
}

function seedsText(report: ScenarioReport): string {
  const [first] = [
    ...report.runs.map(({ result }) => result.seed),
    ...report.failures.map(({ seed }) => seed),
  ];
  const total = totalOf(report);
  return total === 1 && first !== undefined ? `${okOf(report)}/1 (${first})` : `${okOf(report)}/${total}`;
}

// A column that is wider costs all others their place.
const MAX_BOUND_CHARACTERS = 46;

function shortened(text: string | null): string | null {
  return text === null || text.length <= MAX_BOUND_CHARACTERS
    ? text
    : `${text.slice(0, MAX_BOUND_CHARACTERS - 1)}…`;
}

function worstText(report: ScenarioReport): string | null {
  const uses = report.runs.flatMap(({ result }) => boundUses(result, report.scenario.expect.metrics));
  const worst = worstBound(uses);
  return worst === null ? null : boundText(worst);
}

function verdictCell(report: ScenarioReport): Cell {
  if (report.failures.length > 0) return { text: "ERROR", tone: "bad" };
  if (report.runs.length === 0) return { text: "not run", tone: "warn" };
  const verdicts = new Set(report.runs.map(({ result }) => result.verdict));
  if (report.mustFail) {
    const isCaught = verdicts.size === 1 && verdicts.has("fail");
    return isCaught ? { text: "caught", tone: "good" } : { text: "NOT CAUGHT", tone: "bad" };
  }
  if (verdicts.has("fail")) return { text: "FAIL", tone: "bad" };
  if (verdicts.has("invalid")) return { text: "invalid", tone: "warn" };
  if (verdicts.has("inconclusive")) return { text: "inconclusive", tone: "warn" };
  return { text: "pass", tone: "good" };
}

/** What a run that did not come out as wanted says of itself, line by line. */
export function storyLines(report: ScenarioReport, run: RunReport, palette: Palette): string[] {
  const { result } = run;
  const title = report.mustFail ? "not caught" : result.verdict;
  const lines = [
    `${palette.paint(result.verdict === "fail" ? "bad" : "warn", title)}: ${printable(identityOf(result))}`,
  ];
  for (const violation of result.violations.slice(0, 3)) {
    const kind = violation.kind === "metric" ? "threshold" : violation.kind;
    lines.push(
      `  ${printable(`${violation.id} (${kind}) at ${momentText(violation.atUs)}: ${violation.text}`)}`,
    );
  }
  if (result.violations.length > 3) lines.push(`  and ${result.violations.length - 3} more`);
  if (result.reason !== null) lines.push(`  ${printable(result.reason)}`);
  else {
    for (const { claim, times, atLeast } of result.claims) {
      if (times < atLeast) lines.push(`  ${printable(claim)} happened ${times} times, ${atLeast} wanted`);
    }
  }
  lines.push(...run.excerpt.map((fact) => palette.paint("dim", `  ${factLine(fact)}`)));
  lines.push(`  ${palette.paint("strong", "replay:")} ${printable(run.repro)}`);
  return lines;
}

/** What a run of which nothing came says of itself. */
export function failureLines(failure: RunFailure, palette: Palette): string[] {
  return [
    `${palette.paint("bad", "error:")} ${printable(failure.identity)}: ${printable(failure.text)}`,
    `  ${palette.paint("strong", "replay:")} ${printable(failure.repro)}`,
  ];
}
