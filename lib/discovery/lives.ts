// The lives of ids: one replay window for each (id, incarnation) that was heard.
// Decides whether a datagram was seen before; never whether it is believed otherwise.

import type { Incarnation, NodeId } from "../base/mod.ts";
import { ReplayWindow } from "../security/mod.ts";

/** One incarnation of one id. */
export class Life {
  readonly window = new ReplayWindow();
  /** Numbers up to this one were heard by somebody else before we knew of the life: to us they are old. */
  notBefore = -1;

  /** @param bootNonce the process that was heard first under this id and incarnation */
  constructor(readonly id: NodeId, readonly incarnation: Incarnation, readonly bootNonce: string) {}
}

/**
 * Remembers lives. Those of listed nodes are held by their peers; the book also holds those of newcomers and of
 * short-lived tools, `maxLives` at most: at the bound the one that was heard longest ago is forgotten. A replay of
 * that one is then new to us, and costs its sender the proof of freshness that every newcomer owes.
 */
export class LifeBook {
  readonly #lives = new Map<string, Life>();

  constructor(readonly maxLives: number) {}

  /** The life; a new one belongs to the process `bootNonce`. */
  lifeOf(id: NodeId, incarnation: Incarnation, bootNonce: string): Life {
    const key = `${id}:${incarnation}`;
    let life = this.#lives.get(key);
    if (life === undefined) {
      life = new Life(id, incarnation, bootNonce);
      if (this.#lives.size >= this.maxLives) {
        for (const oldest of this.#lives.keys()) {
          this.#lives.delete(oldest);
          break;
        }
      }
    } else {
      this.#lives.delete(key);
    }
    this.#lives.set(key, life);
    return life;
  }

  /** Lives remembered. */
  get size(): number {
    return this.#lives.size;
  }
}
