// Values and arbitraries that the tests of lib/wire share.

import fc from "fast-check";

/** Named values; `vectors/values.json` holds their bytes under the same names. */
export const NAMED_VALUES: Readonly<Record<string, unknown>> = {
  "null": null,
  "false": false,
  "true": true,
  "zero": 0,
  "largest fixint": 127,
  "smallest uint8": 128,
  "largest uint8": 255,
  "smallest uint16": 256,
  "largest uint16": 65535,
  "smallest uint32": 65536,
  "largest uint32": 2 ** 32 - 1,
  "smallest uint64": 2 ** 32,
  "largest integer": Number.MAX_SAFE_INTEGER,
  "minus one": -1,
  "smallest negative fixint": -32,
  "largest int8": -33,
  "smallest int8": -128,
  "largest int16": -129,
  "smallest int16": -32768,
  "largest int32": -32769,
  "smallest int32": -(2 ** 31),
  "largest int64": -(2 ** 31) - 1,
  "smallest integer": Number.MIN_SAFE_INTEGER,
  "a fraction": 0.1,
  "a huge number": 1e300,
  "not a number": NaN,
  "infinity": Infinity,
  "minus infinity": -Infinity,
  "empty text": "",
  "a short text": "hana",
  "31 bytes of text": "a".repeat(31),
  "32 bytes of text": "b".repeat(32),
  "256 bytes of text": "c".repeat(256),
  "text of two, three and four bytes": "é花🌸",
  "text with a byte order mark": "\uFEFFx",
  "text with control characters": 'a\n\t"\\',
  "no bytes": new Uint8Array(0),
  "three bytes": Uint8Array.of(0, 1, 255),
  "256 bytes": Uint8Array.from({ length: 256 }, (_, i) => i),
  "empty list": [],
  "a list": [1, "two", null],
  "16 items": Array.from({ length: 16 }, (_, i) => i),
  "empty map": {},
  "a map": { a: 1, b: [true] },
  "16 entries": Object.fromEntries(
    Array.from({ length: 16 }, (_, i) => [`k${String(i).padStart(2, "0")}`, i]),
  ),
  "keys that look like escapes": { $bytes: "AAEC", $$number: 1 },
  "a single key that looks like an escape": { $bytes: "AAEC" },
  "a cue": {
    cue: { hue: 0.25, label: "dawn", frames: [1, 2, 3], mask: Uint8Array.of(0x0f, 0xf0) },
    at: 1234567890123,
  },
};

/** Text without lone surrogates, with everything that breaks parsers in it. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: "grapheme-composite", maxLength: 40 }) },
  {
    weight: 2,
    arbitrary: fc.string({ unit: "binary", maxLength: 300 }).filter((text) => text.isWellFormed()),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "",
      "$",
      "$$",
      "$bytes",
      "$number",
      "\uFEFF",
      "\uFEFF" + "x".repeat(300),
      "\0",
    ),
  },
);

const anyKey = fc.oneof(
  { weight: 6, arbitrary: fc.string({ maxLength: 12 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "$",
      "$$",
      "$bytes",
      "$number",
      "$$bytes",
      "constructor",
      "toString",
      "0",
      "length",
    ),
  },
  { weight: 1, arbitrary: anyText },
).filter((key) => key !== "__proto__");

/** Numbers as they come back: −0 travels as 0. */
const anyNumber = fc.oneof(
  fc.double(),
  fc.maxSafeInteger(),
  fc.integer(),
  fc.constantFrom(NaN, Infinity, -Infinity, 1e21, 5e-324, 2 ** 53, -(2 ** 53)),
).map((n) => n === 0 ? 0 : n);

/** Anything that has a form on the wire. */
export const anyValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    { weight: 1, arbitrary: fc.constantFrom(null, true, false) },
    { weight: 2, arbitrary: anyNumber },
    { weight: 2, arbitrary: anyText },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 80 }).map((bytes) => new Uint8Array(bytes)) },
    { weight: 4, arbitrary: fc.array(tie("value"), { maxLength: 20 }) },
    {
      weight: 4,
      arbitrary: fc.dictionary(anyKey, tie("value"), { maxKeys: 20 }).map((map) => ({ ...map })),
    },
    { weight: 1, arbitrary: fc.record({ $bytes: tie("value") }).map((map) => ({ ...map })) },
    { weight: 1, arbitrary: fc.record({ $number: tie("value") }).map((map) => ({ ...map })) },
  ),
})).value;

/** Bytes of hex text. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(" ", "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Bytes of a text in UTF-8. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
