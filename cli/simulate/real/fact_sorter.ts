// Facts of several processes in the order in which they happened: pipes deliver them a little late, each in its own time.
// Decides how long one waits for others that may be older. One that comes later still is told late, never dropped.

import type { Fact } from "../../../lib/simulate/mod.ts";

/** A line of a process is read within this time, unless the machine is overloaded. */
const WAIT_US = 80_000;

/** Sorts facts by time. */
export class FactSorter {
  readonly #tell: (fact: Fact) => void;
  /** By time, the oldest last. */
  readonly #waiting: Fact[] = [];

  constructor(tell: (fact: Fact) => void) {
    this.#tell = tell;
  }

  /** Takes a fact. */
  add(fact: Fact): void {
    const at = this.#waiting.findIndex((other) => other.atUs <= fact.atUs);
    this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, fact);
  }

  /** Tells those that have waited long enough; all of them without a time. */
  release(nowUs = Infinity): void {
    for (;;) {
      const oldest = this.#waiting.at(-1);
      if (oldest === undefined || oldest.atUs > nowUs - WAIT_US) return;
      this.#waiting.pop();
      this.#tell(oldest);
    }
  }
}
