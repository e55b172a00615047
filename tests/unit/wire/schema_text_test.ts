import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../lib/base/mod.ts";
import { coerceArguments, coerceText, s, type Schema } from "../../../lib/wire/mod.ts";

const READ: readonly [Schema, string, unknown][] = [
  [s.null(), "null", null],
  [s.boolean(), "on", true],
  [s.boolean(), "yes", true],
  [s.boolean(), "true", true],
  [s.boolean(), "off", false],
  [s.boolean(), "no", false],
  [s.boolean(), "false", false],
  [s.integer(), "-3", -3],
  [s.integer(), "1e3", 1000],
  [s.integer(), "2.0", 2],
  [s.number(), ".5", 0.5],
  [s.number(), "+1.", 1],
  [s.number(), "6.02e-3", 0.00602],
  [s.string(), "", ""],
  [s.string(), "null", "null"],
  [s.string(), "a=b c", "a=b c"],
  [s.enum(["wash", "spot"]), "spot", "spot"],
  [s.const("x"), "x", "x"],
  [s.bytes(), "hex:00ffAA", Uint8Array.of(0, 255, 170)],
  [s.bytes(), "hex:", new Uint8Array(0)],
  [s.bytes(), "base64:AP8=", Uint8Array.of(0, 255)],
  [s.nullable(s.integer()), "null", null],
  [s.nullable(s.integer()), "4", 4],
  [s.nullable(s.string()), "none", "none"],
  [s.array(s.integer()), "[1, 2]", [1, 2]],
  [s.object({ x: s.integer(), b: s.bytes() }), '{"x":1,"b":{"$bytes":"AP8="}}', {
    x: 1,
    b: Uint8Array.of(0, 255),
  }],
  [s.map(s.boolean()), '{"a":true}', { a: true }],
  [s.unknown(), '{"a":[1]}', { a: [1] }],
];

for (const [schema, text, value] of READ) {
  Deno.test(`the word ${JSON.stringify(text)} is read as ${JSON.stringify(value)}`, () => {
    assertEquals(coerceText(schema, text), value);
  });
}

const REFUSED: readonly [Schema, string, string][] = [
  [
    s.integer({ minimum: 0, maximum: 9, unit: "frames" }),
    "10",
    "expected a whole number from 0 to 9 (frames), found 10",
  ],
  [s.integer(), "1.5", "expected a whole number, found 1.5"],
  [s.integer(), "three", 'expected a whole number, found "three"'],
  [s.integer(), "0x10", 'expected a whole number, found "0x10"'],
  [s.integer(), "", 'expected a whole number, found ""'],
  [s.integer(), " 1", "expected a whole number"],
  [s.number(), "NaN", 'expected a number, found "NaN"'],
  [s.number(), "Infinity", "expected a number"],
  [s.number(), "1e999", "expected a number, found Infinity"],
  [s.number(), "1.2.3", "expected a number"],
  [s.boolean(), "1", 'expected true or false, found "1"'],
  [s.null(), "", 'expected null, found ""'],
  [s.string({ maxLength: 3 }), "abcd", 'expected text of at most 3 characters, found "abcd"'],
  [s.enum(["wash", "spot"]), "wsh", 'expected one of wash, spot, found "wsh"'],
  [s.bytes(), "00ff", "expected bytes written as hex:00ff or base64:AP8="],
  [s.bytes(), "hex:0", "written as hex:00ff"],
  [s.bytes(), "base64:***", "written as hex:00ff"],
  [s.bytes({ maxLength: 1 }), "hex:0000", "expected bytes of at most 1 byte, found 2 bytes"],
  [s.nullable(s.integer()), "x", "expected a whole number"],
  [s.array(s.integer()), "1,2", "expected a list, each a whole number as JSON"],
  [s.array(s.integer()), "[1, 0.5]", "value[1]: expected a whole number, found 0.5"],
  [s.object({ x: s.integer() }), '{"y":1}', "value.x: expected a whole number, found nothing"],
  [s.unknown(), "plain", 'expected any value as JSON, found "plain"'],
  [s.array(s.null()), "[".repeat(100), "nested deeper than 32"],
];

for (const [schema, text, said] of REFUSED) {
  Deno.test(`the word ${JSON.stringify(text.slice(0, 20))} is refused: ${said}`, () => {
    const error = assertThrows(() => coerceText(schema, text), HanaError, said);
    assertEquals(error.code, "schema");
  });
}

Deno.test("every number is read from the text that it prints as", () => {
  fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (n) => {
    assertEquals(coerceText(s.number(), String(n)), n === 0 ? 0 : n);
  }));
});

const CALL = s.object({
  count: s.integer({ minimum: 1, maximum: 9 }),
  on: s.optional(s.boolean()),
  label: s.optional(s.string()),
});

Deno.test("arguments of the form name=text become the message", () => {
  assertEquals(coerceArguments(CALL, ["count=3", "on=true", "label=a=b"]), {
    count: 3,
    on: true,
    label: "a=b",
  });
  assertEquals(coerceArguments(CALL, ["count=3"]), { count: 3 });
  assertEquals(coerceArguments(s.object({}), []), {});
});

const REFUSED_ARGUMENTS: readonly [string[], string][] = [
  [["count=3", "speed=2"], 'argument "speed": is none of count, on, label'],
  [["toString=2"], 'argument "toString": is none of'],
  [["count"], "count: expected count=VALUE, with a whole number from 1 to 9"],
  [["count=1", "count=2"], 'argument "count": is given twice'],
  [["on=true"], 'argument "count": is missing'],
  [["count=12"], "count: expected a whole number from 1 to 9, found 12"],
];

for (const [words, said] of REFUSED_ARGUMENTS) {
  Deno.test(`arguments refused: ${words.join(" ")}`, () => {
    assertEquals(assertThrows(() => coerceArguments(CALL, words), HanaError, said).code, "schema");
  });
}

Deno.test("a message without arguments says that there are none", () => {
  assertThrows(() => coerceArguments(s.object({}), ["a=1"]), HanaError, "there are no arguments here");
});
