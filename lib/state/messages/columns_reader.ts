// Reads entries that lie as columns.
// Decides that nothing is read that could have been written otherwise, and that no count is believed whose bytes are
// not there. Never judges a value by its schema.

import type { Codec } from "../../wire/mod.ts";
import type { ClientNumber, ParameterDefinition, PathId, StateValue, ValueType } from "../model/mod.ts";
import { entryTypeOf, INLINE_COUNT, WINNER_SECTION } from "./columns.ts";
import { DefinitionReader } from "./definition.ts";
import type { FieldReader } from "./fields.ts";
import { MAX_CLIENT, MAX_ENTRIES, MAX_U32 } from "./limits.ts";
import { readGaps, readRuns } from "./runs.ts";
import type { EntryType, EntryWinner, WireEntry } from "./types.ts";
import { createJsonCodec, MIN_VALUE_BYTES, readValue } from "./values.ts";

/** An entry while its message is read. */
interface OpenEntry {
  readonly id: PathId;
  readonly type: EntryType;
  readonly value: WireEntry["value"];
  winner: EntryWinner | null;
}

/** Reads the entries of one message after the other. */
export class ColumnReader {
  readonly #json: Codec = createJsonCodec();
  readonly #definitions = new DefinitionReader(this.#json);
  /** Ids of a section, or indexes of a group. */
  #numbers: number[] = [];
  #ids = new Float64Array(64);

  /** Forgets the message before. */
  reset(): void {
    this.#definitions.reset();
  }

  /** Reads definitions that have no id yet, with their count before them. */
  definitions(reader: FieldReader, max: number): ParameterDefinition[] {
    const definitions: ParameterDefinition[] = [];
    const count = reader.count(max, MIN_VALUE_BYTES[10] ?? 1);
    for (let i = 0; i < count && reader.problem === null; i++) {
      definitions.push(this.#definitions.read(reader));
    }
    return definitions;
  }

  /** Reads one value that stands in no column. */
  value(reader: FieldReader, type: ValueType): StateValue {
    return readValue(reader, type, this.#json);
  }

  /** Reads the rest of a message. What it returns means nothing when the reader has a problem. */
  read(reader: FieldReader): WireEntry[] {
    const entries: OpenEntry[] = [];
    const start = reader.at;
    let next = 0;
    let sections = 0;
    while (reader.remaining > 0) {
      const at = reader.at;
      const head = reader.u8();
      const section = head % 16;
      let count = (head - section) / 16;
      if (count === INLINE_COUNT) count += reader.varint(MAX_ENTRIES - INLINE_COUNT);
      if (reader.problem !== null) break;
      if (count === 0) reader.fail("out-of-range", at);
      else if (section < next) reader.fail("not-canonical", at);
      else if (section === WINNER_SECTION) {
        this.#winners(reader, count, entries);
        break;
      } else {
        const type = entryTypeOf(section);
        if (type === null || entries.length + count > MAX_ENTRIES) reader.fail("out-of-range", at);
        else this.#section(reader, at, type, section, count, entries);
      }
      next = section + 1;
      sections++;
    }
    if (sections > 1 && reader.problem === null && this.#repeats(entries)) reader.fail("out-of-range", start);
    // Each was made with the value of its type.
    return entries as WireEntry[];
  }

  #section(
    reader: FieldReader,
    at: number,
    type: EntryType,
    section: number,
    count: number,
    entries: OpenEntry[],
  ): void {
    // Before anything is made of them: a bool has a bit, what is gone has a byte of its id.
    const least = type === "bool"
      ? Math.ceil(count / 8)
      : type === "gone"
      ? count
      : count * (MIN_VALUE_BYTES[section] ?? 1);
    if (least > reader.remaining) {
      reader.fail("truncated", at);
      return;
    }
    const ids = this.#numbers;
    if (type === "gone") readGaps(reader, ids, count, 1, MAX_U32);
    else readRuns(reader, ids, count, 1, MAX_U32);
    if (reader.problem !== null) return;
    if (type === "bool") return readBits(reader, ids, count, entries);
    if (type === "f32") return readFloats(reader, ids, count, entries);
    for (let i = 0; i < count; i++) {
      const value = type === "gone"
        ? null
        : type === "definition"
        ? this.#definitions.read(reader)
        : readValue(reader, type, this.#json);
      if (reader.problem !== null) return;
      entries.push({ id: ids[i] as PathId, type, value, winner: null });
    }
  }

  #winners(reader: FieldReader, groups: number, entries: OpenEntry[]): void {
    const indexes = this.#numbers;
    let last = -1;
    for (let group = 0; group < groups && reader.problem === null; group++) {
      const at = reader.at;
      const holder = reader.varint(MAX_CLIENT);
      const priority = reader.u8();
      const count = reader.varint(entries.length, 1);
      readRuns(reader, indexes, count, 0, entries.length - 1);
      if (reader.problem !== null) return;
      if (holder * 256 + priority <= last) reader.fail("not-canonical", at);
      last = holder * 256 + priority;
      const winner: EntryWinner = { holder: holder as ClientNumber, priority };
      for (let i = 0; i < count; i++) {
        const entry = entries[indexes[i] as number];
        if (entry === undefined || entry.winner !== null || entry.type === "definition") {
          reader.fail("out-of-range", at);
          return;
        }
        entry.winner = winner;
      }
    }
  }

  #repeats(entries: readonly OpenEntry[]): boolean {
    if (entries.length > this.#ids.length) this.#ids = new Float64Array(entries.length * 2);
    const ids = this.#ids.subarray(0, entries.length);
    for (let i = 0; i < ids.length; i++) ids[i] = (entries[i] as OpenEntry).id;
    ids.sort();
    for (let i = 1; i < ids.length; i++) if (ids[i] === ids[i - 1]) return true;
    return false;
  }
}

/** What most messages consist of, in a loop of its own. */
function readFloats(reader: FieldReader, ids: readonly number[], count: number, entries: OpenEntry[]): void {
  for (let i = 0; i < count; i++) {
    const value = reader.f32();
    if (reader.problem !== null) return;
    entries.push({ id: ids[i] as PathId, type: "f32", value, winner: null });
  }
}

function readBits(reader: FieldReader, ids: readonly number[], count: number, entries: OpenEntry[]): void {
  for (let i = 0; i < count; i += 8) {
    const at = reader.at;
    const byte = reader.u8();
    const bits = Math.min(8, count - i);
    if (reader.problem !== null) return;
    if (byte >> bits !== 0) {
      reader.fail("not-canonical", at);
      return;
    }
    for (let k = 0; k < bits; k++) {
      entries.push({
        id: ids[i + k] as PathId,
        type: "bool",
        value: (byte & (1 << k)) !== 0,
        winner: null,
      });
    }
  }
}
