// What observers share: samples that become statistics, counts that become metrics, and the protocol's own times.
// Decides how percentiles are taken: the smallest value that at least this share of all values does not exceed.

import { Histogram } from "../../base/mod.ts";
import { beatPeriodUs } from "../../discovery/mod.ts";
import type { MetricValue, Oracle } from "../observe.ts";

/** Up to here percentiles are exact; beyond they are off by 6 % at most (lib/base/histogram.ts). */
const MAX_EXACT = 65_536;

/** Values of one metric. */
export class Samples {
  readonly #exact: number[] = [];
  #rough: Histogram | null = null;

  constructor(readonly unit: string) {}

  /** How many values there are. */
  get count(): number {
    return this.#rough?.count ?? this.#exact.length;
  }

  /** Adds one. */
  add(value: number): void {
    if (this.#rough !== null) this.#rough.record(value);
    else if (this.#exact.length < MAX_EXACT) this.#exact.push(value);
    else {
      this.#rough = new Histogram();
      for (const each of this.#exact) this.#rough.record(each);
      this.#rough.record(value);
      this.#exact.length = 0;
    }
  }

  /** The statistics; of no values at all just the count. */
  metric(): MetricValue {
    const { unit } = this;
    if (this.#rough !== null) {
      const rough = this.#rough;
      return {
        unit,
        count: rough.count,
        min: rough.min,
        p50: rough.percentile(0.5),
        p95: rough.percentile(0.95),
        p99: rough.percentile(0.99),
        max: rough.max,
      };
    }
    const sorted = Float64Array.from(this.#exact).sort();
    const count = sorted.length;
    if (count === 0) return { unit, count };
    const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * count) - 1)] ?? 0;
    return { unit, count, min: at(0), p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
  }
}

/** A metric that is one number. */
export function single(unit: string, value: number): MetricValue {
  return { unit, count: 1, value };
}

/** Counts by name. */
export class Counts {
  readonly #counts = new Map<string, number>();

  /** Adds to a count and returns it. */
  add(name: string, by = 1): number {
    const count = (this.#counts.get(name) ?? 0) + by;
    this.#counts.set(name, count);
    return count;
  }

  get(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** The largest count; 0 when there is none. */
  get max(): number {
    let max = 0;
    for (const count of this.#counts.values()) if (count > max) max = count;
    return max;
  }

  /** All counts by name, in the order of the names. */
  entries(): [string, number][] {
    return [...this.#counts].sort(([a], [b]) => a < b ? -1 : 1);
  }
}

/**
 * How long a node of a mesh of this size is silent before it is taken for dead, where that is confirmed by others
 * (lib/discovery/liveness.ts).
 */
export function deathUs(oracle: Oracle): number {
  // Three beats and what they jitter, five with many losses; 1.5 s from suspicion to verdict, 3 s with one confirmation;
  // two and a half beats more when a link went away.
  return 7.5 * beatUs(oracle) + 1_500_000;
}

/** The beat of a mesh of this size. */
export function beatUs(oracle: Oracle): number {
  return beatPeriodUs(oracle.nodes.length);
}

/** The time for which two nodes have been up with a way both ways at least as good as asked; -1 when that is not so. */
export function soundForUs(oracle: Oracle, a: string, b: string, wanted: "fair" | "clean"): number {
  if (!oracle.isUp(a) || !oracle.isUp(b)) return -1;
  return Math.min(
    wayForUs(oracle, a, b, wanted),
    wayForUs(oracle, b, a, wanted),
    oracle.nowUs - oracle.sinceUs(a),
    oracle.nowUs - oracle.sinceUs(b),
  );
}

/** The time for which one way has been at least as good as asked; -1 when it is not. */
export function wayForUs(oracle: Oracle, from: string, to: string, wanted: "fair" | "clean"): number {
  const quality = oracle.quality(from, to);
  if (quality !== "clean" && (wanted === "clean" || quality !== "fair")) return -1;
  return oracle.nowUs - oracle.canTalkSinceUs(from, to);
}

/** A time in words. */
export function seconds(us: number): string {
  return `${Math.round(us / 1000) / 1000} s`;
}
