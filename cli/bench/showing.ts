// How `hana bench` shows what it measured: rows in the chosen mode, histograms on a terminal, a page on request, and
// how it stands to an earlier run. Decides the exit code of that comparison; never measures.

import { toHanaError } from "../../lib/base/mod.ts";
import type { Cli } from "../frame/mod.ts";
import { counted, EXIT } from "../output/mod.ts";
import { histogramText } from "./histogram_text.ts";
import { benchPage } from "./html.ts";
import { compare, type Comparison, readBaseline, shareOf } from "./regress.ts";
import { benchRendering } from "./rendering.ts";
import type { Workload } from "./plan.ts";
import type { BenchResult } from "./result.ts";

/** What the flags ask for. */
export interface ShowPlan {
  readonly workload: Workload;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly hasGraph: boolean;
  readonly htmlPath: string | null;
  readonly judge: ((results: readonly BenchResult[]) => Comparison) | null;
}

/** How an earlier run is compared with; null without one. Throws `usage` or `storage` before anything is measured. */
export function judgeOf(
  baseline: string | undefined,
  maxRegress: string | undefined,
): ShowPlan["judge"] {
  const share = shareOf(maxRegress ?? "10%");
  if (baseline === undefined) return null;
  const before = readBaseline(baseline);
  return (results) => compare(results, before, share);
}

/** Shows results and sets the exit code. */
export async function showResults(cli: Cli, plan: ShowPlan, results: readonly BenchResult[]): Promise<void> {
  const { output } = cli;
  await output.rows(benchRendering(plan.workload, plan.machine), results);
  if (output.mode === "table") {
    if (plan.hasGraph) output.raw(histogramText(results));
    for (const how of new Set(results.map((result) => result.how))) output.message(how);
    const proofs = results.flatMap(({ path }) => path === undefined ? [] : [`${path.path}: ${path.why}`]);
    for (const proof of new Set(proofs)) output.message(`path ${proof}`);
  }
  if (plan.htmlPath !== null) await writePage(cli, plan.htmlPath, plan, results);
  if (plan.judge !== null) tellComparison(cli, plan.judge(results));
}

async function writePage(
  cli: Cli,
  path: string,
  { workload, machine }: ShowPlan,
  results: readonly BenchResult[],
): Promise<void> {
  try {
    await Deno.writeTextFile(path, benchPage({ title: `hana bench ${workload}`, machine }, results));
  } catch (thrown) {
    throw toHanaError(thrown, "storage", `${path} cannot be written`);
  }
  cli.output.message(`drawn in ${path}`);
}

function tellComparison(cli: Cli, { compared, regressions }: Comparison): void {
  for (const { name, figure, before, now, worseBy } of regressions) {
    cli.output.warn(
      `${name}: ratio ${figure} is ${now}, was ${before}: worse by ${Math.round(100 * worseBy)} %`,
    );
  }
  if (regressions.length > 0) cli.exitWith(EXIT.threshold);
  else if (compared === 0) {
    cli.output.warn("the baseline has no ratio of what was measured: nothing was compared");
    cli.exitWith(EXIT.partial);
  } else cli.output.message(`${counted(compared, "ratio")} compared with the baseline, none is worse`);
}
