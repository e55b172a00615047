// Things in the order in which they last changed: "everything after n" costs as much as has changed (research 2.5).
// Decides the order alone; what changes, and by which count, is up to the owner.

/** A place in the list. */
export interface RecencyNode<T> {
  readonly item: T;
  /** The count of its last change. */
  at: number;
  older: RecencyNode<T> | null;
  newer: RecencyNode<T> | null;
}

/** A list from the oldest change to the newest. Each call costs the same, however long it is. */
export class RecencyList<T> {
  #oldest: RecencyNode<T> | null = null;
  #newest: RecencyNode<T> | null = null;
  #size = 0;

  /** How many things are in it. */
  get size(): number {
    return this.#size;
  }

  /** What changed longest ago; null in an empty list. */
  get oldest(): RecencyNode<T> | null {
    return this.#oldest;
  }

  /** Puts a new thing at the end; `at` is above all counts so far. */
  add(item: T, at: number): RecencyNode<T> {
    const node: RecencyNode<T> = { item, at, older: null, newer: null };
    this.#append(node);
    return node;
  }

  /** A thing changed again: it moves to the end. */
  touch(node: RecencyNode<T>, at: number): void {
    node.at = at;
    if (node === this.#newest) return;
    this.remove(node);
    this.#append(node);
  }

  /** Takes a thing out. */
  remove(node: RecencyNode<T>): void {
    if (node.older === null) this.#oldest = node.newer;
    else node.older.newer = node.newer;
    if (node.newer === null) this.#newest = node.older;
    else node.newer.older = node.older;
    node.older = node.newer = null;
    this.#size--;
  }

  /** The first thing that changed after `base`; the others follow as `newer`. Null when nothing did. */
  firstAfter(base: number): RecencyNode<T> | null {
    let found: RecencyNode<T> | null = null;
    for (let node = this.#newest; node !== null && node.at > base; node = node.older) found = node;
    return found;
  }

  #append(node: RecencyNode<T>): void {
    node.older = this.#newest;
    if (this.#newest === null) this.#oldest = node;
    else this.#newest.newer = node;
    this.#newest = node;
    this.#size++;
  }
}
