// Keeps a socket that fails a thousand times a second from saying so a thousand times; the counters still grow.

import type { Clock } from "./time.ts";

/** An error that repeats is told again after this long, and counted meanwhile. */
const REPEAT_AFTER_US = 1_000_000;

/** Lets an error through when it is new, or when the last one like it is a second old. */
export class RepeatFilter {
  readonly #clock: Clock;
  #last = "";
  #toldAtUs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether an error that reads `text` should be told now. */
  isNews(text: string): boolean {
    const nowUs = this.#clock.nowUs();
    if (text === this.#last && nowUs - this.#toldAtUs < REPEAT_AFTER_US) return false;
    this.#last = text;
    this.#toldAtUs = nowUs;
    return true;
  }
}
