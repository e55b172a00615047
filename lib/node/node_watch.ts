// The list of nodes as it changes: a snapshot and then every change, as an async iterator or by callback.
// Decides when somebody is told: after the call that caused the change, so that the change and the reason for it come
// together. Bounded: a reader that is slow finds one change a node, never a queue that grows.

import { HanaError } from "../base/mod.ts";
import { DeltaQueue, type NodeOp, type QueuedDelta } from "./delta_queue.ts";
import type { NodeEvent } from "./node_event.ts";
import type { NodeView } from "./view.ts";

/** One change, or the end of the snapshot. `revision` never falls; several changes of one node may come as one. */
export type NodeDelta =
  | {
    readonly op: NodeOp;
    readonly revision: number;
    readonly node: NodeView;
    /** Why it came, where the node alone does not say it. */
    readonly event?: NodeEvent;
  }
  /** All nodes of the snapshot have been told: so many. */
  | { readonly op: "sync"; readonly revision: number; readonly count: number };

/** A change, by callback. */
export type NodeListener = (op: NodeOp, node: NodeView, event?: NodeEvent) => void;

/** What a watch needs of the list. `Entry` is what the list holds of a node. */
export interface WatchedList<Entry> {
  /** All nodes now. */
  snapshot(): readonly Entry[];
  /** Number of the last change. */
  revision(): number;
  identify(entry: Entry): Pick<NodeView, "id" | "name">;
  /** A node as users see it, now. */
  view(entry: Entry): NodeView;
  /** Connects the queue with the list, and calls `onNews` after each call that put something in. Returns the way back. */
  connect(queue: DeltaQueue<Entry>, onNews: () => void): () => void;
}

/** Who has to know which watches run. */
export interface WatchOwner<Entry> {
  onStart(watch: ListWatch<Entry>): void;
  onEnd(watch: ListWatch<Entry>): void;
}

/** Calls of `next` that may wait at once: an iterator has one reader. */
const MAX_READERS = 16;

/** Watches by callback. Returns how to stop it. */
export function watchByCallback<Entry>(list: WatchedList<Entry>, listener: NodeListener): () => void {
  const queue = new DeltaQueue<Entry>((entry) => list.identify(entry));
  for (const entry of list.snapshot()) queue.noteKnown(entry);
  let isOver = false;
  const disconnect = list.connect(queue, () => {
    for (let delta = queue.take(); delta !== null && !isOver; delta = queue.take()) {
      if (delta.event === null) listener(delta.op, list.view(delta.entry));
      else listener(delta.op, list.view(delta.entry), delta.event);
    }
  });
  return () => {
    isOver = true;
    disconnect();
  };
}

/** Nodes and their changes, to be read with `for await`; see {@linkcode Node.watch}. */
export interface NodeWatch extends AsyncIterableIterator<NodeDelta> {
  /** Changes that became one with a later one of the same node, since they were not read in time. */
  readonly coalesced: number;
  /** The next delta. Rejects with `overloaded` when 16 readers wait already. */
  next(): Promise<IteratorResult<NodeDelta>>;
  /** Ends the watch; whoever waits is told so. Never rejects. */
  return(): Promise<IteratorResult<NodeDelta>>;
}

/** Nodes and their changes, until it is left, aborted, or the node stops. Nothing is gathered before the first `next`. */
export class ListWatch<Entry> implements NodeWatch {
  readonly #list: WatchedList<Entry>;
  readonly #queue: DeltaQueue<Entry>;
  readonly #signal: AbortSignal | undefined;
  readonly #owner: WatchOwner<Entry> | undefined;
  readonly #readers: ((result: IteratorResult<NodeDelta>) => void)[] = [];
  readonly #onAbort = (): void => this.#end();
  #state: "new" | "running" | "closing" | "over" = "new";
  #snapshot: Entry[] = [];
  #isSynced = false;
  #count = 0;
  #revision = 0;
  #disconnect: (() => void) | null = null;

  /** Made by {@linkcode Node.watch}. */
  constructor(list: WatchedList<Entry>, signal?: AbortSignal, owner?: WatchOwner<Entry>) {
    this.#list = list;
    this.#signal = signal;
    this.#owner = owner;
    this.#queue = new DeltaQueue((entry) => list.identify(entry));
  }

  get coalesced(): number {
    return this.#queue.coalesced;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<NodeDelta>> {
    if (this.#state === "new") this.#start();
    const delta = this.#readers.length === 0 ? this.#take() : null;
    if (delta !== null) return Promise.resolve({ done: false, value: delta });
    if (this.#state === "closing") this.#end();
    if (this.#state === "over") return Promise.resolve({ done: true, value: undefined });
    if (this.#readers.length >= MAX_READERS) {
      return Promise.reject(
        new HanaError("overloaded", { what: "watching nodes", why: `${MAX_READERS} readers wait already` }),
      );
    }
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  return(): Promise<IteratorResult<NodeDelta>> {
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** The list has ended: what waits may still be read, then the watch is over. */
  close(): void {
    if (this.#state === "running" && this.#readers.length === 0) {
      this.#state = "closing";
      this.#disconnect?.();
    } else this.#end();
  }

  #start(): void {
    if (this.#signal?.aborted === true) return this.#end();
    this.#state = "running";
    this.#owner?.onStart(this);
    this.#signal?.addEventListener("abort", this.#onAbort);
    this.#snapshot = [...this.#list.snapshot()];
    this.#count = this.#snapshot.length;
    this.#revision = this.#list.revision();
    for (const entry of this.#snapshot) this.#queue.noteKnown(entry);
    this.#snapshot.reverse();
    this.#disconnect = this.#list.connect(this.#queue, () => this.#feedReaders());
  }

  #feedReaders(): void {
    while (this.#readers.length > 0) {
      const delta = this.#take();
      if (delta === null) return;
      this.#readers.shift()?.({ done: false, value: delta });
    }
  }

  #take(): NodeDelta | null {
    if (this.#state !== "running" && this.#state !== "closing") return null;
    const entry = this.#snapshot.pop();
    if (entry !== undefined) return { op: "add", revision: this.#revision, node: this.#list.view(entry) };
    if (!this.#isSynced) {
      this.#isSynced = true;
      return { op: "sync", revision: this.#revision, count: this.#count };
    }
    const queued = this.#queue.take();
    return queued === null ? null : this.#deltaOf(queued);
  }

  #deltaOf({ op, revision, entry, event }: QueuedDelta<Entry>): NodeDelta {
    const node = this.#list.view(entry);
    return event === null ? { op, revision, node } : { op, revision, node, event };
  }

  #end(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#snapshot = [];
    this.#disconnect?.();
    this.#disconnect = null;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: undefined });
    this.#owner?.onEnd(this);
  }
}

/** The watches of one node that run. */
export class WatchSet<Entry> implements WatchOwner<Entry> {
  readonly #watches = new Set<ListWatch<Entry>>();
  #ended = 0;

  /** Changes that slow readers found as one. */
  get coalesced(): number {
    return [...this.#watches].reduce((sum, watch) => sum + watch.coalesced, this.#ended);
  }

  onStart(watch: ListWatch<Entry>): void {
    this.#watches.add(watch);
  }

  onEnd(watch: ListWatch<Entry>): void {
    if (this.#watches.delete(watch)) this.#ended += watch.coalesced;
  }

  /** Ends all of them. */
  close(): void {
    for (const watch of [...this.#watches]) watch.close();
  }
}
