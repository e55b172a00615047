// The forms that a message schema can take, as plain data, and the TypeScript types that follow from them.
// Decides the subset: a small part of JSON Schema 2020-12 <https://json-schema.org/draft/2020-12>, so that other tools
// can read it. No regular expressions, no references, no combinations, no code: a schema from a hostile peer can be
// checked in one pass and costs no more than its size.

/** What every schema may say about itself to people. */
export interface SchemaNotes {
  /** A short name. */
  readonly title?: string;
  /** One or two sentences. */
  readonly description?: string;
}

/** The value null. */
export interface NullSchema extends SchemaNotes {
  readonly type: "null";
}

/** True or false. */
export interface BooleanSchema extends SchemaNotes {
  readonly type: "boolean";
  readonly default?: boolean;
}

/** A finite number; `integer` allows whole numbers from −(2^53 − 1) to 2^53 − 1 only. */
export interface NumberSchema extends SchemaNotes {
  readonly type: "number" | "integer";
  /** The smallest value allowed. */
  readonly minimum?: number;
  /** The largest value allowed. */
  readonly maximum?: number;
  /** What one stands for: `s`, `Hz`, `turn`. Our extension, which validators of JSON Schema ignore. */
  readonly unit?: string;
  readonly default?: number;
}

/** Text. Lengths count Unicode characters, as in JSON Schema. */
export interface StringSchema extends SchemaNotes {
  readonly type: "string";
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly default?: string;
}

/** One text out of a list. */
export interface EnumSchema<E extends string = string> extends SchemaNotes {
  readonly type: "string";
  readonly enum: readonly E[];
  readonly default?: E;
}

/** One text and no other. */
export interface ConstSchema<C extends string = string> extends SchemaNotes {
  readonly type: "string";
  readonly const: C;
}

/**
 * Bytes: a `Uint8Array` in memory, a binary value in MessagePack. Written as JSON Schema writes strings of octets
 * (`contentEncoding`, with the identity encoding `binary` of RFC 2045). Lengths count bytes.
 */
export interface BytesSchema extends SchemaNotes {
  readonly type: "string";
  readonly contentEncoding: "binary";
  readonly minLength?: number;
  readonly maxLength?: number;
}

/** A list of values of one kind. */
export interface ArraySchema<I extends Schema = Schema> extends SchemaNotes {
  readonly type: "array";
  readonly items: I;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** The properties of an object by name. */
export type SchemaProperties = { readonly [name: string]: Schema };

/**
 * A record: these properties and no others. Stricter than JSON Schema, where `additionalProperties` is true unless
 * it is given: here it is false, and our builder writes it, so that both readings agree.
 */
export interface ObjectSchema<P extends SchemaProperties = SchemaProperties, R extends string = string>
  extends SchemaNotes {
  readonly type: "object";
  readonly properties: P;
  /** The properties that must be there. */
  readonly required?: readonly R[];
  readonly additionalProperties?: false;
}

/** A map: any keys, values of one kind. How many is bounded by the codec's `maxMapEntries`. */
export interface MapSchema<V extends Schema = Schema> extends SchemaNotes {
  readonly type: "object";
  readonly additionalProperties: V;
}

/** A value or null: the only `anyOf` there is. */
export interface NullableSchema<S extends Schema = Schema> extends SchemaNotes {
  readonly anyOf: readonly [S, NullSchema];
}

/**
 * Any value that travels: the empty schema of JSON Schema. For data whose shape its owner decides, such as the
 * capabilities of a node; whoever reads it checks it.
 */
export interface UnknownSchema extends SchemaNotes {
  readonly type?: undefined;
}

/** The shape of a message's body, as plain data that can be sent. */
export type Schema =
  | NullSchema
  | BooleanSchema
  | NumberSchema
  | StringSchema
  | EnumSchema
  | ConstSchema
  | BytesSchema
  | ArraySchema
  | ObjectSchema
  | MapSchema
  | NullableSchema
  | UnknownSchema;

/** The TypeScript type of the values that schema `S` allows; `unknown` for a schema that is known at run time only. */
export type Infer<S> = Schema extends S ? unknown
  : S extends { readonly anyOf: readonly [infer I, NullSchema] } ? Infer<I> | null
  : S extends { readonly type: "null" } ? null
  : S extends { readonly type: "boolean" } ? boolean
  : S extends { readonly type: "integer" | "number" } ? number
  : S extends { readonly contentEncoding: "binary" } ? Uint8Array
  : S extends { readonly const: infer C } ? C
  : S extends { readonly enum: readonly (infer E)[] } ? E
  : S extends { readonly type: "string" } ? string
  : S extends { readonly type: "array"; readonly items: infer I } ? Infer<I>[]
  : S extends { readonly properties: infer P; readonly required?: readonly (infer R)[] }
    ? RecordOf<P, unknown extends R ? never : R>
  : S extends { readonly additionalProperties: infer V } ? { [key: string]: Infer<V> }
  : S extends { readonly type?: undefined } ? unknown
  : never;

/** The object type of properties `P`, of which those named `R` must be there. */
type RecordOf<P, R> = Simplify<
  { -readonly [K in keyof P & R]: Infer<P[K]> } & { -readonly [K in Exclude<keyof P, R>]?: Infer<P[K]> }
>;

/** Shows an intersection as one object type. */
type Simplify<T> = { [K in keyof T]: T[K] };

/** Bounds of a schema that comes from a peer; the builder and {@linkcode Schema} literals are held to them too. */
export const SCHEMA_BOUNDS = {
  /** Schemas inside one another. */
  maxDepth: 8,
  /** Schemas and enum values altogether. */
  maxNodes: 256,
  /** Bytes in UTF-8 of any text in a schema: names, titles, enum values. */
  maxTextBytes: 256,
} as const;
