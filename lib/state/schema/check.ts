// Whether a value may stand at a path, and the one form in which every copy keeps it.
// Decides types, ranges, lengths and words. On the way of every write: no exceptions, no allocation for numbers.
//
// A value is rounded to what the wire carries before it is checked and kept, so that the host and every copy hold the very
// same bits; whatever was accepted once is accepted again, unchanged.

import { nearest } from "../../base/mod.ts";
import { describeValue, utf8Length } from "../../wire/mod.ts";
import { canonicalJson, stepOf, UNIT_STEPS } from "../digest/mod.ts";
import type { ParameterDefinition, StateValue } from "../model/mod.ts";
import {
  MAX_JSON_DEPTH,
  MAX_JSON_VALUES,
  MAX_TEXT_VALUE_BYTES,
  MAX_VALUE_BYTES,
  MAX_WORD_BYTES,
} from "./bounds.ts";
import { formatRange } from "./format.ts";
import { Refusal, type RefusalCode } from "./refusal.ts";

/** How far the length of a rotation may be from 1: what interpolation and f32 leave over. */
const ROTATION_TOLERANCE = 0.01;

/**
 * `value` in the form that is kept, or why it may not stand there.
 *
 * f32 and the parts of vec3 and quat become the nearest f32, unit the nearest of 65,536 steps, −0 becomes 0. Lists, bytes
 * and objects are kept as they are given: the caller gives them away.
 */
export function checkValue(definition: ParameterDefinition, value: unknown): StateValue | Refusal {
  switch (definition.type) {
    case "f32":
      if (typeof value !== "number") return wrongType(definition, value);
      // Most are what is kept already: handed back as they are, they need no new room. −0 is kept as 0.
      return isInRange(definition, value) && value === Math.fround(value) && value !== 0
        ? value
        : checkNumber(definition, Math.fround(value), value);
    case "unit": {
      if (typeof value !== "number") return wrongType(definition, value);
      // Nothing far below 0 or above 1 may be rounded into the range.
      if (value < 0 || value > 1) return outOfRange(definition, value);
      return checkNumber(definition, stepOf(value) / UNIT_STEPS, value);
    }
    case "i32":
      if (typeof value !== "number") return wrongType(definition, value);
      if (!Number.isFinite(value)) return notFinite(definition, value);
      if (!Number.isInteger(value)) return wrongType(definition, value);
      return value === (value | 0) ? checkNumber(definition, value, value) : outOfRange(definition, value);
    case "bool":
      return typeof value === "boolean" ? value : wrongType(definition, value);
    case "enum":
      return typeof value !== "string"
        ? wrongType(definition, value)
        : definition.words.includes(value)
        ? value
        : unknownWord(definition, value);
    case "text":
      return typeof value === "string" ? checkText(definition, value) : wrongType(definition, value);
    case "bytes":
      return value instanceof Uint8Array ? checkBytes(definition, value) : wrongType(definition, value);
    case "vec3":
      return checkParts(definition, value, 3);
    case "quat":
      return checkParts(definition, value, 4);
    case "json":
      return checkJson(definition, value);
  }
}

/**
 * The value nearest to `value` that may stand there, in the form that is kept: for what hana itself makes of accepted
 * values, such as sums and fades. Numbers are finite. Types without numbers, and rotations, are handed back as they are.
 */
export function clampValue(definition: ParameterDefinition, value: StateValue): StateValue {
  if (typeof value === "number") return clampNumber(definition, value);
  if (definition.type !== "vec3" || !Array.isArray(value)) return value;
  return (value as readonly number[]).map((part) => clampNumber(definition, part));
}

function clampNumber(definition: ParameterDefinition, value: number): number {
  const { type, min, max } = definition;
  const [lowest, highest] = typeRange(type);
  const inside = Math.min(Math.max(value, min ?? lowest), max ?? highest);
  const kept = type === "unit"
    ? stepOf(inside) / UNIT_STEPS
    : type === "i32"
    ? Math.round(inside)
    : Math.fround(inside);
  return kept + 0;
}

/** The smallest and largest values of the types of numbers. */
export function typeRange(type: ParameterDefinition["type"]): readonly [number, number] {
  if (type === "unit") return [0, 1];
  if (type === "i32") return [-0x8000_0000, 0x7fff_ffff];
  return [-MAX_F32, MAX_F32];
}

const MAX_F32 = (2 - 2 ** -23) * 2 ** 127;

function checkNumber(definition: ParameterDefinition, rounded: number, given: number): number | Refusal {
  if (!Number.isFinite(rounded)) {
    return Number.isFinite(given) ? outOfRange(definition, given) : notFinite(definition, given);
  }
  const { min, max } = definition;
  if ((min !== null && rounded < min) || (max !== null && rounded > max)) {
    return outOfRange(definition, given);
  }
  return rounded + 0; // −0 + 0 is 0
}

/** Whether a number that needs no rounding may stand; false also for what is no number. */
function isInRange({ min, max }: ParameterDefinition, value: number): boolean {
  return value >= (min ?? -MAX_F32) && value <= (max ?? MAX_F32);
}

function checkText(definition: ParameterDefinition, value: string): string | Refusal {
  const most = definition.max ?? MAX_TEXT_VALUE_BYTES;
  // A UTF-16 unit takes a byte at least: a text that is far too long is not even counted.
  if (value.length > most || utf8Length(value) > most) {
    return new Refusal("too-long", () => `${definition.path} takes a text of at most ${most} bytes`);
  }
  if (value.isWellFormed()) return value;
  return new Refusal("not-text", () => `${definition.path} was given a text with half a character in it`);
}

function checkBytes(definition: ParameterDefinition, value: Uint8Array): Uint8Array | Refusal {
  const most = definition.max ?? MAX_VALUE_BYTES;
  if (value.length <= most) return value;
  return new Refusal("too-long", () => `${definition.path} takes at most ${most} bytes, not ${value.length}`);
}

function checkParts(definition: ParameterDefinition, value: unknown, count: number): StateValue | Refusal {
  if (!Array.isArray(value) || value.length !== count) return wrongType(definition, value);
  const parts: readonly unknown[] = value;
  let isKept = true;
  let squares = 0;
  for (let i = 0; i < count; i++) {
    const part = parts[i];
    if (typeof part !== "number") return wrongType(definition, value);
    const checked = checkNumber(definition, Math.fround(part), part);
    if (typeof checked !== "number") return checked;
    squares += checked * checked;
    isKept &&= Object.is(part, checked);
  }
  if (definition.type === "quat" && Math.abs(Math.sqrt(squares) - 1) > ROTATION_TOLERANCE) {
    return new Refusal(
      "out-of-range",
      () =>
        `${definition.path} takes a rotation [x, y, z, w] of length 1, not ${Math.sqrt(squares).toFixed(3)}`,
    );
  }
  return isKept
    ? value as readonly number[]
    : (value as readonly number[]).map((part) => Math.fround(part) + 0);
}

function checkJson(definition: ParameterDefinition, value: unknown): StateValue | Refusal {
  const refusal = new JsonWalk(definition).walk(value, 0);
  if (refusal !== null) return refusal;
  const text = canonicalJson(value);
  if (text.length > MAX_VALUE_BYTES || utf8Length(text) > MAX_VALUE_BYTES) {
    return new Refusal("too-long", () => `${definition.path} takes JSON of at most ${MAX_VALUE_BYTES} bytes`);
  }
  // A list of anything stands among JSON values, though StateValue names lists of numbers alone.
  return value as StateValue;
}

/** Goes through a value that may be anything, within bounds: it can be hostile, and a loop ends at the depth. */
class JsonWalk {
  readonly #definition: ParameterDefinition;
  #left = MAX_JSON_VALUES;

  constructor(definition: ParameterDefinition) {
    this.#definition = definition;
  }

  walk(value: unknown, depth: number): Refusal | null {
    this.#left--; // #list and #map have seen that there is room
    switch (typeof value) {
      case "boolean":
        return null;
      case "number":
        return Number.isFinite(value) ? null : notFinite(this.#definition, value);
      case "string":
        return this.#text(value);
      case "object":
        break;
      default:
        return this.#no("wrong-type", `takes JSON, which has no ${typeof value}`);
    }
    if (value === null) return null;
    if (depth >= MAX_JSON_DEPTH) {
      return this.#no("too-deep", `takes JSON of at most ${MAX_JSON_DEPTH} levels`);
    }
    return Array.isArray(value) ? this.#list(value, depth) : this.#map(value, depth);
  }

  #list(list: readonly unknown[], depth: number): Refusal | null {
    if (list.length > this.#left) return this.#tooMany();
    for (let i = 0; i < list.length; i++) {
      const refusal = this.walk(list[i], depth + 1);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  #map(map: object, depth: number): Refusal | null {
    const prototype: unknown = Object.getPrototypeOf(map);
    if (prototype !== Object.prototype && prototype !== null) {
      return this.#no("wrong-type", "takes plain objects, lists, texts, numbers, true, false and null");
    }
    const keys = Object.keys(map);
    if (keys.length > this.#left) return this.#tooMany();
    for (const key of keys) {
      const value = (map as Readonly<Record<string, unknown>>)[key];
      if (value === undefined) continue;
      // The wire refuses it too (wire/limits.ts).
      if (key === "__proto__") return this.#no("wrong-type", "takes no key __proto__");
      const refusal = this.#text(key) ?? this.walk(value, depth + 1);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  #text(text: string): Refusal | null {
    if (text.length > MAX_VALUE_BYTES) {
      return this.#no("too-long", `takes JSON of at most ${MAX_VALUE_BYTES} bytes`);
    }
    return text.isWellFormed() ? null : this.#no("not-text", "was given a text with half a character in it");
  }

  #tooMany(): Refusal {
    return this.#no("too-long", `takes JSON of at most ${MAX_JSON_VALUES} values`);
  }

  #no(code: RefusalCode, why: string): Refusal {
    return new Refusal(code, () => `${this.#definition.path} ${why}`);
  }
}

function wrongType(definition: ParameterDefinition, value: unknown): Refusal {
  return new Refusal(
    "wrong-type",
    () => `${definition.path} takes ${takes(definition)}, not ${describeValue(value)}`,
  );
}

function notFinite(definition: ParameterDefinition, value: number): Refusal {
  return new Refusal("not-finite", () => `${definition.path} takes ${takes(definition)}, not ${value}`);
}

function outOfRange(definition: ParameterDefinition, value: number): Refusal {
  if (!Number.isFinite(value)) return notFinite(definition, value);
  return new Refusal("out-of-range", () => `${definition.path} takes ${takes(definition)}, not ${value}`);
}

function unknownWord(definition: ParameterDefinition, word: string): Refusal {
  return new Refusal("unknown-word", () => {
    const near = word.length > MAX_WORD_BYTES ? null : nearest(word, definition.words);
    const hint = near === null ? `there are ${listed(definition.words)}` : `did you mean ${near}?`;
    return `${definition.path} has no word ${describeValue(word)}: ${hint}`;
  });
}

/** What may stand there, in words: `a number from 0 to 360 °`. */
function takes(definition: ParameterDefinition): string {
  switch (definition.type) {
    case "f32":
    case "unit":
      return `a number${formatRange(definition)}`;
    case "i32":
      return `a whole number${formatRange(definition)}`;
    case "bool":
      return "true or false";
    case "enum":
      return `one of ${listed(definition.words)}`;
    case "text":
      return "a text";
    case "bytes":
      return "bytes";
    case "vec3":
      return `three numbers [x, y, z]${definition.min === null && definition.max === null ? "" : ", each"}${
        formatRange(definition)
      }`;
    case "quat":
      return "a rotation [x, y, z, w]";
    case "json":
      return "JSON";
  }
}

function listed(words: readonly string[]): string {
  const shown = words.slice(0, 8).join(", ");
  return words.length > 8 ? `${shown} and ${words.length - 8} more` : shown;
}
