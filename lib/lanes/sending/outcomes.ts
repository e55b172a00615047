// What became of messages, until the owner is told: at the end of each input, when the lane is whole again, so that
// the owner may send from inside the call. Decides nothing; tells each outcome once, in the order they came.

import type { Lane, LaneId } from "../lane.ts";
import type { LaneReports } from "../sink.ts";

/** What becomes of a message. */
export const Outcome = { delivered: 0, expired: 1, lost: 2 } as const;

/** Outcomes to tell. */
export class Outcomes {
  readonly #lane: LaneId;
  #kinds = new Uint8Array(16);
  #numbers = new Float64Array(16);
  #count = 0;
  #isWritable = false;
  #isTelling = false;

  constructor(lane: Lane, readonly reports: LaneReports) {
    this.#lane = lane.id;
  }

  /** Notes the outcome of a message that was sent with `report`. */
  note(kind: number, number: number): void {
    if (this.#count === this.#kinds.length) this.#grow();
    this.#kinds[this.#count] = kind;
    this.#numbers[this.#count] = number;
    this.#count++;
  }

  /** Notes that the lane has room again. */
  noteWritable(): void {
    this.#isWritable = true;
  }

  /** Tells what was noted. What comes up meanwhile is told by the outermost call. */
  tell(): void {
    if ((this.#count > 0 || this.#isWritable) && !this.#isTelling) this.#tellAll();
  }

  #tellAll(): void {
    this.#isTelling = true;
    let told = 0;
    try {
      while (told < this.#count || this.#isWritable) {
        if (told === this.#count) {
          this.#isWritable = false;
          this.reports.onWritable(this.#lane);
          continue;
        }
        const kind = this.#kinds[told];
        const number = this.#numbers[told] as number;
        told++;
        if (kind === Outcome.delivered) this.reports.onDelivered(this.#lane, number);
        else if (kind === Outcome.expired) this.reports.onExpired(this.#lane, number);
        else this.reports.onLost(this.#lane, number);
      }
    } finally {
      // A sink that throws loses no news but its own: the rest moves up.
      this.#kinds.copyWithin(0, told, this.#count);
      this.#numbers.copyWithin(0, told, this.#count);
      this.#count -= told;
      this.#isTelling = false;
    }
  }

  #grow(): void {
    const kinds = new Uint8Array(this.#count * 2);
    const numbers = new Float64Array(this.#count * 2);
    kinds.set(this.#kinds);
    numbers.set(this.#numbers);
    this.#kinds = kinds;
    this.#numbers = numbers;
  }
}
