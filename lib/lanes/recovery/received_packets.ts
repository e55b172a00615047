// Which packets came: ranges for acknowledgements, and a window of bits that tells every duplicate.
// Decides whether a packet is new; never whether it is authentic, and never when it is acknowledged.
// A sender repeats what was not acknowledged, so forgetting the oldest range costs a repair and no message.

import { REPLAY_WINDOW_NUMBERS, ReplayWindow } from "../../security/mod.ts";
import type { AckSource } from "../wire/mod.ts";

/** Ranges that are kept, as many as an ACK can tell (lanes research 4.2). */
export const MAX_RECEIVED_RANGES = 32;

/** Packets of one direction. */
export class ReceivedPackets implements AckSource {
  /** The largest number, −1 before the first, and when it came. */
  largest = -1;
  largestAtUs = 0;
  /** Whether the packet inserted last made a hole, or came into one. */
  outOfOrder = false;
  /** How many ranges there are. */
  rangeCount = 0;
  /** Packets that were refused: seen before, and too old to tell. */
  duplicates = 0;
  tooOld = 0;
  /** Ranges that were dropped because there were too many. */
  droppedRanges = 0;
  /** Oldest first, so that numbers are mostly appended. */
  readonly #starts = new Float64Array(MAX_RECEIVED_RANGES);
  readonly #ends = new Float64Array(MAX_RECEIVED_RANGES);
  readonly #window = new ReplayWindow();

  /** The first number of range `i`; range 0 is the newest. */
  rangeStart(i: number): number {
    return this.#starts[this.rangeCount - 1 - i] as number;
  }

  /** The last number of range `i`, which was received. */
  rangeEnd(i: number): number {
    return this.#ends[this.rangeCount - 1 - i] as number;
  }

  /** Whether `n` came already, or is so old that it might have. */
  has(n: number): boolean {
    return !this.#window.canAccept(n);
  }

  /** Notes packet `n`; false when it came before, or is too old to tell. */
  insert(nowUs: number, n: number): boolean {
    if (!this.#window.canAccept(n)) {
      if (n >= 0 && n <= this.largest && this.largest - n < REPLAY_WINDOW_NUMBERS) this.duplicates++;
      else this.tooOld++;
      return false;
    }
    this.#window.commit(n);
    const last = this.rangeCount - 1;
    if (n > this.largest) {
      this.outOfOrder = this.largest >= 0 && n !== this.largest + 1;
      this.largest = n;
      this.largestAtUs = nowUs;
      if (last >= 0 && this.#ends[last] === n - 1) this.#ends[last] = n;
      else this.#insertAt(last + 1, n);
      return true;
    }
    this.outOfOrder = true;
    // The newest range that begins at or before n, if any.
    let i = last;
    while (i >= 0 && (this.#starts[i] as number) > n) i--;
    const joinsOlder = i >= 0 && (this.#ends[i] as number) >= n - 1;
    const joinsNewer = i < last && this.#starts[i + 1] === n + 1;
    if (joinsOlder) {
      if ((this.#ends[i] as number) < n) this.#ends[i] = n;
      if (joinsNewer) {
        this.#ends[i] = this.#ends[i + 1] as number;
        this.#removeAt(i + 1);
      }
    } else if (joinsNewer) this.#starts[i + 1] = n;
    else this.#insertAt(i + 1, n);
    return true;
  }

  /**
   * Forgets what the peer knows to be acknowledged: numbers below `n`. The largest number is kept, so that there is
   * always something to tell.
   */
  forgetBelow(n: number): void {
    const floor = n <= this.largest ? n : this.largest;
    let gone = 0;
    while (gone < this.rangeCount && (this.#ends[gone] as number) < floor) gone++;
    if (gone > 0) {
      this.#starts.copyWithin(0, gone, this.rangeCount);
      this.#ends.copyWithin(0, gone, this.rangeCount);
      this.rangeCount -= gone;
    }
    if (this.rangeCount > 0 && (this.#starts[0] as number) < floor) this.#starts[0] = floor;
  }

  #insertAt(at: number, n: number): void {
    let i = at;
    if (this.rangeCount === MAX_RECEIVED_RANGES) {
      this.droppedRanges++;
      // It is older than all that are kept: it was taken in, and will be sent again.
      if (i === 0) return;
      this.#removeAt(0);
      i--;
    }
    this.#starts.copyWithin(i + 1, i, this.rangeCount);
    this.#ends.copyWithin(i + 1, i, this.rangeCount);
    this.#starts[i] = n;
    this.#ends[i] = n;
    this.rangeCount++;
  }

  #removeAt(at: number): void {
    this.#starts.copyWithin(at, at + 1, this.rangeCount);
    this.#ends.copyWithin(at, at + 1, this.rangeCount);
    this.rangeCount--;
  }
}
