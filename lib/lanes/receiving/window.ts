// The window of a reliable lane: which message numbers from the lowest open one on are done (here whole, or given up).
// Decides whether a number was seen before, so that no late duplicate ever makes state. Never holds bytes.

/** Done or not, for the numbers [base, base + size). */
export class DoneWindow {
  /** The lowest number that is not behind the window. */
  base: number;
  /** How many numbers in the window are done. */
  doneCount = 0;
  readonly #mask: number;
  readonly #bits: Uint32Array;

  /**
   * @param base the first number
   * @param size how many numbers it must cover, 1 … 2^30
   */
  constructor(base: number, size: number) {
    let capacity = 32;
    while (capacity < size) capacity *= 2;
    this.base = base;
    // A power of two divides 2^32, so the low bits of a number of up to 2^53 are what `&` makes of it.
    this.#mask = capacity - 1;
    this.#bits = new Uint32Array(capacity / 32);
  }

  /** Whether a number of the window is done. */
  has(number: number): boolean {
    const bit = number & this.#mask;
    return (((this.#bits[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1;
  }

  /** Notes that a number of the window is done; it was not. */
  add(number: number): void {
    const bit = number & this.#mask;
    this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
    this.doneCount++;
  }

  /** Moves past the base, done or not. */
  advance(): void {
    if (this.doneCount > 0 && this.has(this.base)) {
      const bit = this.base & this.#mask;
      this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] ?? 0) & ~(1 << (bit & 31));
      this.doneCount--;
    }
    this.base++;
  }
}
