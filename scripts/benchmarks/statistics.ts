// Medians and percentiles as `hana bench` has them, and figures rounded for people.

import { round } from "../../cli/bench/statistics.ts";

export { median, percentile, round } from "../../cli/bench/statistics.ts";

/** `round` on every figure of an object. */
export function rounded<T extends Readonly<Record<string, number>>>(figures: T): T {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, round(value)])) as T;
}
