// Times of something that is done again and again: medians of blocks, so that a pause of the collector is in one of them.
// Decides how long; never what.

import { percentile } from "../../statistics.ts";

/** What something took, in microseconds. */
export interface Times {
  readonly p50: number;
  readonly p99: number;
  /** With every pause. */
  readonly mean: number;
  readonly n: number;
}

/**
 * Does `act` for `warmUpMs` and then for `measureMs`. It is given the number of the round and says how many milliseconds
 * of it count.
 */
export function clock(warmUpMs: number, measureMs: number, act: (round: number) => number): Times {
  let round = 0;
  const warmUntilMs = performance.now() + warmUpMs;
  while (performance.now() < warmUntilMs || round < 10) act(round++);
  const took: number[] = [];
  const untilMs = performance.now() + measureMs;
  while (performance.now() < untilMs || took.length < 10) took.push(act(round++) * 1000);
  const mean = took.reduce((sum, us) => sum + us, 0) / took.length;
  return { p50: percentile(took, 0.5), p99: percentile(took, 0.99), mean, n: took.length };
}
