// What one group of clients hears of one subsystem: the version and digest of that part, and when the next patch is due.
// Decides the rhythm (research 2.7 W2) and what a patch from any base holds (W3). Never knows single clients.

import { StateDigest } from "../digest/mod.ts";
import type { Digest64, WireEntry } from "../messages/mod.ts";
import type { PathId, SubsystemNumber, Version } from "../model/mod.ts";
import type { BookRow, SchemaBook } from "../schema/mod.ts";
import { DIGEST_US, PATCH_SLACK_US } from "./limits.ts";
import type { Entry, HashFollower, SubsystemLog } from "./subsystem_log.ts";

/** Entries in the order of their versions, and those versions beside them. Good until its source is asked again. */
export interface Changes {
  readonly entries: readonly WireEntry[];
  readonly versions: readonly number[];
}

/** Where the entries of a feed come from. */
export interface FeedSource {
  readonly subsystem: SubsystemNumber;
  readonly name: string;
  /** Below this a difference would leave out what was deleted. */
  readonly horizon: number;
  /** How many entries there are. */
  readonly size: number;
  /** Counts the changes that this feed tells of. */
  readonly version: Version;
  digest(): Digest64;
  /** In which of its sixteen parts a copy with these digests differs. */
  differingParts(parts: readonly Digest64[]): readonly number[];
  /** All that changed after `base`, or null when that is more than `most`. */
  changesAfter(base: number, most: number): Changes | null;
  /** All that is there. */
  all(): readonly WireEntry[];
}

/** A subsystem for one group. */
export class Feed {
  readonly source: FeedSource;
  /** The pause between two patches at least, in microseconds; more where all news of it can wait longer. */
  readonly #intervalUs: number;
  /** What the last patch counts as: when it went, or when it would have gone without the slack. */
  #slotUs = -Infinity;
  #dueUs = Infinity;
  /** The pause after which the news wait that are due. */
  #pauseUs = 0;
  #digestDueUs = 0;

  constructor(source: FeedSource, intervalUs: number) {
    this.source = source;
    this.#intervalUs = intervalUs;
  }

  get version(): Version {
    return this.source.version;
  }

  /** When somebody has to be told of something, in microseconds; Infinity when nobody does. */
  get dueUs(): number {
    return this.#dueUs;
  }

  /** There is news, or somebody who could not be told can be now; it may wait for `rateUs` since the last patch. */
  noteNews(rateUs: number): void {
    const pauseUs = Math.max(rateUs, this.#intervalUs);
    // A source at just this rhythm whose writes arrive unevenly must not wait for the rest of each pause: what came late
    // once would be late for ever (the generic cell rate algorithm, ITU-T I.371).
    const dueUs = this.#slotUs + pauseUs - PATCH_SLACK_US;
    if (dueUs >= this.#dueUs) return;
    this.#dueUs = dueUs;
    this.#pauseUs = pauseUs;
  }

  /** Patches go out now. @returns whether they carry the digest. */
  beginFlush(nowUs: number): boolean {
    this.#slotUs = Math.max(nowUs, this.#slotUs + this.#pauseUs);
    this.#dueUs = Infinity;
    if (nowUs < this.#digestDueUs) return false;
    this.#digestDueUs = nowUs + DIGEST_US;
    return true;
  }
}

/** The paths of a subsystem that a group wants. */
export class LogSource implements FeedSource, HashFollower {
  readonly #log: SubsystemLog;
  readonly #sees: (id: PathId) => boolean;
  readonly #digest = new StateDigest();
  /** What was answered last. */
  readonly #entries: WireEntry[] = [];
  readonly #versions: number[] = [];
  #version = 0;
  #size = 0;

  constructor(log: SubsystemLog, sees: (id: PathId) => boolean) {
    this.#log = log;
    this.#sees = sees;
    // What was forgotten may have been seen: no copy of this part is newer than the horizon without being in it.
    this.#version = log.horizon;
    for (let node = log.firstAfter(0); node !== null; node = node.newer) this.noteAfter(node.item);
    log.follow(this, sees);
  }

  /** Nobody hears of it any more. */
  end(): void {
    this.#log.unfollow(this);
  }

  get subsystem(): SubsystemNumber {
    return this.#log.number;
  }

  get name(): string {
    return this.#log.name;
  }

  get horizon(): number {
    return this.#log.horizon;
  }

  get size(): number {
    return this.#size;
  }

  get version(): Version {
    return this.#version as Version;
  }

  /** An entry has changed, begun or gone. @returns whether the group hears of it. */
  noteAfter(entry: Entry): boolean {
    if (!this.#sees(entry.id)) return false;
    this.#version = entry.version;
    return true;
  }

  noteCount(id: PathId, by: 1 | -1): void {
    if (this.#sees(id)) this.#size += by;
  }

  noteHash(id: PathId, high: number, low: number): void {
    if (this.#sees(id)) this.#digest.fold(id, high, low);
  }

  digest(): Digest64 {
    this.#log.settleHashes();
    return this.#digest.halves();
  }

  differingParts(parts: readonly Digest64[]): readonly number[] {
    this.#log.settleHashes();
    return this.#digest.differingBuckets(parts);
  }

  changesAfter(base: number, most: number): Changes | null {
    const entries = this.#entries;
    const versions = this.#versions;
    let count = 0;
    for (let node = this.#log.firstAfter(base); node !== null; node = node.newer) {
      const entry = node.item;
      if (!this.#sees(entry.id)) continue;
      if (count === most) return null;
      // Values that change thirty times a second go through the same objects each time.
      const isPlain = entry.winnerVersion <= base && !entry.deleted;
      entries[count] = isPlain ? plainWire(entry) : toWire(entry, entry.winnerVersion > base);
      versions[count++] = entry.version;
    }
    entries.length = versions.length = count;
    return { entries, versions };
  }

  all(): readonly WireEntry[] {
    const entries: WireEntry[] = [];
    for (let node = this.#log.firstAfter(0); node !== null; node = node.newer) {
      const entry = node.item;
      if (entry.deleted || !this.#sees(entry.id)) continue;
      entries.push(toWire(entry, entry.holder !== 0 || entry.priority !== 0));
    }
    return entries;
  }
}

/** The book of definitions, which everybody hears whole. */
export class BookSource implements FeedSource {
  readonly subsystem = 0 as SubsystemNumber;
  readonly name: string;
  /** The book remembers every number that it gave. */
  readonly horizon = 0;
  readonly #book: SchemaBook;

  constructor(book: SchemaBook) {
    this.#book = book;
    this.name = book.subsystems.nameOf(this.subsystem) ?? "";
  }

  get size(): number {
    return this.#book.size;
  }

  get version(): Version {
    return this.#book.revision as Version;
  }

  digest(): Digest64 {
    return { high: this.#book.high, low: this.#book.low };
  }

  differingParts(): readonly number[] {
    return [];
  }

  changesAfter(base: number, most: number): Changes | null {
    const rows = this.#book.rowsSince(base).sort((a, b) => a.revision - b.revision);
    if (rows.length > most) return null;
    return { entries: rows.map(toBookEntry), versions: rows.map(({ revision }) => revision) };
  }

  all(): readonly WireEntry[] {
    return this.#book.rowsSince(0).map(toBookEntry);
  }
}

/** A value without its holder, in the object that the entry has for that. */
function plainWire(entry: Entry): WireEntry {
  const { wire } = entry;
  wire.value = entry.value;
  // The type of a path never changes: the object was made with it.
  return wire as WireEntry;
}

/** An entry as messages carry it. */
export function toWire(entry: Entry, hasWinner: boolean): WireEntry {
  const { id, type, value, holder, priority } = entry;
  if (entry.deleted) return { id, type: "gone", value: null, winner: null };
  return { id, type, value, winner: hasWinner ? { holder, priority } : null };
}

function toBookEntry({ id, definition }: BookRow): WireEntry {
  return definition === null
    ? { id, type: "gone", value: null, winner: null }
    : { id, type: "definition", value: definition, winner: null };
}
