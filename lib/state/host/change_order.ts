// Numbered things in the order in which they last changed, those that are gone among them until everybody knows.
// Decides what "everything after n" is; what has changed, and by which count, is up to the owner.

import { RecencyList, type RecencyNode } from "./recency_list.ts";

/** Things by their numbers. */
export class ChangeOrder<T extends number> {
  readonly #order = new RecencyList<T>();
  readonly #nodes = new Map<T, RecencyNode<T>>();
  readonly #gone = new Set<T>();

  /** How many have changed and are not forgotten. */
  get size(): number {
    return this.#order.size;
  }

  /** One changed, or went; `at` is above all counts so far. */
  note(item: T, at: number, isGone: boolean): void {
    const node = this.#nodes.get(item);
    if (node === undefined) this.#nodes.set(item, this.#order.add(item, at));
    else this.#order.touch(node, at);
    if (isGone) this.#gone.add(item);
    else this.#gone.delete(item);
  }

  /** One is told of in another way. */
  forget(item: T): void {
    const node = this.#nodes.get(item);
    if (node === undefined) return;
    this.#nodes.delete(item);
    this.#order.remove(node);
    this.#gone.delete(item);
  }

  /** Forgets what is gone and did not change after `known`. */
  forgetGone(known: number): void {
    for (const item of this.#gone) if ((this.#nodes.get(item)?.at ?? 0) <= known) this.forget(item);
  }

  /** All that changed after `base`, ascending. Costs as much as has changed. */
  after(base: number): T[] {
    const items: T[] = [];
    for (let node = this.#order.firstAfter(base); node !== null; node = node.newer) items.push(node.item);
    return items.sort((a, b) => a - b);
  }

  /** Every one, the longest unchanged first. */
  all(): Iterable<T> {
    return this.#nodes.keys();
  }
}
