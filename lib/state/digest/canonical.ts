// The one row of bytes that stands for a value, whoever writes it and in whatever language.
// Decides the bytes under digests and under "is this the same value?"; never what a message looks like (messages/).
// Takes checked values alone (schema/): what it is given is of its type, finite and within the bounds.

import type { StateValue, ValueType } from "../model/mod.ts";

/** The number of each type, in digests and wherever a type is a byte. Never changed, only added to. */
export const TYPE_CODES: Readonly<Record<ValueType, number>> = {
  f32: 1,
  unit: 2,
  i32: 3,
  bool: 4,
  enum: 5,
  text: 6,
  bytes: 7,
  vec3: 8,
  quat: 9,
  json: 10,
};

/** The largest step of a `unit` value: 1 stands at 65,535. */
export const UNIT_STEPS = 65_535;

const TEXT_ENCODER = new TextEncoder();

/** Writes values into a buffer of its own, which grows to the largest value that was ever written. */
export class CanonicalWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(64);
  #view = new DataView(this.#bytes.buffer);

  /** The buffer; the first bytes, as many as {@linkcode write} said, are the value until the next one is written. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /**
   * Writes `value` and says how many bytes it takes: f32, i32 and each part of vec3 and quat four, unit two (its step),
   * all little-endian; bool one; enum and text their UTF-8; bytes themselves; json the scheme of RFC 8785.
   */
  write(type: ValueType, value: StateValue): number {
    switch (type) {
      case "f32":
        this.#view.setFloat32(0, (value as number) + 0, true);
        return 4;
      case "i32":
        this.#view.setInt32(0, value as number, true);
        return 4;
      case "unit":
        this.#view.setUint16(0, stepOf(value as number), true);
        return 2;
      case "bool":
        this.#bytes[0] = value === true ? 1 : 0;
        return 1;
      case "enum":
      case "text":
        return this.#text(value as string);
      case "bytes": {
        const bytes = value as Uint8Array;
        this.#grow(bytes.length);
        this.#bytes.set(bytes);
        return bytes.length;
      }
      case "vec3":
      case "quat": {
        const parts = value as readonly number[];
        // Adding 0 makes −0 to 0, which it equals.
        for (let i = 0; i < parts.length; i++) this.#view.setFloat32(i * 4, (parts[i] ?? 0) + 0, true);
        return parts.length * 4;
      }
      case "json":
        return this.#text(canonicalJson(value));
    }
  }

  #text(text: string): number {
    // A UTF-16 unit takes three bytes at most.
    this.#grow(text.length * 3);
    return TEXT_ENCODER.encodeInto(text, this.#bytes).written;
  }

  #grow(size: number): void {
    if (size <= this.#bytes.length) return;
    this.#bytes = new Uint8Array(Math.max(size, this.#bytes.length * 2));
    this.#view = new DataView(this.#bytes.buffer);
  }
}

/** The bytes of one value, as {@linkcode CanonicalWriter.write} lays them out. */
export function canonicalBytes(type: ValueType, value: StateValue): Uint8Array {
  const writer = new CanonicalWriter();
  const length = writer.write(type, value);
  return writer.bytes.slice(0, length);
}

/** Whether two checked values of a type are the same: whether their canonical bytes are. */
export function equalValues(type: ValueType, a: StateValue, b: StateValue): boolean {
  if (a === b) return true;
  // Nothing, where a path has no value, is like nothing else.
  if (a === null || b === null) return false;
  switch (type) {
    case "unit":
      return stepOf(a as number) === stepOf(b as number);
    case "bytes":
    case "vec3":
    case "quat":
      return equalItems(a as ArrayLike<number>, b as ArrayLike<number>);
    case "json":
      return typeof a === "object" && typeof b === "object" && canonicalJson(a) === canonicalJson(b);
    default:
      return false;
  }
}

/** The step of a value from 0 to 1 among {@linkcode UNIT_STEPS}. */
export function stepOf(value: number): number {
  return Math.round(value * UNIT_STEPS);
}

/**
 * JSON in one form alone (RFC 8785): keys sorted by UTF-16 units, no spaces, numbers as ECMAScript writes them.
 * Properties that are undefined are left out. `value` is plain data without loops.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const map = value as Readonly<Record<string, unknown>>;
  const keys = Object.keys(map).filter((key) => map[key] !== undefined).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(map[key])}`).join(",")}}`;
}

function equalItems(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
