// Figures as people read them: times, metrics with their unit, and which bound is nearest to being missed.
// Decides rounding and words; never whether a bound holds (the runner does).

import type { RunResult } from "../observe.ts";
import { holds, statisticOf } from "../run/mod.ts";
import type { MetricBound } from "../scenario.ts";

/** A moment of a run: `12.480s`. */
export function momentText(atUs: number): string {
  return `${(atUs / 1e6).toFixed(3)}s`;
}

/** A stretch of time in three digits at most: `840us`, `1.2ms`, `34s`, `5m`. */
export function spanText(us: number): string {
  if (Math.abs(us) < 1_000) return `${Math.round(us)}us`;
  if (Math.abs(us) < 999_500) return `${threeDigits(us / 1_000)}ms`;
  if (Math.abs(us) < 119_500_000) return `${threeDigits(us / 1_000_000)}s`;
  if (Math.abs(us) < 7_170_000_000) return `${threeDigits(us / 60_000_000)}min`;
  return `${threeDigits(us / 3_600_000_000)}h`;
}

/** A count in three digits: `950`, `14.7k`, `9.7M`. */
export function countText(n: number): string {
  if (Math.abs(n) < 1_000) return threeDigits(n);
  if (Math.abs(n) < 999_500) return `${threeDigits(n / 1_000)}k`;
  if (Math.abs(n) < 999_500_000) return `${threeDigits(n / 1_000_000)}M`;
  return `${threeDigits(n / 1_000_000_000)}G`;
}

/** A value of a metric with its unit. */
export function valueText(value: number, unit: string): string {
  if (!Number.isFinite(value)) return "-";
  if (unit === "us") return spanText(value);
  if (unit === "bytes") return `${countText(value)}B`;
  if (unit === "share") return `${threeDigits(value * 100)}%`;
  return countText(value);
}

/** How far a bound was used up. */
export interface BoundUse {
  readonly bound: MetricBound;
  /** The measured value; null where nothing was measured: that is inconclusive, and no bound that was missed. */
  readonly value: number | null;
  readonly unit: string;
  /** 1 is at the bound, less is inside it; Infinity where it cannot be said. */
  readonly used: number;
  readonly isMet: boolean;
}

/** How far each bound of a scenario was used up by a run. */
export function boundUses(result: RunResult, bounds: readonly MetricBound[]): BoundUse[] {
  return bounds.map((bound) => {
    const unit = result.metrics[bound.metric]?.unit ?? "";
    const value = statisticOf(bound, result.metrics);
    if (value === null) return { bound, value, unit, used: 0, isMet: true };
    const isMet = holds(bound, value);
    return { bound, value, unit, used: useOf(value, bound, isMet), isMet };
  });
}

/** The bound that is missed by most, or nearest to being missed; null without bounds. */
export function worstBound(uses: readonly BoundUse[]): BoundUse | null {
  let worst: BoundUse | null = null;
  for (const use of uses) if (worst === null || use.used > worst.used) worst = use;
  return worst;
}

/** `discovery.all.p99 1.2s (<2s)`. */
export function boundText(use: BoundUse): string {
  const { metric, statistic } = use.bound;
  const name = statistic === "value" ? metric : `${metric}.${statistic}`;
  const value = use.value === null ? "not measured" : valueText(use.value, use.unit);
  return `${name} ${value} (${limitText(use.bound, use.unit)})`;
}

/** `< 2s`: a bound without the metric's name. */
export function limitText(bound: MetricBound, unit: string): string {
  return `${bound.operator} ${valueText(bound.value, unit)}`;
}

function useOf(value: number, bound: MetricBound, isMet: boolean): number {
  const [part, whole] = bound.operator.startsWith(">") ? [bound.value, value] : [value, bound.value];
  if (bound.operator === "=" || whole === 0) return isMet ? 0 : Infinity;
  return part / whole;
}

function threeDigits(n: number): string {
  const size = Math.abs(n);
  if (Number.isInteger(n) && size < 1_000) return String(n);
  if (size >= 99.95) return String(Math.round(n));
  if (size >= 9.995) return trimZeros(n.toFixed(1));
  return trimZeros(n.toFixed(2));
}

function trimZeros(text: string): string {
  return text.replace(/\.?0+$/, "");
}
