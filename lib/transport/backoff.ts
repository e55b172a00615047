// Jittered exponential back-off: how long to wait before the next try.
// Decides the delays; never waits itself.

import type { RandomStream } from "../platform/mod.ts";

/** The shape of a back-off, times in microseconds. */
export interface BackoffOptions {
  /** The first delay. */
  readonly initialUs: number;
  /** No nominal delay is longer; the jitter comes on top. */
  readonly maxUs: number;
  /** Each delay is drawn from (1 − jitter) to (1 + jitter) of its nominal value, so that a rack does not dial in step. */
  readonly jitter: number;
}

/** 100 ms doubling to 2 s: a node that restarts is met again within about its own start-up time. */
export const DEFAULT_BACKOFF: BackoffOptions = { initialUs: 100_000, maxUs: 2_000_000, jitter: 0.3 };

/** Yields growing delays until it is reset. */
export class Backoff {
  #nominalUs: number;

  constructor(readonly options: BackoffOptions, private readonly random: RandomStream) {
    this.#nominalUs = options.initialUs;
  }

  /** The delay before the next try, in microseconds. */
  nextDelayUs(): number {
    const { jitter, maxUs } = this.options;
    const nominalUs = this.#nominalUs;
    this.#nominalUs = Math.min(maxUs, nominalUs * 2);
    return Math.round(Math.min(maxUs, nominalUs) * (1 - jitter + 2 * jitter * this.random.float()));
  }

  /** Starts over after a success. */
  reset(): void {
    this.#nominalUs = this.options.initialUs;
  }
}
