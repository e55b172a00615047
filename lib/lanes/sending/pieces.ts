// One reliable message that travels in pieces: which of its bytes the peer has, and which are to be sent again.
// Decides what is missing; never when it goes. Ranges, not numbered fragments: a resend may cut anew.

import { ByteRanges } from "./byte_ranges.ts";

/** The pieces of one message. */
export class Pieces {
  /** What the peer has acknowledged. */
  readonly acked = new ByteRanges();
  /** What was lost and not yet sent again. */
  readonly lost = new ByteRanges();

  constructor(readonly total: number) {}

  /** Whether the peer has all of it. */
  get isWhole(): boolean {
    return this.acked.has(0, this.total);
  }

  /** `[start, end)` arrived, possibly after it was thought lost. */
  onAcked(start: number, end: number): void {
    this.acked.add(start, end);
    this.lost.remove(start, end);
  }

  /** A packet with `[start, end)` was lost: what did not arrive by another one goes again. */
  onLost(start: number, end: number): void {
    const { acked, lost } = this;
    let at = start;
    for (let i = 0; i < acked.count && acked.start(i) < end; i++) {
      if (acked.end(i) <= at) continue;
      lost.add(at, Math.min(end, acked.start(i)));
      at = acked.end(i);
    }
    lost.add(at, end);
  }
}
