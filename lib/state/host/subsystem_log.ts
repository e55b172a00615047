// The effective values of one subsystem in the order in which they changed.
// Decides versions (research 2.7 W1), and how long deleted paths are remembered. Never decides whose value wins (merge/),
// who hears of it (feed.ts), or what a path may hold (schema/).

import { EntryHash, equalValues } from "../digest/mod.ts";
import type {
  ClientNumber,
  IdTable,
  PathId,
  StateEntry,
  StateValue,
  SubsystemNumber,
  ValueType,
  Version,
} from "../model/mod.ts";
import { TOMBSTONE_US } from "./limits.ts";
import { RecencyList, type RecencyNode } from "./recency_list.ts";

/** A path as everybody knows it. */
export interface Entry extends StateEntry {
  readonly id: PathId;
  readonly type: ValueType;
  readonly value: StateValue;
  readonly holder: ClientNumber;
  /** The version at which its holder or priority last changed. */
  readonly winnerVersion: number;
  /** When it was deleted, in microseconds of the host's clock. */
  readonly deletedAtUs: number;
  /** Whoever writes it into a message puts the value here. */
  readonly wire: PlainWire;
}

/** An entry of a message without a holder, used again and again. */
export interface PlainWire {
  readonly id: PathId;
  readonly type: ValueType;
  value: StateValue;
  readonly winner: null;
}

/** An entry as the log keeps it: with what it added to digests when that was last asked for. */
interface KeptEntry extends Entry {
  readonly log: SubsystemNumber;
  readonly hashHigh: number;
  readonly hashLow: number;
  /** It changed since. */
  readonly isHashDue: boolean;
}

type MutableEntry = { -readonly [K in keyof KeptEntry]: KeptEntry[K] };

/** The places of entries by the numbers of their paths. */
export type LogNodes = IdTable<PathId, RecencyNode<MutableEntry>>;

/** Who keeps a digest of some of the entries. */
export interface HashFollower {
  /** An entry is there that was not (1), or is gone (-1). */
  noteCount(id: PathId, by: 1 | -1): void;
  /** What an entry adds to a digest has changed by (XOR) these halves. */
  noteHash(id: PathId, high: number, low: number): void;
}

/** Who is told of changes. */
export interface LogObserver {
  /** An entry has changed or was deleted; `rateUs` is how long its news may wait. */
  noteAfter(log: SubsystemLog, entry: Entry, rateUs: number): void;
}

/** One subsystem. */
export class SubsystemLog {
  readonly number: SubsystemNumber;
  readonly name: string;
  readonly #observer: LogObserver;
  readonly #order = new RecencyList<MutableEntry>();
  readonly #nodes: LogNodes;
  readonly #tombstones: PathId[] = [];
  readonly #followers = new Set<HashFollower>();
  readonly #hash = new EntryHash();
  /** Entries whose hash is due: each once, however often it changed since a digest was asked for. */
  readonly #unhashed: MutableEntry[] = [];
  #version = 0;
  #horizon = 0;
  #size = 0;

  /** @param nodes of all subsystems of one document, which give their numbers together. */
  constructor(number: SubsystemNumber, name: string, observer: LogObserver, nodes: LogNodes) {
    this.#nodes = nodes;
    this.number = number;
    this.name = name;
    this.#observer = observer;
  }

  /** Counts the changes. */
  get version(): Version {
    return this.#version as Version;
  }

  /** Below this version deleted paths are forgotten: a difference from there would not tell of them. */
  get horizon(): number {
    return this.#horizon;
  }

  /** Paths that are there. */
  get size(): number {
    return this.#size;
  }

  /** Deleted paths that are still told of. */
  get tombstones(): number {
    return this.#tombstones.length;
  }

  /** The entry of a path, also a deleted one; null where there is none. It changes with the path. */
  entryOf(id: PathId): Entry | null {
    const entry = this.#nodes.get(id)?.item;
    return entry === undefined || entry.log !== this.number ? null : entry;
  }

  /**
   * What stands at a path now. The same again is no change and has no version.
   * @returns whether it is one.
   */
  put(
    id: PathId,
    type: ValueType,
    value: StateValue,
    holder: ClientNumber,
    priority: number,
    rateUs: number,
  ): boolean {
    const node = this.#nodes.get(id);
    if (node === undefined) {
      const version = ++this.#version;
      const entry: MutableEntry = {
        log: this.number,
        id,
        type,
        value,
        version,
        holder,
        priority,
        deleted: false,
        winnerVersion: version,
        deletedAtUs: 0,
        wire: { id, type, value: null, winner: null },
        hashHigh: 0,
        hashLow: 0,
        isHashDue: false,
      };
      this.#nodes.set(id, this.#order.add(entry, version));
      this.#size++;
      this.#owe(entry);
      for (const follower of this.#followers) follower.noteCount(id, 1);
      this.#observer.noteAfter(this, entry, rateUs);
      return true;
    }
    const entry = node.item;
    if (entry.deleted) return false; // Numbers are not used again: this is late news.
    if (entry.holder === holder && entry.priority === priority) {
      const { value: before } = entry;
      // Checked numbers are equal when they are the same.
      if (
        typeof value === "number" && typeof before === "number"
          ? value === before
          : equalValues(type, before, value)
      ) {
        return false;
      }
    }
    const version = ++this.#version;
    if (entry.holder !== holder || entry.priority !== priority) entry.winnerVersion = version;
    entry.value = value;
    entry.holder = holder;
    entry.priority = priority;
    this.#move(node, version);
    if (!entry.isHashDue) this.#owe(entry);
    this.#observer.noteAfter(this, entry, rateUs);
    return true;
  }

  /** A path is gone. @returns whether it was there. */
  delete(nowUs: number, id: PathId, rateUs: number): boolean {
    const node = this.#nodes.get(id);
    if (node === undefined || node.item.deleted) return false;
    const entry = node.item;
    for (const follower of this.#followers) follower.noteCount(id, -1);
    entry.deleted = true;
    entry.value = null;
    entry.holder = 0 as ClientNumber;
    entry.priority = 0;
    entry.deletedAtUs = nowUs;
    entry.winnerVersion = 0;
    this.#size--;
    this.#tombstones.push(id);
    this.#move(node, ++this.#version);
    if (!entry.isHashDue) this.#owe(entry);
    this.#observer.noteAfter(this, entry, rateUs);
    return true;
  }

  /** The first entry that changed after `base`, deleted ones among them; the others follow as `newer`. */
  firstAfter(base: number): RecencyNode<Entry> | null {
    return this.#order.firstAfter(base);
  }

  /** `follower` keeps a digest: it is told of each entry that `sees`, and of every change from now on. */
  follow(follower: HashFollower, sees: (id: PathId) => boolean): void {
    this.settleHashes();
    this.#followers.add(follower);
    for (let node = this.#order.firstAfter(0); node !== null; node = node.newer) {
      const { id, hashHigh, hashLow, deleted } = node.item;
      if (!sees(id)) continue;
      follower.noteHash(id, hashHigh, hashLow);
      if (!deleted) follower.noteCount(id, 1);
    }
  }

  /** It keeps none any more. */
  unfollow(follower: HashFollower): void {
    this.#followers.delete(follower);
  }

  /** Brings all digests up to date. Digests are asked for once a second, values change thirty times as often. */
  settleHashes(): void {
    const hash = this.#hash;
    for (const entry of this.#unhashed) {
      const { id, hashHigh, hashLow } = entry;
      entry.isHashDue = false;
      if (entry.deleted) entry.hashHigh = entry.hashLow = 0;
      else {
        hash.of(id, entry.type, entry.value, entry.holder, entry.priority);
        entry.hashHigh = hash.high;
        entry.hashLow = hash.low;
      }
      for (const follower of this.#followers) {
        follower.noteHash(id, hashHigh ^ entry.hashHigh, hashLow ^ entry.hashLow);
      }
    }
    this.#unhashed.length = 0;
  }

  /**
   * Forgets deleted paths that everybody knows of and that are gone long enough.
   * @param known the version that every client there has.
   * @returns when the next one may be forgotten, in microseconds; Infinity for none.
   */
  forgetDeleted(nowUs: number, known: number): number {
    while (true) {
      const id = this.#tombstones[0];
      const node = id === undefined ? undefined : this.#nodes.get(id);
      if (id === undefined || node === undefined) return Infinity;
      const atUs = node.item.deletedAtUs + TOMBSTONE_US;
      if (nowUs < atUs) return atUs;
      if (node.at > known) return nowUs + TOMBSTONE_US;
      this.#tombstones.shift();
      this.#nodes.delete(id);
      this.#order.remove(node);
      this.#horizon = Math.max(this.#horizon, node.at);
    }
  }

  #owe(entry: MutableEntry): void {
    entry.isHashDue = true;
    this.#unhashed.push(entry);
  }

  #move(node: RecencyNode<MutableEntry>, version: number): void {
    node.item.version = version;
    this.#order.touch(node, version);
  }
}
