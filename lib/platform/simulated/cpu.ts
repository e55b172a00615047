// When the programs of a simulated host get to run: at once, or late because the host is frozen or slow.
// Decides the order: what became due first runs first, each in an event of its own. Its clocks go on meanwhile, and its
// system goes on too (it takes in datagrams and stream data, and answers for its streams), as when a process is stopped.

import type { Engine } from "./engine.ts";

/** Runs the callbacks of one host. */
export class HostCpu {
  /** Whether a callback may simply be called; else it must go through {@linkcode run}. */
  isFree = true;
  readonly #engine: Engine;
  #freezes = 0;
  #extraUs = 0;
  #busyUntilUs = 0;
  #waiting: (() => void)[] = [];
  #isWakePlanned = false;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Whether nothing runs now. */
  get isFrozen(): boolean {
    return this.#freezes > 0;
  }

  /** What each callback takes on top, in microseconds. */
  get extraUs(): number {
    return this.#extraUs;
  }

  /** Callbacks that are due and wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Stops everything. Freezes add up: each wants its own {@linkcode thaw}. */
  freeze(): void {
    this.#freezes++;
    this.isFree = false;
  }

  /** Undoes one freeze; after the last one everything that was due runs, in order. */
  thaw(): void {
    if (this.#freezes === 0) return;
    this.#freezes--;
    this.#plan();
  }

  /** Lets each callback occupy the host for so long; 0 makes it quick again. */
  slow(extraUs: number): void {
    this.#extraUs = extraUs;
    this.isFree = false;
    this.#plan();
  }

  /** The power went: nothing waits any more, and nothing is frozen. */
  reset(): void {
    this.#freezes = 0;
    this.#waiting = [];
    this.#busyUntilUs = 0;
    this.#plan();
  }

  /** Runs a callback that is due, as soon as its turn comes. */
  run(callback: () => void): void {
    const isIdle = this.#freezes === 0 && this.#waiting.length === 0 &&
      this.#busyUntilUs <= this.#engine.nowUs;
    if (isIdle) this.#call(callback);
    else {
      this.#waiting.push(callback);
      this.#plan();
    }
  }

  #call(callback: () => void): void {
    this.#busyUntilUs = this.#engine.nowUs + this.#extraUs;
    callback();
  }

  #plan(): void {
    if (this.#freezes > 0 || this.#isWakePlanned) return;
    if (this.#waiting.length === 0) {
      this.isFree = this.#extraUs === 0 && this.#busyUntilUs <= this.#engine.nowUs;
      if (this.isFree || this.#extraUs > 0) return;
    }
    this.#isWakePlanned = true;
    this.#engine.at(this.#busyUntilUs, () => this.#wake());
  }

  #wake(): void {
    this.#isWakePlanned = false;
    if (this.#freezes > 0) return;
    const callback = this.#waiting.shift();
    try {
      if (callback !== undefined) this.#call(callback);
    } finally {
      this.#plan();
    }
  }
}
