import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../../lib/base/mod.ts";
import { equalValues } from "../../../../lib/state/digest/mod.ts";
import type { StateValue } from "../../../../lib/state/model/mod.ts";
import { checkValue, formatValue, isRefusal, parseValueText } from "../../../../lib/state/schema/mod.ts";
import { anyDefinedValue, define, type RawDefinition } from "./arbitraries.ts";

function refused(raw: RawDefinition, text: string): HanaError {
  const error = assertThrows(() => parseValueText(define(raw), text), HanaError);
  assertEquals(error.code, "schema");
  assert(error.message.length < 500 && !/\p{Cc}/u.test(error.message), error.message);
  return error;
}

Deno.test("what is printed is one line without anything invisible, and is read back as the same value", () => {
  fc.assert(
    fc.property(anyDefinedValue, ([definition, given]) => {
      const value = checkValue(definition, given);
      assert(!isRefusal(value));
      const text = formatValue(definition, value);
      assert(!/[\p{C}\u2028\u2029]/u.test(text), JSON.stringify(text));
      const read = parseValueText(definition, text);
      assert(equalValues(definition.type, read, value), `${text} was read as ${JSON.stringify(read)}`);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("values are printed as people write them", () => {
  const cases: [RawDefinition, StateValue, string][] = [
    [{ type: "f32" }, Math.fround(0.1), "0.1"],
    [{ type: "f32" }, 16777216, "16777216"],
    [{ type: "f32", unit: "°" }, 180, "180°"],
    [{ type: "f32", unit: "Hz" }, 2.5, "2.5 Hz"],
    [{ type: "f32", unit: "%" }, 50, "50%"],
    [{ type: "unit" }, 32768 / 65535, "0.5"],
    [{ type: "unit", unit: "%" }, 32768 / 65535, "50%"],
    [{ type: "unit", unit: "%" }, 24576 / 65535, "37.5%"],
    [{ type: "i32", unit: "bpm" }, -120, "-120 bpm"],
    [{ type: "bool" }, true, "true"],
    [{ type: "enum", words: ["cut"] }, "cut", "cut"],
    [{ type: "text" }, "Hello, wall", "Hello, wall"],
    [{ type: "text" }, "", '""'],
    [{ type: "text" }, " a", '" a"'],
    [{ type: "text" }, '"a', '"\\"a"'],
    [{ type: "text" }, "a\u202eb", '"a\\u202eb"'],
    [{ type: "text" }, "\u{e0041}", '"\\udb40\\udc41"'],
    [{ type: "bytes" }, Uint8Array.of(0, 255), "hex:00ff"],
    [{ type: "vec3", unit: "m" }, [1, Math.fround(0.2), 3], "1, 0.2, 3 m"],
    [{ type: "json" }, { b: 1, a: [true] }, '{"a":[true],"b":1}'],
    [{ type: "json" }, { a: "\u202e\u0085" }, '{"a":"\\u202e\\u0085"}'],
  ];
  for (const [raw, value, text] of cases) assertEquals(formatValue(define(raw), value), text);
});

Deno.test("values are read as people write them", () => {
  const cases: [RawDefinition, string, StateValue][] = [
    [{ type: "f32" }, " 0.25 ", 0.25],
    [{ type: "f32" }, "+1e3", 1000],
    [{ type: "f32" }, ".5", 0.5],
    [{ type: "f32", unit: "s" }, "500ms", 0.5],
    [{ type: "f32", unit: "ms" }, "0.1 s", 100],
    [{ type: "f32", unit: "ms" }, "2", 2],
    [{ type: "f32", unit: "ms" }, "500\u00b5s", 0.5],
    [{ type: "f32", unit: "ms" }, "500\u03bcs", 0.5],
    [{ type: "f32", unit: "°" }, "0.5 turn", 180],
    [{ type: "f32", unit: "rad" }, "180°", Math.fround(Math.PI)],
    [{ type: "f32", unit: "Hz" }, "120 bpm", 2],
    [{ type: "f32", unit: "%" }, "50%", 50],
    [{ type: "f32", unit: "lux" }, "50lux", 50],
    [{ type: "unit" }, "50%", 32768 / 65535],
    [{ type: "unit", unit: "%" }, "50%", 32768 / 65535],
    [{ type: "unit", unit: "%" }, "0.5", 32768 / 65535],
    [{ type: "i32", unit: "ms" }, "0.25s", 250],
    // 4.35 × 100 is 434.99999999999994 in doubles.
    [{ type: "i32", unit: "cm" }, "4.35m", 435],
    [{ type: "bool" }, "ON", true],
    [{ type: "bool" }, "no", false],
    [{ type: "enum", words: ["cut", "fade"] }, " fade", "fade"],
    [{ type: "text" }, " as it is ", " as it is "],
    [{ type: "text" }, '"in quotes\\n"', "in quotes\n"],
    [{ type: "text" }, '"begins with a quote', '"begins with a quote'],
    [{ type: "bytes" }, "base64:AP8=", Uint8Array.of(0, 255)],
    [{ type: "vec3" }, "[1, 2,3]", [1, 2, 3]],
    [{ type: "vec3" }, "1 2  3", [1, 2, 3]],
    [{ type: "vec3", unit: "m" }, "1m, 20 cm, 3 m", [1, Math.fround(0.2), 3]],
    [{ type: "quat" }, "0 0 0 1", [0, 0, 0, 1]],
    [{ type: "json" }, '{"a": [1, 2]}', { a: [1, 2] }],
  ];
  for (const [raw, text, value] of cases) assertEquals(parseValueText(define(raw), text), value, text);
});

Deno.test("what cannot be read is refused with what would be right", () => {
  const none: [RawDefinition, string][] = [
    [{ type: "f32" }, ""],
    [{ type: "f32" }, "abc"],
    [{ type: "f32" }, "1,5"],
    [{ type: "f32" }, "0x10"],
    [{ type: "f32" }, "NaN"],
    [{ type: "f32" }, "Infinity"],
    [{ type: "f32" }, "1e999"],
    [{ type: "f32" }, "50%"],
    [{ type: "f32", unit: "s" }, "5 Hz"],
    [{ type: "i32" }, "1.5"],
    [{ type: "i32", unit: "s" }, "250ms"],
    [{ type: "bool" }, "1"],
    [{ type: "bytes" }, "00ff"],
    [{ type: "bytes" }, "hex:0"],
    [{ type: "bytes" }, "hex:zz"],
    [{ type: "vec3" }, "1, 2"],
    [{ type: "vec3" }, "1, 2, x"],
    [{ type: "vec3" }, ""],
    [{ type: "json" }, "{a: 1}"],
    [{ type: "json" }, '{"__proto__": 1}'],
    [{ type: "text", max: 3 }, "abcd"],
    [{ type: "json" }, "[".repeat(50_000) + "]".repeat(50_000)],
    [{ type: "text" }, "a".repeat(1_000_000)],
    [{ type: "f32" }, "1".repeat(90_000)],
    [{ type: "f32" }, "1".repeat(90_000) + " x y"],
    [{ type: "f32" }, " ".repeat(90_000) + "x"],
    [{ type: "vec3" }, "1 ".repeat(40_000)],
  ];
  for (const [raw, text] of none) refused(raw, text);
  assertEquals(refused({ type: "f32", unit: "Hz" }, "5 hz").hint, "did you mean 5Hz?");
  assertEquals(refused({ type: "f32", max: 1 }, "2").why, "aurora/x takes a number of at most 1, not 2");
  assertEquals(
    refused({ type: "f32", unit: "°", min: 0, max: 360 }, "400").why,
    "aurora/x takes a number from 0 to 360°, not 400",
  );
  assertEquals(
    refused({ type: "enum", words: ["cut", "fade"] }, "fdae").why,
    'aurora/x has no word "fdae": did you mean fade?',
  );
});
