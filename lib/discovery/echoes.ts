// Proof of freshness for many at once: who starts says a challenge, and whatever repeats it was made after that, so that
// one beat by multicast proves its sender to every newcomer at a time (instead of a ping and an answer for each pair).
// Decides which challenges of others are repeated, for how long, and which of our own still count as ours.
// A challenge counts for seconds only: what was recorded then is worthless later.

import { drawNonce } from "./context.ts";
import { ECHO_DIGITS, MAX_ECHOES } from "./messages/mod.ts";
import type { RandomStream } from "../platform/mod.ts";

/** How long a challenge of somebody else is repeated, in µs: two beats and what they jitter. */
const REPEAT_US = 2_500_000;
/** How long an echo of ours counts, in µs. */
const OWN_LIFE_US = 6_000_000;
const NO_ECHOES: readonly string[] = [];

/** Challenges of others that we repeat, and our own. */
export class Echoes {
  readonly #heardUs = new Map<string, number>();
  #own = "";
  #ownEcho = "";
  #ownSinceUs = 0;
  #ownUntilUs = 0;

  constructor(readonly random: RandomStream) {}

  /** A new challenge of our own. */
  renew(nowUs: number): string {
    this.#own = drawNonce(this.random);
    this.#ownEcho = this.#own.slice(0, ECHO_DIGITS);
    this.#ownSinceUs = nowUs;
    this.#ownUntilUs = nowUs + OWN_LIFE_US;
    return this.#own;
  }

  /** Whether echoes of our challenge will count for `us` more. */
  isOpenFor(nowUs: number, us: number): boolean {
    return nowUs + us < this.#ownUntilUs;
  }

  /** Our challenge while echoes of it count, else null. */
  ownAt(nowUs: number): string | null {
    return nowUs < this.#ownUntilUs ? this.#own : null;
  }

  /**
   * Whether one of `echoes` repeats our challenge, so that they were made after it. That proves nothing of what
   * happened since: of a node that was lost or left after `sinceUs` only a later challenge speaks.
   */
  proves(nowUs: number, echoes: readonly string[], sinceUs: number): boolean {
    return echoes.length > 0 && nowUs < this.#ownUntilUs && this.#ownSinceUs >= sinceUs &&
      echoes.includes(this.#ownEcho);
  }

  /** Notes a challenge of somebody else. At the bound the oldest is repeated no more. */
  note(nowUs: number, challenge: string): void {
    const echo = challenge.slice(0, ECHO_DIGITS);
    this.#heardUs.delete(echo);
    if (this.#heardUs.size >= MAX_ECHOES) {
      for (const oldest of this.#heardUs.keys()) {
        this.#heardUs.delete(oldest);
        break;
      }
    }
    this.#heardUs.set(echo, nowUs);
  }

  /** What to repeat now, the newest first. */
  at(nowUs: number): readonly string[] {
    if (this.#heardUs.size === 0) return NO_ECHOES;
    for (const [echo, heardUs] of this.#heardUs) {
      if (nowUs - heardUs <= REPEAT_US) break;
      this.#heardUs.delete(echo);
    }
    return [...this.#heardUs.keys()].reverse();
  }
}
