// The bytes of messages that wait or may be asked for again: a ring that gives them back in the order they came.
// Decides where bytes lie and how much memory is held; never which message goes, nor when.
// Hot path: a message is copied once and always lies in one piece; nothing is allocated but when the ring doubles.
// Positions wrap at 2^32 as 32-bit integers, so that they stay what they are when the ring grows.

const FIRST_CAPACITY = 4096;
/** Positions must be told apart over half their range. */
const LARGEST_CAPACITY = 2 ** 30;
/** Messages up to this many bytes are copied in a loop, which is faster than a call (measured). */
const LOOP_BYTES = 32;

/** A ring of bytes. */
export class Arena {
  /** The memory: a message lies at {@linkcode indexOf} its position. */
  bytes: Uint8Array = new Uint8Array(0);
  /** The position of the message that was appended last. */
  position = 0;
  readonly #maxCapacity: number;
  #mask = -1;
  #head = 0;
  #tail = 0;

  /** @param maxBytes how much must fit at least; the ring grows to the next power of two of twice that at most */
  constructor(maxBytes: number) {
    // Twice: a message that would wrap begins at the start of the ring instead, and wastes up to its own length.
    let capacity = FIRST_CAPACITY;
    while (capacity < 2 * maxBytes && capacity < LARGEST_CAPACITY) capacity *= 2;
    this.#maxCapacity = capacity;
  }

  /** Bytes of memory held now. */
  get capacity(): number {
    return this.#mask + 1;
  }

  /** Bytes from the oldest message to the newest, with what is wasted between them. */
  get span(): number {
    return (this.#tail - this.#head) | 0;
  }

  /** Bytes from the oldest message to `position`. */
  spanTo(position: number): number {
    return (position - this.#head) | 0;
  }

  /** The index in {@linkcode bytes} of a position. */
  indexOf(position: number): number {
    return position & this.#mask;
  }

  /** Copies a message in, to {@linkcode position}; false when the ring is at its bound. */
  append(source: Uint8Array): boolean {
    const length = source.length;
    let at = this.#tail;
    if ((at & this.#mask) + length > this.#mask + 1) at = (at + this.#mask + 1 - (at & this.#mask)) | 0;
    if (((at - this.#head) | 0) + length > this.#mask + 1) return this.#grow(length) && this.append(source);
    const bytes = this.bytes;
    const index = at & this.#mask;
    if (length > LOOP_BYTES) bytes.set(source, index);
    else for (let i = 0; i < length; i++) bytes[index + i] = source[i] as number;
    this.position = at;
    this.#tail = (at + length) | 0;
    return true;
  }

  /** Everything before `position` is over. */
  releaseTo(position: number): void {
    this.#head = position;
  }

  /** Nothing is held any more. */
  releaseAll(): void {
    this.#head = 0;
    this.#tail = 0;
  }

  /** Gives memory back; only while nothing is held. */
  shrink(): void {
    this.bytes = new Uint8Array(0);
    this.#mask = -1;
    this.releaseAll();
  }

  /** Makes room for `length` more bytes. */
  #grow(length: number): boolean {
    let capacity = this.capacity === 0 ? FIRST_CAPACITY : this.capacity * 2;
    while (capacity <= this.#maxCapacity && !this.#wouldFit(capacity, length)) capacity *= 2;
    if (capacity > this.#maxCapacity) return false;
    const bytes = new Uint8Array(capacity);
    const before = this.capacity;
    // What lies in one piece in a ring lies in one piece in a ring of twice its size, at the same position.
    for (let at = this.#head; at !== this.#tail;) {
      const index = at & (before - 1);
      const count = Math.min((this.#tail - at) | 0, before - index);
      bytes.set(this.bytes.subarray(index, index + count), at & (capacity - 1));
      at = (at + count) | 0;
    }
    this.bytes = bytes;
    this.#mask = capacity - 1;
    return true;
  }

  #wouldFit(capacity: number, length: number): boolean {
    const index = this.#tail & (capacity - 1);
    const waste = index + length > capacity ? capacity - index : 0;
    return this.span + waste + length <= capacity;
  }
}
