// Who was refused what, as events of the node.
// Decides that a stranger who asks a thousand times a second does not push out what happened to the programs.

import type { Clock } from "../../platform/mod.ts";
import type { Refusal, Supervisor } from "../daemon/mod.ts";

/** Refusals that become events within one minute; the rest is counted, and told with the next that does. */
const MAX_A_MINUTE = 30;
const MINUTE_US = 60_000_000;

/** Notes refusals. */
export class RefusalLog {
  /** Refusals that became no event of their own. */
  untold = 0;
  readonly #supervisor: Supervisor;
  readonly #clock: Clock;
  #sinceUs = 0;
  #told = 0;
  #left = 0;

  constructor(supervisor: Supervisor, clock: Clock) {
    this.#supervisor = supervisor;
    this.#clock = clock;
    this.#sinceUs = clock.nowUs();
  }

  note(refusal: Refusal): void {
    const nowUs = this.#clock.nowUs();
    if (nowUs - this.#sinceUs >= MINUTE_US) {
      this.#sinceUs = nowUs;
      this.#told = 0;
    }
    if (this.#told >= MAX_A_MINUTE) {
      this.untold++;
      this.#left++;
      return;
    }
    this.#told++;
    const others = this.#left === 0 ? {} : { others: this.#left };
    this.#left = 0;
    this.#supervisor.noteRefused({ ...refusal, ...others });
  }
}
