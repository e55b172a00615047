// Who follows the lines of a program while it writes them.
// Decides how much one is told at once, and that one who is too far behind misses the oldest and hears how many. Followers
// read the ring when they are told: a flood costs them nothing more, and the program never waits for one.

import type { LogRecord } from "../model/mod.ts";
import { FOLLOW_BEHIND, FOLLOW_BYTES, FOLLOW_RECORDS, FOLLOW_US } from "./limits.ts";
import type { LineRing } from "./line_ring.ts";

/**
 * Hears new records, oldest first, and how many were left out before them. False: it cannot take them now; they are offered
 * again, or count as missed when there are too many. The call must not throw.
 */
export type LogListener = (records: readonly LogRecord[], missed: number) => boolean | void;

/** Somebody who follows. */
export interface LogFollower {
  /** Hears no more. */
  stop(): void;
  /** Records that were left out for it. */
  readonly missed: number;
}

/** One follower and how far it got. */
export class Follower implements LogFollower {
  readonly #listener: LogListener;
  readonly #onStop: (follower: Follower) => void;
  /** The number of the record that it hears next. */
  #seq: number;
  #untold = 0;
  missed = 0;

  constructor(listener: LogListener, seq: number, onStop: (follower: Follower) => void) {
    this.#listener = listener;
    this.#seq = seq;
    this.#onStop = onStop;
  }

  stop(): void {
    this.#onStop(this);
  }

  /** Whether there is something that it has not heard. */
  isBehind(ring: LineRing): boolean {
    return this.#seq < ring.nextSeq;
  }

  /** Tells it what it may hear at once. */
  tell(ring: LineRing): void {
    const oldest = Math.max(ring.firstSeq, ring.nextSeq - FOLLOW_BEHIND);
    if (this.#seq < oldest) {
      this.missed += oldest - this.#seq;
      this.#untold += oldest - this.#seq;
      this.#seq = oldest;
    }
    const records: LogRecord[] = [];
    let seq = this.#seq;
    for (let bytes = 0; seq < ring.nextSeq && records.length < FOLLOW_RECORDS; seq++) {
      bytes += ring.lengthOf(seq);
      if (bytes > FOLLOW_BYTES && records.length > 0) break;
      records.push(ring.record(seq));
    }
    if (records.length === 0 || this.#listener(records, this.#untold) === false) return;
    this.#seq = seq;
    this.#untold = 0;
  }
}

/** When followers hear of a line that came at `sinceUs`. */
export function followAtUs(sinceUs: number): number {
  return sinceUs + FOLLOW_US;
}
