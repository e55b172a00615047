// A set of bytes of one message as sorted, disjoint ranges that do not touch.
// Decides nothing; serves messages that travel in pieces.

const FIRST_CAPACITY = 4;

/** Ranges `[start, end)`, ascending. */
export class ByteRanges {
  count = 0;
  #starts = new Int32Array(FIRST_CAPACITY);
  #ends = new Int32Array(FIRST_CAPACITY);

  /** The first byte of range `i`. */
  start(i: number): number {
    return this.#starts[i] as number;
  }

  /** The byte behind range `i`. */
  end(i: number): number {
    return this.#ends[i] as number;
  }

  /** Whether all of `[start, end)` is in. */
  has(start: number, end: number): boolean {
    const i = this.#search(start + 1);
    return i < this.count && this.start(i) <= start && this.end(i) >= end;
  }

  /** Adds `[start, end)`. */
  add(start: number, end: number): void {
    if (start >= end) return;
    const first = this.#search(start);
    let behind = first;
    let from = start;
    let to = end;
    while (behind < this.count && this.start(behind) <= end) {
      from = Math.min(from, this.start(behind));
      to = Math.max(to, this.end(behind));
      behind++;
    }
    this.#resize(first, behind, 1);
    this.#starts[first] = from;
    this.#ends[first] = to;
  }

  /** Takes `[start, end)` out. */
  remove(start: number, end: number): void {
    if (start >= end) return;
    const first = this.#search(start + 1);
    let behind = first;
    while (behind < this.count && this.start(behind) < end) behind++;
    if (behind === first) return;
    const from = this.start(first);
    const to = this.end(behind - 1);
    const left = from < start;
    const right = to > end;
    this.#resize(first, behind, (left ? 1 : 0) + (right ? 1 : 0));
    let at = first;
    if (left) {
      this.#starts[at] = from;
      this.#ends[at] = start;
      at++;
    }
    if (right) {
      this.#starts[at] = end;
      this.#ends[at] = to;
    }
  }

  /** The first range that ends at `offset` or behind it. */
  #search(offset: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.end(middle) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Makes `size` ranges of those in `[first, behind)`; their contents are the caller's to write. */
  #resize(first: number, behind: number, size: number): void {
    const count = this.count + size - (behind - first);
    if (count > this.#starts.length) {
      const starts = new Int32Array(this.#starts.length * 2);
      const ends = new Int32Array(this.#starts.length * 2);
      starts.set(this.#starts);
      ends.set(this.#ends);
      this.#starts = starts;
      this.#ends = ends;
    }
    this.#starts.copyWithin(first + size, behind, this.count);
    this.#ends.copyWithin(first + size, behind, this.count);
    this.count = count;
  }
}
