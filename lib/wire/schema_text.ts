// Values from the words of a command line: `count=3`, `on=true`, `point={"x":1,"y":2}`.
// Decides how each type is written by hand. Everything read is then held against the schema, so that what a person
// sends is checked before it leaves. Never guesses a type: the schema says it.

import { fromHex, HanaError } from "../base/mod.ts";
import { createCodec } from "./codecs.ts";
import { compileSchema, schemaError } from "./schema.ts";
import { describeSchema, describeValue, listNames } from "./schema_describe.ts";
import type { ObjectSchema, Schema } from "./schema_types.ts";

const TRUE_WORDS = ["true", "on", "yes"];
const FALSE_WORDS = ["false", "off", "no"];
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/**
 * The value that `text` stands for under `schema`.
 * Numbers are decimal; booleans are true/on/yes and false/off/no; null is `null` (a nullable text cannot be the text
 * "null"); bytes are `hex:00ff` or `base64:AP8=`; lists and objects are JSON with the escapes of the JSON codec.
 * Throws `schema`, naming what was expected; `name` stands in the error.
 */
export function coerceText(schema: Schema, text: string, name = "value"): unknown {
  return compileSchema(schema, name).check(readText(schema, text, name));
}

/**
 * The object that arguments of the form `name=text` stand for under a record's schema.
 * Throws `schema` for an argument without `=`, an unknown or repeated name, a value that is not allowed and a required
 * property that is missing.
 */
export function coerceArguments(schema: ObjectSchema, words: readonly string[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const word of words) {
    const equals = word.indexOf("=");
    const name = equals < 0 ? word : word.slice(0, equals);
    const property = Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    if (property === undefined) {
      const names = Object.keys(schema.properties);
      throw new HanaError("schema", {
        what: `argument ${describeValue(name)}`,
        why: names.length === 0 ? "there are no arguments here" : `is none of ${listNames(names)}`,
      });
    }
    if (equals < 0) throw problem(name, `${name}=VALUE, with ${describeSchema(property)}`, word);
    if (Object.hasOwn(values, name)) {
      throw new HanaError("schema", { what: `argument ${describeValue(name)}`, why: "is given twice" });
    }
    values[name] = coerceText(property, word.slice(equals + 1), name);
  }
  for (const name of schema.required ?? []) {
    const property = schema.properties[name];
    if (property === undefined || Object.hasOwn(values, name)) continue;
    throw new HanaError("schema", {
      what: `argument ${describeValue(name)}`,
      why: `is missing: ${name}=VALUE, with ${describeSchema(property)}`,
    });
  }
  return values;
}

function readText(schema: Schema, text: string, name: string): unknown {
  if ("anyOf" in schema) return text === "null" ? null : readText(schema.anyOf[0], text, name);
  switch (schema.type) {
    case undefined:
      return readJson(schema, text, name);
    case "null":
      if (text === "null") return null;
      break;
    case "boolean":
      if (TRUE_WORDS.includes(text)) return true;
      if (FALSE_WORDS.includes(text)) return false;
      break;
    case "integer":
    case "number":
      if (DECIMAL.test(text)) return Number(text);
      break;
    case "string":
      return "contentEncoding" in schema ? readBytes(schema, text, name) : text;
    case "array":
    case "object":
      return readJson(schema, text, name);
  }
  throw problem(name, describeSchema(schema), text);
}

function readBytes(schema: Schema, text: string, name: string): Uint8Array {
  try {
    if (text.startsWith("hex:")) return fromHex(text.slice(4));
    if (text.startsWith("base64:")) {
      return Uint8Array.fromBase64(text.slice(7), { lastChunkHandling: "strict" });
    }
  } catch {
    // Said below, with what would have been right.
  }
  throw problem(name, `${describeSchema(schema)} written as hex:00ff or base64:AP8=`, text);
}

function readJson(schema: Schema, text: string, name: string): unknown {
  try {
    return createCodec("json").decode(new TextEncoder().encode(text));
  } catch (error) {
    const why = error instanceof HanaError ? error.message : String(error);
    throw new HanaError("schema", {
      what: name,
      why: `expected ${describeSchema(schema)} as JSON, found ${describeValue(text)} (${why})`,
      cause: error,
    });
  }
}

function problem(path: string, expected: string, text: string): HanaError {
  return schemaError({ path, expected, found: describeValue(text) });
}
