// The book of definitions: which number stands for which path, and what may stand there.
// Decides numbers (given once, never again within an epoch), what a changed definition does to its number, and bounds.
// The host defines and retires; copies adopt what the host tells. Never holds values; never sends.

import {
  isBelow,
  type ParameterDefinition,
  type PathId,
  type StateValue,
  type SubsystemNumber,
} from "../model/mod.ts";
import { nearest } from "../../base/mod.ts";
import { describeValue } from "../../wire/mod.ts";
import { Hash64 } from "../digest/mod.ts";
import { type BookLimits, DEFAULT_BOOK_LIMITS } from "./bounds.ts";
import { checkValue } from "./check.ts";
import { compareDefinitions } from "./compatibility.ts";
import { DefinitionTexts } from "./definition_text.ts";
import { Refusal } from "./refusal.ts";
import { SubsystemNames } from "./subsystems.ts";

/** No path: what {@linkcode SchemaBook.idOf} says of one that is not there. */
export const NO_PATH = 0 as PathId;

/** Paths among which the nearest to an unknown one is looked for. */
const MAX_CANDIDATES = 2_048;

/** What became of a definition. */
export interface Defined {
  readonly id: PathId;
  /** `replaced`: the path had another number, {@linkcode former}, which is gone now. */
  readonly outcome: "new" | "same" | "wider" | "replaced";
  /** The number that is gone; {@linkcode NO_PATH} when none is. */
  readonly former: PathId;
}

/** A number in the book. Its definition is null when it is gone. */
export interface BookRow {
  readonly id: PathId;
  readonly path: string;
  readonly definition: ParameterDefinition | null;
  /** The revision of the book at which it last changed. */
  readonly revision: number;
}

interface Slot {
  readonly id: PathId;
  readonly path: string;
  definition: ParameterDefinition | null;
  /** null in a copy that was not told yet. */
  subsystem: SubsystemNumber | null;
  revision: number;
  /** Of the canonical definition. */
  bytes: number;
  high: number;
  low: number;
}

/** What the book refused and did, since it was made. */
export interface BookCounters {
  defined: number;
  widened: number;
  replaced: number;
  retired: number;
  /** Definitions for which there was no room. */
  full: number;
  /** Rows of a host that contradict what it told before. */
  conflicts: number;
}

/** The definitions of one epoch. A new epoch has a new book. */
export class SchemaBook {
  readonly #limits: BookLimits;
  /** By id; numbers that were never heard of are missing or undefined. */
  readonly #slots: (Slot | undefined)[] = [];
  readonly #ids = new Map<string, PathId>();
  readonly #encoder = new TextEncoder();
  readonly #texts = new DefinitionTexts();
  /** Room for the text of a definition in bytes. */
  #buffer = new Uint8Array(1_024);
  readonly #hash = new Hash64();
  #subsystems: SubsystemNames;
  #revision = 0;
  #bytes = 0;
  #high = 0;
  #low = 0;
  readonly counters: BookCounters = {
    defined: 0,
    widened: 0,
    replaced: 0,
    retired: 0,
    full: 0,
    conflicts: 0,
  };

  constructor(limits: BookLimits = DEFAULT_BOOK_LIMITS) {
    this.#limits = limits;
    this.#subsystems = new SubsystemNames(limits.maxSubsystems);
  }

  /** Paths that are there. */
  get size(): number {
    return this.#ids.size;
  }

  /** The highest number that was given: ids are 1 to this. */
  get lastId(): number {
    return Math.max(0, this.#slots.length - 1);
  }

  /** Counts the changes, from 1 on. */
  get revision(): number {
    return this.#revision;
  }

  /** Canonical bytes of all definitions. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The upper 32 bits of the digest of everything that is there, unsigned. */
  get high(): number {
    return this.#high >>> 0;
  }

  /** The lower 32 bits, unsigned. */
  get low(): number {
    return this.#low >>> 0;
  }

  /** The names and numbers of subsystems. */
  get subsystems(): SubsystemNames {
    return this.#subsystems;
  }

  /** The number of a path; {@linkcode NO_PATH} where there is none. */
  idOf(path: string): PathId {
    return this.#ids.get(path) ?? NO_PATH;
  }

  /** The number of a path, or a refusal that names the nearest path. */
  lookUp(path: string): PathId | Refusal {
    return this.#ids.get(path) ?? new Refusal("unknown-path", () => this.#unknown(path));
  }

  /** What may stand there; null for a number that is gone or was never given. */
  definitionOf(id: PathId): ParameterDefinition | null {
    return this.#slots[id]?.definition ?? null;
  }

  /**
   * The subsystem of a number, also of one that is gone; null where it was never given, and in a copy that was not told
   * the number of that subsystem yet ({@linkcode SubsystemNames.adopt}): a copy gives no numbers of its own.
   */
  subsystemOf(id: PathId): SubsystemNumber | null {
    const slot = this.#slots[id];
    if (slot === undefined) return null;
    if (slot.subsystem === null && slot.definition !== null) {
      slot.subsystem = this.#subsystems.numberOf(slot.definition.subsystem);
    }
    return slot.subsystem;
  }

  /** The path that a number stands or stood for; null where it was never given. */
  pathOf(id: PathId): string | null {
    return this.#slots[id]?.path ?? null;
  }

  /** Whether the number stood for a path, and does no more. */
  isGone(id: PathId): boolean {
    const slot = this.#slots[id];
    return slot !== undefined && slot.definition === null;
  }

  /** `value` in the form that is kept, or why it cannot stand there: {@linkcode checkValue} by number. */
  check(id: PathId, value: unknown): StateValue | Refusal {
    const definition = this.#slots[id]?.definition;
    return definition === undefined || definition === null
      ? this.#missing(id)
      : checkValue(definition, value);
  }

  /**
   * Declares a parameter, or again with what has changed (compatibility.ts). The definition is one that was read
   * (definition.ts). Refused as `full` when a bound is reached; the book is as before then.
   */
  define(definition: ParameterDefinition): Defined | Refusal {
    const former = this.#slots[this.idOf(definition.path)];
    if (former === undefined || former.definition === null) return this.#add(definition, NO_PATH);
    const change = compareDefinitions(former.definition, definition);
    if (change === "same") return { id: former.id, outcome: "same", former: NO_PATH };
    if (change === "other") return this.#replace(former, definition);
    const text = this.#texts.of(definition);
    const refusal = this.#roomFor(text, former);
    if (refusal !== null) return refusal;
    this.#write(former, definition, text);
    this.counters.widened++;
    return { id: former.id, outcome: "wider", former: NO_PATH };
  }

  /** Takes a path out. Its number is gone for good; whether there was one. */
  retire(path: string): boolean {
    const slot = this.#slots[this.idOf(path)];
    if (slot === undefined || slot.definition === null) return false;
    this.#clear(slot);
    this.counters.retired++;
    return true;
  }

  /**
   * Takes over what the host says of a number: its definition, or null for one that is gone. Rows may come more than once
   * and in any order that has the end of a number before the next one of its path.
   * Refused as `conflict` when it contradicts what stands there: the copy is of another epoch or broken, and starts over.
   */
  adopt(id: PathId, definition: ParameterDefinition | null): "taken" | "known" | Refusal {
    if (!Number.isInteger(id) || id < 1 || id > this.#limits.maxIds) {
      return this.#full(`numbers go to ${this.#limits.maxIds}, and this is ${id}`);
    }
    const slot = this.#slots[id];
    if (definition === null) {
      if (slot === undefined) return "known"; // gone before this copy heard of it
      if (slot.definition === null) return "known";
      this.#clear(slot);
      this.counters.retired++;
      return "taken";
    }
    const holder = this.#ids.get(definition.path);
    if (slot !== undefined) {
      if (slot.definition === null) {
        return this.#conflict(`the path of number ${id} is gone, and numbers stay so`);
      }
      if (slot.path !== definition.path) {
        return this.#conflict(`number ${id} stands for ${slot.path}, not for ${definition.path}`);
      }
      const change = compareDefinitions(slot.definition, definition);
      if (change === "same") return "known";
      if (change === "other") return this.#conflict(`number ${id} (${slot.path}) stands for something else`);
    } else if (holder !== undefined) {
      return this.#conflict(`${definition.path} has number ${holder}, not ${id}`);
    }
    const text = this.#texts.of(definition);
    const refusal = this.#roomFor(text, slot);
    if (refusal !== null) return refusal;
    while (this.#slots.length <= id) this.#slots.push(undefined);
    this.#write(slot ?? this.#newSlot(id, definition), definition, text);
    if (slot === undefined) this.counters.defined++;
    else this.counters.widened++;
    return "taken";
  }

  /**
   * What changed after `revision`, in the order of the numbers: one that is gone stands before the next one of its path.
   * For a copy that has nothing, 0: what is there.
   */
  rowsSince(revision: number): BookRow[] {
    const rows: BookRow[] = [];
    for (const slot of this.#slots) {
      if (slot === undefined || slot.revision <= revision) continue;
      if (revision === 0 && slot.definition === null) continue;
      rows.push({ id: slot.id, path: slot.path, definition: slot.definition, revision: slot.revision });
    }
    return rows;
  }

  #add(definition: ParameterDefinition, former: PathId): Defined | Refusal {
    const id = Math.max(1, this.#slots.length);
    if (id > this.#limits.maxIds) {
      return this.#full(
        `all ${this.#limits.maxIds} numbers of this epoch are used up; the next host starts over`,
      );
    }
    const text = this.#texts.of(definition);
    const refusal = this.#roomFor(text, this.#slots[former]) ?? this.#subsystemFor(definition.subsystem);
    if (refusal !== null) return refusal;
    const gone = this.#slots[former];
    if (gone !== undefined) this.#clear(gone);
    while (this.#slots.length <= id) this.#slots.push(undefined);
    this.#write(this.#newSlot(id as PathId, definition), definition, text);
    this.counters.defined++;
    return { id: id as PathId, outcome: former === NO_PATH ? "new" : "replaced", former };
  }

  #replace(former: Slot, definition: ParameterDefinition): Defined | Refusal {
    const added = this.#add(definition, former.id);
    if (!(added instanceof Refusal)) this.counters.replaced++;
    return added;
  }

  /** A slot for a path that has none. */
  #newSlot(id: PathId, { path, subsystem }: ParameterDefinition): Slot {
    const number = this.#subsystems.numberOf(subsystem);
    const slot: Slot = {
      id,
      path,
      definition: null,
      subsystem: number,
      revision: 0,
      bytes: 0,
      high: 0,
      low: 0,
    };
    this.#slots[id] = slot;
    this.#ids.set(path, id);
    return slot;
  }

  #write(slot: Slot, definition: ParameterDefinition, text: string): void {
    this.#forget(slot);
    // A UTF-16 unit takes three bytes at most.
    if (text.length * 3 > this.#buffer.length) this.#buffer = new Uint8Array(text.length * 3);
    const { written } = this.#encoder.encodeInto(text, this.#buffer);
    this.#hash.begin();
    this.#hash.word(slot.id);
    this.#hash.bytes(this.#buffer, written);
    this.#hash.finish();
    slot.definition = definition;
    slot.revision = ++this.#revision;
    slot.bytes = written;
    slot.high = this.#hash.high;
    slot.low = this.#hash.low;
    this.#bytes += slot.bytes;
    this.#high ^= slot.high;
    this.#low ^= slot.low;
  }

  #clear(slot: Slot): void {
    this.#forget(slot);
    this.#ids.delete(slot.path);
    slot.definition = null;
    slot.revision = ++this.#revision;
  }

  /** Takes what a slot holds out of the sums. */
  #forget(slot: Slot): void {
    this.#bytes -= slot.bytes;
    this.#high ^= slot.high;
    this.#low ^= slot.low;
    slot.bytes = slot.high = slot.low = 0;
  }

  /** Whether a definition of this text can take the place of `former`, or come to the others. */
  #roomFor(text: string, former: Slot | undefined): Refusal | null {
    if (former === undefined && this.#ids.size >= this.#limits.maxPaths) {
      return this.#full(`there are ${this.#limits.maxPaths} paths, and no more are taken`);
    }
    // A UTF-16 unit takes three bytes at most; most texts need no count.
    const left = this.#limits.maxBytes - this.#bytes + (former?.bytes ?? 0);
    if (text.length * 3 <= left || this.#encoder.encode(text).length <= left) return null;
    return this.#full(`all definitions together may have ${this.#limits.maxBytes} bytes`);
  }

  #subsystemFor(name: string): Refusal | null {
    if (this.#subsystems.intern(name) !== null) return null;
    return this.#full(`there are ${this.#limits.maxSubsystems} subsystems, and no more are taken`);
  }

  #full(why: string): Refusal {
    this.counters.full++;
    return new Refusal("full", () => why);
  }

  #conflict(why: string): Refusal {
    this.counters.conflicts++;
    return new Refusal("conflict", () => why);
  }

  #unknown(path: string): string {
    const near = nearest(path, this.#candidates(path));
    return `nobody declared ${describeValue(path)}${near === null ? "" : `: did you mean ${near}?`}`;
  }

  /** Paths of the same first segment, or all when there are none; so many that the search ends soon. */
  #candidates(path: string): string[] {
    const [first = ""] = path.split("/", 1);
    const found: string[] = [];
    for (const prefix of [first, ""]) {
      for (const known of this.#ids.keys()) {
        if (isBelow(known, prefix) && found.push(known) === MAX_CANDIDATES) return found;
      }
      if (found.length > 0) return found;
    }
    return found;
  }

  #missing(id: PathId): Refusal {
    const path = this.pathOf(id);
    if (path === null) return new Refusal("unknown-path", () => `nobody declared a path of number ${id}`);
    const now = this.idOf(path);
    return new Refusal(
      "gone",
      () =>
        now === NO_PATH ? `${path} is there no more` : `${path} was declared anew: its number is ${now} now`,
    );
  }
}
