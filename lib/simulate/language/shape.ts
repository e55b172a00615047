// Shapes: what a part of a scenario may look like, once for the reader and once for the JSON Schema, so that the two
// cannot disagree. Decides structure alone (types, keys, units); what a name refers to is the normaliser's business.

import { kindOf, pathOf, ScenarioProblem, show, suggest } from "./problem.ts";
import { type QuantityKind, quantityPattern, readQuantity } from "./units.ts";

/** A JSON Schema, as data. */
export type JsonSchema = Record<string, unknown>;

/** Something that a part of a scenario can be read as. */
export interface Shape<Out> {
  /** Reads a value. Throws {@linkcode ScenarioProblem}. */
  read(raw: unknown, path: string): Out;
  /** The same rule as a JSON Schema. */
  schema(): JsonSchema;
}

/** What a shape reads to. */
export type OutputOf<S> = S extends Shape<infer Out> ? Out : never;

/** A JSON value by its outer type. */
export type JsonKind = "string" | "number" | "boolean" | "object" | "array";

const REFERENCE: JsonSchema = { $ref: "#/$defs/reference" };

/** The schema of `$name` in place of a value; normalisation puts the parameter's value there. */
export const REFERENCE_SCHEMA: JsonSchema = {
  description: "A parameter, `$name`, or `$i` in what repeats.",
  type: "string",
  pattern: "\\$[A-Za-z_]",
};

const orReference = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, REFERENCE] });

/** Whether a value is a plain object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The outer type of a value; null for what JSON has no word for. */
export function jsonKindOf(value: unknown): JsonKind | null {
  if (Array.isArray(value)) return "array";
  if (isRecord(value)) return "object";
  const type = typeof value;
  return type === "string" || type === "number" || type === "boolean" ? type : null;
}

/** A text; `pattern` is anchored, `what` says what it is: `a name`. */
export function text(what: string, pattern?: string): Shape<string> {
  const expression = pattern === undefined ? null : new RegExp(pattern);
  return {
    read(raw, path) {
      if (typeof raw !== "string") throw new ScenarioProblem(path, `is ${kindOf(raw)}, not ${what}`);
      if (expression !== null && !expression.test(raw)) {
        throw new ScenarioProblem(path, `${show(raw)} is not ${what}`, `it must fit ${pattern}`);
      }
      return raw;
    },
    schema: () => pattern === undefined ? { type: "string" } : orReference({ type: "string", pattern }),
  };
}

/** A number with its unit. */
export function quantity(kind: QuantityKind, least?: number): Shape<number> {
  return {
    read(raw, path) {
      const value = readQuantity(kind, raw, path);
      if (least !== undefined && value < least) {
        throw new ScenarioProblem(path, `${show(raw)} is too little`, `write it like ${kind.example}`);
      }
      return value;
    },
    schema: () =>
      orReference({
        type: "string",
        pattern: quantityPattern(kind),
        description: `${kind.name}, such as ${kind.example}`,
      }),
  };
}

/** A number without a unit: a count, an index. */
export function plainNumber(
  what: string,
  bounds: { readonly min: number; readonly max: number; readonly integer?: boolean },
): Shape<number> {
  const { min, max, integer = false } = bounds;
  return {
    read(raw, path) {
      if (typeof raw !== "number" || !(raw >= min && raw <= max) || (integer && !Number.isInteger(raw))) {
        throw new ScenarioProblem(path, `${show(raw)} is not ${what}`, `it lies in ${min} … ${max}`);
      }
      return raw;
    },
    schema: () => orReference({ type: integer ? "integer" : "number", minimum: min, maximum: max }),
  };
}

/** One of a few words. */
export function choice<const T extends string>(words: readonly T[]): Shape<T> {
  return {
    read(raw, path) {
      const found = words.find((word) => word === raw);
      if (found !== undefined) return found;
      const hint = typeof raw === "string" ? suggest(raw, words) : `it is one of ${words.join(", ")}`;
      throw new ScenarioProblem(path, `${show(raw)} is unknown`, hint);
    },
    schema: () => orReference({ enum: [...words] }),
  };
}

/** Yes or no. */
export const yesNo: Shape<boolean> = {
  read(raw, path) {
    if (typeof raw !== "boolean") throw new ScenarioProblem(path, `is ${kindOf(raw)}, not true or false`);
    return raw;
  },
  schema: () => orReference({ type: "boolean" }),
};

/** A text, number, or yes/no, as it is. */
export const scalar: Shape<string | number | boolean> = {
  read(raw, path) {
    if (typeof raw !== "string" && typeof raw !== "number" && typeof raw !== "boolean") {
      throw new ScenarioProblem(path, `is ${kindOf(raw)}, not a single value`);
    }
    return raw;
  },
  schema: () => ({ type: ["string", "number", "boolean"] }),
};

/** A list. */
export function list<Out>(
  item: Shape<Out>,
  bounds: { readonly min?: number; readonly max?: number } = {},
): Shape<Out[]> {
  const { min = 0, max = 10_000 } = bounds;
  return {
    read(raw, path) {
      if (!Array.isArray(raw)) throw new ScenarioProblem(path, `is ${kindOf(raw)}, not a list`);
      if (raw.length < min) throw new ScenarioProblem(path, `needs at least ${min} entries`);
      if (raw.length > max) throw new ScenarioProblem(path, `has more than ${max} entries`);
      return raw.map((each, index) => item.read(each, pathOf(path, index)));
    },
    schema: () => ({ type: "array", items: item.schema(), minItems: min, maxItems: max }),
  };
}

/** A mapping with keys of the author's own. */
export function mapping<Out>(
  value: Shape<Out>,
  key: { readonly what: string; readonly pattern: string },
): Shape<Record<string, Out>> {
  const expression = new RegExp(key.pattern);
  return {
    read(raw, path) {
      if (!isRecord(raw)) throw new ScenarioProblem(path, `is ${kindOf(raw)}, not a mapping`);
      const read: Record<string, Out> = {};
      for (const [name, each] of Object.entries(raw)) {
        if (!expression.test(name)) {
          throw new ScenarioProblem(pathOf(path, name), `is not ${key.what}`, `it must fit ${key.pattern}`);
        }
        read[name] = value.read(each, pathOf(path, name));
      }
      return read;
    },
    schema: () => ({
      type: "object",
      propertyNames: { pattern: key.pattern },
      additionalProperties: value.schema(),
    }),
  };
}

/** A key of a record. */
export interface Field<Out, Required extends boolean> {
  readonly shape: Shape<Out>;
  readonly required: Required;
  readonly description: string;
}

/** A key that may be left out. */
export function optional<Out>(shape: Shape<Out>, description: string): Field<Out, false> {
  return { shape, required: false, description };
}

/** A key that must be there. */
export function required<Out>(shape: Shape<Out>, description: string): Field<Out, true> {
  return { shape, required: true, description };
}

/** The keys of a record. */
export type Fields = Readonly<Record<string, Field<unknown, boolean>>>;

/** What a record of these keys reads to. */
export type RecordOutput<F extends Fields> =
  & { -readonly [K in keyof F as F[K]["required"] extends true ? K : never]: OutputOf<F[K]["shape"]> }
  & { -readonly [K in keyof F as F[K]["required"] extends true ? never : K]?: OutputOf<F[K]["shape"]> };

/** Refuses keys that are none of `known`. */
export function refuseUnknownKeys(
  raw: Record<string, unknown>,
  known: readonly string[],
  path: string,
  what = "key",
): void {
  for (const key of Object.keys(raw)) {
    if (known.includes(key)) continue;
    throw new ScenarioProblem(pathOf(path, key), `there is no such ${what}`, suggest(key, known));
  }
}

/** A mapping with fixed keys; others are refused. */
export function record<const F extends Fields>(fields: F): Shape<RecordOutput<F>> {
  const entries = Object.entries(fields);
  const names = Object.keys(fields);
  return {
    read(raw, path) {
      if (!isRecord(raw)) throw new ScenarioProblem(path, `is ${kindOf(raw)}, not a mapping`);
      refuseUnknownKeys(raw, names, path);
      const read: Record<string, unknown> = {};
      for (const [name, field] of entries) {
        const value = raw[name];
        if (value !== undefined) read[name] = field.shape.read(value, pathOf(path, name));
        else if (field.required) {
          throw new ScenarioProblem(pathOf(path, name), "is missing", field.description);
        }
      }
      return read as RecordOutput<F>;
    },
    schema: () => recordSchema(fields),
  };
}

/** The schema of a record, to which others may add. */
export function recordSchema(fields: Fields): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  for (const [name, { shape, description }] of Object.entries(fields)) {
    properties[name] = { description, ...shape.schema() };
  }
  const needed = Object.entries(fields).filter(([, field]) => field.required).map(([name]) => name);
  return {
    type: "object",
    properties,
    additionalProperties: false,
    ...(needed.length === 0 ? {} : { required: needed }),
  };
}

/** One of several shapes that differ in their outer JSON type. */
export function byKind<Out>(
  what: string,
  shapes: Partial<Record<JsonKind, Shape<Out>>>,
): Shape<Out> {
  return {
    read(raw, path) {
      const kind = jsonKindOf(raw);
      const shape = kind === null ? undefined : shapes[kind];
      if (shape === undefined) throw new ScenarioProblem(path, `is ${kindOf(raw)}, not ${what}`);
      return shape.read(raw, path);
    },
    schema: () => ({ anyOf: Object.values(shapes).map((shape) => shape.schema()) }),
  };
}

/** The same shape with another result. */
export function mapped<Out, Result>(
  shape: Shape<Out>,
  convert: (value: Out, path: string) => Result,
): Shape<Result> {
  return { read: (raw, path) => convert(shape.read(raw, path), path), schema: () => shape.schema() };
}

/** A shape that stands once in the schema, under `$defs/<name>`. */
export function named<Out>(name: string, shape: Shape<Out>): NamedShape<Out> {
  return {
    definition: name,
    read: (raw, path) => shape.read(raw, path),
    schema: () => ({ $ref: `#/$defs/${name}` }),
    define: () => shape.schema(),
  };
}

/** A shape with a place of its own in the schema. */
export interface NamedShape<Out> extends Shape<Out> {
  readonly definition: string;
  /** The schema that stands at that place. */
  define(): JsonSchema;
}
