import { assert, assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import type { StateValue } from "../../../../lib/state/model/mod.ts";
import {
  checkValue,
  clampValue,
  isRefusal,
  MAX_JSON_DEPTH,
  MAX_JSON_VALUES,
  MAX_TEXT_VALUE_BYTES,
  MAX_VALUE_BYTES,
  Refusal,
} from "../../../../lib/state/schema/mod.ts";
import { anyDefinedValue, define, type RawDefinition } from "./arbitraries.ts";

/** The code of the refusal; fails when the value is taken. */
function codeOf(raw: RawDefinition, value: unknown): string {
  const answer = checkValue(define(raw), value);
  assert(isRefusal(answer), `a ${typeof value} was taken`);
  assert(answer.why.length > 10 && answer.why.length < 400, answer.why);
  assert(answer.why.startsWith("aurora/x "), answer.why);
  return answer.code;
}

function kept(raw: RawDefinition, value: unknown): StateValue {
  const answer = checkValue(define(raw), value);
  assert(!isRefusal(answer), `refused: ${(answer as Refusal).why}`);
  return answer;
}

Deno.test("what a definition allows is taken, and what was taken once is taken again without a change", () => {
  fc.assert(fc.property(anyDefinedValue, ([definition, value]) => {
    const once = checkValue(definition, value);
    assert(!isRefusal(once), isRefusal(once) ? once.why : "");
    assertStrictEquals(checkValue(definition, once), once);
  }));
});

Deno.test("a value of another type is refused, whatever it is", () => {
  const types = ["f32", "unit", "i32", "bool", "text", "bytes", "vec3", "quat"];
  const strangers = [
    undefined,
    null,
    {},
    [],
    () => 1,
    Symbol("x"),
    1n,
    new Date(0),
    [1, 2],
    ["1", "2", "3"],
    [1, , 3],
  ];
  for (const type of types) {
    for (const value of strangers) assertEquals(codeOf({ type }, value), "wrong-type");
  }
  assertEquals(codeOf({ type: "f32" }, "1"), "wrong-type");
  assertEquals(codeOf({ type: "bool" }, 1), "wrong-type");
  assertEquals(codeOf({ type: "i32" }, 1.5), "wrong-type");
  assertEquals(codeOf({ type: "enum", words: ["a"] }, 0), "wrong-type");
  assertEquals(codeOf({ type: "bytes" }, [1, 2]), "wrong-type");
  assertEquals(codeOf({ type: "json" }, new Map()), "wrong-type");
});

Deno.test("NaN and the infinities are no values, wherever they stand", () => {
  for (const value of [NaN, Infinity, -Infinity]) {
    for (const type of ["f32", "unit", "i32"]) {
      assertEquals(codeOf({ type }, value), "not-finite");
      assertEquals(codeOf({ type, min: 0, max: 1 }, value), "not-finite");
    }
    assertEquals(codeOf({ type: "vec3" }, [0, value, 0]), "not-finite");
    assertEquals(codeOf({ type: "quat" }, [0, 0, value, 1]), "not-finite");
    assertEquals(codeOf({ type: "json" }, { a: [value] }), "not-finite");
  }
});

Deno.test("a number at a bound is taken and the next one beyond is not", () => {
  const hue = { type: "f32", min: 0.1, max: 0.7 };
  for (const bound of [0.1, 0.7, Math.fround(0.1), Math.fround(0.7)]) {
    assertStrictEquals(kept(hue, bound), Math.fround(bound));
  }
  const ulp = 2 ** -24;
  assertEquals(codeOf(hue, Math.fround(0.7) + ulp), "out-of-range");
  assertEquals(codeOf(hue, Math.fround(0.1) - ulp), "out-of-range");
  assertEquals(codeOf({ type: "i32", min: -3, max: 3 }, 4), "out-of-range");
  assertEquals(codeOf({ type: "i32", min: -3, max: 3 }, -4), "out-of-range");
  assertEquals(codeOf({ type: "i32" }, 0x8000_0000), "out-of-range");
  assertStrictEquals(kept({ type: "i32" }, -0x8000_0000), -0x8000_0000);
  assertEquals(codeOf({ type: "f32" }, 1e39), "out-of-range");
  assertEquals(codeOf({ type: "unit" }, 1.000001), "out-of-range");
  assertEquals(codeOf({ type: "unit" }, -0.000001), "out-of-range");
  assertEquals(codeOf({ type: "unit", max: 0.5 }, 0.6), "out-of-range");
  assertEquals(codeOf({ type: "vec3", max: 1 }, [0, 0, 2]), "out-of-range");
});

Deno.test("numbers are kept as the wire carries them, and minus nought as nought", () => {
  assertStrictEquals(kept({ type: "f32" }, 0.1), Math.fround(0.1));
  assertStrictEquals(kept({ type: "unit" }, 0.5), 32768 / 65535);
  assertStrictEquals(kept({ type: "unit" }, 1), 1);
  for (const type of ["f32", "unit", "i32"]) assert(Object.is(kept({ type }, -0), 0), type);
  const vector = kept({ type: "vec3" }, [-0, 0.1, 1]) as readonly number[];
  assert(Object.is(vector[0], 0));
  assertStrictEquals(vector[1], Math.fround(0.1));
  const signed = [1, -0, 2];
  assert(Object.is((kept({ type: "vec3" }, signed) as readonly number[])[1], 0));
  assert(Object.is(signed[1], -0), "what the caller gave is as it was");
  const exact = [1, 2, 3];
  assertStrictEquals(kept({ type: "vec3" }, exact), exact);
});

Deno.test("a rotation has length 1, give or take what interpolation leaves", () => {
  assertEquals(codeOf({ type: "quat" }, [0, 0, 0, 0]), "out-of-range");
  assertEquals(codeOf({ type: "quat" }, [0, 0, 0, 1.02]), "out-of-range");
  assertEquals(kept({ type: "quat" }, [0, 0, 0, 1.005]), [0, 0, 0, Math.fround(1.005)]);
});

Deno.test("texts and bytes are measured in bytes, at the bound and one beyond", () => {
  assertEquals(kept({ type: "text", max: 4 }, "éé"), "éé");
  assertEquals(codeOf({ type: "text", max: 4 }, "ééa"), "too-long");
  assertEquals(codeOf({ type: "text", max: 4 }, "abcde"), "too-long");
  assertEquals(codeOf({ type: "text" }, "a".repeat(MAX_TEXT_VALUE_BYTES + 1)), "too-long");
  assertEquals(
    (kept({ type: "text" }, "a".repeat(MAX_TEXT_VALUE_BYTES)) as string).length,
    MAX_TEXT_VALUE_BYTES,
  );
  assertEquals(codeOf({ type: "text" }, "\ud800"), "not-text");
  assertEquals(codeOf({ type: "bytes", max: 2 }, new Uint8Array(3)), "too-long");
  assertEquals(codeOf({ type: "bytes" }, new Uint8Array(MAX_VALUE_BYTES + 1)), "too-long");
  kept({ type: "bytes" }, new Uint8Array(MAX_VALUE_BYTES));
});

Deno.test("an unknown word is refused with the nearest one", () => {
  const wipe = { type: "enum", words: ["cut", "sidewipe", "dissolve"] };
  const answer = checkValue(define(wipe), "sidewpie");
  assert(isRefusal(answer));
  assertEquals(answer.code, "unknown-word");
  assertEquals(answer.why, 'aurora/x has no word "sidewpie": did you mean sidewipe?');
  assertEquals(codeOf(wipe, ""), "unknown-word");
  assertEquals(codeOf(wipe, "Cut"), "unknown-word");
  assertEquals(codeOf(wipe, "toString"), "unknown-word");
  assertEquals(codeOf(wipe, "x".repeat(1_000_000)), "unknown-word");
});

Deno.test("JSON is plain data within bounds: loops, depth, count, size and foreign objects are refused", () => {
  const json = { type: "json" };
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  assertEquals(codeOf(json, loop), "too-deep");
  let deep: unknown = 1;
  for (let i = 0; i < MAX_JSON_DEPTH; i++) deep = [deep];
  kept(json, deep);
  assertEquals(codeOf(json, [deep]), "too-deep");
  kept(json, Array(MAX_JSON_VALUES - 1).fill(0));
  assertEquals(codeOf(json, Array(MAX_JSON_VALUES).fill(0)), "too-long");
  assertEquals(codeOf(json, new Array(2 ** 30)), "too-long");
  const half = MAX_JSON_VALUES / 2;
  kept(json, [Array(half - 2).fill(0), Array(half - 1).fill(0)]);
  assertEquals(codeOf(json, [Array(half - 1).fill(0), Array(half - 1).fill(0)]), "too-long");
  assertEquals(codeOf(json, [...Array(half - 1).fill(0), ...Array(half - 1).fill(0), [0]]), "too-long");
  assertEquals(codeOf(json, { text: "a".repeat(MAX_VALUE_BYTES) }), "too-long");
  assertEquals(codeOf(json, { text: "é".repeat(MAX_VALUE_BYTES / 2) }), "too-long");
  assertEquals(codeOf(json, { "\udc00": 1 }), "not-text");
  assertEquals(codeOf(json, { a: ["\udc00"] }), "not-text");
  assertEquals(codeOf(json, { a: new Date(0) }), "wrong-type");
  assertEquals(codeOf(json, { a: new Uint8Array(1) }), "wrong-type");
  assertEquals(codeOf(json, { a: 1n }), "wrong-type");
  assertEquals(codeOf(json, [undefined]), "wrong-type");
  assertEquals(codeOf(json, JSON.parse('{"a":{"__proto__":1}}')), "wrong-type");
  kept(json, { a: undefined, b: null });
});

Deno.test("no value whatsoever makes the check throw", () => {
  const definitions = [
    { type: "f32", min: 0 },
    { type: "unit" },
    { type: "i32" },
    { type: "bool" },
    { type: "enum", words: ["a", "b"] },
    { type: "text" },
    { type: "bytes" },
    { type: "vec3" },
    { type: "quat" },
    { type: "json" },
  ].map(define);
  fc.assert(
    fc.property(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withTypedArray: true,
        withSparseArray: true,
        withNullPrototype: true,
      }),
      (value) => {
        for (const definition of definitions) {
          const answer = checkValue(definition, value);
          if (isRefusal(answer)) assert(answer.why.length < 400 && !/\p{Cc}/u.test(answer.why), answer.why);
        }
      },
    ),
  );
});

Deno.test("the sentence of a refusal is made when it is read, and not before", () => {
  let said = 0;
  const refusal = new Refusal("full", () => `${++said}`);
  assertEquals(said, 0);
  assertEquals(refusal.why, "1");
});

Deno.test("a number that is clamped may stand there, and one that may is left alone", () => {
  const numeric = anyDefinedValue.filter(([{ type }]) => ["f32", "unit", "i32", "vec3"].includes(type));
  fc.assert(
    fc.property(numeric, fc.double({ min: -1e9, max: 1e9, noNaN: true }), ([definition, value], number) => {
      const wild = definition.type === "vec3" ? [number, 0, -number] : number;
      const clamped = clampValue(definition, wild);
      assertEquals(checkValue(definition, clamped), clamped);
      const fine = checkValue(definition, value);
      assert(!isRefusal(fine));
      assertEquals(clampValue(definition, fine), fine);
    }),
  );
  assertStrictEquals(clampValue(define({ type: "unit" }), 1.5), 1);
  assertNotEquals(clampValue(define({ type: "f32" }), 1e300), Infinity);
});
