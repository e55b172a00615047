// Whole messages of an ordered lane that came before their turn, by number.
// Decides nothing: the window says which numbers may stand here. Grows to what is needed, never beyond the window.

const FIRST_CAPACITY = 64;

/** Buffers at message numbers [base, base + capacity). */
export class HeldRing {
  /** Messages in it, and their bytes. */
  count = 0;
  bytes = 0;
  #buffers: (Uint8Array | null)[] = [];

  /**
   * Puts a message at its number.
   *
   * @param base the lowest number that may be in the ring
   */
  put(base: number, number: number, buffer: Uint8Array): void {
    if (number - base >= this.#buffers.length) this.#grow(base, number - base + 1);
    this.#buffers[number & (this.#buffers.length - 1)] = buffer;
    this.count++;
    this.bytes += buffer.length;
  }

  /** Takes the message at a number of the window, null when none is there. */
  take(number: number): Uint8Array | null {
    const at = number & (this.#buffers.length - 1);
    const buffer = this.#buffers[at] ?? null;
    if (buffer === null) return null;
    this.#buffers[at] = null;
    this.count--;
    this.bytes -= buffer.length;
    if (this.count === 0 && this.#buffers.length > FIRST_CAPACITY) this.#buffers = [];
    return buffer;
  }

  /** Lets everything go. */
  clear(): void {
    this.#buffers = [];
    this.count = 0;
    this.bytes = 0;
  }

  #grow(base: number, needed: number): void {
    const old = this.#buffers;
    let capacity = Math.max(FIRST_CAPACITY, old.length);
    while (capacity < needed) capacity *= 2;
    const grown = new Array<Uint8Array | null>(capacity).fill(null);
    for (let number = base; number < base + old.length; number++) {
      grown[number & (capacity - 1)] = old[number & (old.length - 1)] ?? null;
    }
    this.#buffers = grown;
  }
}
