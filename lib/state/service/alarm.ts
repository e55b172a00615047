// The one timer of a machine that says when it wants to be called: set anew after everything that happens to it.
// Decides that a deadline that stays costs nothing. Never decides when one is.

import type { TimerHandle, Timers } from "../../platform/mod.ts";

/** A timer for the next deadline. */
export class Alarm {
  readonly #timers: Timers;
  readonly #run: () => void;
  #timer: TimerHandle | null = null;
  #atUs = Infinity;

  /** @param run what is done when the time has come; it sets the next one */
  constructor(timers: Timers, run: () => void) {
    this.#timers = timers;
    this.#run = run;
  }

  /** From now on it goes off at `atUs`, in microseconds of the platform's monotonic clock; Infinity for never. */
  set(atUs: number): void {
    if (atUs === this.#atUs) return;
    this.#timer?.cancel();
    this.#atUs = atUs;
    if (atUs === Infinity) return;
    this.#timer = this.#timers.schedule(atUs, () => {
      this.#atUs = Infinity;
      this.#run();
    });
  }
}
