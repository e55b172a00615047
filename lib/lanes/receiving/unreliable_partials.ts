// The unfinished messages of one unreliable lane: at most eight, each until its last piece is too long ago.
// Decides which one goes when there is no room. Never delivers and never counts deliveries.

import type { LaneStats } from "../stats.ts";
import type { PartialOwner, ReassemblyBudget } from "./budget.ts";
import { partialCost, PartialMessage } from "./reassembly.ts";

/** Unfinished messages that a lane keeps. */
export const MAX_PARTIALS = 8;
/** An unfinished message waits for its next piece at least this long. */
export const MIN_EXPIRY_US = 100_000;
/** And this many smoothed round trips. */
const EXPIRY_ROUND_TRIPS = 3;
/**
 * The newest value of a key waits longer: pieces that were acknowledged are never sent again, so that what is dropped
 * here would be missing for good. A slow or interrupted sender takes its time between two pieces; a newer value ends the
 * wait, and so does the end of the connection.
 */
export const KEYED_EXPIRY_US = 5_000_000;

/** A short list: eight entries are searched faster than any table. */
export class UnreliablePartials implements PartialOwner {
  /** Unfinished messages. */
  count = 0;
  /** Their lengths together. */
  bytes = 0;
  #expiryUs = MIN_EXPIRY_US;
  readonly #partials: PartialMessage[] = [];
  readonly #budget: ReassemblyBudget;
  readonly #stats: LaneStats;

  constructor(budget: ReassemblyBudget, stats: LaneStats) {
    this.#budget = budget;
    this.#stats = stats;
    budget.join(this);
  }

  /** Sets the smoothed round-trip time, in microseconds. */
  setRoundTrip(smoothedUs: number): void {
    this.#expiryUs = Math.max(MIN_EXPIRY_US, EXPIRY_ROUND_TRIPS * smoothedUs);
  }

  /** When the first of them expires; Infinity with none. */
  get nextExpiryUs(): number {
    let atUs = Infinity;
    for (const partial of this.#partials) {
      const expiryUs = partial.touchedUs + this.#expiryOf(partial);
      if (expiryUs < atUs) atUs = expiryUs;
    }
    return atUs;
  }

  #expiryOf(partial: PartialMessage): number {
    return partial.key < 0 || this.#expiryUs > KEYED_EXPIRY_US ? this.#expiryUs : KEYED_EXPIRY_US;
  }

  get oldestPartialUs(): number {
    let atUs = Infinity;
    for (const partial of this.#partials) if (partial.touchedUs < atUs) atUs = partial.touchedUs;
    return atUs;
  }

  /** The unfinished message of a number. */
  find(number: number): PartialMessage | null {
    for (const partial of this.#partials) if (partial.number === number) return partial;
    return null;
  }

  /** Makes room for a message and begins it; null when it may not have the memory. */
  begin(nowUs: number, number: number, key: number, total: number): PartialMessage | null {
    if (this.count === MAX_PARTIALS) this.dropOldestPartial();
    if (!this.#budget.takeUnreliable(partialCost(total))) return null;
    const partial = new PartialMessage(nowUs, number, key, total);
    this.#partials.push(partial);
    this.count++;
    this.bytes += total;
    return partial;
  }

  /** Takes a message out of the list, finished or not. */
  remove(partial: PartialMessage): void {
    const at = this.#partials.indexOf(partial);
    if (at < 0) return;
    this.#partials.splice(at, 1);
    this.count--;
    this.bytes -= partial.total;
    this.#budget.releaseUnreliable(partial.cost);
  }

  dropOldestPartial(): void {
    const oldestUs = this.oldestPartialUs;
    for (const partial of this.#partials) {
      if (partial.touchedUs !== oldestUs) continue;
      this.#drop(partial);
      return;
    }
  }

  /** A newer message of the key is whole: older ones will never be delivered. */
  dropOlder(key: number, number: number): void {
    for (let i = this.#partials.length - 1; i >= 0; i--) {
      const partial = this.#partials[i];
      if (partial !== undefined && partial.key === key && partial.number < number) this.#drop(partial);
    }
  }

  /** Drops what waited too long for its next piece. */
  handleTimeout(nowUs: number): void {
    for (let i = this.#partials.length - 1; i >= 0; i--) {
      const partial = this.#partials[i];
      if (partial !== undefined && nowUs >= partial.touchedUs + this.#expiryOf(partial)) this.#drop(partial);
    }
  }

  /** Lets everything go. */
  close(): void {
    for (let i = this.#partials.length - 1; i >= 0; i--) {
      const partial = this.#partials[i];
      if (partial !== undefined) this.remove(partial);
    }
    this.#budget.leave(this);
  }

  #drop(partial: PartialMessage): void {
    this.remove(partial);
    this.#stats.partialsDropped++;
  }
}
