import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../lib/base/mod.ts";
import {
  compileSchema,
  createCodec,
  describeSchema,
  type Infer,
  s,
  type Schema,
} from "../../../lib/wire/mod.ts";
import { anyValue } from "./values.ts";

const CUE = s.object({
  hue: s.number({ minimum: 0, maximum: 1, unit: "turn" }),
  label: s.optional(s.string({ minLength: 1, maxLength: 8 })),
  mode: s.enum(["wash", "spot"]),
  version: s.const("2"),
  mask: s.optional(s.bytes({ minLength: 1, maxLength: 4 })),
  points: s.array(s.object({ x: s.integer({ minimum: -5 }), y: s.integer() }), { minItems: 1, maxItems: 2 }),
  tags: s.map(s.boolean()),
  next: s.nullable(s.string()),
});
type Cue = Infer<typeof CUE>;

const GOOD: Cue = { hue: 0.5, mode: "wash", version: "2", points: [{ x: 1, y: 2 }], tags: {}, next: null };

/** True only where both types are the same; a difference does not compile. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

Deno.test("the static type of a schema is the type of its values", () => {
  const cue: Same<Cue, {
    hue: number;
    label?: string;
    mode: "wash" | "spot";
    version: "2";
    mask?: Uint8Array;
    points: { x: number; y: number }[];
    tags: { [key: string]: boolean };
    next: string | null;
  }> = true;
  const literal = {
    type: "object",
    properties: { a: { type: "null" }, b: { type: "string" } },
    required: ["a"],
  } as const;
  const fromLiteral: Same<Infer<typeof literal>, { a: null; b?: string }> = true;
  const anything: Same<Infer<ReturnType<typeof s.unknown>>, unknown> = true;
  const atRunTime: Same<Infer<Schema>, unknown> = true;
  assert(cue && fromLiteral && anything && atRunTime);
  const validator = compileSchema(CUE, "body");
  const checked: Cue = validator.check(GOOD);
  assertStrictEquals(checked, GOOD);
  const received: unknown = createCodec("msgpack").decode(createCodec("msgpack").encode(GOOD));
  assert(validator.accepts(received));
  assertEquals(received.points[0]?.x, 1);
});

/** What is changed, and the problem that follows: path, expected, found. */
const PROBLEMS: readonly [Record<string, unknown>, string, string, string][] = [
  [{ hue: 1.5 }, "body.hue", "a number from 0 to 1 (turn)", "1.5"],
  [{ hue: -0.001 }, "body.hue", "a number from 0 to 1 (turn)", "-0.001"],
  [{ hue: NaN }, "body.hue", "a number from 0 to 1 (turn)", "NaN"],
  [{ hue: "0.5" }, "body.hue", "a number from 0 to 1 (turn)", '"0.5"'],
  [{ hue: undefined }, "body.hue", "a number from 0 to 1 (turn)", "nothing"],
  [{ label: "" }, "body.label", "text of 1 to 8 characters", '""'],
  [{ label: "123456789" }, "body.label", "text of 1 to 8 characters", '"123456789"'],
  [{ label: null }, "body.label", "text of 1 to 8 characters", "null"],
  [{ mode: "strobe" }, "body.mode", "one of wash, spot", '"strobe"'],
  [{ version: "3" }, "body.version", 'the text "2"', '"3"'],
  [{ mask: new Uint8Array(5) }, "body.mask", "bytes of 1 to 4 bytes", "5 bytes"],
  [{ mask: [1, 2] }, "body.mask", "bytes of 1 to 4 bytes", "a list of 2 items"],
  [{ points: [] }, "body.points", "a list of 1 to 2 items, each an object with x, y", "a list of 0 items"],
  [{ points: {} }, "body.points", "a list of 1 to 2 items, each an object with x, y", "an object"],
  [{ points: [{ x: 1, y: 2 }, { x: 1 }] }, "body.points[1].y", "a whole number", "nothing"],
  [{ points: [{ x: -6, y: 2 }] }, "body.points[0].x", "a whole number of at least -5", "-6"],
  [{ points: [{ x: 0.5, y: 2 }] }, "body.points[0].x", "a whole number of at least -5", "0.5"],
  [
    { points: [{ x: 2 ** 53, y: 2 }] },
    "body.points[0].x",
    "a whole number of at least -5",
    "9007199254740992",
  ],
  [{ points: [[1, 2]] }, "body.points[0]", "an object with x, y", "a list of 2 items"],
  [{ tags: { a: true, "b c": 1 } }, 'body.tags["b c"]', "true or false", "1"],
  [{ tags: new Uint8Array(2) }, "body.tags", "an object", "2 bytes"],
  [{ next: 3 }, "body.next", "text", "3"],
  [
    { extra: 1 },
    "body.extra",
    "no such property (there are hue, label, mode, version, mask, points, tags, next)",
    "1",
  ],
];

for (const [change, path, expected, found] of PROBLEMS) {
  Deno.test(`a problem names its place: ${path} with ${found}`, () => {
    const validator = compileSchema(CUE, "body");
    const value = { ...GOOD, ...change };
    assertEquals(validator.validate(value), { path, expected, found });
    assertEquals(validator.accepts(value), false);
    const error = assertThrows(() => validator.check(value), HanaError);
    assertEquals([error.code, error.message], ["schema", `${path}: expected ${expected}, found ${found}`]);
  });
}

Deno.test("a property that is undefined counts as missing, so that both sides of the wire agree", () => {
  const validator = compileSchema(s.object({ a: s.optional(s.integer()) }));
  assertEquals(validator.validate({ a: undefined, b: undefined }), null);
});

Deno.test("properties of the prototype are not there", () => {
  const validator = compileSchema(s.object({ toString: s.optional(s.string()), constructor: s.string() }));
  assertEquals(validator.validate({ constructor: "x" }), null);
  assertEquals(validator.validate({})?.path, "value.constructor");
});

Deno.test("lengths count characters, whatever UTF-16 makes of them", () => {
  const flowers = compileSchema(s.string({ minLength: 2, maxLength: 3 }));
  assertEquals(
    ["🌸", "🌸🌸", "🌸🌸🌸", "🌸🌸🌸🌸", "a", "ab", "abc", "abcd"].map((text) => flowers.accepts(text)),
    [false, true, true, false, false, true, true, false],
  );
  const open = compileSchema(s.string({ minLength: 1 }));
  assertEquals(["", "a", "x".repeat(10_000)].map((text) => open.accepts(text)), [false, true, true]);
});

Deno.test("every schema takes its own kind of value and no other", () => {
  const kinds: [Schema, unknown][] = [
    [s.null(), null],
    [s.boolean(), false],
    [s.integer(), 7],
    [s.number(), 0.5],
    [s.string(), "text"],
    [s.bytes(), new Uint8Array(2)],
    [s.array(s.null()), [null]],
    [s.object({ a: s.null() }), { a: null }],
    [s.map(s.string()), { b: "x" }],
  ];
  for (const [i, [schema]] of kinds.entries()) {
    const validator = compileSchema(schema);
    const accepted = kinds.flatMap(([, value], j) => validator.accepts(value) ? [j] : []);
    // A whole number is a number too.
    assertEquals(accepted, i === 3 ? [2, 3] : [i], describeSchema(schema));
    const nullable = compileSchema(s.nullable(i === 0 ? s.boolean() : schema));
    assert(nullable.accepts(null));
  }
});

Deno.test("the unknown schema allows any value, and a required one must still be there", () => {
  const validator = compileSchema(s.object({ data: s.unknown(), more: s.optional(s.unknown()) }));
  fc.assert(fc.property(anyValue, (data) => assertEquals(validator.validate({ data }), null)));
  assertEquals(validator.validate({}), { path: "value.data", expected: "any value", found: "nothing" });
  assertEquals(compileSchema(s.unknown()).accepts(undefined), false);
});

Deno.test("validating any value neither throws nor changes it", () => {
  const codec = createCodec("msgpack");
  const validator = compileSchema(CUE);
  fc.assert(
    fc.property(fc.oneof(anyValue, fc.record({ ...GOOD_FIELDS }, { requiredKeys: [] })), (value) => {
      const before = codec.encode(value).slice();
      const problem = validator.validate(value);
      assertEquals(codec.encode(value), before);
      assertEquals(problem === null, validator.accepts(value));
      if (problem !== null) assert(problem.path.length < 400 && problem.found.length < 80, problem.path);
    }),
    { numRuns: 400 },
  );
});

const GOOD_FIELDS: Record<string, fc.Arbitrary<unknown>> = {
  hue: fc.double({ min: 0, max: 1.1 }),
  mode: fc.constantFrom("wash", "spot", "x"),
  version: fc.constant("2"),
  points: fc.array(fc.record({ x: fc.integer(), y: fc.integer() }), { maxLength: 3 }),
  tags: fc.constant({}),
  next: fc.constantFrom(null, "x"),
};

Deno.test("a hostile value makes no long or unprintable line", () => {
  const validator = compileSchema(s.object({ a: s.integer() }), "body");
  const key = "\u001b[31m" + "x".repeat(5000);
  for (const value of [{ a: key }, { [key]: 1, a: 1 }]) {
    const problem = validator.validate(value);
    assert(problem !== null);
    const line = `${problem.path} ${problem.expected} ${problem.found}`;
    assert(line.length < 300, line);
    assert(!/\p{Cc}/u.test(line), line);
  }
});

Deno.test("a schema outside the bounds does not compile", () => {
  let deep: Schema = s.null();
  for (let i = 0; i < 8; i++) deep = s.array(deep);
  assertEquals(assertThrows(() => compileSchema(deep), HanaError).code, "schema");
});

Deno.test("what a schema allows reads like a sentence", () => {
  assertEquals(
    [
      s.null(),
      s.integer({ maximum: 3 }),
      s.number({ minimum: 2, unit: "Hz" }),
      s.string({ maxLength: 1 }),
      s.string({ minLength: 2 }),
      s.bytes({ minLength: 16, maxLength: 16 }),
      s.nullable(s.boolean()),
      s.object({}),
      s.enum(Array.from({ length: 14 }, (_, i) => `v${i}`)),
    ].map(describeSchema),
    [
      "null",
      "a whole number of at most 3",
      "a number of at least 2 (Hz)",
      "text of at most 1 character",
      "text of at least 2 characters",
      "bytes of 16 bytes",
      "true or false, or null",
      "an object without properties",
      "one of v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11 and 2 more",
    ],
  );
});
