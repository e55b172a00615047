// Unreliable messages on their way that are more than a count: reported ones, newest values of keys, those in pieces.
// Decides nothing; remembers until their packets are acknowledged or lost. Bounded: a full list stops its lane.

import { IndexMap } from "./index_map.ts";

/** Watched messages of one lane. With more on their way the lane waits for acknowledgements. */
export const MAX_WATCHED = 65_536;
const FIRST_CAPACITY = 32;
/** A record, and two to four entries of the table. */
const RECORD_BYTES = 64;

/** Records by message number, in typed arrays. */
export class Watched {
  /** Per record: its message's number, its row among the keys (−1 none), whether it is reported. */
  number: Float64Array = new Float64Array(FIRST_CAPACITY);
  row = new Int32Array(FIRST_CAPACITY);
  report = new Uint8Array(FIRST_CAPACITY);
  /** Per record, for a message in pieces: bytes that are not acknowledged yet. */
  missing = new Int32Array(FIRST_CAPACITY);
  readonly #records = new IndexMap();
  #free = new Int32Array(FIRST_CAPACITY);
  #freeCount = 0;
  #used = 0;

  get size(): number {
    return this.#records.size;
  }

  /** Bytes of memory held now, about. */
  get heldBytes(): number {
    return this.number.length * RECORD_BYTES;
  }

  get isFull(): boolean {
    return this.#records.size >= MAX_WATCHED;
  }

  /** The record of a message, −1 when it is not watched. */
  find(number: number): number {
    return this.#records.get(number);
  }

  /** Watches a message; not while {@linkcode isFull}. */
  add(number: number, row: number, report: boolean, length: number): void {
    let record: number;
    if (this.#freeCount > 0) record = this.#free[--this.#freeCount] as number;
    else {
      record = this.#used++;
      if (record === this.number.length) this.#grow();
    }
    this.number[record] = number;
    this.row[record] = row;
    this.report[record] = report ? 1 : 0;
    this.missing[record] = length;
    this.#records.set(number, record);
  }

  /** Its fate is known. */
  remove(record: number): void {
    this.#records.delete(this.number[record] as number);
    this.number[record] = -1;
    this.#free[this.#freeCount++] = record;
  }

  /** The number of reported record `record`, −1 when it is none; for {@linkcode used} records. */
  reportedNumber(record: number): number {
    return this.number[record] !== -1 && this.report[record] === 1 ? this.number[record] as number : -1;
  }

  /** Records that were ever used. */
  get used(): number {
    return this.#used;
  }

  #grow(): void {
    const capacity = this.number.length * 2;
    this.number = grown(this.number, new Float64Array(capacity));
    this.row = grown(this.row, new Int32Array(capacity));
    this.report = grown(this.report, new Uint8Array(capacity));
    this.missing = grown(this.missing, new Int32Array(capacity));
    this.#free = grown(this.#free, new Int32Array(capacity));
  }
}

function grown<T extends Int32Array | Float64Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
