// What waits to be told, the oldest first.
// Decides nothing but their order. Keeps its room when it is emptied: an array that is emptied and filled with every write
// would be allocated with every write.

/** A queue that its owner empties often. */
export class WaitingQueue<T> {
  readonly #waiting: (T | null)[] = [];
  #first = 0;
  #end = 0;

  /** Puts one at the end. */
  push(one: T): void {
    this.#waiting[this.#end++] = one;
  }

  /** Takes the oldest; null where none waits. */
  poll(): T | null {
    if (this.#first === this.#end) return null;
    const one = this.#waiting[this.#first] ?? null;
    this.#waiting[this.#first++] = null;
    if (this.#first === this.#end) {
      this.#first = 0;
      this.#end = 0;
    }
    return one;
  }
}
