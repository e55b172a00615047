// Annotations for GitHub Actions: lines on stderr that its runner shows beside a job.
// Format: "Workflow commands for GitHub Actions" (`::error title=…::message`), with its escapes.

import { factLine, identityOf, isAsWanted, type ScenarioReport } from "../../lib/simulate/mod.ts";

/** GitHub shows ten of a kind for a step. */
const MAX_ANNOTATIONS = 10;

/** One line for each run that did not come out as wanted. */
export function annotations(reports: readonly ScenarioReport[]): string[] {
  const lines: string[] = [];
  for (const report of reports) {
    for (const run of report.runs) {
      if (isAsWanted(report, run.result)) continue;
      const { result } = run;
      const [violation] = result.violations;
      const level = result.verdict === "fail" || report.mustFail ? "error" : "warning";
      const title = `${result.scenario}: ${violation?.id ?? result.verdict}`;
      const text = [
        violation?.text ?? result.reason ?? `${result.verdict}`,
        run.repro,
        ...run.excerpt.map(factLine),
        identityOf(result),
      ].join("\n");
      lines.push(`::${level} title=${property(title)}::${data(text)}`);
    }
    for (const failure of report.failures) {
      lines.push(
        `::error title=${property(`${report.scenario.name}: hana failed`)}::${
          data(`${failure.text}\n${failure.repro}`)
        }`,
      );
    }
  }
  return lines.slice(0, MAX_ANNOTATIONS);
}

function data(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function property(text: string): string {
  return data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
