// Reads a schema that came from anywhere: a peer, a file, a program's manifest.
// Decides whether it lies within the subset of schema_types.ts and its bounds, and returns a copy made of known keywords
// alone. Never keeps an object of the peer, never meets a regular expression, a reference or a loop.

import { HanaError } from "../base/mod.ts";
import { compileCheck } from "./schema_check.ts";
import { describeSchema, describeValue, pathStep } from "./schema_describe.ts";
import { type Schema, SCHEMA_BOUNDS } from "./schema_types.ts";
import { utf8Length } from "./utf8.ts";

/** Keywords of each form, besides `title` and `description`. */
const KEYWORDS = {
  null: ["type"],
  boolean: ["type", "default"],
  integer: ["type", "minimum", "maximum", "unit", "default"],
  number: ["type", "minimum", "maximum", "unit", "default"],
  string: ["type", "minLength", "maxLength", "default"],
  enum: ["type", "enum", "default"],
  const: ["type", "const"],
  bytes: ["type", "contentEncoding", "minLength", "maxLength"],
  array: ["type", "items", "minItems", "maxItems"],
  record: ["type", "properties", "required", "additionalProperties"],
  map: ["type", "additionalProperties"],
  nullable: ["anyOf"],
  unknown: [],
} as const;

type Form = keyof typeof KEYWORDS;
type Source = Record<string, unknown>;

/**
 * The schema in `value`, as a copy. A record without `additionalProperties` comes back with `false`.
 * Throws `schema` for anything outside the subset or over {@linkcode SCHEMA_BOUNDS}, naming the place.
 */
export function parseSchema(value: unknown): Schema {
  return new SchemaParser().parse(value, "", 1);
}

class SchemaParser {
  #nodes = 0;

  parse(value: unknown, path: string, depth: number): Schema {
    if (depth > SCHEMA_BOUNDS.maxDepth) refuse(path, `is nested deeper than ${SCHEMA_BOUNDS.maxDepth}`);
    this.#count(1, path);
    const source = readObject(value, path);
    const form = formOf(source, path);
    const allowed: readonly string[] = KEYWORDS[form];
    for (const keyword of Object.keys(source)) {
      if (source[keyword] === undefined || keyword === "title" || keyword === "description") continue;
      if (!allowed.includes(keyword)) {
        refuse(
          path + pathStep(keyword),
          `is no keyword here (there are ${[...allowed, "title", "description"].join(", ")})`,
        );
      }
    }
    const schema = this.#form(form, source, path, depth);
    const notes: Source = {};
    for (const keyword of ["title", "description"]) {
      if (source[keyword] !== undefined) notes[keyword] = readText(source[keyword], `${path}.${keyword}`);
    }
    if (source["default"] !== undefined) notes["default"] = readDefault(source["default"], schema, path);
    return { ...schema, ...notes };
  }

  #form(form: Form, source: Source, path: string, depth: number): Schema {
    switch (form) {
      case "null":
        return { type: "null" };
      case "boolean":
        return { type: "boolean" };
      case "integer":
      case "number": {
        const bounds = readRange(
          source,
          "minimum",
          "maximum",
          path,
          (value) => form === "integer" ? Number.isSafeInteger(value) : Number.isFinite(value),
        );
        const unit = source["unit"] === undefined ? {} : { unit: readText(source["unit"], `${path}.unit`) };
        return { type: form, ...bounds, ...unit };
      }
      case "string":
        return { type: "string", ...readRange(source, "minLength", "maxLength", path, isCount) };
      case "enum":
        return { type: "string", enum: this.#texts(source["enum"], `${path}.enum`) };
      case "const":
        return { type: "string", const: readText(source["const"], `${path}.const`) };
      case "bytes":
        if (source["contentEncoding"] !== "binary") refuse(`${path}.contentEncoding`, "is not binary");
        return {
          type: "string",
          contentEncoding: "binary",
          ...readRange(source, "minLength", "maxLength", path, isCount),
        };
      case "array": {
        const bounds = readRange(source, "minItems", "maxItems", path, isCount);
        return { type: "array", items: this.parse(source["items"], `${path}.items`, depth + 1), ...bounds };
      }
      case "record":
        return this.#record(source, path, depth);
      case "map": {
        const values = this.parse(source["additionalProperties"], `${path}.additionalProperties`, depth + 1);
        return { type: "object", additionalProperties: values };
      }
      case "nullable":
        return this.#nullable(source["anyOf"], `${path}.anyOf`, depth);
      case "unknown":
        return {};
    }
  }

  #record(source: Source, path: string, depth: number): Schema {
    if (source["additionalProperties"] !== undefined && source["additionalProperties"] !== false) {
      refuse(`${path}.additionalProperties`, "must be false where there are properties");
    }
    const properties: Record<string, Schema> = {};
    const given = source["properties"] === undefined
      ? {}
      : readObject(source["properties"], `${path}.properties`);
    for (const [name, property] of Object.entries(given)) {
      const place = `${path}.properties${pathStep(name)}`;
      if (readText(name, place) === "__proto__") refuse(place, "is no name for a property");
      properties[name] = this.parse(property, place, depth + 1);
    }
    const required = source["required"] === undefined ? [] : readList(source["required"], `${path}.required`);
    for (const name of required) {
      if (typeof name !== "string" || !Object.hasOwn(properties, name)) {
        refuse(`${path}.required`, `names ${describeValue(name)}, which is no property`);
      }
    }
    if (new Set(required).size !== required.length) refuse(`${path}.required`, "names a property twice");
    return { type: "object", properties, required: required as string[], additionalProperties: false };
  }

  #nullable(value: unknown, path: string, depth: number): Schema {
    const choices = readList(value, path);
    if (choices.length !== 2) refuse(path, "must hold one schema and null");
    const [first, second] = choices.map((choice, i) => this.parse(choice, `${path}[${i}]`, depth + 1));
    for (const [inner, other] of [[first, second], [second, first]]) {
      if (inner === undefined || other === undefined || !isNull(other)) continue;
      if (isNull(inner) || "anyOf" in inner) refuse(path, "may not hold null twice");
      return { anyOf: [inner, other] };
    }
    return refuse(path, "must hold one schema and null");
  }

  #texts(value: unknown, path: string): string[] {
    const texts = readList(value, path);
    this.#count(texts.length, path);
    if (texts.length === 0) refuse(path, "is empty");
    if (new Set(texts).size !== texts.length) refuse(path, "holds a value twice");
    return texts.map((text, i) => readText(text, `${path}[${i}]`));
  }

  #count(nodes: number, path: string): void {
    this.#nodes += nodes;
    if (this.#nodes > SCHEMA_BOUNDS.maxNodes) refuse(path, `is over ${SCHEMA_BOUNDS.maxNodes} parts`);
  }
}

function isNull(schema: Schema): schema is { readonly type: "null" } {
  return "type" in schema && schema.type === "null";
}

function formOf(source: Source, path: string): Form {
  if (source["anyOf"] !== undefined) return "nullable";
  const type = source["type"];
  switch (type) {
    case undefined:
      return "unknown";
    case "null":
    case "boolean":
    case "integer":
    case "number":
    case "array":
      return type;
    case "string":
      if (source["enum"] !== undefined) return "enum";
      if (source["const"] !== undefined) return "const";
      return source["contentEncoding"] === undefined ? "string" : "bytes";
    case "object": {
      const additional = source["additionalProperties"];
      return source["properties"] === undefined && additional !== undefined && additional !== false
        ? "map"
        : "record";
    }
    default:
      return refuse(
        `${path}.type`,
        `is ${describeValue(type)}, not null, boolean, integer, number, string, array or object`,
      );
  }
}

function readObject(value: unknown, path: string): Source {
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    return refuse(path, `is ${describeValue(value)}, not an object`);
  }
  // A copy of the own properties without a prototype: nothing inherited is ever read as a keyword.
  return Object.assign(Object.create(null), value) as Source;
}

function readList(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) return refuse(path, `is ${describeValue(value)}, not a list`);
  if (value.length > SCHEMA_BOUNDS.maxNodes) return refuse(path, `has over ${SCHEMA_BOUNDS.maxNodes} items`);
  return value;
}

function readText(value: unknown, path: string): string {
  if (typeof value !== "string") return refuse(path, `is ${describeValue(value)}, not text`);
  if (value.length > SCHEMA_BOUNDS.maxTextBytes || utf8Length(value) > SCHEMA_BOUNDS.maxTextBytes) {
    return refuse(path, `is over ${SCHEMA_BOUNDS.maxTextBytes} bytes`);
  }
  return value.isWellFormed() ? value : refuse(path, "holds half a surrogate pair");
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Reads two bounds that may be missing; the lower one may not be above the upper one. */
function readRange(
  source: Source,
  lower: string,
  upper: string,
  path: string,
  isBound: (value: unknown) => boolean,
): Source {
  const bounds: Source = {};
  for (const keyword of [lower, upper]) {
    const value = source[keyword];
    if (value === undefined) continue;
    if (!isBound(value)) {
      refuse(`${path}.${keyword}`, `is ${describeValue(value)}, which is no bound for this type`);
    }
    bounds[keyword] = value;
  }
  if ((bounds[lower] as number) > (bounds[upper] as number)) {
    refuse(path, `has its ${lower} above its ${upper}`);
  }
  return bounds;
}

function readDefault(value: unknown, schema: Schema, path: string): unknown {
  if (typeof value === "string") readText(value, `${path}.default`);
  const mismatch = compileCheck(schema)(value);
  if (mismatch !== null) refuse(`${path}.default`, `is ${mismatch.found}, not ${describeSchema(schema)}`);
  return value;
}

function refuse(path: string, why: string): never {
  throw new HanaError("schema", { what: `schema${path}`, why });
}
