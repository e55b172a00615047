// The moments of the latest failures of a program, as many as any rule looks at.
// Decides whether a program is unstable and how many failures lie within a window; never what follows from it.

import { UNSTABLE_COUNT, UNSTABLE_WINDOW_US } from "./policy.ts";

/** As many failures as a give-up rule may count (lib/supervision/spec holds it to this). */
export const MAX_REMEMBERED_FAILURES = 100;

/** Remembers when a program failed. */
export class FailureLog {
  /** Oldest first. */
  #atUs: number[] = [];

  /** Notes a failure; the oldest one goes where there are too many. */
  add(nowUs: number): void {
    this.#atUs.push(nowUs);
    if (this.#atUs.length > MAX_REMEMBERED_FAILURES) this.#atUs.shift();
  }

  /** How many failures lie within the last `windowUs`. */
  within(nowUs: number, windowUs: number): number {
    let count = 0;
    for (const atUs of this.#atUs) if (atUs > nowUs - windowUs) count++;
    return count;
  }

  /** Whether it fails too often to be trusted. */
  isUnstable(nowUs: number): boolean {
    return this.within(nowUs, UNSTABLE_WINDOW_US) >= UNSTABLE_COUNT;
  }

  /** When it is no longer unstable if nothing else fails; null where it never was. */
  calmAtUs(): number | null {
    const atUs = this.#atUs.at(-UNSTABLE_COUNT);
    return atUs === undefined ? null : atUs + UNSTABLE_WINDOW_US;
  }

  /** How long ago each failure was, oldest first. */
  ages(nowUs: number): number[] {
    return this.#atUs.map((atUs) => nowUs - atUs);
  }

  /** Takes back what {@linkcode ages} gave in another life; the time between is unknown and counts as none. */
  restore(nowUs: number, agesUs: readonly number[]): void {
    this.#atUs = agesUs.slice(-MAX_REMEMBERED_FAILURES).map((ageUs) => nowUs - ageUs);
  }
}
