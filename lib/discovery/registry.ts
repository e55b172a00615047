// The list of nodes: what everybody above asks.
// Decides who is in it, in which order changes are told, and who is forgotten when there is no room.
// Never decides who is alive (liveness.ts) or believed (newcomers.ts).

import type { NodeId, Role } from "../base/mod.ts";
import type { IpEndpoint } from "../platform/mod.ts";
import { Census } from "./census.ts";
import type { Path } from "./datagram.ts";
import { targetOf } from "./messages/mod.ts";
import type { EntryState, Peer, PeerWatch } from "./peer.ts";
import type { NodeRecord } from "./record.ts";

/** Whether the mesh has a key: in an open one anybody may be seen, and nobody may command. */
export type Trust = "keyed" | "open";

/** One node, as it was when it was asked for. */
export interface RegistryEntry {
  readonly record: NodeRecord;
  readonly state: EntryState;
  /** Since when it is in this state, µs on our monotonic clock. */
  readonly sinceUs: number;
  readonly lastHeardUs: number;
  /** Smoothed round trip of discovery's own pings, null before the first. */
  readonly rttUs: number | null;
  /** Our interface on which it is heard; null when it is behind a router, or the interface is gone. */
  readonly interface: string | null;
  /** How it was heard within the last beats. */
  readonly paths: readonly Path[];
  readonly trust: Trust;
  /** Known from another node's list alone, and not heard yet. */
  readonly relayed: boolean;
  /** Live load as it last told (see `MAX_AVAILABILITY`); empty while it has not. */
  readonly availability: readonly number[];
  /** Where its datagrams come from, and where it answers. */
  readonly from: IpEndpoint;
}

/** One change. Revisions grow by one; `remove` means forgotten, a lost node is an `update` to `dead`. */
export interface RegistryDelta {
  readonly op: "add" | "update" | "remove";
  readonly revision: number;
  readonly entry: RegistryEntry;
}

/** One place of so many is kept for apps and daemons. */
const KEPT_SHARE = 64;
/** Changes of who is present that are remembered. */
const CHANGES_KEPT = 64;
/** Hex digits below which a text is no id prefix: a name like `cafe` should not hit an id by chance. */
const MIN_PREFIX_DIGITS = 4;

/** The nodes that we know, ourselves not among them. */
export class Registry {
  readonly #peers = new Map<NodeId, Peer>();
  /** The same by the first bytes of their ids, as messages about others name them. */
  readonly #byTarget = new Map<string, Peer>();
  readonly #listeners = new Set<(delta: RegistryDelta) => void>();
  readonly #untold: RegistryDelta[] = [];
  #isTelling = false;
  readonly #census = new Census();
  readonly #watch: PeerWatch = {
    census: this.#census,
    isDueStale: true,
    onIdentity: (id) => this.#noteIdentity(id),
  };
  #identityRevision = 0;
  /** Whom the last of these changes were about, by their numbers. */
  readonly #identityChanges: NodeId[] = [];
  #revision = 0;
  #nowUs = 0;

  /** @param maxPeers entries; at the bound the left are forgotten first, then the dead, never the living */
  constructor(readonly trust: Trust, readonly maxPeers: number) {}

  /** Number of the last change. */
  get revision(): number {
    return this.#revision;
  }

  /** Entries of any state. */
  get size(): number {
    return this.#peers.size;
  }

  /** All entries in the order in which they came. */
  snapshot(): RegistryEntry[] {
    return Array.from(this.#peers.values(), (peer) => this.#entry(peer));
  }

  /** The entry of an id. */
  get(id: NodeId): RegistryEntry | null {
    const peer = this.#peers.get(id);
    return peer === undefined ? null : this.#entry(peer);
  }

  /**
   * Entries that `text` may mean: those of that name, else the one of that id, else those whose id begins so
   * (from 4 digits on). The living hide the dead. Several entries: the text is ambiguous.
   */
  lookup(text: string): RegistryEntry[] {
    const all = this.snapshot();
    const prefix = text.toLowerCase();
    let found = all.filter((entry) => entry.record.name === text);
    if (found.length === 0 && prefix.length >= MIN_PREFIX_DIGITS && /^[0-9a-f]+$/.test(prefix)) {
      found = all.filter((entry) => entry.record.id.startsWith(prefix));
    }
    const present = found.filter((entry) => entry.state !== "dead" && entry.state !== "left");
    return present.length > 0 ? present : found;
  }

  /** Calls `listener` with every change from now on, in order. Returns how to stop it. */
  subscribe(listener: (delta: RegistryDelta) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // --- for the core --------------------------------------------------------------------------------------------

  /** The core's own view of an id. */
  peer(id: NodeId): Peer | undefined {
    return this.#peers.get(id);
  }

  /** The node that a message about others names. */
  peerByTarget(target: string): Peer | undefined {
    return this.#byTarget.get(target);
  }

  /** The core's own view of all. */
  peers(): IterableIterator<Peer> {
    return this.#peers.values();
  }

  /** Nodes that count as part of the mesh. */
  get presentCount(): number {
    return this.#census.present;
  }

  /** What half of them count at most; 1 where nobody is. */
  get medianPeerCount(): number {
    return this.#census.median;
  }

  /** Grows whenever it has changed who is present, or in which version: digests follow it. */
  get identityRevision(): number {
    return this.#identityRevision;
  }

  /** Whom the change with this number was about; null when it is too long ago. */
  identityChange(revision: number): NodeId | null {
    const isKept = revision > this.#identityRevision - CHANGES_KEPT && revision <= this.#identityRevision;
    return isKept ? this.#identityChanges[revision % CHANGES_KEPT] ?? null : null;
  }

  #noteIdentity(id: NodeId): void {
    this.#identityRevision++;
    this.#identityChanges[this.#identityRevision % CHANGES_KEPT] = id;
  }

  /** Whether nothing about the peers has changed of which more follows: who is present, what they count, what is due. */
  get isSettled(): boolean {
    return !this.#watch.isDueStale && !this.#census.hasChanged;
  }

  /** The time as the core knows it. */
  get nowUs(): number {
    return this.#nowUs;
  }

  /** Something about the peers may have become due earlier. */
  noteDue(): void {
    this.#watch.isDueStale = true;
  }

  /** Whether something about the peers may have become due earlier than when it was looked at last. */
  get isDueStale(): boolean {
    return this.#watch.isDueStale;
  }

  /** All of it is being looked at. */
  noteLooked(): void {
    this.#watch.isDueStale = false;
  }

  /** Whether one more would fit, somebody absent making room if need be. */
  canInsert(): boolean {
    return this.#peers.size < this.maxPeers || this.#dispensable() !== null;
  }

  /** Takes a node in. Returns whether there was room. */
  insert(nowUs: number, peer: Peer): boolean {
    const isNew = !this.#peers.has(peer.id);
    if (isNew && this.#peers.size >= this.maxPeers - this.#placesKeptFrom(peer.record.role)) {
      const dispensable = this.#dispensable();
      if (dispensable === null) return false;
      this.remove(nowUs, dispensable);
    }
    const replaced = this.#peers.get(peer.id);
    if (replaced !== undefined) this.#unwatch(replaced);
    this.#peers.set(peer.id, peer);
    this.#byTarget.set(targetOf(peer.id), peer);
    peer.watch = this.#watch;
    if (peer.isPresent) this.#census.add(peer.peerCount);
    this.#noteIdentity(peer.id);
    this.#watch.isDueStale = true;
    this.#tell(nowUs, isNew ? "add" : "update", peer);
    return true;
  }

  /** Says that something worth telling changed in `peer`. */
  changed(nowUs: number, peer: Peer): void {
    this.#tell(nowUs, "update", peer);
  }

  /** Forgets a node. */
  remove(nowUs: number, peer: Peer): void {
    if (!this.#peers.delete(peer.id)) return;
    this.#byTarget.delete(targetOf(peer.id));
    this.#unwatch(peer);
    this.#tell(nowUs, "remove", peer);
  }

  #unwatch(peer: Peer): void {
    peer.watch = null;
    this.#noteIdentity(peer.id);
    if (peer.isPresent) this.#census.remove(peer.peerCount);
  }

  /** Keeps the time by which a snapshot judges which paths are fresh. */
  setNow(nowUs: number): void {
    this.#nowUs = nowUs;
  }

  /** The last places are for those whom a show misses most: visualizations and daemons leave room for apps. */
  #placesKeptFrom(role: Role): number {
    const kept = Math.floor(this.maxPeers / KEPT_SHARE);
    return role === "app" ? 0 : role === "daemon" ? kept >> 1 : kept;
  }

  #dispensable(): Peer | null {
    let best: Peer | null = null;
    for (const peer of this.#peers.values()) {
      if (peer.isPresent && !peer.isRelayed) continue;
      const isOlder = best !== null && rankOf(peer) === rankOf(best) && peer.sinceUs < best.sinceUs;
      if (best === null || rankOf(peer) < rankOf(best) || isOlder) {
        best = peer;
      }
    }
    return best;
  }

  #entry(peer: Peer): RegistryEntry {
    return {
      record: peer.record,
      state: peer.state,
      sinceUs: peer.sinceUs,
      lastHeardUs: peer.lastHeardUs,
      rttUs: peer.rttUs,
      interface: peer.route.link?.name ?? null,
      paths: peer.pathsAt(this.#nowUs),
      trust: this.trust,
      relayed: peer.isRelayed,
      availability: peer.availability,
      from: peer.route.from,
    };
  }

  #tell(nowUs: number, op: RegistryDelta["op"], peer: Peer): void {
    this.#nowUs = nowUs;
    this.#revision++;
    if (this.#listeners.size === 0) return;
    this.#untold.push({ op, revision: this.#revision, entry: this.#entry(peer) });
    // A listener may cause the next change: it is told after this one, to everybody.
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (let delta = this.#untold.shift(); delta !== undefined; delta = this.#untold.shift()) {
        for (const listener of [...this.#listeners]) listener(delta);
      }
    } finally {
      this.#isTelling = false;
    }
  }
}

/** Who goes first when there is no room: the left, the dead, those cut off, those whom nobody has heard yet. */
function rankOf(peer: Peer): number {
  return peer.state === "left" ? 0 : peer.state === "dead" ? 1 : peer.state === "partitioned" ? 2 : 3;
}
