// From results to one exit code.
// Decides what each kind of failure means to a script: a violated rule 1, a bound on liveness 4, a threshold 5, a run
// that proved nothing 3, two runs that differ 6, hana's own failure 70. The worst wins: 70, 6, 1, 4, 5, 3, 0.

import type { RunResult, ScenarioReport } from "../../lib/simulate/mod.ts";
import { EXIT, type ExitCode } from "../output/mod.ts";

const WORST_FIRST: readonly ExitCode[] = [
  EXIT.bug,
  EXIT.nondeterministic,
  EXIT.negative,
  EXIT.timeout,
  EXIT.threshold,
  EXIT.partial,
  EXIT.done,
];

/** The worst of `codes`; {@linkcode EXIT.done} of none. */
export function worstCode(codes: Iterable<ExitCode>): ExitCode {
  const all = new Set(codes);
  return WORST_FIRST.find((code) => all.has(code)) ?? EXIT.done;
}

/** The exit code of one run. */
export function codeOfResult(result: RunResult, mustFail = false): ExitCode {
  const kinds = new Set(result.violations.map(({ kind }) => kind));
  if (kinds.has("internal")) return EXIT.bug;
  if (mustFail) {
    if (result.verdict === "fail") return EXIT.done;
    return result.verdict === "invalid" ? EXIT.partial : EXIT.negative;
  }
  switch (result.verdict) {
    case "pass":
      return EXIT.done;
    case "inconclusive":
    case "invalid":
      return EXIT.partial;
    case "fail":
      if (kinds.has("liveness") && !kinds.has("safety")) return EXIT.timeout;
      return kinds.has("metric") && !kinds.has("safety") ? EXIT.threshold : EXIT.negative;
  }
}

/** The exit code of everything that was played. */
export function codeOfReports(reports: readonly ScenarioReport[]): ExitCode {
  return worstCode(reports.flatMap(({ runs, failures, mustFail }) => [
    ...runs.map(({ result }) => codeOfResult(result, mustFail)),
    ...failures.map(() => EXIT.bug),
    // A scenario of which not one run came to its end was not tested.
    ...(runs.length + failures.length === 0 ? [EXIT.partial] : []),
  ]));
}
