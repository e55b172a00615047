// The sources that a visualization heard, by the node that they are on and their number there.
// Decides which frame of a source is the newest, and how many sources there may be; never what a frame does.

import { MAX_MODULATION_SOURCES, MAX_SOURCES_PER_PEER, MODULATION_LEASE_US } from "./limits.ts";
import { NONE } from "./effects.ts";

/** One source. */
export interface SourceRow {
  /** Its place among the rows. */
  readonly row: number;
  readonly peer: string;
  readonly number: number;
  /** What it calls itself; null until it said so. */
  name: string | null;
  /** The number of its newest frame; null where any may follow. */
  newest: number | null;
  heardUs: number;
  /** Frames that were taken. */
  frames: number;
  /** Values that were refused. */
  refused: number;
  /** Its first effect. */
  head: number;
}

/** A node whose sources modulate. */
interface Peer {
  readonly id: string;
  name: string;
  readonly rows: SourceRow[];
}

/** The sources of one visualization. */
export class SourceRows {
  readonly #rows: (SourceRow | null)[] = [];
  readonly #peers = new Map<string, Peer>();
  #count = 0;

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** The source of a place among the rows. */
  at(row: number): SourceRow | null {
    return this.#rows[row] ?? null;
  }

  /** A node is there, or back: its sources may count their frames anew. */
  notePeer(id: string, name: string): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return this.#addPeer(id, name);
    peer.name = name;
    for (const row of peer.rows) row.newest = null;
  }

  /** A source by its node and number, a new one where it was never heard; null beyond the bounds. */
  obtain(nowUs: number, peerId: string, number: number): SourceRow | null {
    let peer = this.#peers.get(peerId);
    if (peer !== undefined) {
      for (let i = 0; i < peer.rows.length; i++) {
        const row = peer.rows[i] as SourceRow;
        if (row.number === number) return row;
      }
    }
    if (this.#count >= MAX_MODULATION_SOURCES || (peer?.rows.length ?? 0) >= MAX_SOURCES_PER_PEER) {
      this.#sweep(nowUs);
    }
    if (this.#count >= MAX_MODULATION_SOURCES) return null;
    if (!this.#peers.has(peerId)) this.#addPeer(peerId, peerId);
    peer = this.#peers.get(peerId);
    if (peer === undefined || peer.rows.length >= MAX_SOURCES_PER_PEER) return null;
    let place = this.#rows.indexOf(null);
    if (place < 0) place = this.#rows.length;
    const row: SourceRow = {
      ...{ row: place, peer: peerId, number, name: null, newest: null, heardUs: nowUs },
      ...{ frames: 0, refused: 0, head: NONE },
    };
    this.#rows[place] = row;
    peer.rows.push(row);
    this.#count++;
    return row;
  }

  /** Takes the number of a frame; false for one that is late, or came before (RFC 1982 section 3.2). */
  take(nowUs: number, row: SourceRow, number: number): boolean {
    const { newest } = row;
    // After a silence an older number is no straggler: the source has begun anew.
    const isStraggler = newest !== null && ((number - newest) | 0) <= 0;
    if (isStraggler && nowUs - row.heardUs <= MODULATION_LEASE_US) return false;
    row.newest = number;
    row.heardUs = nowUs;
    row.frames++;
    return true;
  }

  /** A source for people: its name, or its number and its node. */
  nameOf(row: SourceRow): string {
    return row.name ?? `source ${row.number} of ${this.nodeOf(row)}`;
  }

  /** The node of a source for people. */
  nodeOf(row: SourceRow): string {
    return this.#peers.get(row.peer)?.name ?? row.peer;
  }

  #addPeer(id: string, name: string): void {
    if (this.#peers.size >= MAX_PEERS) {
      for (const peer of this.#peers.values()) if (peer.rows.length === 0) this.#peers.delete(peer.id);
    }
    if (this.#peers.size < MAX_PEERS) this.#peers.set(id, { id, name, rows: [] });
  }

  /** Forgets sources that do nothing and were silent for longer than an effect lasts. */
  #sweep(nowUs: number): void {
    for (const peer of this.#peers.values()) {
      for (let i = peer.rows.length - 1; i >= 0; i--) {
        const row = peer.rows[i] as SourceRow;
        if (row.head !== NONE || nowUs - row.heardUs <= MODULATION_LEASE_US) continue;
        peer.rows.splice(i, 1);
        this.#rows[row.row] = null;
        this.#count--;
      }
    }
  }
}

/** Every source could be on a node of its own. */
const MAX_PEERS = MAX_MODULATION_SOURCES;
