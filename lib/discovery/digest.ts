// What a node knows of the mesh in eight bytes: equal for two nodes that know the same lives in the same versions.
// Decides what counts (who is present, in which life, with which record) and never what follows from a difference.
// A sum without order, so that one change costs one step; no security: every digest comes in a signed datagram.

import type { Incarnation, NodeId } from "../base/mod.ts";
import { hash32 } from "./hash.ts";

/** The part of one node in a digest: 64 bits as two numbers. */
export interface Contribution {
  readonly high: number;
  readonly low: number;
}

/** The part of one life with one version of its record. */
export function contributionOf(id: NodeId, incarnation: Incarnation, stateVersion: number): Contribution {
  const text = `${id} ${incarnation} ${stateVersion}`;
  // As signed integers, which the engine keeps within the object: there is one of these for each pair of nodes.
  return { high: hash32(text) | 0, low: hash32(`${text} `) | 0 };
}

/** Collects contributions. */
export class Digest {
  #high = 0;
  #low = 0;

  /** Takes one more in, or out again. */
  toggle({ high, low }: Contribution): void {
    this.#high ^= high;
    this.#low ^= low;
  }

  /** As it stands in messages: 16 hex digits. */
  get text(): string {
    return digits(this.#high) + digits(this.#low);
  }
}

function digits(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
