// How many nodes are present, and what the middle one of them counts: the mesh as all of it sees itself.
// Decides nothing; it is told of every change, because it is asked far more often than anything changes.

/** Counts nodes that are present. */
export class Census {
  /** What each of them counts, in order. */
  readonly #counts: number[] = [];
  #hasChanged = false;

  /** Nodes that are present. */
  get present(): number {
    this.#hasChanged = false;
    return this.#counts.length;
  }

  /** What half of them count at most; 1 where nobody is. */
  get median(): number {
    this.#hasChanged = false;
    return this.#counts[this.#counts.length >> 1] ?? 1;
  }

  /** Whether something changed since it was asked last. */
  get hasChanged(): boolean {
    return this.#hasChanged;
  }

  /** One more is present, and counts `count` nodes. */
  add(count: number): void {
    this.#hasChanged = true;
    this.#counts.splice(this.#placeOf(count), 0, count);
  }

  /** One that counted `count` nodes is no longer present. */
  remove(count: number): void {
    this.#hasChanged = true;
    const at = this.#placeOf(count);
    if (this.#counts[at] === count) this.#counts.splice(at, 1);
  }

  /** Where `count` belongs: before the first that is not less. */
  #placeOf(count: number): number {
    let low = 0;
    let high = this.#counts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#counts[middle] ?? 0) < count) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
