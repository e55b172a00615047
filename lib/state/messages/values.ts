// The bytes of one value of each type.
// Decides that a value without a form is refused on both sides. Ranges and words are the schema's business, not ours.

import { type ByteWriter, type Codec, createCodec } from "../../wire/mod.ts";
import { UNIT_STEPS } from "../digest/mod.ts";
import type { StateValue, ValueType } from "../model/mod.ts";
import { type FieldReader, writeF32, writeLongText, writeVarint } from "./fields.ts";
import { MAX_JSON_DEPTH, MAX_NAME_BYTES, MAX_U32, MAX_VALUE_BYTES } from "./limits.ts";

/** The fewest bytes of a value in a column, by the number of its type; a bool has a bit, a path that is gone nothing. */
export const MIN_VALUE_BYTES: readonly number[] = [4, 2, 1, 0, 2, 1, 1, 12, 16, 2, 7, 0];

/** MessagePack within bounds, for values of type json. */
export function createJsonCodec(): Codec {
  return createCodec("msgpack", {
    maxDepth: MAX_JSON_DEPTH,
    maxStringBytes: MAX_VALUE_BYTES,
    maxBinaryBytes: MAX_VALUE_BYTES,
    maxArrayLength: 4_096,
    maxMapEntries: 1_024,
    maxNodes: 8_192,
  });
}

/** The number on the wire of a `unit`, 0 to {@linkcode UNIT_STEPS}; NaN where `value` is none. */
function unitToSteps(value: StateValue): number {
  return typeof value === "number" && value >= 0 && value <= 1 ? Math.round(value * UNIT_STEPS) : NaN;
}

/** Writes one value of any type but bool, which columns pack. */
export function writeValue(out: ByteWriter, type: ValueType, value: StateValue, json: Codec): void {
  switch (type) {
    case "f32":
      return typeof value === "number" ? writeF32(out, value) : out.fail();
    case "unit":
      return out.u16le(unitToSteps(value));
    case "i32":
      if (typeof value !== "number" || (value | 0) !== value) return out.fail();
      return out.varint(((value << 1) ^ (value >> 31)) >>> 0);
    case "bool":
      return typeof value === "boolean" ? out.u8(value ? 1 : 0) : out.fail();
    case "enum":
      return typeof value === "string" && value !== "" ? out.shortText(value, MAX_NAME_BYTES) : out.fail();
    case "text":
      return typeof value === "string" ? writeLongText(out, value, MAX_VALUE_BYTES) : out.fail();
    case "bytes":
      if (!(value instanceof Uint8Array)) return out.fail();
      writeVarint(out, value.length, MAX_VALUE_BYTES);
      return out.bytes(value);
    case "vec3":
      return writeVector(out, value, 3);
    case "quat":
      return writeVector(out, value, 4);
    case "json":
      return writeJson(out, value, json);
  }
}

/** Reads what {@linkcode writeValue} wrote. */
export function readValue(reader: FieldReader, type: ValueType, json: Codec): StateValue {
  switch (type) {
    case "f32":
      return reader.f32();
    case "unit":
      return reader.u16le() / UNIT_STEPS;
    case "i32": {
      const zigzag = reader.varint(MAX_U32);
      return (zigzag >>> 1) ^ -(zigzag & 1);
    }
    case "bool":
      return reader.u8(1) === 1;
    case "enum": {
      const at = reader.at;
      const word = reader.shortText(MAX_NAME_BYTES);
      if (word === "") reader.fail("out-of-range", at);
      return word;
    }
    case "text":
      return reader.longText(MAX_VALUE_BYTES);
    case "bytes":
      return reader.copy(reader.varint(MAX_VALUE_BYTES));
    case "vec3":
      return [reader.f32(), reader.f32(), reader.f32()];
    case "quat":
      return [reader.f32(), reader.f32(), reader.f32(), reader.f32()];
    case "json":
      return readJson(reader, json);
  }
}

function writeVector(out: ByteWriter, value: StateValue, size: number): void {
  if (!Array.isArray(value) || value.length !== size) return out.fail();
  for (let i = 0; i < size; i++) {
    const part: unknown = value[i];
    if (typeof part === "number") writeF32(out, part);
    else out.fail();
  }
}

/** Structured values are rare, so that an exception of the codec costs nobody. */
function writeJson(out: ByteWriter, value: StateValue, json: Codec): void {
  try {
    const bytes = json.encode(value);
    writeVarint(out, bytes.length, MAX_VALUE_BYTES);
    out.bytes(bytes);
  } catch {
    out.fail();
  }
}

function readJson(reader: FieldReader, json: Codec): StateValue {
  const at = reader.at;
  const bytes = reader.view(reader.varint(MAX_VALUE_BYTES));
  if (reader.problem !== null) return null;
  try {
    return json.decode(bytes) as StateValue;
  } catch {
    reader.fail("not-json", at);
    return null;
  }
}
