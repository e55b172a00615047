// The newest values of keys: of each key the one that waits unsent and the newest one that was sent and is neither
// acknowledged nor superseded. Decides which value is kept for which key; never when one goes.
// At most 1024 keys; bytes are appended to one buffer and moved together when it is full, so that a value which stays
// long holds up nothing.

import { IndexMap } from "./index_map.ts";

/** Keys of one lane of which a value waits or may be asked for again; as many as a receiver tells apart. */
export const MAX_KEYS = 1024;
const FIRST_ROWS = 16;
const FIRST_BYTES = 1024;
/** Values up to this many bytes are copied in a loop, which is faster than a call (measured). */
const LOOP_BYTES = 32;

/** Numbers of values by key. A row is a key in use. */
export class Conflation {
  /** The buffer in which values lie. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Per row: its key, −1 for none. */
  key: Int32Array = new Int32Array(FIRST_ROWS).fill(-1);
  /** Per row: the message number of the value that waits, −1 for none; where it lies, and when it is too old. */
  waitingNumber: Float64Array = new Float64Array(FIRST_ROWS).fill(-1);
  waitingStart = new Int32Array(FIRST_ROWS);
  waitingLength = new Int32Array(FIRST_ROWS);
  waitingExpiry = new Float64Array(FIRST_ROWS);
  waitingReport = new Uint8Array(FIRST_ROWS);
  /** Per row: the newest number that was sent and whose fate is open, −1 for none; its value. */
  sentNumber: Float64Array = new Float64Array(FIRST_ROWS).fill(-1);
  sentStart = new Int32Array(FIRST_ROWS);
  sentLength = new Int32Array(FIRST_ROWS);
  sentExpiry = new Float64Array(FIRST_ROWS);
  /** Per row: whether the value that was sent is lost and goes again. */
  isLost = new Uint8Array(FIRST_ROWS);
  /** How many values go again. */
  lostCount = 0;
  /** Bytes of values that were sent and are kept. */
  sentBytes = 0;
  readonly #rows = new IndexMap();
  #free: Int32Array = new Int32Array(FIRST_ROWS);
  #freeCount = 0;
  #usedRows = 0;
  /** Rows whose value was lost, oldest loss first; some may not be lost any more. By row: where it stands there. */
  #lostRows: Int32Array = new Int32Array(2 * FIRST_ROWS);
  #lostPlace: Float64Array = new Float64Array(FIRST_ROWS);
  #lostHead = 0;
  #lostTail = 0;
  #end = 0;
  #liveBytes = 0;

  /** Keys in use. */
  get size(): number {
    return this.#rows.size;
  }

  /** Keys of which a value waits or is kept may not be more than {@linkcode MAX_KEYS}. */
  get isFull(): boolean {
    return this.#rows.size >= MAX_KEYS;
  }

  /** The row of `key`, −1 when it is not in use. */
  rowOf(key: number): number {
    return this.#rows.get(key);
  }

  /** A row for a key that has none; not while {@linkcode isFull}. */
  open(key: number): number {
    let row: number;
    if (this.#freeCount > 0) row = this.#free[--this.#freeCount] as number;
    else {
      row = this.#usedRows++;
      if (row === this.key.length) this.#growRows();
    }
    this.key[row] = key;
    this.#rows.set(key, row);
    return row;
  }

  /** Gives a row free when nothing is in it. */
  closeIfEmpty(row: number): void {
    if (this.waitingNumber[row] !== -1 || this.sentNumber[row] !== -1) return;
    this.#rows.delete(this.key[row] as number);
    this.key[row] = -1;
    this.#free[this.#freeCount++] = row;
  }

  /** A value waits in a row in which none did. */
  setWaiting(row: number, number: number, source: Uint8Array, expiryUs: number, report: boolean): void {
    const start = this.#append(source);
    this.waitingNumber[row] = number;
    this.waitingStart[row] = start;
    this.waitingLength[row] = source.length;
    this.waitingExpiry[row] = expiryUs;
    this.waitingReport[row] = report ? 1 : 0;
  }

  /** The value that waits, waits no longer. */
  dropWaiting(row: number): void {
    this.#release(this.waitingLength[row] as number);
    this.waitingNumber[row] = -1;
  }

  /** The value that waits is being sent: it is the one that is kept from now on. */
  onSending(row: number): void {
    this.dropSent(row);
    const length = this.waitingLength[row] as number;
    this.sentNumber[row] = this.waitingNumber[row] as number;
    this.sentStart[row] = this.waitingStart[row] as number;
    this.sentLength[row] = length;
    this.sentExpiry[row] = this.waitingExpiry[row] as number;
    this.waitingNumber[row] = -1;
    this.sentBytes += length;
  }

  /** The value that was sent is not kept any longer. */
  dropSent(row: number): void {
    if (this.sentNumber[row] === -1) return;
    const length = this.sentLength[row] as number;
    this.sentBytes -= length;
    this.#release(length);
    this.sentNumber[row] = -1;
    if (this.isLost[row] === 1) {
      this.isLost[row] = 0;
      this.lostCount--;
    }
  }

  /** The value that was sent goes again. */
  markLost(row: number): void {
    if (this.isLost[row] === 1) return;
    this.isLost[row] = 1;
    this.lostCount++;
    if (this.#lostTail - this.#lostHead === this.#lostRows.length) this.#sweepLost(this.#lostRows);
    this.#lostPlace[row] = this.#lostTail;
    this.#lostRows[this.#lostTail++ % this.#lostRows.length] = row;
  }

  /** The row whose value was lost first; only while {@linkcode lostCount} is not 0. */
  firstLost(): number {
    for (;;) {
      const row = this.#lostRows[this.#lostHead % this.#lostRows.length] as number;
      if (this.#isLostAt(row, this.#lostHead)) return row;
      this.#lostHead++;
    }
  }

  /** The value that went first is sent again, as message `number`. */
  onResending(row: number, number: number): void {
    this.#lostHead++;
    this.isLost[row] = 0;
    this.lostCount--;
    this.sentNumber[row] = number;
  }

  /** The row, other than `pinned`, whose kept value was sent first and has no newer one; −1 when there is none. */
  oldestSent(pinned: number): number {
    let oldest = -1;
    for (let row = 0; row < this.#usedRows; row++) {
      if (row === pinned || this.key[row] === -1 || this.sentNumber[row] === -1) continue;
      if (this.waitingNumber[row] !== -1) continue;
      if (oldest === -1 || (this.sentNumber[row] as number) < (this.sentNumber[oldest] as number)) {
        oldest = row;
      }
    }
    return oldest;
  }

  /** Entries that mean nothing any more leave the list, which moves to `to`; each lost row is in it once. */
  #sweepLost(to: Int32Array): void {
    const from = this.#lostRows;
    let kept = this.#lostHead;
    // In place too: entries move forward, never past one that was not read.
    for (let at = this.#lostHead; at < this.#lostTail; at++) {
      const row = from[at % from.length] as number;
      if (!this.#isLostAt(row, at)) continue;
      to[kept % to.length] = row;
      this.#lostPlace[row] = kept++;
    }
    this.#lostRows = to;
    this.#lostTail = kept;
  }

  /** Whether the entry of the list at `place` is that of the row's latest loss. */
  #isLostAt(row: number, place: number): boolean {
    return this.isLost[row] === 1 && this.#lostPlace[row] === place;
  }

  #append(source: Uint8Array): number {
    const { length } = source;
    if (this.#end + length > this.bytes.length) this.#makeRoom(length);
    const start = this.#end;
    if (length > LOOP_BYTES) this.bytes.set(source, start);
    else for (let i = 0; i < length; i++) this.bytes[start + i] = source[i] as number;
    this.#end += length;
    this.#liveBytes += length;
    return start;
  }

  #release(length: number): void {
    this.#liveBytes -= length;
    if (this.#liveBytes === 0) this.#end = 0;
  }

  /** Moves what is kept to the front of a buffer of which half is free then, so that each byte moves once on average. */
  #makeRoom(length: number): void {
    let capacity = Math.max(FIRST_BYTES, this.bytes.length);
    while (capacity < 2 * (this.#liveBytes + length)) capacity *= 2;
    const from = this.bytes;
    const to = new Uint8Array(capacity);
    let end = 0;
    for (let row = 0; row < this.#usedRows; row++) {
      if (this.key[row] === -1) continue;
      if (this.waitingNumber[row] !== -1) {
        const start = this.waitingStart[row] as number;
        to.set(from.subarray(start, start + (this.waitingLength[row] as number)), end);
        this.waitingStart[row] = end;
        end += this.waitingLength[row] as number;
      }
      if (this.sentNumber[row] !== -1) {
        const start = this.sentStart[row] as number;
        to.set(from.subarray(start, start + (this.sentLength[row] as number)), end);
        this.sentStart[row] = end;
        end += this.sentLength[row] as number;
      }
    }
    this.bytes = to;
    this.#end = end;
  }

  #growRows(): void {
    const rows = this.key.length * 2;
    this.key = grown(this.key, new Int32Array(rows).fill(-1));
    this.waitingNumber = grown(this.waitingNumber, new Float64Array(rows).fill(-1));
    this.waitingStart = grown(this.waitingStart, new Int32Array(rows));
    this.waitingLength = grown(this.waitingLength, new Int32Array(rows));
    this.waitingExpiry = grown(this.waitingExpiry, new Float64Array(rows));
    this.waitingReport = grown(this.waitingReport, new Uint8Array(rows));
    this.sentNumber = grown(this.sentNumber, new Float64Array(rows).fill(-1));
    this.sentStart = grown(this.sentStart, new Int32Array(rows));
    this.sentLength = grown(this.sentLength, new Int32Array(rows));
    this.sentExpiry = grown(this.sentExpiry, new Float64Array(rows));
    this.isLost = grown(this.isLost, new Uint8Array(rows));
    this.#lostPlace = grown(this.#lostPlace, new Float64Array(rows));
    this.#free = grown(this.#free, new Int32Array(rows));
    this.#sweepLost(new Int32Array(2 * rows));
  }
}

function grown<T extends Int32Array | Float64Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
