// What the desk of groups tells people and programs, and what it asks nodes to do.
// Types, and a queue with a bound.

import type { NodeId } from "../../base/mod.ts";
import { MAX_EVENTS } from "./bounds.ts";
import type { AbortBody, CommitBody, PrepareBody } from "./messages.ts";

/** How good the connection of a node is. */
export type Quality = "good" | "fair" | "poor";

/** Something that happened to displays. */
export type GroupEvent =
  | { readonly kind: "available"; readonly display: string; readonly node: NodeId }
  | {
    readonly kind: "unavailable";
    readonly display: string;
    readonly node: NodeId;
    readonly why: string;
  }
  | {
    readonly kind: "quality";
    readonly node: NodeId;
    readonly quality: Quality;
    readonly from: Quality | null;
    readonly rttUs: number | null;
    readonly loss: number | null;
  }
  /** A display does not show what it should for over a second. */
  | {
    readonly kind: "mismatch";
    readonly group: string;
    readonly display: string;
    /** 0 for nothing, as far as known. */
    readonly shows: number;
    readonly wanted: number;
    readonly why: string;
  }
  /** … and now it does. */
  | { readonly kind: "caught-up"; readonly group: string; readonly display: string; readonly version: number }
  /** A node cannot show a version. */
  | {
    readonly kind: "refused";
    readonly group: string;
    readonly node: NodeId;
    readonly version: number;
    readonly why: string;
  }
  /** A version is not shown: the group is strict, and not all can. */
  | { readonly kind: "aborted"; readonly group: string; readonly version: number; readonly why: string }
  /** A version is shown. */
  | {
    readonly kind: "committed";
    readonly group: string;
    readonly version: number;
    /** How many displays changed together, of how many of the group. */
    readonly displays: number;
    readonly of: number;
    /** From the first that changed to the last, by their own word; null where fewer than two know the time. */
    readonly spreadUs: number | null;
    /** How wrong that may be: the two largest uncertainties of their clocks together. */
    readonly uncertaintyUs: number | null;
  }
  /** What stands at `groups/<id>` is no group. */
  | { readonly kind: "invalid"; readonly group: string; readonly why: string };

/** Something to be said to a node. */
export type DeskMessage =
  | { readonly kind: "prepare"; readonly node: NodeId; readonly body: PrepareBody }
  | { readonly kind: "commit"; readonly node: NodeId; readonly body: CommitBody }
  | { readonly kind: "abort"; readonly node: NodeId; readonly body: AbortBody };

/** Things in their order; the oldest go when nobody polls, and are counted. */
export class BoundedQueue<T> {
  readonly #items: T[] = [];
  readonly #most: number;
  dropped = 0;

  constructor(most: number = MAX_EVENTS) {
    this.#most = most;
  }

  push(item: T): void {
    if (this.#items.length === this.#most) {
      this.#items.shift();
      this.dropped++;
    }
    this.#items.push(item);
  }

  poll(): T | null {
    return this.#items.shift() ?? null;
  }

  get size(): number {
    return this.#items.length;
  }
}
