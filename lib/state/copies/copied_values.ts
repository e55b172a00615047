// A value in a copy: exactly as it stands, without the definition that says its type.
// Decides the one form of each value, which is the shortest that loses nothing. Never judges a value.

import { equalBytes } from "../../base/mod.ts";
import type { ByteWriter, Codec } from "../../wire/mod.ts";
import { UNIT_STEPS } from "../digest/mod.ts";
import {
  createJsonCodec,
  type FieldReader,
  MAX_VALUE_BYTES,
  writeF32,
  writeF64,
  writeLongText,
  writeVarint,
} from "../messages/mod.ts";
import type { StateValue } from "../model/mod.ts";

/** The first byte of each form. */
export const VALUE_FORMS = [
  "null",
  "false",
  "true",
  "whole",
  "step",
  "single",
  "double",
  "text",
  "bytes",
  "singles3",
  "doubles3",
  "singles4",
  "doubles4",
  "json",
] as const;
/** A form of a value. */
export type ValueForm = typeof VALUE_FORMS[number];

const FORMS = Object.fromEntries(VALUE_FORMS.map((form, number) => [form, number])) as Record<
  ValueForm,
  number
>;
/** Whole numbers up to here take four bytes at most. */
const MAX_WHOLE = 2 ** 29 - 1;

/** Writes and reads values. */
export class CopiedValues {
  readonly #json: Codec = createJsonCodec();

  /** Writes `value`; fails for one that has no form (not finite, too long, no plain data). */
  write(out: ByteWriter, value: StateValue): void {
    const form = formOf(value);
    if (form === null) return out.fail();
    out.u8(FORMS[form]);
    switch (form) {
      case "null":
      case "false":
      case "true":
        return;
      case "whole":
        return out.varint(zigzag(value as number));
      case "step":
        return out.u16le(Math.round((value as number) * UNIT_STEPS));
      case "single":
        return writeF32(out, value as number);
      case "double":
        return writeF64(out, value as number);
      case "text":
        return writeLongText(out, value as string, MAX_VALUE_BYTES);
      case "bytes":
        writeVarint(out, (value as Uint8Array).length, MAX_VALUE_BYTES);
        return out.bytes(value as Uint8Array);
      case "singles3":
      case "singles4":
        for (const part of value as readonly number[]) writeF32(out, part);
        return;
      case "doubles3":
      case "doubles4":
        for (const part of value as readonly number[]) writeF64(out, part);
        return;
      case "json":
        return this.#writeJson(out, value);
    }
  }

  /** Reads what {@linkcode write} wrote; means nothing when the reader has a problem. */
  read(reader: FieldReader): StateValue {
    const at = reader.at;
    const form = reader.word(VALUE_FORMS);
    const value = this.#read(reader, form);
    // Another form of the same is none.
    if (reader.problem === null && formOf(value) !== form) reader.fail("not-canonical", at);
    return value;
  }

  #read(reader: FieldReader, form: ValueForm): StateValue {
    switch (form) {
      case "null":
        return null;
      case "false":
        return false;
      case "true":
        return true;
      case "whole": {
        const doubled = reader.varint(2 * MAX_WHOLE + 1);
        return doubled % 2 === 0 ? doubled / 2 : -(doubled + 1) / 2;
      }
      case "step":
        return reader.u16le() / UNIT_STEPS;
      case "single":
        return reader.f32();
      case "double":
        return reader.f64();
      case "text":
        return reader.longText(MAX_VALUE_BYTES);
      case "bytes":
        return reader.copy(reader.varint(MAX_VALUE_BYTES));
      case "singles3":
        return [reader.f32(), reader.f32(), reader.f32()];
      case "doubles3":
        return [reader.f64(), reader.f64(), reader.f64()];
      case "singles4":
        return [reader.f32(), reader.f32(), reader.f32(), reader.f32()];
      case "doubles4":
        return [reader.f64(), reader.f64(), reader.f64(), reader.f64()];
      case "json":
        return this.#readJson(reader);
    }
  }

  /** Structured values are rare, so that an exception of the codec costs nobody. */
  #writeJson(out: ByteWriter, value: StateValue): void {
    try {
      const bytes = this.#json.encode(value);
      writeVarint(out, bytes.length, MAX_VALUE_BYTES);
      out.bytes(bytes);
    } catch {
      out.fail();
    }
  }

  #readJson(reader: FieldReader): StateValue {
    const at = reader.at;
    const bytes = reader.view(reader.varint(MAX_VALUE_BYTES));
    if (reader.problem !== null) return null;
    try {
      const value = this.#json.decode(bytes) as StateValue;
      if (!equalBytes(this.#json.encode(value), bytes)) reader.fail("not-canonical", at);
      return value;
    } catch {
      reader.fail("not-json", at);
      return null;
    }
  }
}

/** The form of a value; null where it has none. */
function formOf(value: StateValue): ValueForm | null {
  if (value === null) return "null";
  switch (typeof value) {
    case "boolean":
      return value ? "true" : "false";
    case "string":
      return "text";
    case "number":
      return formOfNumber(value);
    case "object": {
      if (value instanceof Uint8Array) return "bytes";
      return Array.isArray(value) ? formOfList(value) : "json";
    }
    default:
      return null;
  }
}

function formOfNumber(value: number): ValueForm | null {
  if (!Number.isFinite(value)) return null;
  if (Number.isInteger(value) && Math.abs(value) <= MAX_WHOLE && !Object.is(value, -0)) return "whole";
  if (value > 0 && value < 1 && Math.round(value * UNIT_STEPS) / UNIT_STEPS === value) return "step";
  return Math.fround(value) === value ? "single" : "double";
}

function formOfList(value: readonly unknown[]): ValueForm {
  const { length } = value;
  if (length !== 3 && length !== 4) return "json";
  let isSingle = true;
  for (const part of value) {
    if (typeof part !== "number" || !Number.isFinite(part)) return "json";
    isSingle &&= Math.fround(part) === part;
  }
  if (length === 3) return isSingle ? "singles3" : "doubles3";
  return isSingle ? "singles4" : "doubles4";
}

function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}
