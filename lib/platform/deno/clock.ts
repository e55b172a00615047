// The machine's clocks.
// Decides how hana's integer microseconds are made; never compares the two clocks: they are unrelated.

import type { Clock } from "../mod.ts";

/**
 * Reads `performance.now()` and `Date.now()`. On Linux the monotonic clock stands still while the machine
 * sleeps (discovery research, section 4), so a sleep shows as a jump between both clocks.
 */
export class DenoClock implements Clock {
  #lastUs = 0;

  nowUs(): number {
    const us = Math.floor(performance.now() * 1000);
    if (us > this.#lastUs) this.#lastUs = us;
    return this.#lastUs;
  }

  wallMs(): number {
    return Date.now();
  }
}
