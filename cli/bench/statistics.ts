// Medians and percentiles of measured values, as `hana bench` and `scripts/bench` show them.
// Decides how rounds become one figure: the median of the rounds, so that one disturbed round changes nothing.
// Never measures.

/** The value below which `share` (0 to 1) of `values` lie (nearest rank); NaN when there is none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** The middle of `values`, of two middles their mean; NaN when there is none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** A number as it is shown: three significant digits below 1,000, whole above. */
export function round(value: number): number {
  return Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(3));
}
