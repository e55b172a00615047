// Whole messages that wait for a reader that paused: first in, first out, at positions that only grow.
// Decides nothing but the order; its owner bounds it. Never copies bytes.

const FIRST_CAPACITY = 16;

/** A ring of messages that doubles when it is full, and is let go when it is empty. */
export class WaitingQueue<Message extends { readonly length: number }> {
  /** Bytes of all waiting messages, without overheads. */
  bytes = 0;
  #messages: (Message | null)[] = [];
  #numbers: number[] = [];
  #head = 0;
  #tail = 0;

  /** Messages that wait. */
  get length(): number {
    return this.#tail - this.#head;
  }

  /** Number of the message that waits longest; −1 when none does. */
  get firstNumber(): number {
    return this.#numbers[this.#head % this.#messages.length] ?? -1;
  }

  /** Adds a message; returns its position. */
  push(message: Message, number: number): number {
    if (this.length === this.#messages.length) this.#grow();
    const at = this.#tail % this.#messages.length;
    this.#messages[at] = message;
    this.#numbers[at] = number;
    this.bytes += message.length;
    return this.#tail++;
  }

  /** Whether a message still waits at a position that {@linkcode push} gave. */
  has(position: number): boolean {
    return position >= this.#head && position < this.#tail;
  }

  /** Length in bytes of the message at a position. */
  lengthAt(position: number): number {
    return this.#messages[position % this.#messages.length]?.length ?? 0;
  }

  /** Puts another message in the place of one that waits; returns that one. */
  replace(position: number, message: Message, number: number): Message | null {
    const at = position % this.#messages.length;
    const replaced = this.#messages[at] ?? null;
    this.bytes += message.length - (replaced?.length ?? 0);
    this.#messages[at] = message;
    this.#numbers[at] = number;
    return replaced;
  }

  /** Takes the message that waits longest, null when none does. Its number is {@linkcode firstNumber} before. */
  shift(): Message | null {
    if (this.#head === this.#tail) return null;
    const at = this.#head % this.#messages.length;
    const message = this.#messages[at] ?? null;
    this.#messages[at] = null;
    this.#head++;
    this.bytes -= message?.length ?? 0;
    if (this.#head === this.#tail && this.#messages.length > FIRST_CAPACITY) {
      this.#messages = [];
      this.#numbers = [];
    }
    return message;
  }

  #grow(): void {
    const capacity = Math.max(FIRST_CAPACITY, 2 * this.#messages.length);
    const messages = new Array<Message | null>(capacity).fill(null);
    const numbers = new Array<number>(capacity).fill(-1);
    for (let position = this.#head; position < this.#tail; position++) {
      const from = position % this.#messages.length;
      messages[position % capacity] = this.#messages[from] ?? null;
      numbers[position % capacity] = this.#numbers[from] ?? -1;
    }
    this.#messages = messages;
    this.#numbers = numbers;
  }
}
