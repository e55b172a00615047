// The copy of one subsystem, and that of the book of definitions: what is in them, and their digest.
// Decides how entries go in, how a snapshot takes the place of what was there, and whether memory still holds what went
// in. Never decides whether a message may be applied (subsystem_sync.ts).

import type { ParameterDefinition, PathId, SubsystemNumber } from "../model/mod.ts";
import { DIGEST_BUCKETS, EntryHash, equalValues, StateDigest } from "../digest/mod.ts";
import { type BookLimits, isRefusal, SchemaBook } from "../schema/mod.ts";
import type { Digest64, WireEntry } from "../messages/mod.ts";
import type { EntrySlots } from "./slots.ts";

/** Entries that one look at the memory takes in at most: about half a millisecond. */
const SCRUBBED_ENTRIES = 4_096;

/** Hears of every entry that a message touched. */
export interface CopySink {
  /** Value, holder or presence of the path may be another now. */
  noteEntry(id: PathId): void;
  /** The definition of the path is new, another or gone. */
  noteDefinition(id: PathId): void;
}

/** The copy of one subsystem. */
export interface SubsystemCopy {
  /** How many entries are there. */
  readonly size: number;
  /** Puts changes in, as of `version`; how many of them made no sense. */
  applyPatch(entries: readonly WireEntry[], version: number): number;
  /**
   * Puts a snapshot of `version` in. What is not in it is gone; what changed later than `keepsAfter` stays as it is.
   * Says how many entries were other than before.
   */
  applySnapshot(entries: readonly WireEntry[], version: number, keepsAfter: number): number;
  digest(): Digest64;
  isEqual(digest: Digest64): boolean;
  /** None or sixteen. */
  buckets(): readonly Digest64[];
  /** Looks at a part of the memory; false when it holds something else than what went in. */
  scrub(): boolean;
}

/** The digest that a snapshot of values has. */
export function digestOf(entries: readonly WireEntry[]): Digest64 {
  const digest = new StateDigest();
  for (const { id, type, value, winner } of entries) {
    if (type === "definition" || type === "gone") continue;
    digest.toggle(id, type, value, winner?.holder ?? 0, winner?.priority ?? 0);
  }
  return digest.halves();
}

/** The values of one subsystem. */
export class ValueCopy implements SubsystemCopy {
  readonly #subsystem: SubsystemNumber;
  readonly #slots: EntrySlots;
  readonly #sink: CopySink;
  readonly #digest = new StateDigest();
  readonly #hash = new EntryHash();
  readonly #ids = new Set<PathId>();
  /** Those whose hash is due: each once, however often it changed since the digest was compared. */
  readonly #unhashed: PathId[] = [];
  #nextBucket = 0;

  constructor(subsystem: SubsystemNumber, slots: EntrySlots, sink: CopySink) {
    this.#subsystem = subsystem;
    this.#slots = slots;
    this.#sink = sink;
  }

  get size(): number {
    return this.#ids.size;
  }

  applyPatch(entries: readonly WireEntry[], version: number): number {
    let wrong = 0;
    for (const entry of entries) if (!this.#apply(entry, version, false)) wrong++;
    return wrong;
  }

  applySnapshot(entries: readonly WireEntry[], version: number, keepsAfter: number): number {
    let changed = 0;
    const named = new Set<PathId>();
    for (const entry of entries) {
      if (entry.type !== "gone") named.add(entry.id);
      if (this.#slots.versionOf(entry.id) > keepsAfter) continue;
      if (!this.#isSame(entry)) changed++;
      this.#apply(entry, version, true);
    }
    for (const id of this.#ids) {
      if (named.has(id) || this.#slots.versionOf(id) > keepsAfter) continue;
      changed++;
      this.#takeOut(id);
      this.#slots.remove(id, this.#subsystem, version);
      this.#sink.noteEntry(id);
    }
    this.#rebuild();
    return changed;
  }

  digest(): Digest64 {
    this.#settleHashes();
    return this.#digest.halves();
  }

  isEqual({ high, low }: Digest64): boolean {
    this.#settleHashes();
    return this.#digest.isEqual(high, low);
  }

  buckets(): readonly Digest64[] {
    this.#settleHashes();
    return this.#digest.buckets();
  }

  scrub(): boolean {
    const count = Math.max(1, this.#ids.size);
    const looks = Math.min(
      DIGEST_BUCKETS,
      Math.max(1, Math.floor(SCRUBBED_ENTRIES * DIGEST_BUCKETS / count)),
    );
    const end = this.#nextBucket + looks;
    this.#settleHashes();
    const memory = new StateDigest();
    for (const id of this.#ids) {
      const bucket = id & (DIGEST_BUCKETS - 1);
      const turn = bucket < this.#nextBucket ? bucket + DIGEST_BUCKETS : bucket;
      if (turn < end) this.#toggle(memory, id);
    }
    const [found, kept] = [memory.buckets(), this.#digest.buckets()];
    const start = this.#nextBucket;
    this.#nextBucket = end % DIGEST_BUCKETS;
    for (let turn = start; turn < end; turn++) {
      const bucket = turn % DIGEST_BUCKETS;
      const [a, b] = [found[bucket], kept[bucket]];
      if (a?.high !== b?.high || a?.low !== b?.low) {
        // From now on the digest tells what is in memory, and so differs from the host's.
        this.#rebuild();
        return false;
      }
    }
    return true;
  }

  #apply({ id, type, value, winner }: WireEntry, version: number, isSnapshot: boolean): boolean {
    const slots = this.#slots;
    if (type === "definition" || !slots.reserve(id)) return false;
    const isKnown = slots.versionOf(id) > 0;
    if (isKnown && slots.subsystemOf(id) !== this.#subsystem) return false;
    const wasPresent = this.#ids.has(id);
    if (type === "gone") {
      this.#ids.delete(id);
      slots.remove(id, this.#subsystem, version);
    } else {
      const keeps = winner === null && !isSnapshot && wasPresent;
      const holder = keeps ? slots.holderOf(id) : winner?.holder ?? 0;
      const priority = keeps ? slots.priorityOf(id) : winner?.priority ?? 0;
      slots.put(id, type, value, holder, priority, this.#subsystem, version);
      if (!wasPresent) this.#ids.add(id);
    }
    this.#owe(id);
    this.#sink.noteEntry(id);
    return true;
  }

  #takeOut(id: PathId): void {
    this.#ids.delete(id);
    this.#owe(id);
  }

  #owe(id: PathId): void {
    if (this.#slots.isHashDue(id)) return;
    this.#slots.oweHash(id);
    this.#unhashed.push(id);
  }

  /** Brings the digest up to date. The host tells its own once a second, values change thirty times as often. */
  #settleHashes(): void {
    const slots = this.#slots;
    const hash = this.#hash;
    for (const id of this.#unhashed) {
      const type = this.#ids.has(id) ? slots.typeOf(id) : null;
      let [high, low] = [0, 0];
      if (type !== null) {
        hash.of(id, type, slots.valueOf(id), slots.holderOf(id), slots.priorityOf(id));
        high = hash.high;
        low = hash.low;
      }
      this.#digest.fold(id, slots.hashHighOf(id) ^ high, slots.hashLowOf(id) ^ low);
      slots.keepHash(id, high, low);
    }
    this.#unhashed.length = 0;
  }

  #isSame({ id, type, value, winner }: WireEntry): boolean {
    if (type === "gone" || type === "definition") return !this.#ids.has(id);
    if (!this.#ids.has(id)) return false;
    const slots = this.#slots;
    return slots.typeOf(id) === type && slots.holderOf(id) === (winner?.holder ?? 0) &&
      slots.priorityOf(id) === (winner?.priority ?? 0) && equalValues(type, slots.valueOf(id), value);
  }

  #toggle(digest: StateDigest, id: PathId): void {
    const slots = this.#slots;
    const type = slots.typeOf(id);
    if (type === null) return;
    digest.toggle(id, type, slots.valueOf(id), slots.holderOf(id), slots.priorityOf(id));
  }

  /** The digest from what is in memory: what had been broken leaves no trace. */
  #rebuild(): void {
    for (const id of this.#ids) this.#owe(id);
    this.#settleHashes();
    this.#digest.clear();
    for (const id of this.#ids) this.#digest.fold(id, this.#slots.hashHighOf(id), this.#slots.hashLowOf(id));
  }
}

/** The book of definitions of one epoch. */
export class BookCopy implements SubsystemCopy {
  readonly #limits: BookLimits;
  readonly #sink: CopySink;
  #book: SchemaBook;

  constructor(limits: BookLimits, sink: CopySink) {
    this.#limits = limits;
    this.#sink = sink;
    this.#book = new SchemaBook(limits);
  }

  /** Another one after a snapshot that contradicted what was there. */
  get book(): SchemaBook {
    return this.#book;
  }

  get size(): number {
    return this.#book.size;
  }

  applyPatch(entries: readonly WireEntry[]): number {
    // The end of a number first: its path may have another one in the same message.
    let wrong = 0;
    for (const { id, type } of entries) if (type === "gone" && !this.#adopt(id, null)) wrong++;
    for (const { id, type, value } of entries) {
      if (type === "gone") continue;
      if (type !== "definition" || !this.#adopt(id, value)) wrong++;
    }
    return wrong;
  }

  applySnapshot(entries: readonly WireEntry[]): number {
    const before = this.#book.revision;
    const named = new Set<PathId>();
    for (const { id, type } of entries) if (type === "definition") named.add(id);
    for (let id = 1; id <= this.#book.lastId; id++) {
      if (!named.has(id as PathId)) this.#adopt(id as PathId, null);
    }
    if (this.applyPatch(entries) === 0) return this.#book.revision - before;
    const names = [...this.#book.subsystems.entries()];
    this.#book = new SchemaBook(this.#limits);
    for (const [number, name] of names) this.#book.subsystems.adopt(number, name);
    this.applyPatch(entries);
    return entries.length;
  }

  digest(): Digest64 {
    return { high: this.#book.high, low: this.#book.low };
  }

  isEqual({ high, low }: Digest64): boolean {
    return this.#book.high === high >>> 0 && this.#book.low === low >>> 0;
  }

  buckets(): readonly Digest64[] {
    return [];
  }

  /** The book has no second copy of its rows to compare with. */
  scrub(): boolean {
    return true;
  }

  #adopt(id: PathId, definition: ParameterDefinition | null): boolean {
    const answer = this.#book.adopt(id, definition);
    if (isRefusal(answer)) return false;
    if (answer === "taken") this.#sink.noteDefinition(id);
    return true;
  }
}
