// What is known of each message of a reliable lane, by number: a ring of typed arrays over the window of numbers from
// the oldest unfinished message to the newest. Decides nothing; grows by doubling up to its bound.

const FIRST_CAPACITY = 64;
const SLOT_BYTES = 17;

/** Bits of {@linkcode Slots.state}. */
export const SlotState = {
  /** Acknowledged whole, or given up: nothing more happens to it. */
  done: 1,
  /** The peer must be told that it never comes. */
  givenUp: 2,
  /** Its owner wants to know what becomes of it. */
  report: 4,
  /** It travels in pieces. */
  pieces: 8,
  /** It has a time to live. */
  mortal: 16,
} as const;

/** A window of messages. The arrays are replaced when the ring grows: read them anew after an append. */
export class Slots {
  /** Where its bytes lie, as positions of the arena. */
  position = new Int32Array(FIRST_CAPACITY);
  length = new Int32Array(FIRST_CAPACITY);
  state = new Uint8Array(FIRST_CAPACITY);
  /** When its time to live is over; means something for mortal ones alone. */
  expiry = new Float64Array(FIRST_CAPACITY);
  /** The index of a number is `number & mask`: a power of two divides 2^32, so this holds up to 2^53. */
  mask: number = FIRST_CAPACITY - 1;
  readonly #maxCapacity: number;

  /** @param maxMessages how many numbers the window must be able to span */
  constructor(maxMessages: number) {
    let capacity = FIRST_CAPACITY;
    while (capacity < maxMessages) capacity *= 2;
    this.#maxCapacity = capacity;
  }

  /** Bytes of memory held now. */
  get heldBytes(): number {
    return this.capacity * SLOT_BYTES;
  }

  /** How many numbers fit now. */
  get capacity(): number {
    return this.mask + 1;
  }

  /** Doubles the ring, whose window is `[first, next)`; false at the bound. */
  grow(first: number, next: number): boolean {
    const capacity = this.capacity * 2;
    if (capacity > this.#maxCapacity) return false;
    const position = new Int32Array(capacity);
    const length = new Int32Array(capacity);
    const state = new Uint8Array(capacity);
    const expiry = new Float64Array(capacity);
    for (let number = first; number < next; number++) {
      const from = number & this.mask;
      const to = number & (capacity - 1);
      position[to] = this.position[from] as number;
      length[to] = this.length[from] as number;
      state[to] = this.state[from] as number;
      expiry[to] = this.expiry[from] as number;
    }
    this.position = position;
    this.length = length;
    this.state = state;
    this.expiry = expiry;
    this.mask = capacity - 1;
    return true;
  }

  /** Gives memory back; only while the window is empty. */
  shrink(): void {
    if (this.capacity === FIRST_CAPACITY) return;
    this.position = new Int32Array(FIRST_CAPACITY);
    this.length = new Int32Array(FIRST_CAPACITY);
    this.state = new Uint8Array(FIRST_CAPACITY);
    this.expiry = new Float64Array(FIRST_CAPACITY);
    this.mask = FIRST_CAPACITY - 1;
  }
}
