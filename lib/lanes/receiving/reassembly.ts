// One message of which not all bytes have come: its buffer and the byte ranges that are there.
// Decides when it is whole and how many separate ranges it may have; allocates its buffer once. Never knows lanes,
// numbers or time limits, and never checks what its owner has checked before it made one.

const KIBIBYTE = 1024;
/** Separate ranges that a message of up to 1 MiB may have. */
const BASE_RANGES = 1024;
/** What one unfinished message costs beside its bytes and ranges, rounded up: objects and their headers. */
const OBJECT_BYTES = 768;
const FIRST_RANGES = 8;

/** What became of a piece. */
export const PieceResult = {
  /** All of its bytes were there before. */
  duplicate: 0,
  /** It was added; bytes are missing still. */
  added: 1,
  /** It was added, and the message is whole. */
  complete: 2,
  /** One range more than a message of this length may have: nothing was added. */
  tooManyRanges: 3,
} as const;

/**
 * How many separate ranges a message may have: 1,024, or one for each KiB of a longer message. An honest sender leaves
 * at most one hole a lost packet, and its packets are larger than that.
 *
 * @param total length of the message in bytes
 */
export function maxRanges(total: number): number {
  return Math.min(Math.max(BASE_RANGES, Math.ceil(total / KIBIBYTE)), Math.ceil(total / 2));
}

/**
 * The most memory that an unfinished message can take, in bytes: taken from the budget before it is made.
 *
 * @param total length of the message in bytes
 */
export function partialCost(total: number): number {
  return total + 8 * maxRanges(total) + OBJECT_BYTES;
}

/** A message in the making. */
export class PartialMessage {
  readonly number: number;
  /** The key of a keyed message, else −1. */
  readonly key: number;
  /** As long as the message. */
  readonly bytes: Uint8Array;
  /** Bytes that have not come yet. */
  missingBytes: number;
  /** When its last piece came. */
  touchedUs: number;
  /** Start and end (exclusive) of each range in turn, ascending, never touching each other. */
  #edges = new Int32Array(2 * FIRST_RANGES);
  #count = 0;

  /**
   * @param number full message number
   * @param key its key, −1 without one
   * @param total its length in bytes
   */
  constructor(nowUs: number, number: number, key: number, total: number) {
    this.number = number;
    this.key = key;
    this.bytes = new Uint8Array(total);
    this.missingBytes = total;
    this.touchedUs = nowUs;
  }

  /** Length of the whole message. */
  get total(): number {
    return this.bytes.length;
  }

  /** What it takes of the budget. */
  get cost(): number {
    return partialCost(this.bytes.length);
  }

  /** Separate ranges that are there. */
  get rangeCount(): number {
    return this.#count;
  }

  /**
   * Adds a piece: `source[start … start + length)` stands at `offset`. The caller has checked that it lies within the
   * message and is not empty. Of bytes that come twice with different values, either may stay.
   *
   * @returns a {@linkcode PieceResult}
   */
  add(nowUs: number, offset: number, source: Uint8Array, start: number, length: number): number {
    const end = offset + length;
    const edges = this.#edges;
    // The ranges that the piece overlaps or touches are [first, last).
    const first = this.#firstEndingAtOrAfter(offset);
    let last = first;
    let from = offset;
    let to = end;
    let known = 0;
    while (last < this.#count) {
      const rangeStart = edges[2 * last] ?? 0;
      const rangeEnd = edges[2 * last + 1] ?? 0;
      if (rangeStart > end) break;
      known += Math.max(0, Math.min(rangeEnd, end) - Math.max(rangeStart, offset));
      if (rangeStart < from) from = rangeStart;
      if (rangeEnd > to) to = rangeEnd;
      last++;
    }
    if (known === length) return PieceResult.duplicate;
    if (last === first && this.#count >= maxRanges(this.bytes.length)) return PieceResult.tooManyRanges;

    copyBytes(source, start, length, this.bytes, offset);
    this.missingBytes -= length - known;
    this.touchedUs = nowUs;
    this.#replace(first, last, from, to);
    return this.missingBytes === 0 ? PieceResult.complete : PieceResult.added;
  }

  /** The first range whose end is `offset` or later. */
  #firstEndingAtOrAfter(offset: number): number {
    const edges = this.#edges;
    // Pieces mostly come in order: the last range first.
    let low = 0;
    let high = this.#count;
    if (high > 0 && (edges[2 * high - 1] ?? 0) < offset) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((edges[2 * middle + 1] ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Puts one range in the place of [first, last). */
  #replace(first: number, last: number, from: number, to: number): void {
    const removed = last - first;
    if (removed === 0) {
      if (2 * this.#count === this.#edges.length) {
        const grown = new Int32Array(2 * Math.min(maxRanges(this.bytes.length), this.#edges.length));
        grown.set(this.#edges);
        this.#edges = grown;
      }
      this.#edges.copyWithin(2 * first + 2, 2 * first, 2 * this.#count);
      this.#count++;
    } else if (removed > 1) {
      this.#edges.copyWithin(2 * first + 2, 2 * last, 2 * this.#count);
      this.#count -= removed - 1;
    }
    this.#edges[2 * first] = from;
    this.#edges[2 * first + 1] = to;
  }
}

/** Up to this a loop beats `subarray` and `set` (27 ns). */
const SHORT_COPY = 32;

/** Copies bytes; short runs without making a view. */
export function copyBytes(
  source: Uint8Array,
  start: number,
  length: number,
  target: Uint8Array,
  at: number,
): void {
  if (length > SHORT_COPY) {
    target.set(source.subarray(start, start + length), at);
    return;
  }
  for (let i = 0; i < length; i++) target[at + i] = source[start + i] ?? 0;
}
