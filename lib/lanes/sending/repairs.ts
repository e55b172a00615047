// The messages of a reliable lane of which something goes again, lowest number first.
// Decides their order; never what of them is missing (pieces.ts). A bitmap over the window, so that thousands of lost
// messages cost as little as one.

/** A set of message numbers, all within one window. */
export class Repairs {
  count = 0;
  #bits: Int32Array;
  #mask: number;
  /** No number below it is in. */
  #lowest = 0;

  /** @param capacity how many numbers the window may span: a power of two, 32 at least */
  constructor(capacity: number) {
    this.#bits = new Int32Array(capacity / 32);
    this.#mask = capacity - 1;
  }

  has(number: number): boolean {
    const bit = number & this.#mask;
    return (((this.#bits[bit >>> 5] as number) >>> (bit & 31)) & 1) === 1;
  }

  add(number: number): void {
    if (this.has(number)) return;
    const bit = number & this.#mask;
    this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] as number) | (1 << (bit & 31));
    if (this.count === 0 || number < this.#lowest) this.#lowest = number;
    this.count++;
  }

  remove(number: number): void {
    if (this.count === 0 || !this.has(number)) return;
    const bit = number & this.#mask;
    this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] as number) & ~(1 << (bit & 31));
    this.count--;
  }

  /** The lowest number; only while there is one. */
  first(): number {
    let number = this.#lowest;
    for (;;) {
      const bit = number & this.#mask;
      const word = (this.#bits[bit >>> 5] as number) >>> (bit & 31);
      if (word !== 0) {
        this.#lowest = number + 31 - Math.clz32(word & -word);
        return this.#lowest;
      }
      number += 32 - (bit & 31);
    }
  }

  /** Takes every number out. */
  clear(): void {
    this.#bits.fill(0);
    this.count = 0;
  }

  /** Lets the window span `capacity` numbers. */
  grow(capacity: number): void {
    const larger = new Repairs(capacity);
    for (let left = this.count; left > 0; left--) {
      const number = this.first();
      larger.add(number);
      this.remove(number);
    }
    this.#bits = larger.#bits;
    this.#mask = larger.#mask;
    this.#lowest = larger.#lowest;
    this.count = larger.count;
  }
}
