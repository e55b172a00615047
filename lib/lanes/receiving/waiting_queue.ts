// Whole messages that wait for a reader that paused: first in, first out, at positions that only grow.
// Decides nothing but the order; its owner bounds it. Never copies bytes.

const FIRST_CAPACITY = 16;

/** What one waiting message costs beside its bytes, rounded up: a buffer, its view, its places. */
export const WAITING_OVERHEAD_BYTES = 256;

/** A ring of messages that doubles when it is full, and is let go when it is empty. */
export class WaitingQueue {
  /** Bytes of all waiting messages, without overheads. */
  bytes = 0;
  #buffers: (Uint8Array | null)[] = [];
  #numbers: number[] = [];
  #head = 0;
  #tail = 0;

  /** Messages that wait. */
  get length(): number {
    return this.#tail - this.#head;
  }

  /** Number of the message that waits longest; −1 when none does. */
  get firstNumber(): number {
    return this.#numbers[this.#head % this.#buffers.length] ?? -1;
  }

  /** Adds a message; returns its position. */
  push(buffer: Uint8Array, number: number): number {
    if (this.length === this.#buffers.length) this.#grow();
    const at = this.#tail % this.#buffers.length;
    this.#buffers[at] = buffer;
    this.#numbers[at] = number;
    this.bytes += buffer.length;
    return this.#tail++;
  }

  /** Whether a message still waits at a position that {@linkcode push} gave. */
  has(position: number): boolean {
    return position >= this.#head && position < this.#tail;
  }

  /** Length in bytes of the message at a position. */
  lengthAt(position: number): number {
    return this.#buffers[position % this.#buffers.length]?.length ?? 0;
  }

  /** Puts another message in the place of one that waits. */
  replace(position: number, buffer: Uint8Array, number: number): void {
    const at = position % this.#buffers.length;
    this.bytes += buffer.length - (this.#buffers[at]?.length ?? 0);
    this.#buffers[at] = buffer;
    this.#numbers[at] = number;
  }

  /** Takes the message that waits longest, null when none does. Its number is {@linkcode firstNumber} before. */
  shift(): Uint8Array | null {
    if (this.#head === this.#tail) return null;
    const at = this.#head % this.#buffers.length;
    const buffer = this.#buffers[at] ?? null;
    this.#buffers[at] = null;
    this.#head++;
    this.bytes -= buffer?.length ?? 0;
    if (this.#head === this.#tail && this.#buffers.length > FIRST_CAPACITY) {
      this.#buffers = [];
      this.#numbers = [];
    }
    return buffer;
  }

  #grow(): void {
    const capacity = Math.max(FIRST_CAPACITY, 2 * this.#buffers.length);
    const buffers = new Array<Uint8Array | null>(capacity).fill(null);
    const numbers = new Array<number>(capacity).fill(-1);
    for (let position = this.#head; position < this.#tail; position++) {
      const from = position % this.#buffers.length;
      buffers[position % capacity] = this.#buffers[from] ?? null;
      numbers[position % capacity] = this.#numbers[from] ?? -1;
    }
    this.#buffers = buffers;
    this.#numbers = numbers;
  }
}
