// The law that knows no congestion: a rate that somebody chose, and a window to match it.
// For links whose share is planned, and as the yardstick of the other laws. Never slows down, whatever is lost.

import type { CongestionControl, RoundTrip } from "./control.ts";

/** What may be on its way besides the round trip: acknowledgements wait up to 25 ms, timers and readers stall. */
const SLACK_US = 50_000;
/** The round trip until the first sample. */
const INITIAL_ROUND_TRIP_US = 50_000;
const MIN_WINDOW_BYTES = 65_536;

/** Options of {@linkcode FixedRate}. */
export interface FixedRateOptions {
  /** Bytes a second, above 0. */
  readonly rateBytesPerSecond: number;
}

/** Always the same rate; the window holds two round trips of it and what stalls hold back. */
export class FixedRate implements CongestionControl {
  readonly name = "fixed";
  readonly rateBytesPerSecond: number;
  windowBytes: number;
  readonly nextTickUs = Infinity;

  constructor({ rateBytesPerSecond }: FixedRateOptions) {
    this.rateBytesPerSecond = rateBytesPerSecond;
    this.windowBytes = this.#windowFor(INITIAL_ROUND_TRIP_US);
  }

  onSent(_nowUs: number, _bytes: number, _inFlightBytes: number): void {}

  onAcked(
    _nowUs: number,
    _bytes: number,
    _sentAtUs: number,
    rtt: RoundTrip,
    _inFlightBytes: number,
    _appLimited: boolean,
  ): void {
    this.windowBytes = this.#windowFor(rtt.smoothedUs);
  }

  onLost(_nowUs: number, _bytes: number, _sentAtUs: number): void {}
  onPto(_nowUs: number): void {}

  onPathChanged(_nowUs: number): void {
    this.windowBytes = this.#windowFor(INITIAL_ROUND_TRIP_US);
  }

  handleTick(_nowUs: number): void {}

  #windowFor(roundTripUs: number): number {
    return Math.max(MIN_WINDOW_BYTES, this.rateBytesPerSecond * (2 * roundTripUs + SLACK_US) / 1_000_000);
  }
}
