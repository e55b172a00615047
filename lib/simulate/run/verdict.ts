// From what was seen to a verdict: bounds on metrics, claims that must have come true, and which of them decides.
// Decides the order: a violation fails, whatever else; a run that never warmed up proves nothing; neither does one in
// which nothing of what it is about has happened.

import type { MetricValue, RunResult, Violation } from "../observe.ts";
import type { MetricBound, Scenario } from "../scenario.ts";

type Claims = RunResult["claims"];

/** How much worse a verdict is than the ones before it. */
const ORDER = ["pass", "inconclusive", "invalid", "fail"] as const satisfies readonly RunResult["verdict"][];

/** The worst verdict of several runs; `inconclusive` for none at all. */
export function worstVerdict(results: readonly Pick<RunResult, "verdict">[]): RunResult["verdict"] {
  let worst = -1;
  for (const { verdict } of results) worst = Math.max(worst, ORDER.indexOf(verdict));
  return worst < 0 ? "inconclusive" : ORDER[worst] ?? "fail";
}

/** The statistic that a bound asks for; null when the metric has none, or nothing was measured. */
export function statisticOf(
  bound: MetricBound,
  metrics: Readonly<Record<string, MetricValue>>,
): number | null {
  const metric = metrics[bound.metric];
  if (metric === undefined) return null;
  if (bound.statistic === "count") return metric.count;
  // A bound on the metric as a whole is one on its worst value, where it has no value of its own.
  if (bound.statistic === "value") return metric.value ?? metric.max ?? null;
  return metric[bound.statistic] ?? null;
}

/** Whether a bound holds for a value. */
export function holds(bound: MetricBound, value: number): boolean {
  switch (bound.operator) {
    case "<":
      return value < bound.value;
    case "<=":
      return value <= bound.value;
    case "=":
      return value === bound.value;
    case ">=":
      return value >= bound.value;
    case ">":
      return value > bound.value;
  }
}

/** What the bounds say of the metrics: violations, and the bounds for which nothing was measured. */
export function judgeMetrics(
  bounds: readonly MetricBound[],
  metrics: Readonly<Record<string, MetricValue>>,
  atUs: number,
): { violations: Violation[]; unmeasured: string[] } {
  const violations: Violation[] = [];
  const unmeasured: string[] = [];
  for (const bound of bounds) {
    const value = statisticOf(bound, metrics);
    if (value === null) unmeasured.push(bound.text);
    else if (!holds(bound, value)) {
      const unit = metrics[bound.metric]?.unit ?? "";
      violations.push({
        id: `metric:${bound.metric}`,
        kind: "metric",
        atUs,
        nodes: [],
        text: `${bound.metric} ${bound.statistic} is ${show(value, unit)}, not ${bound.text}`,
      });
    }
  }
  return { violations, unmeasured };
}

function show(value: number, unit: string): string {
  if (unit === "us") {
    return value >= 1_000_000 ? `${round(value / 1_000_000)} s` : `${round(value / 1000)} ms`;
  }
  if (unit === "share") return `${round(value * 100)} %`;
  return unit === "bytes" ? `${round(value)} bytes` : `${round(value)}`;
}

const round = (value: number): number => Math.round(value * 1000) / 1000;

/** Counts of the claims that a scenario asks for. */
export function judgeClaims(scenario: Scenario, times: ReadonlyMap<string, number>): Claims {
  return scenario.expect.sometimes.map(({ claim, atLeast }) => ({
    claim,
    times: times.get(claim) ?? 0,
    atLeast,
  }));
}

/** Everything that decides a verdict. */
export interface Evidence {
  readonly violations: readonly Violation[];
  readonly claims: Claims;
  /** Bounds for which nothing was measured. */
  readonly unmeasured: readonly string[];
  /** Who had not met whom when the warm-up was over; null when all had. */
  readonly notWarm: string | null;
  /** Why the run ended early; null when it did not. */
  readonly cutShort: string | null;
}

/** The verdict, and why it is no better. */
export function decide(evidence: Evidence): Pick<RunResult, "verdict" | "reason"> {
  const { violations, claims, unmeasured, notWarm, cutShort } = evidence;
  if (notWarm !== null) {
    // What failed before anybody had met is told all the same when hana itself broke.
    const isBroken = violations.some(({ kind }) => kind === "internal");
    return { verdict: isBroken ? "fail" : "invalid", reason: notWarm };
  }
  if (violations.length > 0) return { verdict: "fail", reason: cutShort };
  if (cutShort !== null) return { verdict: "inconclusive", reason: cutShort };
  const unmet = claims.filter(({ times, atLeast }) => times < atLeast);
  if (unmet.length > 0) {
    const list = unmet.map(({ claim, times, atLeast }) => `${claim} ${times} of ${atLeast}`).join(", ");
    return { verdict: "inconclusive", reason: `never came true: ${list}` };
  }
  if (unmeasured.length > 0) {
    return { verdict: "inconclusive", reason: `nothing was measured for ${unmeasured.join(", ")}` };
  }
  return { verdict: "pass", reason: null };
}
