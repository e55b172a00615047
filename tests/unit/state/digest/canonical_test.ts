import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { toHex } from "../../../../lib/base/mod.ts";
import {
  canonicalBytes,
  canonicalJson,
  CanonicalWriter,
  equalValues,
  TYPE_CODES,
} from "../../../../lib/state/digest/mod.ts";
import type { StateValue, ValueType } from "../../../../lib/state/model/mod.ts";
import { checkValue, isRefusal } from "../../../../lib/state/schema/mod.ts";
import { anyDefinedValue, TYPES, valuesOf } from "../schema/arbitraries.ts";

Deno.test("every type has the bytes that the protocol gives it", () => {
  const rows: [ValueType, StateValue, string][] = [
    ["f32", 0.5, "0000003f"],
    ["f32", -0, "00000000"],
    ["f32", -1.5, "0000c0bf"],
    ["unit", 0, "0000"],
    ["unit", 1, "ffff"],
    ["unit", 0.5, "0080"],
    ["i32", -2, "feffffff"],
    ["i32", 0x01020304, "04030201"],
    ["bool", true, "01"],
    ["bool", false, "00"],
    ["enum", "cut", "637574"],
    ["text", "é", "c3a9"],
    ["text", "", ""],
    ["bytes", Uint8Array.of(1, 255), "01ff"],
    ["vec3", [1, -0, 2], "0000803f0000000000000040"],
    ["quat", [0, 0, 0, 1], "0000000000000000000000000000803f"],
    ["json", { b: [1, true, null], a: "é" }, toHex(new TextEncoder().encode('{"a":"é","b":[1,true,null]}'))],
    ["json", null, toHex(new TextEncoder().encode("null"))],
  ];
  for (const [type, value, hex] of rows) {
    assertEquals([type, toHex(canonicalBytes(type, value))], [type, hex]);
  }
});

Deno.test("JSON has one form: keys sorted by UTF-16 units, undefined left out, no -0 (RFC 8785)", () => {
  // The order of keys in section 3.2.3 of the RFC.
  const keys = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\u{1f600}": 5, "\u0080": 6, "\u00f6": 7 };
  assertEquals(
    canonicalJson(keys),
    '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\u{1f600}":5,"\ufb33":3}',
  );
  assertEquals(
    canonicalJson({ z: undefined, a: -0, b: 1e21, c: 333333333.33333329, d: 1e-27 }),
    '{"a":0,"b":1e+21,"c":333333333.3333333,"d":1e-27}',
  );
});

Deno.test("the same JSON in any order of keys is equal, and no other is", () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 4 }), fc.jsonValue({ maxDepth: 4 }), (a, b) => {
    const [left, right] = [a as StateValue, b as StateValue];
    assert(equalValues("json", left, shuffled(left)));
    const areEqual = canonicalJson(left) === canonicalJson(right);
    assertEquals(equalValues("json", left, right), areEqual);
  }));
});

/** The same value with the keys of every object the other way round. */
function shuffled(value: StateValue): StateValue {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map((each) => shuffled(each as StateValue)) as unknown as StateValue;
  const map: Record<string, unknown> = {};
  for (const [key, each] of Object.entries(value).reverse()) {
    Object.defineProperty(map, key, { value: shuffled(each as StateValue), enumerable: true });
  }
  return map;
}

Deno.test("two values of a type are equal exactly when their bytes are", () => {
  const pairs = anyDefinedValue.chain(([definition, value]) =>
    fc.tuple(fc.constant(definition), fc.constant(value), fc.oneof(fc.constant(value), valuesOf(definition)))
  );
  fc.assert(
    fc.property(pairs, ([definition, first, second]) => {
      const [a, b] = [checkValue(definition, first), checkValue(definition, second)];
      assert(!isRefusal(a) && !isRefusal(b));
      const { type } = definition;
      assertEquals(
        equalValues(type, a, b),
        toHex(canonicalBytes(type, a)) === toHex(canonicalBytes(type, b)),
      );
    }),
    { numRuns: 300 },
  );
});

Deno.test("a writer writes one value after another, long and short, as if each were the first", () => {
  fc.assert(fc.property(fc.array(anyDefinedValue, { maxLength: 8 }), (values) => {
    const writer = new CanonicalWriter();
    for (const [{ type }, value] of values) {
      const length = writer.write(type, value);
      assertEquals(toHex(writer.bytes.slice(0, length)), toHex(canonicalBytes(type, value)));
    }
  }));
});

Deno.test("every type has a number of its own, and the numbers are those that were given out", () => {
  assertEquals(TYPES.map((type) => TYPE_CODES[type]), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

Deno.test("long texts of characters with many bytes are written whole", () => {
  for (const text of ["é".repeat(2_000), "中".repeat(1_300), "😀".repeat(1_000), "a".repeat(4_096)]) {
    assertEquals(toHex(canonicalBytes("text", text)), toHex(new TextEncoder().encode(text)));
  }
});
