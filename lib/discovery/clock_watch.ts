// Whether the machine slept, told by its two clocks: in sleep the monotonic one stands still on most systems and the wall
// clock goes on.
// Decides by what the wall clock gained since the last look. Setting it forward looks the same, which does no harm: after a
// sleep nothing happens but that others get time. Where the monotonic clock runs on in sleep, the late timer tells.

/** Clocks that drift or are steered apart differ by less between two looks, in ms. */
const MIN_JUMP_MS = 2_000;

/** What the clocks told. */
export interface ClockChange {
  readonly kind: "resumed" | "clock-jump";
  /** What the wall clock gained (less than 0: lost) against the monotonic one, in ms. */
  readonly jumpMs: number;
}

/** Compares the clocks. */
export class ClockWatch {
  #offsetMs: number | null = null;

  /** Looks at both clocks. Returns what happened since the last look, null for nothing. */
  look(nowUs: number, wallMs: number): ClockChange | null {
    const offsetMs = wallMs - nowUs / 1000;
    const before = this.#offsetMs;
    this.#offsetMs = offsetMs;
    const jumpMs = before === null ? 0 : Math.round(offsetMs - before);
    if (Math.abs(jumpMs) <= MIN_JUMP_MS) return null;
    return { kind: jumpMs > 0 ? "resumed" : "clock-jump", jumpMs };
  }
}
