// The first handshake messages that a listener answered lately, so that a recording of one gets no answer.
// Bounded: the newest 4,096, the oldest forgotten and counted. A recording that is older than that gets an answer
// with which its sender can do nothing, since the listener trusts a channel only after its first record.

import { toHex } from "../base/mod.ts";

/** How many are remembered. */
export const REPLAY_GUARD_ENTRIES = 4096;

/** Shared by all channels of one listener. */
export class ReplayGuard {
  readonly #seen = new Set<string>();
  readonly #capacity: number;
  #forgotten = 0;

  /** `capacity` of at least 1; smaller than the default in tests alone. */
  constructor(capacity: number = REPLAY_GUARD_ENTRIES) {
    this.#capacity = capacity;
  }

  /** How many are remembered now. */
  get size(): number {
    return this.#seen.size;
  }

  /** How many had to be forgotten. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Whether an initiator's ephemeral key is remembered. Costs little: ask before a handshake is computed. */
  knows(ephemeral: Uint8Array): boolean {
    return this.#seen.has(toHex(ephemeral));
  }

  /**
   * Remembers an initiator's ephemeral key; false when it is known already. Ask only for messages that proved
   * the mesh key: else a stranger could wash out the memory.
   */
  admit(ephemeral: Uint8Array): boolean {
    const text = toHex(ephemeral);
    if (this.#seen.has(text)) return false;
    this.#seen.add(text);
    if (this.#seen.size > this.#capacity) {
      // A Set keeps the order of insertion, so the first is the oldest.
      for (const oldest of this.#seen) {
        this.#seen.delete(oldest);
        break;
      }
      this.#forgotten++;
    }
    return true;
  }
}
