import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../lib/base/mod.ts";
import {
  CODEC_NAMES,
  compileSchema,
  createCodec,
  parseSchema,
  s,
  type Schema,
  SCHEMA_BOUNDS,
} from "../../../lib/wire/mod.ts";
import { anyValue } from "./values.ts";

const notes = { title: "A title", description: "What it is for." };

const EVERY_FORM: Schema = s.object({
  nothing: s.null(notes),
  on: s.boolean({ default: true }),
  count: s.integer({ minimum: 0, maximum: 10, default: 3, unit: "frames" }),
  level: s.optional(s.number({ minimum: -1.5, unit: "dB", ...notes })),
  label: s.string({ minLength: 1, maxLength: 8, default: "x" }),
  mode: s.enum(["a", "b"], { default: "b" }),
  kind: s.const("k", notes),
  mask: s.bytes({ maxLength: 16 }),
  list: s.array(s.nullable(s.integer()), { minItems: 1, maxItems: 3, ...notes }),
  tags: s.map(s.string(), notes),
  anything: s.unknown(notes),
  constructor: s.optional(s.object({}, notes)),
}, notes);

for (const name of CODEC_NAMES) {
  Deno.test(`a schema travels as ${name} and comes back the same, as a copy`, () => {
    const codec = createCodec(name);
    const received = codec.decode(codec.encode(EVERY_FORM));
    const parsed = parseSchema(received);
    assertEquals(parsed, EVERY_FORM);
    assert(parsed !== received);
    assertEquals(parseSchema(parsed), parsed);
  });
}

Deno.test("a record without additionalProperties is read as closed, and says so", () => {
  const parsed = parseSchema({ type: "object", properties: { a: { type: "null" } } });
  assertEquals(parsed, {
    type: "object",
    properties: { a: { type: "null" } },
    required: [],
    additionalProperties: false,
  });
  assertEquals(parseSchema({ type: "object" }), s.object({}));
});

Deno.test("the empty schema allows any value", () => {
  assertEquals(parseSchema({}), s.unknown());
});

Deno.test("null may stand first in a nullable", () => {
  assertEquals(parseSchema({ anyOf: [{ type: "null" }, { type: "string" }] }), s.nullable(s.string()));
});

const integer = { type: "integer" };
const REFUSED: readonly [string, unknown, string][] = [
  ["nothing", undefined, "schema: is nothing, not an object"],
  ["a list", [], "schema: is a list of 0 items, not an object"],
  ["true, which allows all", true, "schema: is true"],
  [
    "keywords without a type",
    { minimum: 1 },
    "schema.minimum: is no keyword here (there are title, description)",
  ],
  ["an unknown type", { type: "tensor" }, 'schema.type: is "tensor"'],
  ["a list of types", { type: ["string", "null"] }, "schema.type: is a list"],
  ["a regular expression", { type: "string", pattern: "(a+)+$" }, "schema.pattern: is no keyword here"],
  ["patternProperties", { type: "object", patternProperties: {} }, "patternProperties: is no keyword"],
  ["a reference", { $ref: "#" }, 'schema["$ref"]: is no keyword here'],
  ["a reference beside a type", { type: "object", $ref: "#" }, '["$ref"]: is no keyword here'],
  ["a format", { type: "string", format: "uri" }, "schema.format: is no keyword"],
  ["a keyword of another form", { type: "string", minimum: 1 }, "schema.minimum: is no keyword here"],
  ["an enum of numbers", { type: "integer", enum: [1] }, "schema.enum: is no keyword here"],
  ["an enum with a number", { type: "string", enum: ["a", 1] }, "schema.enum[1]: is 1, not text"],
  ["an empty enum", { type: "string", enum: [] }, "schema.enum: is empty"],
  ["an enum with a repetition", { type: "string", enum: ["a", "a"] }, "holds a value twice"],
  ["a bound that is no number", { type: "number", minimum: "0" }, "schema.minimum: is"],
  ["a bound that is NaN", { type: "number", minimum: NaN }, "schema.minimum: is NaN"],
  ["a fraction as an integer's bound", { type: "integer", maximum: 0.5 }, "schema.maximum: is 0.5"],
  ["a negative length", { type: "string", minLength: -1 }, "schema.minLength: is -1"],
  ["a fraction of a length", { type: "array", items: integer, maxItems: 1.5 }, "schema.maxItems: is 1.5"],
  ["bounds the wrong way round", { type: "number", minimum: 2, maximum: 1 }, "minimum above its maximum"],
  ["another encoding", { type: "string", contentEncoding: "base64" }, "contentEncoding: is not binary"],
  ["a list of nothing", { type: "array" }, "schema.items: is nothing"],
  ["a tuple", { type: "array", items: [integer] }, "schema.items: is a list"],
  [
    "properties and a map",
    { type: "object", properties: {}, additionalProperties: integer },
    "must be false",
  ],
  [
    "additionalProperties: true",
    { type: "object", additionalProperties: true },
    "additionalProperties: is true",
  ],
  [
    "a required name that is none",
    { type: "object", properties: { a: integer }, required: ["b"] },
    'names "b"',
  ],
  ["a required name of the prototype", { type: "object", required: ["toString"] }, 'names "toString"'],
  ["a required name twice", { type: "object", properties: { a: integer }, required: ["a", "a"] }, "twice"],
  [
    "the property __proto__",
    JSON.parse('{"type":"object","properties":{"__proto__":{"type":"null"}}}'),
    "no name",
  ],
  ["a choice of two types", { anyOf: [integer, { type: "string" }] }, "must hold one schema and null"],
  ["a choice of three", { anyOf: [integer, { type: "null" }, { type: "string" }] }, "must hold one schema"],
  ["null or null", { anyOf: [{ type: "null" }, { type: "null" }] }, "may not hold null twice"],
  ["a nullable nullable", { anyOf: [s.nullable(s.string()), { type: "null" }] }, "may not hold null twice"],
  [
    "a choice beside a type",
    { type: "string", anyOf: [integer, { type: "null" }] },
    "schema.type: is no keyword",
  ],
  [
    "a default outside the bounds",
    { type: "integer", maximum: 1, default: 2 },
    "schema.default: is 2, not a whole",
  ],
  ["a default of a record", { type: "object", default: {} }, "schema.default: is no keyword"],
  ["a title that is no text", { type: "null", title: 1 }, "schema.title: is 1, not text"],
  [
    "a long description",
    { type: "null", description: "x".repeat(257) },
    "schema.description: is over 256 bytes",
  ],
  ["a description long in bytes", { type: "null", description: "花".repeat(86) }, "is over 256 bytes"],
  ["a long name", { type: "object", properties: { ["n".repeat(257)]: integer } }, "is over 256 bytes"],
  ["a long default", { type: "string", default: "x".repeat(257) }, "schema.default: is over 256 bytes"],
  ["half a surrogate pair", { type: "string", const: "\ud800" }, "half a surrogate pair"],
  [
    "a problem deep inside",
    s.object({ a: s.array({ type: "x" } as unknown as Schema) }),
    "schema.properties.a.items.type",
  ],
];

for (const [what, value, text] of REFUSED) {
  Deno.test(`a schema is refused: ${what}`, () => {
    const error = assertThrows(() => parseSchema(value), HanaError, text);
    assertEquals(error.code, "schema");
  });
}

Deno.test("depth, parts and enum values are bounded, exactly at the bound", () => {
  const nested = (depth: number): Schema => depth === 1 ? s.null() : s.array(nested(depth - 1));
  const wide = (parts: number): Schema =>
    s.object(Object.fromEntries(Array.from({ length: parts - 1 }, (_, i) => [`p${i}`, s.null()])));
  const choice = (values: number): Schema => s.enum(Array.from({ length: values }, (_, i) => `v${i}`));
  const { maxDepth, maxNodes } = SCHEMA_BOUNDS;
  for (const [build, bound] of [[nested, maxDepth], [wide, maxNodes], [choice, maxNodes - 1]] as const) {
    parseSchema(build(bound));
    assertEquals(assertThrows(() => parseSchema(build(bound + 1)), HanaError).code, "schema");
  }
  assertThrows(() => parseSchema(choice(100_000)), HanaError, "over 256 items");
});

Deno.test("a schema that contains itself ends at the depth", () => {
  const loop: Record<string, unknown> = { type: "array" };
  loop["items"] = loop;
  assertThrows(() => parseSchema(loop), HanaError, "nested deeper than 8");
});

Deno.test("any value is a schema or refused with schema, and a schema compiles", () => {
  const keyword = fc.constantFrom(
    ...[
      "type",
      "items",
      "properties",
      "required",
      "enum",
      "const",
      "anyOf",
      "default",
      "minimum",
      "maxLength",
    ],
    ...["contentEncoding", "additionalProperties", "title", "$ref", "pattern"],
  );
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      { weight: 2, arbitrary: fc.constantFrom("null", "string", "binary", 1, -1, 0.5, false, null) },
      { weight: 1, arbitrary: fc.array(tie("any"), { maxLength: 3 }) },
      { weight: 1, arbitrary: fc.dictionary(keyword, tie("any"), { maxKeys: 4 }) },
      { weight: 4, arbitrary: tie("schema") },
    ),
    // Mostly right, with something wrong in it now and then.
    schema: fc.oneof(
      { maxDepth: 4 },
      fc.record({ type: fc.constantFrom("null", "boolean", "string", "number", "integer") }),
      fc.record({ type: fc.constantFrom("integer", "number"), minimum: fc.nat(3), maximum: fc.nat(9) }),
      fc.record({ type: fc.constant("array"), items: tie("part"), minItems: fc.nat(2) }),
      fc.record({
        type: fc.constant("object"),
        properties: fc.dictionary(fc.string(), tie("part"), { maxKeys: 3 }),
      }),
      fc.record({ type: fc.constant("object"), additionalProperties: tie("part") }),
      fc.record({ anyOf: fc.tuple(tie("part"), fc.constant({ type: "null" })) }),
    ),
    part: fc.oneof({ weight: 9, arbitrary: tie("schema") }, { weight: 1, arbitrary: tie("any") }),
  })).any;
  let parsed = 0;
  fc.assert(
    fc.property(fc.oneof(value, anyValue), (candidate) => {
      try {
        const schema = parseSchema(candidate);
        parsed++;
        compileSchema(schema).validate(candidate);
      } catch (error) {
        assert(error instanceof HanaError);
        assertEquals(error.code, "schema");
      }
    }),
    { numRuns: 3000 },
  );
  assert(parsed > 300, `only ${parsed} candidates were schemas`);
});

Deno.test("a parsed schema holds no object of its source", () => {
  const source = { type: "object", properties: { a: { type: "string", enum: ["x", "y"] } }, required: ["a"] };
  const parsed = parseSchema(source);
  const validator = compileSchema(parsed);
  source.properties.a.enum.push("z");
  source.required.push("b");
  assertEquals(validator.accepts({ a: "z" }), false);
  assertEquals(validator.accepts({ a: "x" }), true);
  assertStrictEquals(Object.hasOwn(Object.prototype, "a"), false);
});
