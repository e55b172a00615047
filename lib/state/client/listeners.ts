// Those who want to hear something, in the order in which they came.
// Decides that one who fails does not keep the others from hearing, and that leaving while being told is fine.

/** Listeners to one kind of news. */
export class Listeners<T> {
  readonly #listeners = new Set<(news: T) => void>();
  readonly #noteFailure: (thrown: unknown) => void;

  constructor(noteFailure: (thrown: unknown) => void) {
    this.#noteFailure = noteFailure;
  }

  get size(): number {
    return this.#listeners.size;
  }

  /** Has `listener` told from now on. Returns how to stop it. */
  add(listener: (news: T) => void): () => void {
    // A wrapper: the same function may listen twice, and each stops for itself.
    const entry = (news: T) => listener(news);
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  tell(news: T): void {
    for (const listener of [...this.#listeners]) {
      if (!this.#listeners.has(listener)) continue;
      try {
        listener(news);
      } catch (thrown) {
        this.#noteFailure(thrown);
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}
