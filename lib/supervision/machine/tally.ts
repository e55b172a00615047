// What a program's ends add up to: failures in a row, tries in a row, giving up, unstable.
// Decides which counter an end raises and what makes them start anew; never what follows from them (table.ts).

import type { RandomStream } from "../../platform/mod.ts";
import type { ExitClass, ProgramSpec } from "../model/mod.ts";
import type { SavedMachine } from "./events.ts";
import { FailureLog } from "./failure_log.ts";
import { countsAsFailure, delayUs } from "./policy.ts";

/** Counts the ends of one program. */
export class Tally {
  #fails = 0;
  #tries = 0;
  #gaveUp = false;
  #unstable = false;
  /** Failures of all time. */
  #failures = 0;
  /** Failures since a human began anew: those before do not lead to giving up. */
  #fresh = 0;
  readonly #log = new FailureLog();

  /** Failures since it was last stable, or a human began anew. */
  get fails(): number {
    return this.#fails;
  }
  /** Ends since then, failures or not: what the delay grows with, so that nothing spins. */
  get tries(): number {
    return this.#tries;
  }
  get gaveUp(): boolean {
    return this.#gaveUp;
  }
  get unstable(): boolean {
    return this.#unstable;
  }
  /** Failures of all time. */
  get failures(): number {
    return this.#failures;
  }
  /** When it is no longer unstable if nothing else fails; null where it is not. */
  get calmAtUs(): number | null {
    return this.#unstable ? this.#log.calmAtUs() : null;
  }

  /** Counts an end; whether it was a failure. */
  count(nowUs: number, exit: ExitClass, spec: ProgramSpec): boolean {
    if (exit !== "stopped") this.#tries++;
    // Asked to try later: it must not spin, though it does not fail.
    if (exit === "temporary") this.#tries = Math.max(this.#tries, 2);
    if (!countsAsFailure(exit)) return false;
    this.#fails++;
    this.#failures++;
    this.#fresh++;
    this.#log.add(nowUs);
    this.calm(nowUs);
    if (spec.giveUp !== null) {
      const { after, withinUs } = spec.giveUp;
      this.#gaveUp = this.#fresh >= after && this.#log.within(nowUs, withinUs) >= after;
    }
    return true;
  }

  /** The pause before the next try. */
  delayUs(spec: ProgramSpec, random: RandomStream): number {
    return delayUs(this.#tries, spec.backoffCapUs, random);
  }

  /** It was stable: the next failure is the first one. */
  noteStable(): void {
    this.#fails = 0;
    this.#tries = 0;
  }

  /** A human begins anew: what failed before is history, or a program that gave up could never come back (k8s #53530). */
  begin(): void {
    this.noteStable();
    this.#gaveUp = false;
    this.#fresh = 0;
  }

  /** Looks whether it still fails too often. */
  calm(nowUs: number): void {
    this.#unstable = this.#log.isUnstable(nowUs);
  }

  save(nowUs: number): Pick<SavedMachine, "fails" | "tries" | "fresh" | "gaveUp" | "failureAgesUs"> {
    return {
      fails: this.#fails,
      tries: this.#tries,
      fresh: this.#fresh,
      gaveUp: this.#gaveUp,
      failureAgesUs: this.#log.ages(nowUs),
    };
  }

  restore(nowUs: number, saved: SavedMachine): void {
    this.#fails = saved.fails;
    this.#tries = saved.tries;
    this.#gaveUp = saved.gaveUp;
    this.#failures = saved.counters.failures;
    this.#fresh = saved.fresh;
    this.#log.restore(nowUs, saved.failureAgesUs);
    this.calm(nowUs);
  }
}
