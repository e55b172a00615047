// How much may lie in the kernel's buffers of a stream, unacknowledged by the peer: enough to keep it busy, never
// so much that a new value waits behind seconds of old ones (a TCP socket takes 4 MB before it blocks; research 4.14).
// Decides a window and no rate; a stream paces itself. The peer must acknowledge often: every 16 KiB or half a window.

import type { CongestionControl, RoundTrip } from "./control.ts";

/** Always allowed: four packets of 16 KiB. At 1 MB/s they are 64 ms of delay, at 100 µs a round 655 MB/s. */
export const MIN_STREAM_WINDOW_BYTES = 65_536;
/** Never more, however long and fast the path. */
export const MAX_STREAM_WINDOW_BYTES = 1_048_576;

/** Rates are measured over at least this long: shorter ones see single wake-ups of the reader. */
const MIN_INTERVAL_US = 2_000;
/** Rates are remembered for this many intervals. */
const RATE_SLOTS = 8;

/**
 * Twice what the stream delivers in its shortest round trip. That round trip is the least ever seen, not the least of
 * the last seconds: behind a standing queue of our own every recent sample is too long, a window made of those feeds
 * itself, and ends at its maximum on any slow link.
 */
export class StreamWindow implements CongestionControl {
  readonly name = "stream-window";
  readonly rateBytesPerSecond = Infinity;
  windowBytes = MIN_STREAM_WINDOW_BYTES;
  readonly nextTickUs = Infinity;

  #minUs = Infinity;
  #startUs = -1;
  #acked = 0;
  #slot = 0;
  readonly #rates = new Float64Array(RATE_SLOTS);

  onSent(nowUs: number, _bytes: number, inFlightBytes: number): void {
    // After silence the interval starts anew: idle time is no sign of a slow stream.
    if (this.#startUs < 0 || inFlightBytes <= _bytes) this.#restart(nowUs);
  }

  onAcked(
    nowUs: number,
    bytes: number,
    sentAtUs: number,
    _rtt: RoundTrip,
    _inFlightBytes: number,
    _appLimited: boolean,
  ): void {
    const sampleUs = Math.max(1, nowUs - sentAtUs);
    if (sampleUs < this.#minUs) this.#minUs = sampleUs;
    this.#acked += bytes;
    const elapsedUs = nowUs - this.#startUs;
    if (elapsedUs < MIN_INTERVAL_US || elapsedUs < this.#minUs) return;
    this.#rates[this.#slot] = this.#acked * 1_000_000 / elapsedUs;
    this.#slot = (this.#slot + 1) % RATE_SLOTS;
    this.#restart(nowUs);
    let rate = 0;
    for (let at = 0; at < RATE_SLOTS; at++) rate = Math.max(rate, this.#rates[at] ?? 0);
    const wanted = 2 * rate * this.#minUs / 1_000_000;
    this.windowBytes = Math.min(
      MAX_STREAM_WINDOW_BYTES,
      Math.max(MIN_STREAM_WINDOW_BYTES, Math.ceil(wanted)),
    );
  }

  /** A stream loses nothing while it stands. */
  onLost(_nowUs: number, _bytes: number, _sentAtUs: number): void {}
  onPto(_nowUs: number): void {}

  onPathChanged(_nowUs: number): void {
    this.#minUs = Infinity;
    this.#startUs = -1;
    this.#acked = 0;
    this.#rates.fill(0);
    this.windowBytes = MIN_STREAM_WINDOW_BYTES;
  }

  handleTick(_nowUs: number): void {}

  #restart(nowUs: number): void {
    this.#startUs = nowUs;
    this.#acked = 0;
  }
}
