// Which hosts may be followed: none of an older term than was seen, and one alone of each term (research 2.7, C2).
// Decides yes or no, and what alarm a no is. Never forgets by itself: a person does that.

import { compareEpochs, type StateEpoch } from "../model/mod.ts";

/** Why an epoch is not followed. */
export type FenceAlarm = "two-hosts" | "older-host";

/** The newest epoch that was followed. */
export class EpochFence {
  #epoch: StateEpoch | null = null;

  /** Null before the first. */
  get epoch(): StateEpoch | null {
    return this.#epoch;
  }

  /** 0 before the first. */
  get term(): number {
    return this.#epoch?.term ?? 0;
  }

  /** Why `epoch` may not be followed; null when it may. */
  alarmOf(epoch: StateEpoch): FenceAlarm | null {
    const known = this.#epoch;
    if (known === null || epoch.term > known.term || compareEpochs(epoch, known) === 0) return null;
    return epoch.term === known.term ? "two-hosts" : "older-host";
  }

  /** Follows `epoch`, and none that is older from now on. */
  follow(epoch: StateEpoch): void {
    this.#epoch = epoch;
  }

  /** Any epoch may be followed again. */
  forget(): void {
    this.#epoch = null;
  }
}
