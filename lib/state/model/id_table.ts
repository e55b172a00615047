// Something for each of many numbers that were given one after the other from 1 on: an array where a map would hash.
// Decides nothing. On the way of every write, where four looks into a map cost as much as the rest.

/** A map by numbers that are close together. */
export class IdTable<K extends number, V> {
  readonly #items: (V | undefined)[] = [];

  get(id: K): V | undefined {
    return this.#items[id];
  }

  set(id: K, item: V): void {
    // One after the other: an array that begins with a hole is a slow one.
    while (this.#items.length < id && id - this.#items.length <= MAX_GAP) this.#items.push(undefined);
    this.#items[id] = item;
  }

  delete(id: K): void {
    if (this.#items[id] !== undefined) this.#items[id] = undefined;
  }

  /** All that are there, by their numbers. */
  *values(): Generator<V> {
    for (const item of this.#items) if (item !== undefined) yield item;
  }
}

/** Numbers that are further apart than this are no row: those are kept, only more slowly. */
const MAX_GAP = 1 << 18;
