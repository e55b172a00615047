// Says in words what a schema allows and what a value is, for the errors that people read.
// Decides the wording and its bounds: a peer's value never makes a long or unprintable line.

import type { Schema } from "./schema_types.ts";

const LONGEST_TEXT = 40;
const MOST_NAMES = 12;

/** What `schema` allows, as it stands after "expected": `a number from 0 to 1 (turn)`. */
export function describeSchema(schema: Schema): string {
  if ("anyOf" in schema) return `${describeSchema(schema.anyOf[0])}, or null`;
  switch (schema.type) {
    case undefined:
      return "any value";
    case "null":
      return "null";
    case "boolean":
      return "true or false";
    case "integer":
      return withUnit(`a whole number${range(schema.minimum, schema.maximum)}`, schema.unit);
    case "number":
      return withUnit(`a number${range(schema.minimum, schema.maximum)}`, schema.unit);
    case "string":
      if ("enum" in schema) return `one of ${listNames(schema.enum)}`;
      if ("const" in schema) return `the text ${quote(schema.const)}`;
      if ("contentEncoding" in schema) return `bytes${count(schema.minLength, schema.maxLength, "byte")}`;
      return `text${count(schema.minLength, schema.maxLength, "character")}`;
    case "array":
      return `a list${count(schema.minItems, schema.maxItems, "item")}, each ${describeSchema(schema.items)}`;
    case "object": {
      if (!("properties" in schema)) return "an object";
      const names = Object.keys(schema.properties);
      return names.length === 0 ? "an object without properties" : `an object with ${listNames(names)}`;
    }
  }
}

/** What `value` is, in a few words: `1.5`, `"left"`, `a list of 3 items`. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case "string":
      return quote(value);
    case "number":
    case "boolean":
      return String(value);
    case "undefined":
      return "nothing";
    case "object":
      if (value === null) return "null";
      if (value instanceof Uint8Array) return plural(value.length, "byte");
      return Array.isArray(value) ? `a list of ${plural(value.length, "item")}` : "an object";
    default:
      return `a ${typeof value}`;
  }
}

/** One step of a path: `.name`, `["odd name"]`, `[3]`. */
export function pathStep(step: string | number): string {
  if (typeof step === "number") return `[${step}]`;
  return step.length <= LONGEST_TEXT && /^[A-Za-z_][A-Za-z0-9_-]*$/.test(step)
    ? `.${step}`
    : `[${quote(step)}]`;
}

/** Names as a list that ends somewhere. */
export function listNames(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).map((name) => shorten(name)).join(", ");
  return names.length > MOST_NAMES ? `${shown} and ${names.length - MOST_NAMES} more` : shown;
}

function quote(text: string): string {
  return JSON.stringify(shorten(text));
}

function shorten(text: string): string {
  const printable = text.slice(0, LONGEST_TEXT).replace(/\p{C}/gu, "\uFFFD");
  return text.length <= LONGEST_TEXT ? printable : `${printable}…`;
}

function withUnit(text: string, unit: string | undefined): string {
  return unit === undefined ? text : `${text} (${shorten(unit)})`;
}

function range(minimum: number | undefined, maximum: number | undefined): string {
  if (minimum === undefined) return maximum === undefined ? "" : ` of at most ${maximum}`;
  return maximum === undefined ? ` of at least ${minimum}` : ` from ${minimum} to ${maximum}`;
}

function count(min: number | undefined, max: number | undefined, noun: string): string {
  if (min === undefined) return max === undefined ? "" : ` of at most ${plural(max, noun)}`;
  if (max === undefined) return ` of at least ${plural(min, noun)}`;
  return min === max ? ` of ${plural(max, noun)}` : ` of ${min} to ${plural(max, noun)}`;
}

function plural(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
