// The bytes of a parameter's definition, next to others.
// Decides what is left out because the definition before it says the same; never whether a definition makes sense.

import type { ByteWriter, Codec } from "../../wire/mod.ts";
import {
  isPath,
  type LossRule,
  MAX_PATH_LENGTH,
  type MergeRule,
  type ParameterDefinition,
  type StateValue,
  type ValueType,
} from "../model/mod.ts";
import { type FieldReader, writeF64, writeLongText, writeVarint, writeWord } from "./fields.ts";
import { MAX_DESCRIPTION_BYTES, MAX_FADE_US, MAX_NAME_BYTES, MAX_WORDS, RATE_CLASSES } from "./limits.ts";
import { readValue, writeValue } from "./values.ts";

const TYPES = [
  "f32",
  "unit",
  "i32",
  "bool",
  "enum",
  "text",
  "bytes",
  "vec3",
  "quat",
  "json",
] as const satisfies readonly ValueType[];
const MERGES = ["latest", "highest", "sum", "lock"] as const satisfies readonly MergeRule[];
const LOSSES = ["hold", "default", "fallback"] as const satisfies readonly LossRule[];

/** What a definition has: bits of its first byte. */
const HAS_SUBSYSTEM = 1;
const HAS_MIN = 2;
const HAS_MAX = 4;
const HAS_DEFAULT = 8;
const HAS_UNIT = 16;
const HAS_WORDS = 32;
const HAS_FADE = 64;
const HAS_DESCRIPTION = 128;

/** Writes definitions one after the other. */
export class DefinitionWriter {
  readonly #json: Codec;
  #path = "";
  #subsystem = "";

  constructor(json: Codec) {
    this.#json = json;
  }

  /** Forgets the definition before: a message begins. */
  reset(): void {
    this.#path = "";
    this.#subsystem = "";
  }

  write(out: ByteWriter, definition: ParameterDefinition): void {
    const { path, subsystem, type, min, max, unit, words, fadeUs, description } = definition;
    if (!isPath(path)) return out.fail();
    const shared = sharedLength(this.#path, path);
    out.u8(
      (subsystem === this.#subsystem ? 0 : HAS_SUBSYSTEM) | (min === null ? 0 : HAS_MIN) |
        (max === null ? 0 : HAS_MAX) | (definition.default === null ? 0 : HAS_DEFAULT) |
        (unit === null ? 0 : HAS_UNIT) | (words.length === 0 ? 0 : HAS_WORDS) |
        (fadeUs === 0 ? 0 : HAS_FADE) | (description === null ? 0 : HAS_DESCRIPTION),
    );
    out.u8(shared);
    out.shortText(path.slice(shared), MAX_PATH_LENGTH);
    if (subsystem !== this.#subsystem) out.shortText(subsystem, MAX_NAME_BYTES);
    writeWord(out, type, TYPES);
    writeWord(out, definition.merge, MERGES);
    writeWord(out, definition.onLoss, LOSSES);
    writeWord(out, definition.rate, RATE_CLASSES);
    if (min !== null) writeF64(out, min);
    if (max !== null) writeF64(out, max);
    if (definition.default !== null) this.#default(out, type, definition.default);
    if (unit !== null) out.shortText(unit, MAX_NAME_BYTES);
    if (words.length > 0) {
      writeVarint(out, words.length, MAX_WORDS);
      for (const word of words) out.shortText(word, MAX_NAME_BYTES);
    }
    if (fadeUs !== 0) writeVarint(out, fadeUs, MAX_FADE_US);
    if (description !== null) writeLongText(out, description, MAX_DESCRIPTION_BYTES);
    this.#path = path;
    this.#subsystem = subsystem;
  }

  /** Numbers exactly as they were declared, which a column might round. */
  #default(out: ByteWriter, type: ValueType, value: StateValue): void {
    const size = vectorSize(type);
    if (size === 0) return writeValue(out, type, value, this.#json);
    const parts = size === 1 ? [value] : value;
    if (!Array.isArray(parts) || parts.length !== size) return out.fail();
    for (const part of parts) {
      if (typeof part === "number") writeF64(out, part);
      else out.fail();
    }
  }
}

/** Reads definitions one after the other. */
export class DefinitionReader {
  readonly #json: Codec;
  #path = "";
  #subsystem = "";

  constructor(json: Codec) {
    this.#json = json;
  }

  /** Forgets the definition before: a message begins. */
  reset(): void {
    this.#path = "";
    this.#subsystem = "";
  }

  /** The next definition; means nothing when the reader has a problem. */
  read(reader: FieldReader): ParameterDefinition {
    const start = reader.at;
    const has = reader.u8();
    const shared = reader.u8(MAX_PATH_LENGTH);
    const path = this.#path.slice(0, shared) + reader.shortText(MAX_PATH_LENGTH);
    if (reader.problem === null) {
      if (shared > this.#path.length || !isPath(path)) reader.fail("out-of-range", start);
      else if (sharedLength(this.#path, path) !== shared) reader.fail("not-canonical", start);
    }
    const subsystem = (has & HAS_SUBSYSTEM) === 0 ? this.#subsystem : reader.shortText(MAX_NAME_BYTES);
    if ((has & HAS_SUBSYSTEM) !== 0 && subsystem === this.#subsystem) reader.fail("not-canonical", start);
    const type = reader.word(TYPES);
    const merge = reader.word(MERGES);
    const onLoss = reader.word(LOSSES);
    const rate = reader.word(RATE_CLASSES);
    const min = (has & HAS_MIN) === 0 ? null : reader.f64();
    const max = (has & HAS_MAX) === 0 ? null : reader.f64();
    const byDefault = (has & HAS_DEFAULT) === 0 ? null : this.#default(reader, type);
    const unit = (has & HAS_UNIT) === 0 ? null : reader.shortText(MAX_NAME_BYTES);
    const words: string[] = [];
    if ((has & HAS_WORDS) !== 0) {
      const count = reader.count(MAX_WORDS, 1, 1);
      for (let i = 0; i < count && reader.problem === null; i++) {
        words.push(reader.shortText(MAX_NAME_BYTES));
      }
    }
    const fadeUs = (has & HAS_FADE) === 0 ? 0 : reader.varint(MAX_FADE_US, 1);
    const description = (has & HAS_DESCRIPTION) === 0 ? null : reader.longText(MAX_DESCRIPTION_BYTES);
    this.#path = path;
    this.#subsystem = subsystem;
    return {
      path,
      subsystem,
      type,
      default: byDefault,
      min,
      max,
      unit,
      words,
      merge,
      onLoss,
      fadeUs,
      rate,
      description,
    };
  }

  #default(reader: FieldReader, type: ValueType): StateValue {
    const size = vectorSize(type);
    if (size === 0) {
      const at = reader.at;
      const value = readValue(reader, type, this.#json);
      // A default of nothing is told by its bit.
      if (value === null) reader.fail("not-canonical", at);
      return value;
    }
    if (size === 1) return reader.f64();
    const parts: number[] = [];
    for (let i = 0; i < size; i++) parts.push(reader.f64());
    return parts;
  }
}

/** How many doubles the default of a type has; 0 where it is written like a value. */
function vectorSize(type: ValueType): number {
  return type === "f32" || type === "unit" ? 1 : type === "vec3" ? 3 : type === "quat" ? 4 : 0;
}

function sharedLength(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let i = 0;
  while (i < end && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  return i;
}
