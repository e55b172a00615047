// Feeds those who watch the list of nodes: from the registry, from discovery's events, and from this node itself.
// Decides which event explains which change: they come within one call, and are told after it. Costs nothing while nobody
// watches.

import type { NodeId } from "../base/mod.ts";
import type { DiscoveryEvent, DiscoveryService, RegistryDelta, RegistryEntry } from "../discovery/mod.ts";
import type { Timers } from "../platform/mod.ts";
import type { DeltaQueue } from "./delta_queue.ts";
import { type NodeEvent, nodeEventOf } from "./node_event.ts";
import type { WatchedList } from "./node_watch.ts";
import { type NodeView, viewOf } from "./view.ts";

/** What the list holds of a node: its entry, or null for this node itself. */
export type ListedEntry = RegistryEntry | null;

/** What a feed needs of its node. */
export interface FeedSource {
  readonly id: NodeId;
  name(): string;
  /** Whether this node is one of the list; an observer is not. */
  readonly isListed: boolean;
  discovery(): DiscoveryService | null;
  view(): NodeView;
  nowUs(): number;
}

/** The list of nodes, for watches. */
export class NodeFeed implements WatchedList<ListedEntry> {
  readonly #source: FeedSource;
  readonly #timers: Timers;
  readonly #watches = new Map<DeltaQueue<ListedEntry>, () => void>();
  readonly #changed = new Set<DeltaQueue<ListedEntry>>();
  #stops: (() => void)[] = [];

  constructor(source: FeedSource, timers: Timers) {
    this.#source = source;
    this.#timers = timers;
  }

  /** How many watch. */
  get size(): number {
    return this.#watches.size;
  }

  snapshot(): ListedEntry[] {
    const others = this.#source.discovery()?.registry.snapshot() ?? [];
    return this.#source.isListed ? [null, ...others] : others;
  }

  revision(): number {
    return this.#source.discovery()?.registry.revision ?? 0;
  }

  identify(entry: ListedEntry): { readonly id: NodeId; readonly name: string } {
    return entry === null ? { id: this.#source.id, name: this.#source.name() } : entry.record;
  }

  view(entry: ListedEntry): NodeView {
    return entry === null
      ? this.#source.view()
      : viewOf(entry, this.#source.nowUs(), this.#source.discovery()?.leaderId ?? null);
  }

  connect(queue: DeltaQueue<ListedEntry>, onNews: () => void): () => void {
    if (this.#watches.size === 0) this.#listen();
    this.#watches.set(queue, onNews);
    return () => {
      this.#changed.delete(queue);
      if (!this.#watches.delete(queue) || this.#watches.size > 0) return;
      for (const stop of this.#stops.splice(0)) stop();
    };
  }

  /** Says that this node itself looks different now. */
  noteSelfChanged(event: NodeEvent | null = null): void {
    if (!this.#source.isListed || this.#watches.size === 0) return;
    for (const queue of this.#watches.keys()) {
      queue.put("update", this.revision(), null, event);
      this.#tellSoon(queue);
    }
  }

  #listen(): void {
    const discovery = this.#source.discovery();
    if (discovery === null) return;
    this.#stops = [
      discovery.registry.subscribe((delta) => this.#onDelta(delta)),
      discovery.onEvent((event) => this.#onEvent(event)),
    ];
  }

  #onDelta({ op, revision, entry }: RegistryDelta): void {
    for (const queue of this.#watches.keys()) {
      queue.put(op, revision, entry);
      this.#tellSoon(queue);
    }
  }

  #onEvent(event: DiscoveryEvent): void {
    // What is about this node itself, the node notes: it has taken its new name by then.
    const about = nodeEventOf(event, { id: this.#source.id, name: this.#source.name() });
    if (about === null || about.id === this.#source.id) return;
    const entry = this.#source.discovery()?.registry.get(about.id) ?? null;
    for (const queue of this.#watches.keys()) {
      if (queue.explain(about.id, about.event)) continue;
      if (entry === null || !queue.knows(about.id)) continue;
      queue.put("update", this.revision(), entry, about.event);
      this.#tellSoon(queue);
    }
  }

  #tellSoon(queue: DeltaQueue<ListedEntry>): void {
    if (this.#changed.size === 0) this.#timers.defer(() => this.#tell());
    this.#changed.add(queue);
  }

  #tell(): void {
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const queue of changed) this.#watches.get(queue)?.();
  }
}
