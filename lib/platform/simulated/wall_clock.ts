// The wall clock of a simulated host, and how it goes wrong: set wrong, stepped, drifting, swinging.
// Decides what people's time reads there. The monotonic clock knows nothing of it.

/** 2023-11-14, 22:13:20 UTC: the wall clock when a world begins. */
export const WORLD_EPOCH_MS = 1_700_000_000_000;

/** How a wall clock goes wrong. */
export type ClockFault =
  /** Off by so much, whatever it was off before. */
  | { readonly kind: "offset"; readonly ms: number }
  /** Off by so much more. */
  | { readonly kind: "step"; readonly ms: number }
  /** Fast by so many millionths, slow when negative. */
  | { readonly kind: "drift"; readonly ppm: number }
  /** Swings around its time. */
  | { readonly kind: "sine"; readonly amplitudeMs: number; readonly periodUs: number };

/** The clocks of a host. */
export class HostClocks {
  /** Added to the wall clock; may be set while the world runs. */
  wallOffsetMs: number;
  /** Added to the monotonic clock; fixed for a host. */
  readonly monotonicOffsetUs: number;
  #driftPpm = 0;
  #driftSinceUs = 0;
  #driftedMs = 0;
  #amplitudeMs = 0;
  #periodUs = 1;
  #swingSinceUs = 0;

  constructor(wallOffsetMs: number, monotonicOffsetUs: number) {
    this.wallOffsetMs = wallOffsetMs;
    this.monotonicOffsetUs = monotonicOffsetUs;
  }

  /** Goes wrong from `nowUs` on. Returns how to end it, at the time that `now` then tells. */
  change(nowUs: number, fault: ClockFault, now: () => number): () => void {
    switch (fault.kind) {
      case "offset": {
        const before = this.wallOffsetMs;
        this.wallOffsetMs = fault.ms;
        return () => this.wallOffsetMs = before;
      }
      case "step":
        this.wallOffsetMs += fault.ms;
        return () => this.wallOffsetMs -= fault.ms;
      case "drift":
        this.drift(nowUs, fault.ppm);
        return () => this.drift(now(), 0);
      case "sine":
        this.swing(nowUs, fault.amplitudeMs, fault.periodUs);
        return () => this.swing(now(), 0, 1);
    }
  }

  /** Runs fast by so many millionths from now on (slow when negative); what has gathered stays. */
  drift(nowUs: number, ppm: number): void {
    this.#driftedMs = this.#driftAt(nowUs);
    this.#driftPpm = ppm;
    this.#driftSinceUs = nowUs;
  }

  /** Swings around the true time from now on; an amplitude of 0 ends it. */
  swing(nowUs: number, amplitudeMs: number, periodUs: number): void {
    this.#amplitudeMs = amplitudeMs;
    this.#periodUs = periodUs;
    this.#swingSinceUs = nowUs;
  }

  /** What the wall clock reads at this true time, in milliseconds since 1970. */
  wallMs(nowUs: number): number {
    const swing = this.#amplitudeMs === 0
      ? 0
      : this.#amplitudeMs * Math.sin(2 * Math.PI * (nowUs - this.#swingSinceUs) / this.#periodUs);
    return WORLD_EPOCH_MS + Math.floor(nowUs / 1000 + this.wallOffsetMs + this.#driftAt(nowUs) + swing);
  }

  #driftAt(nowUs: number): number {
    return this.#driftedMs + (nowUs - this.#driftSinceUs) * this.#driftPpm / 1e9;
  }
}
