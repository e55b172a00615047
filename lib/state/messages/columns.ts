// Entries as columns: by type, ids together, values together; behind them whose values they are, where that changed.
// Decides the order and the one form; docs/state-protocol.md tells it. Never reads: columns_reader.ts does.

import type { ByteWriter, Codec } from "../../wire/mod.ts";
import type { ParameterDefinition, StateValue, ValueType } from "../model/mod.ts";
import { DefinitionWriter } from "./definition.ts";
import { writeF32, writeVarint } from "./fields.ts";
import { ENTRY_TYPES, MAX_CLIENT, MAX_ENTRIES, MAX_JSON_DEPTH, MAX_U32, MAX_VALUE_BYTES } from "./limits.ts";
import { writeGaps, writeRuns } from "./runs.ts";
import type { EntryType, WireEntry } from "./types.ts";
import { createJsonCodec, writeValue } from "./values.ts";

/** Beside the types a section can hold winners. */
export const WINNER_SECTION = 15;
/** From how many items on a section has its count behind its first byte. */
export const INLINE_COUNT = 15;

const TYPE_NUMBERS: Readonly<Record<EntryType, number>> = {
  f32: 0,
  unit: 1,
  i32: 2,
  bool: 3,
  enum: 4,
  text: 5,
  bytes: 6,
  vec3: 7,
  quat: 8,
  json: 9,
  definition: 10,
  gone: 11,
};
const F32 = TYPE_NUMBERS.f32;
const BOOL = TYPE_NUMBERS.bool;
const GONE = TYPE_NUMBERS.gone;
/** One above the largest id. */
const ID_SPAN = MAX_U32 + 1;
/** One above the largest priority. */
const PRIORITY_SPAN = 256;
const INITIAL_ROOM = 512;

/** Writes the entries of one message after the other. Allocates nothing once its room has grown. */
export class ColumnWriter {
  readonly #json: Codec = createJsonCodec();
  readonly #definitions = new DefinitionWriter(this.#json);
  /** Of each entry in the order of ids: its type's number and its place in the caller's list. */
  #types = new Uint8Array(INITIAL_ROOM);
  #places = new Uint16Array(INITIAL_ROOM);
  /** The ids or indexes of the section being written, and where its entries stand. */
  #numbers = new Float64Array(INITIAL_ROOM);
  #section = new Uint16Array(INITIAL_ROOM);
  /** What is sorted: an order and, as its lowest digits, a place. */
  #keys = new Float64Array(INITIAL_ROOM);

  /** Forgets the message before. */
  reset(): void {
    this.#definitions.reset();
  }

  /** Writes definitions that have no id yet, with their count before them. */
  definitions(out: ByteWriter, definitions: readonly ParameterDefinition[], max: number): void {
    writeVarint(out, definitions.length, max);
    for (let i = 0; i < definitions.length && !out.failed; i++) {
      const definition = definitions[i];
      if (definition !== undefined) this.#definitions.write(out, definition);
    }
  }

  /** Writes one value that stands in no column. */
  value(out: ByteWriter, type: ValueType, value: StateValue): void {
    writeValue(out, type, value, this.#json);
  }

  /** Writes `entries` as the rest of a message. They may come in any order, each id once. */
  write(out: ByteWriter, entries: readonly WireEntry[]): void {
    const count = entries.length;
    if (count === 0) return;
    if (count > MAX_ENTRIES) return out.fail();
    if (count > this.#types.length) this.#grow(count);
    const present = this.#sort(out, entries);
    let winners = 0;
    let written = 0;
    for (let type = 0; type <= GONE && !out.failed; type++) {
      if ((present & (1 << type)) === 0) continue;
      let inSection = 0;
      for (let i = 0; i < count; i++) {
        if (this.#types[i] !== type) continue;
        const place = this.#places[i] as number;
        const entry = entries[place] as WireEntry;
        this.#section[inSection] = place;
        this.#numbers[inSection++] = entry.id;
        if (entry.winner !== null) {
          winners++;
          this.#keys[written] = winnerKey(out, entry.winner.holder, entry.winner.priority) * MAX_ENTRIES +
            written;
        } else this.#keys[written] = Infinity;
        written++;
      }
      this.#values(out, entries, type, inSection);
    }
    if (winners > 0 && !out.failed) this.#winners(out, written, winners);
  }

  /** Puts the places of `entries` into the order of their ids. Returns a bit for each type that occurs. */
  #sort(out: ByteWriter, entries: readonly WireEntry[]): number {
    const count = entries.length;
    let present = 0;
    let previous = 0;
    let sorted = true;
    let last: EntryType | null = null;
    let number: number | undefined;
    for (let i = 0; i < count; i++) {
      const { id, type } = entries[i] as WireEntry;
      // Most are of one type.
      if (type !== last) number = TYPE_NUMBERS[type];
      last = type;
      if (number === undefined || !(id > 0 && id < ID_SPAN && Number.isInteger(id))) {
        out.fail();
        return 0;
      }
      this.#types[i] = number;
      this.#places[i] = i;
      present |= 1 << number;
      if (id <= previous) sorted = false;
      previous = id;
    }
    if (sorted) return present;
    const keys = this.#keys.subarray(0, count);
    for (let i = 0; i < count; i++) keys[i] = (entries[i] as WireEntry).id * MAX_ENTRIES + i;
    keys.sort();
    let id = 0;
    for (let i = 0; i < count; i++) {
      const key = keys[i] as number;
      const place = key % MAX_ENTRIES;
      const entry = entries[place] as WireEntry;
      if (entry.id === id) out.fail();
      id = entry.id;
      this.#types[i] = TYPE_NUMBERS[entry.type];
      this.#places[i] = place;
    }
    return present;
  }

  #values(out: ByteWriter, entries: readonly WireEntry[], type: number, count: number): void {
    writeSectionHead(out, type, count);
    if (type === GONE) return writeGaps(out, this.#numbers, count, 1);
    writeRuns(out, this.#numbers, count, 1);
    if (type === BOOL) return this.#bits(out, entries, count);
    if (type === F32) return this.#floats(out, entries, count);
    for (let i = 0; i < count && !out.failed; i++) {
      const entry = entries[this.#section[i] as number] as WireEntry;
      if (entry.type === "definition") this.#definitions.write(out, entry.value);
      else if (entry.type !== "gone") writeValue(out, entry.type, entry.value, this.#json);
    }
  }

  /** What most messages consist of, in a loop of its own. */
  #floats(out: ByteWriter, entries: readonly WireEntry[], count: number): void {
    for (let i = 0; i < count; i++) {
      const { value } = entries[this.#section[i] as number] as WireEntry;
      if (typeof value !== "number") return out.fail();
      writeF32(out, value);
    }
  }

  #bits(out: ByteWriter, entries: readonly WireEntry[], count: number): void {
    let byte = 0;
    for (let i = 0; i < count; i++) {
      const { value } = entries[this.#section[i] as number] as WireEntry;
      if (typeof value !== "boolean") return out.fail();
      if (value) byte |= 1 << (i & 7);
      if ((i & 7) === 7 || i === count - 1) {
        out.u8(byte);
        byte = 0;
      }
    }
  }

  /** Groups of equal winners, each with the indexes of its entries in the order of the message. */
  #winners(out: ByteWriter, written: number, winners: number): void {
    const keys = this.#keys.subarray(0, written);
    keys.sort();
    let groups = 0;
    let last = -1;
    for (let i = 0; i < winners; i++) {
      const group = Math.floor((keys[i] as number) / MAX_ENTRIES);
      if (group !== last) groups++;
      last = group;
    }
    writeSectionHead(out, WINNER_SECTION, groups);
    for (let start = 0; start < winners;) {
      const group = Math.floor((keys[start] as number) / MAX_ENTRIES);
      let count = 0;
      while (start + count < winners && Math.floor((keys[start + count] as number) / MAX_ENTRIES) === group) {
        this.#numbers[count] = (keys[start + count] as number) % MAX_ENTRIES;
        count++;
      }
      out.varint(Math.floor(group / PRIORITY_SPAN));
      out.u8(group % PRIORITY_SPAN);
      out.varint(count);
      writeRuns(out, this.#numbers, count, 0);
      start += count;
    }
  }

  #grow(count: number): void {
    const room = Math.min(MAX_ENTRIES, Math.max(count, this.#types.length * 2));
    this.#types = new Uint8Array(room);
    this.#places = new Uint16Array(room);
    this.#numbers = new Float64Array(room);
    this.#section = new Uint16Array(room);
    this.#keys = new Float64Array(room);
  }
}

/** Parts of `entries`, in their order, each of which fits a chunk; one part where there are none. */
export function splitEntries(entries: readonly WireEntry[], maxBytes: number): (readonly WireEntry[])[] {
  if (fits(entries, maxBytes)) return [entries];
  let part: WireEntry[] = [];
  const parts: (readonly WireEntry[])[] = [part];
  let bytes = 0;
  for (const entry of entries) {
    const more = entryBytes(entry);
    if (part.length > 0 && (bytes + more > maxBytes || part.length === MAX_ENTRIES)) {
      part = [];
      parts.push(part);
      bytes = 0;
    }
    part.push(entry);
    bytes += more;
  }
  return parts;
}

function fits(entries: readonly WireEntry[], maxBytes: number): boolean {
  let bytes = 0;
  for (let at = 0; at < entries.length && bytes <= maxBytes; at++) {
    bytes += entryBytes(entries[at] as WireEntry);
  }
  return bytes <= maxBytes && entries.length <= MAX_ENTRIES;
}

/** At most so many bytes does an entry take in a message, to within what sections and groups cost: too many, never too few. */
function entryBytes({ id, type, value, winner }: WireEntry): number {
  const overhead = (id < 0x2000 ? 2 : id < 0x2000_0000 ? 4 : 8) + (winner === null ? 0 : 9);
  switch (type) {
    case "vec3":
      return overhead + 12;
    case "quat":
      return overhead + 16;
    case "enum":
    case "text":
      return overhead + 4 + (typeof value === "string" ? value.length * 3 : 0);
    case "bytes":
      return overhead + 4 + (value instanceof Uint8Array ? value.length : 0);
    case "json":
      return overhead + 4 + Math.min(MAX_VALUE_BYTES, structureBytes(value));
    case "definition":
      return overhead + definitionBytes(value);
    default:
      return overhead + 5;
  }
}

/** No fewer bytes than a definition takes; with the whole path and the subsystem, which it may have in common. */
function definitionBytes(definition: ParameterDefinition): number {
  const { path, subsystem, unit, words, description } = definition;
  // What is always there, min, max and fade.
  let bytes = 44 + path.length + 3 * (subsystem.length + (unit?.length ?? 0) + (description?.length ?? 0));
  for (const word of words) bytes += 2 + 3 * word.length;
  return bytes + Math.min(MAX_VALUE_BYTES, structureBytes(definition.default));
}

/** No fewer bytes than MessagePack needs. */
function structureBytes(value: unknown, depth = 0): number {
  if (depth > MAX_JSON_DEPTH) return MAX_VALUE_BYTES;
  if (typeof value === "string") return 5 + value.length * 3;
  if (typeof value !== "object" || value === null) return 9;
  if (value instanceof Uint8Array) return 5 + value.length;
  let bytes = 5;
  if (Array.isArray(value)) {
    for (const item of value) bytes += structureBytes(item, depth + 1);
    return bytes;
  }
  for (const [key, item] of Object.entries(value)) {
    bytes += 5 + key.length * 3 + structureBytes(item, depth + 1);
  }
  return bytes;
}

function writeSectionHead(out: ByteWriter, section: number, count: number): void {
  if (count < INLINE_COUNT) out.u8(count * 16 + section);
  else {
    out.u8(INLINE_COUNT * 16 + section);
    out.varint(count - INLINE_COUNT);
  }
}

/** Orders winners; fails for what is none. */
function winnerKey(out: ByteWriter, holder: number, priority: number): number {
  if (
    !(Number.isInteger(holder) && holder >= 0 && holder <= MAX_CLIENT) ||
    !(Number.isInteger(priority) && priority >= 0 && priority < PRIORITY_SPAN)
  ) out.fail();
  return holder * PRIORITY_SPAN + priority;
}

/** The types by their numbers. */
export function entryTypeOf(section: number): EntryType | null {
  return ENTRY_TYPES[section] ?? null;
}
