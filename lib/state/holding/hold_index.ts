// Which objects are owned, found by path: itself, what lies above it, what lies below it.
// Decides the one rule that keeps subtrees apart: no owned object lies below another. Never who may own.

import type { ClientNumber, PathId } from "../model/mod.ts";

/** Somebody waits for an object. */
export interface Ask {
  readonly by: ClientNumber;
  /** The asker's number of the request. */
  readonly request: number;
  readonly untilUs: number;
}

/** An object with all below it that somebody owns. Its owner never changes: a new owner is a new hold. */
export interface Hold {
  readonly id: PathId;
  readonly path: string;
  readonly owner: ClientNumber;
  readonly generation: number;
  /** When its owner last wrote to it, in microseconds. */
  usedUs: number;
  ask: Ask | null;
  /** Until when it waits for its lost owner, in microseconds; 0 while the owner is there. */
  graceUntilUs: number;
}

const NO_HOLDS: ReadonlySet<Hold> = new Set();

/** The owned objects of a host. */
export class HoldIndex {
  readonly #byPath = new Map<string, Hold>();
  readonly #byOwner = new Map<ClientNumber, Set<Hold>>();
  /** How many owned objects lie strictly below a path. */
  readonly #below = new Map<string, number>();

  get size(): number {
    return this.#byPath.size;
  }

  /** All, in the order of their grants. */
  all(): Iterable<Hold> {
    return this.#byPath.values();
  }

  /** Those of one client; changes with the next `add` and `remove`. */
  of(owner: ClientNumber): ReadonlySet<Hold> {
    return this.#byOwner.get(owner) ?? NO_HOLDS;
  }

  /** The owned object that `path` is or lies below; null for none. */
  covering(path: string): Hold | null {
    if (this.#byPath.size === 0) return null;
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
      const hold = this.#byPath.get(end === path.length ? path : path.slice(0, end));
      if (hold !== undefined) return hold;
    }
    return null;
  }

  /** The owned objects strictly below `path`. */
  below(path: string): Hold[] {
    if ((this.#below.get(path) ?? 0) === 0) return [];
    return [...this.#byPath.values()].filter((hold) => hold.path.startsWith(`${path}/`));
  }

  add(hold: Hold): void {
    this.#byPath.set(hold.path, hold);
    const own = this.#byOwner.get(hold.owner);
    if (own === undefined) this.#byOwner.set(hold.owner, new Set([hold]));
    else own.add(hold);
    this.#count(hold.path, 1);
  }

  remove(hold: Hold): void {
    this.#byPath.delete(hold.path);
    const own = this.#byOwner.get(hold.owner);
    own?.delete(hold);
    if (own?.size === 0) this.#byOwner.delete(hold.owner);
    this.#count(hold.path, -1);
  }

  #count(path: string, by: 1 | -1): void {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      const above = path.slice(0, end);
      const count = (this.#below.get(above) ?? 0) + by;
      if (count === 0) this.#below.delete(above);
      else this.#below.set(above, count);
    }
  }
}
