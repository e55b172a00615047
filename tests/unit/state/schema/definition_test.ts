import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../../lib/base/mod.ts";
import {
  checkValue,
  isRefusal,
  MAX_DECLARED,
  MAX_WORDS,
  readDefinition,
  readDefinitions,
} from "../../../../lib/state/schema/mod.ts";
import { rawDefinitions, TYPES } from "./arbitraries.ts";

/** The error of a declaration that cannot be read. */
function refused(raw: unknown): HanaError {
  const error = assertThrows(() => readDefinition(raw), HanaError);
  assertEquals(error.code, "schema");
  assert(error.message.length < 400 && !/\p{Cc}/u.test(error.message), error.message);
  return error;
}

function refusedField(change: Record<string, unknown>, field: string): HanaError {
  const error = refused({ path: "aurora/hue", type: "f32", ...change });
  assert(error.what.includes("aurora/hue") && error.what.includes(field), error.what);
  return error;
}

const anyRaw = fc.constantFrom(...TYPES).chain(rawDefinitions);

Deno.test("a path and a type are enough, and everything else is filled in", () => {
  assertEquals(readDefinition({ path: "aurora/hue", type: "f32" }), {
    path: "aurora/hue",
    subsystem: "params",
    type: "f32",
    default: 0,
    min: null,
    max: null,
    unit: null,
    words: [],
    merge: "latest",
    onLoss: "hold",
    fadeUs: 0,
    rate: "fast",
    description: null,
  });
});

Deno.test("a definition that was read is read again without a change", () => {
  fc.assert(
    fc.property(anyRaw, (raw) => {
      const once = readDefinition(raw);
      assertEquals(readDefinition(once), once);
      assertEquals(readDefinition({ ...raw, default: once.default }), once);
    }),
    { numRuns: 300 },
  );
});

Deno.test("a default that nobody gave is one that the definition allows", () => {
  fc.assert(
    fc.property(anyRaw, (raw) => {
      const definition = readDefinition(raw);
      assert(!isRefusal(checkValue(definition, definition.default)));
    }),
    { numRuns: 300 },
  );
  assertStrictEquals(readDefinition({ path: "a", type: "f32", min: 3 }).default, 3);
  assertStrictEquals(readDefinition({ path: "a", type: "i32", max: -3 }).default, -3);
  assertEquals(readDefinition({ path: "a", type: "vec3", min: 2 }).default, [2, 2, 2]);
  assertStrictEquals(readDefinition({ path: "a", type: "enum", words: ["x", "y"] }).default, "x");
});

Deno.test("bounds are kept as values are, so that the value at a bound is allowed", () => {
  const { min, max } = readDefinition({ path: "a", type: "f32", min: 0.1, max: 0.7 });
  assertEquals([min, max], [Math.fround(0.1), Math.fround(0.7)]);
  assertStrictEquals(readDefinition({ path: "a", type: "unit", min: 0.5 }).min, 32768 / 65535);
});

Deno.test("what is no declaration at all is refused", () => {
  for (const raw of [undefined, null, 1, "path", [], [1], true, () => 1]) refused(raw);
  for (
    const path of [
      undefined,
      1,
      "",
      "/a",
      "a/",
      "a//b",
      "A",
      "a b",
      "../a",
      "a".repeat(64),
      "a/b/c/d/e/f/g/h/i",
    ]
  ) {
    refused({ path, type: "f32" });
  }
  refused({ path: ("a".repeat(60) + "/").repeat(2) + "abcdefg", type: "f32" });
});

Deno.test("an unknown field is refused with the nearest one", () => {
  const error = refusedField({ mniimum: 1, mergee: "sum" }, "mniimum");
  assertEquals(error.hint, "leave it out");
  assertEquals(refusedField({ mergee: "sum" }, "mergee").hint, "did you mean merge?");
  assertEquals(refusedField({ onloss: "hold" }, "onloss").hint, "did you mean onLoss?");
  refusedField({ constructor: 1 }, "constructor");
  refused(JSON.parse('{"path":"a","type":"f32","__proto__":{"min":1}}'));
});

Deno.test("fields of a prototype are not read", () => {
  const raw = Object.create({ min: 5, merge: "sum" });
  Object.assign(raw, { path: "a", type: "f32" });
  assertEquals([readDefinition(raw).min, readDefinition(raw).merge], [null, "latest"]);
});

Deno.test("every field is held to what it may be, and the error names it", () => {
  const cases: [Record<string, unknown>, string][] = [
    [{ type: undefined }, "type"],
    [{ type: "float" }, "type"],
    [{ type: "constructor" }, "type"],
    [{ subsystem: "a/b" }, "subsystem"],
    [{ subsystem: "" }, "subsystem"],
    [{ subsystem: 1 }, "subsystem"],
    [{ subsystem: "dict" }, "subsystem"],
    [{ subsystem: "presence" }, "subsystem"],
    [{ min: "1" }, "min"],
    [{ min: NaN }, "min"],
    [{ max: Infinity }, "max"],
    [{ max: 1e39 }, "max"],
    [{ min: 2, max: 1 }, "min"],
    [{ type: "unit", min: -0.1 }, "min"],
    [{ type: "unit", max: 1.1 }, "max"],
    [{ type: "i32", min: 0.5 }, "min"],
    [{ type: "i32", max: 2 ** 31 }, "max"],
    [{ type: "bool", min: 0 }, "min"],
    [{ type: "quat", max: 1 }, "max"],
    [{ type: "text", min: 1 }, "min"],
    [{ type: "text", max: 0 }, "max"],
    [{ type: "text", max: 4_097 }, "max"],
    [{ type: "bytes", max: 1.5 }, "max"],
    [{ type: "bytes", max: 16_385 }, "max"],
    [{ unit: "" }, "unit"],
    [{ unit: "5m" }, "unit"],
    [{ unit: "m s" }, "unit"],
    [{ unit: "," }, "unit"],
    [{ unit: "e".repeat(17) }, "unit"],
    [{ unit: "m\n" }, "unit"],
    [{ type: "bool", unit: "s" }, "unit"],
    [{ words: ["a"] }, "words"],
    [{ type: "enum" }, "words"],
    [{ type: "enum", words: [] }, "words"],
    [{ type: "enum", words: "ab" }, "words"],
    [{ type: "enum", words: ["a", "a"] }, "words"],
    [{ type: "enum", words: ["a", ""] }, "words"],
    [{ type: "enum", words: [" a"] }, "words"],
    [{ type: "enum", words: ["a\u202eb"] }, "words"],
    [{ type: "enum", words: [1] }, "words"],
    [{ type: "enum", words: ["é".repeat(32)] }, "words"],
    [{ type: "enum", words: Array.from({ length: MAX_WORDS + 1 }, (_, i) => `w${i}`) }, "words"],
    [{ merge: "average" }, "merge"],
    [{ type: "text", merge: "sum" }, "merge"],
    [{ type: "bool", merge: "sum" }, "merge"],
    [{ type: "enum", words: ["a"], merge: "highest" }, "merge"],
    [{ type: "vec3", merge: "highest" }, "merge"],
    [{ onLoss: "drop" }, "onLoss"],
    [{ fadeUs: -1 }, "fadeUs"],
    [{ fadeUs: 0.5 }, "fadeUs"],
    [{ fadeUs: 60_000_001 }, "fadeUs"],
    [{ fadeUs: "1s" }, "fadeUs"],
    [{ type: "bool", fadeUs: 1 }, "fadeUs"],
    [{ rate: "slower" }, "rate"],
    [{ description: 1 }, "description"],
    [{ description: "é".repeat(257) }, "description"],
    [{ description: "\ud800" }, "description"],
    [{ default: "0" }, "default"],
    [{ default: null }, "default"],
    [{ default: NaN }, "default"],
    [{ max: 1, default: 2 }, "default"],
    [{ type: "enum", words: ["a"], default: "b" }, "default"],
    [{ type: "text", max: 1, default: "ab" }, "default"],
  ];
  for (const [change, field] of cases) refusedField(change, field);
});

Deno.test("a mistyped word gets the right one", () => {
  assertEquals(refusedField({ merge: "latset" }, "merge").hint, "did you mean latest?");
  assertEquals(refusedField({ type: "vec" }, "type").hint, "did you mean vec3?");
});

Deno.test("the most words, the longest word and the longest texts are taken", () => {
  const words = Array.from({ length: MAX_WORDS }, (_, i) => `${i}`.padStart(63, "w"));
  assertEquals(readDefinition({ path: "a", type: "enum", words }).words.length, MAX_WORDS);
  readDefinition({
    path: "a",
    type: "f32",
    description: "é".repeat(256),
    unit: "e".repeat(16),
    fadeUs: 60_000_000,
  });
  readDefinition({ path: Array(8).fill("a".repeat(15)).join("/"), type: "f32" });
});

Deno.test("whatever is declared is read or refused as a schema, and never breaks anything else", () => {
  const fields = fc.constantFrom(
    "path",
    "type",
    "default",
    "min",
    "max",
    "unit",
    "words",
    "merge",
    "fadeUs",
    "x",
  );
  const wild = fc.tuple(anyRaw, fields, fc.anything()).map(([raw, field, value]) => ({
    ...raw,
    [field]: value,
  }));
  fc.assert(
    fc.property(fc.oneof(fc.anything(), wild), (raw) => {
      try {
        readDefinition(raw);
      } catch (error) {
        assert(error instanceof HanaError && error.code === "schema", String(error));
      }
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("a declaration is a list of parameters, each path once, not too many", () => {
  assertEquals(readDefinitions([{ path: "a", type: "f32" }, { path: "b", type: "bool" }]).length, 2);
  for (
    const list of [
      null,
      {},
      [{ path: "a", type: "f32" }, { path: "a", type: "i32" }],
      [{ path: "a", type: "f32" }, null],
      Array.from({ length: MAX_DECLARED + 1 }, (_, i) => ({ path: `p${i}`, type: "f32" })),
    ]
  ) {
    assertEquals(assertThrows(() => readDefinitions(list), HanaError).code, "schema");
  }
});
