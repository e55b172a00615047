// Changes of the list of nodes that somebody has not taken yet: at most one a node.
// Decides how changes of one node become one (the newest state, told where the latest of them stood), so that who reads
// slowly reads less and never something wrong. Never reads a clock and never wakes anybody.

import type { NodeId } from "../base/mod.ts";
import type { NodeEvent } from "./node_event.ts";

/** What happened to a node of the list. */
export type NodeOp = "add" | "update" | "remove";

/** A change that is to be told. */
export interface QueuedDelta<Entry> {
  readonly op: NodeOp;
  readonly revision: number;
  readonly entry: Entry;
  readonly event: NodeEvent | null;
}

interface Named {
  readonly id: NodeId;
  readonly name: string;
}

/** Changes that wait. `Entry` is what the list holds of a node. */
export class DeltaQueue<Entry> {
  readonly #identify: (entry: Entry) => Named;
  readonly #pending = new Map<NodeId, QueuedDelta<Entry>>();
  /** Whom the reader knows, and under which name. */
  readonly #told = new Map<NodeId, string>();
  /** Changes that became one with a later one of the same node. */
  coalesced = 0;

  constructor(identify: (entry: Entry) => Named) {
    this.#identify = identify;
  }

  /** Changes that wait. */
  get size(): number {
    return this.#pending.size;
  }

  /** Notes whom the reader knows without having been told by a delta. */
  noteKnown(entry: Entry): void {
    const { id, name } = this.#identify(entry);
    this.#told.set(id, name);
  }

  /** Takes a change in. */
  put(op: NodeOp, revision: number, entry: Entry, event: NodeEvent | null = null): void {
    const { id } = this.#identify(entry);
    const before = this.#pending.get(id);
    if (before !== undefined) this.coalesced++;
    this.#pending.delete(id);
    const isKnown = this.#told.has(id);
    if (op === "remove") {
      // Who never knew of it need not hear that it is gone.
      if (isKnown) this.#pending.set(id, { op, revision, entry, event });
      return;
    }
    const why = event ?? (before?.op === "remove" ? null : before?.event ?? null);
    this.#pending.set(id, { op: isKnown ? "update" : "add", revision, entry, event: why });
  }

  /** Says why the waiting change of a node came. False when none waits. */
  explain(id: NodeId, event: NodeEvent): boolean {
    const waiting = this.#pending.get(id);
    if (waiting === undefined) return false;
    this.#pending.set(id, { ...waiting, event });
    return true;
  }

  /** Whether the reader knows the node, or will once it has taken what waits. */
  knows(id: NodeId): boolean {
    const waiting = this.#pending.get(id);
    return waiting === undefined ? this.#told.has(id) : waiting.op !== "remove";
  }

  /** The next change; null when none waits. */
  take(): QueuedDelta<Entry> | null {
    for (const [id, delta] of this.#pending) {
      this.#pending.delete(id);
      if (delta.op === "remove") {
        this.#told.delete(id);
        return delta;
      }
      const { name } = this.#identify(delta.entry);
      const was = this.#told.get(id);
      this.#told.set(id, name);
      const isRenamed = delta.event === null && was !== undefined && was !== name;
      return isRenamed ? { ...delta, event: { kind: "renamed", was, now: name } } : delta;
    }
    return null;
  }
}
