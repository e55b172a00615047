// Whether a lane takes another message: its bounds, its counters, and when it is writable again after a refusal.
// Decides yes or no by what waits unsent; never what is dropped to make room, nor what is sent.

import type { Lane } from "../lane.ts";
import { SendRefusal } from "../refusal.ts";
import type { LaneStats } from "../stats.ts";

/** The bounds of one lane. What waits is counted in `stats.queuedMessages` and `stats.queuedBytes`. */
export class Admission {
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** A longer message can never be taken. */
  readonly longest: number;
  /** A refused lane is writable again when no more than half of either bound is used. */
  readonly #lowMessages: number;
  readonly #lowBytes: number;
  #isAwaited = false;

  constructor(lane: Lane, readonly stats: LaneStats) {
    this.maxMessages = lane.maxQueuedMessages;
    this.maxBytes = lane.maxQueuedBytes;
    this.longest = Math.min(lane.maxMessageBytes, lane.maxQueuedBytes);
    this.#lowMessages = Math.floor(lane.maxQueuedMessages / 2);
    this.#lowBytes = Math.floor(lane.maxQueuedBytes / 2);
  }

  /** Whether a message of `length` bytes may wait too. */
  canTake(length: number): boolean {
    const { stats } = this;
    return stats.queuedMessages < this.maxMessages && stats.queuedBytes + length <= this.maxBytes;
  }

  /** A message waits. */
  onQueued(length: number): void {
    this.stats.queuedMessages++;
    this.stats.queuedBytes += length;
  }

  /** A message waits no longer: of it, `length` bytes still did. */
  onUnqueued(length: number): void {
    this.stats.queuedMessages--;
    this.stats.queuedBytes -= length;
  }

  /** Counts a message that is longer than the lane takes. */
  refuseTooLarge(): number {
    this.stats.refusedTooLarge++;
    return SendRefusal.tooLarge;
  }

  /** Counts a message for which there is no room; the owner will be told of room. */
  refuseFull(): number {
    this.stats.refusedFull++;
    this.#isAwaited = true;
    return SendRefusal.full;
  }

  /** As {@linkcode refuseFull}, where the queue stands still because the peer does not read. */
  refuseNoCredit(): number {
    this.stats.refusedNoCredit++;
    this.#isAwaited = true;
    return SendRefusal.noCredit;
  }

  /** Counts a new message that is dropped by the lane's own policy. */
  dropNewest(): number {
    this.stats.droppedNewest++;
    return SendRefusal.full;
  }

  /** Whether the owner is to be told that there is room; true once after a refusal. */
  pollWritable(): boolean {
    if (!this.#isAwaited) return false;
    if (this.stats.queuedMessages > this.#lowMessages || this.stats.queuedBytes > this.#lowBytes) {
      return false;
    }
    this.#isAwaited = false;
    return true;
  }
}
