// The queue of an unreliable lane: messages that were not sent, in the order in which they go. The value of a key
// keeps its place when a newer one takes it, so that a fast key never starves behind the others.
// Decides nothing; a ring of typed arrays that doubles, and closes its gaps before it does.

const FIRST_CAPACITY = 64;
const ENTRY_BYTES = 29;

/** Entries of {@linkcode Waiting.row} that are no row. */
export const NO_ROW = -1;
const GONE = -2;

/** Entries by their index in the ring. Those with a row hold no more than that: the rest stands at the key's row. */
export class Waiting {
  number = new Float64Array(FIRST_CAPACITY);
  position = new Int32Array(FIRST_CAPACITY);
  length = new Int32Array(FIRST_CAPACITY);
  expiry = new Float64Array(FIRST_CAPACITY);
  report = new Uint8Array(FIRST_CAPACITY);
  row = new Int32Array(FIRST_CAPACITY);
  /** Entries that are not gone. */
  count = 0;
  /** Those of them without a row. */
  messages = 0;
  /** Places only grow; the index of a place is `place & mask`. */
  #head = 0;
  #tail = 0;
  #mask = FIRST_CAPACITY - 1;

  /** Bytes of memory held now. */
  get heldBytes(): number {
    return (this.#mask + 1) * ENTRY_BYTES;
  }

  /** The first and the last place, exclusive, of what may be in the ring. */
  get head(): number {
    return this.#head;
  }
  get tail(): number {
    return this.#tail;
  }

  /** The index of a place, −1 when its entry is gone. */
  at(place: number): number {
    const index = place & this.#mask;
    return this.row[index] === GONE ? -1 : index;
  }

  /** The index of the first entry; only while there is one. */
  first(): number {
    while (this.row[this.#head & this.#mask] === GONE) this.#head++;
    return this.#head & this.#mask;
  }

  /** Appends an entry and returns its index; the caller writes it. */
  append(row: number): number {
    if (this.count === 0) {
      this.#head = 0;
      this.#tail = 0;
    } else if (this.#tail - this.#head > this.#mask) this.#makeRoom();
    const index = this.#tail & this.#mask;
    this.row[index] = row;
    this.#tail++;
    this.count++;
    if (row === NO_ROW) this.messages++;
    return index;
  }

  /** Takes an entry out. */
  remove(index: number): void {
    if (this.row[index] === NO_ROW) this.messages--;
    this.row[index] = GONE;
    this.count--;
  }

  #makeRoom(): void {
    const before = this.#mask;
    const capacity = this.count * 2 > before ? (before + 1) * 2 : before + 1;
    const number = new Float64Array(capacity);
    const position = new Int32Array(capacity);
    const length = new Int32Array(capacity);
    const expiry = new Float64Array(capacity);
    const report = new Uint8Array(capacity);
    const row = new Int32Array(capacity);
    let end = 0;
    for (let place = this.#head; place < this.#tail; place++) {
      const from = place & before;
      if (this.row[from] === GONE) continue;
      number[end] = this.number[from] as number;
      position[end] = this.position[from] as number;
      length[end] = this.length[from] as number;
      expiry[end] = this.expiry[from] as number;
      report[end] = this.report[from] as number;
      row[end] = this.row[from] as number;
      end++;
    }
    this.number = number;
    this.position = position;
    this.length = length;
    this.expiry = expiry;
    this.report = report;
    this.row = row;
    this.#mask = capacity - 1;
    this.#head = 0;
    this.#tail = end;
  }
}
