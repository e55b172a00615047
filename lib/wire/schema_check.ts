// Turns a schema into a closure that checks values: nothing is interpreted, and nothing allocated, per value.
// Decides what a value of each form is. Trusts the schema (schema_parse.ts has checked it) and never the value: own
// properties alone count, and a problem's text is bounded.

import { describeSchema, describeValue, listNames, pathStep } from "./schema_describe.ts";
import type { ObjectSchema, Schema } from "./schema_types.ts";

/** Where a value differs from its schema. */
export interface SchemaProblem {
  /** The place, from the name that the validator was given: `body.cue.hue`. */
  readonly path: string;
  /** What is allowed there: `a number from 0 to 1 (turn)`. */
  readonly expected: string;
  /** What stands there: `1.5`, `nothing`. */
  readonly found: string;
}

/** A problem on its way out: every container that it passes adds its step in front. */
export class Mismatch {
  readonly expected: string;
  readonly found: string;
  path = "";

  constructor(expected: string, value: unknown) {
    this.expected = expected;
    this.found = describeValue(value);
  }

  /** The same problem, seen from one container further out. */
  under(step: string | number): this {
    this.path = pathStep(step) + this.path;
    return this;
  }
}

/** Returns null for a value that is allowed. */
export type Check = (value: unknown) => Mismatch | null;

/** The check of `schema`. */
export function compileCheck(schema: Schema): Check {
  const expected = describeSchema(schema);
  const expect = (isAllowed: (value: unknown) => boolean): Check => (value) =>
    isAllowed(value) ? null : new Mismatch(expected, value);

  if ("anyOf" in schema) {
    const check = compileCheck(schema.anyOf[0]);
    return (value) => value === null ? null : check(value);
  }
  switch (schema.type) {
    case undefined:
      return expect((value) => value !== undefined);
    case "null":
      return expect((value) => value === null);
    case "boolean":
      return expect((value) => typeof value === "boolean");
    case "integer":
    case "number": {
      const minimum = schema.minimum ?? -Infinity;
      const maximum = schema.maximum ?? Infinity;
      return schema.type === "integer"
        ? expect((value) => Number.isSafeInteger(value) && isWithin(value as number, minimum, maximum))
        : expect((value) => Number.isFinite(value) && isWithin(value as number, minimum, maximum));
    }
    case "string": {
      if ("enum" in schema) {
        const allowed = new Set<unknown>(schema.enum);
        return expect((value) => allowed.has(value));
      }
      if ("const" in schema) {
        const only = schema.const;
        return expect((value) => value === only);
      }
      const min = schema.minLength ?? 0;
      const max = schema.maxLength ?? Infinity;
      return "contentEncoding" in schema
        ? expect((value) => value instanceof Uint8Array && isWithin(value.length, min, max))
        : expect((value) => typeof value === "string" && hasLength(value, min, max));
    }
    case "array": {
      const min = schema.minItems ?? 0;
      const max = schema.maxItems ?? Infinity;
      return compileArray(compileCheck(schema.items), min, max, expected);
    }
    case "object":
      return "properties" in schema
        ? compileRecord(schema, expected)
        : compileMap(compileCheck(schema.additionalProperties), expected);
  }
}

function compileArray(check: Check, min: number, max: number, expected: string): Check {
  return (value) => {
    if (!Array.isArray(value) || !isWithin(value.length, min, max)) return new Mismatch(expected, value);
    for (let i = 0; i < value.length; i++) {
      const mismatch = check(value[i]);
      if (mismatch !== null) return mismatch.under(i);
    }
    return null;
  };
}

function compileMap(check: Check, expected: string): Check {
  return (value) => {
    if (!isMap(value)) return new Mismatch(expected, value);
    for (const key in value) {
      const item = value[key];
      const mismatch = item === undefined ? null : check(item);
      if (mismatch !== null) return mismatch.under(key);
    }
    return null;
  };
}

function compileRecord(schema: ObjectSchema, expected: string): Check {
  const names = Object.keys(schema.properties);
  const known = new Set(names);
  const required = new Set(schema.required);
  const properties = Object.entries(schema.properties).map(([name, property]) => ({
    name,
    check: compileCheck(property),
    missing: required.has(name) ? describeSchema(property) : null,
  }));
  return (value) => {
    if (!isMap(value)) return new Mismatch(expected, value);
    let present = 0;
    for (const property of properties) {
      // A property called `toString` must not be found in the prototype.
      const item = Object.hasOwn(value, property.name) ? value[property.name] : undefined;
      if (item === undefined) {
        if (property.missing !== null) return new Mismatch(property.missing, undefined).under(property.name);
        continue;
      }
      present++;
      const mismatch = property.check(item);
      if (mismatch !== null) return mismatch.under(property.name);
    }
    for (const key in value) if (value[key] !== undefined) present--;
    return present === 0 ? null : unknownProperty(value, known);
  };
}

function unknownProperty(value: Record<string, unknown>, known: ReadonlySet<string>): Mismatch | null {
  const unknown = Object.keys(value).find((key) => value[key] !== undefined && !known.has(key));
  if (unknown === undefined) return null;
  const names = known.size === 0 ? "there are none" : `there are ${listNames([...known])}`;
  return new Mismatch(`no such property (${names})`, value[unknown]).under(unknown);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Uint8Array);
}

function isWithin(n: number, min: number, max: number): boolean {
  return n >= min && n <= max;
}

/** Whether `text` has `min` to `max` characters; counts them only where its UTF-16 length does not settle it. */
function hasLength(text: string, min: number, max: number): boolean {
  const units = text.length;
  if (units < min || units > 2 * max) return false;
  if (units <= max && units >= 2 * min) return true;
  let characters = 0;
  for (const _ of text) characters++;
  return isWithin(characters, min, max);
}
