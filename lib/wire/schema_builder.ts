// Writes schemas in code, with the types that follow: `s.object({ hue: s.number({ minimum: 0, maximum: 1 }) })`.
// Decides the short forms and what they stand for in plain data. Never validates: schema.ts compiles and checks.

import type {
  ArraySchema,
  BooleanSchema,
  BytesSchema,
  ConstSchema,
  EnumSchema,
  MapSchema,
  NullableSchema,
  NullSchema,
  NumberSchema,
  ObjectSchema,
  Schema,
  SchemaNotes,
  StringSchema,
  UnknownSchema,
} from "./schema_types.ts";

/** Marks a property that may be missing. Only `s.object` reads it; it is no schema and never travels. */
export interface OptionalProperty<S extends Schema = Schema> {
  readonly optional: S;
}

/** What `s.object` takes. */
export type PropertySpecs = { readonly [name: string]: Schema | OptionalProperty };

type Unwrap<D> = D extends OptionalProperty<infer S> ? S : D extends Schema ? D : never;
type RequiredNames<D> = { [K in keyof D]: D[K] extends OptionalProperty ? never : K }[keyof D] & string;
type PropertiesOf<D> = { readonly [K in keyof D]: Unwrap<D[K]> };
type Options<S extends Schema> = Omit<S, "type" | "contentEncoding">;

function object<const D extends PropertySpecs>(
  specs: D,
  notes: SchemaNotes = {},
): ObjectSchema<PropertiesOf<D>, RequiredNames<D>> {
  const properties: Record<string, Schema> = {};
  const required: string[] = [];
  for (const [name, spec] of Object.entries(specs)) {
    if ("optional" in spec) properties[name] = spec.optional;
    else {
      properties[name] = spec;
      required.push(name);
    }
  }
  const built: ObjectSchema = { type: "object", properties, required, additionalProperties: false, ...notes };
  // The loop above does to the values what PropertiesOf and RequiredNames do to the types.
  return built as ObjectSchema<PropertiesOf<D>, RequiredNames<D>>;
}

/** The builder. Every function returns plain data that can be sent as it is. */
export const s = {
  /** The value null. */
  null: (notes: SchemaNotes = {}): NullSchema => ({ type: "null", ...notes }),
  /** True or false. */
  boolean: (options: Options<BooleanSchema> = {}): BooleanSchema => ({ type: "boolean", ...options }),
  /** A whole number, exact as a double. */
  integer: (options: Options<NumberSchema> = {}): NumberSchema => ({ type: "integer", ...options }),
  /** A finite number. */
  number: (options: Options<NumberSchema> = {}): NumberSchema => ({ type: "number", ...options }),
  /** Text; lengths count Unicode characters. */
  string: (options: Options<StringSchema> = {}): StringSchema => ({ type: "string", ...options }),
  /** One of these texts. */
  enum: <const E extends string>(
    values: readonly E[],
    options: SchemaNotes & { readonly default?: NoInfer<E> } = {},
  ): EnumSchema<E> => ({ type: "string", enum: values, ...options }),
  /** This text and no other. */
  const: <const C extends string>(value: C, notes: SchemaNotes = {}): ConstSchema<C> => ({
    type: "string",
    const: value,
    ...notes,
  }),
  /** A `Uint8Array`; lengths count bytes. */
  bytes: (options: Options<BytesSchema> = {}): BytesSchema => ({
    type: "string",
    contentEncoding: "binary",
    ...options,
  }),
  /** A list of `items`. */
  array: <const I extends Schema>(
    items: I,
    options: Omit<Options<ArraySchema>, "items"> = {},
  ): ArraySchema<I> => ({ type: "array", items, ...options }),
  /** A record of exactly these properties; wrap the ones that may be missing in `s.optional`. */
  object,
  /** A map from any key to `values`. */
  map: <const V extends Schema>(values: V, notes: SchemaNotes = {}): MapSchema<V> => ({
    type: "object",
    additionalProperties: values,
    ...notes,
  }),
  /** `schema` or null. */
  nullable: <const S extends Schema>(schema: S, notes: SchemaNotes = {}): NullableSchema<S> => ({
    anyOf: [schema, { type: "null" }],
    ...notes,
  }),
  /** Any value that travels. */
  unknown: (notes: SchemaNotes = {}): UnknownSchema => ({ ...notes }),
  /** A property of `s.object` that may be missing. */
  optional: <const S extends Schema>(schema: S): OptionalProperty<S> => ({ optional: schema }),
} as const;
