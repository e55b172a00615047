// Whole messages of an ordered lane that came before their turn, by number.
// Decides nothing: the window says which numbers may stand here. Grows to what is needed, never beyond the window.

/** A ring lets go of its places only when it had more than this many. */
const SMALL_CAPACITY = 4096;
const FIRST_CAPACITY = 64;

/** Messages at numbers [base, base + capacity). */
export class HeldRing<Message extends { readonly length: number }> {
  /** Messages in it, and their bytes. */
  count = 0;
  bytes = 0;
  #messages: (Message | null)[] = [];

  /**
   * Puts a message at its number.
   *
   * @param base the lowest number that may be in the ring
   */
  put(base: number, number: number, message: Message): void {
    if (number - base >= this.#messages.length) this.#grow(base, number - base + 1);
    this.#messages[number & (this.#messages.length - 1)] = message;
    this.count++;
    this.bytes += message.length;
  }

  /** Takes the message at a number of the window, null when none is there. */
  take(number: number): Message | null {
    const at = number & (this.#messages.length - 1);
    const message = this.#messages[at] ?? null;
    if (message === null) return null;
    this.#messages[at] = null;
    this.count--;
    this.bytes -= message.length;
    if (this.count === 0 && this.#messages.length > SMALL_CAPACITY) this.#messages = [];
    return message;
  }

  #grow(base: number, needed: number): void {
    const old = this.#messages;
    let capacity = Math.max(FIRST_CAPACITY, old.length);
    while (capacity < needed) capacity *= 2;
    const grown = new Array<Message | null>(capacity).fill(null);
    for (let number = base; number < base + old.length; number++) {
      grown[number & (capacity - 1)] = old[number & (old.length - 1)] ?? null;
    }
    this.#messages = grown;
  }
}
