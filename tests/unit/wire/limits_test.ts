import { assert, assertEquals, assertThrows } from "@std/assert";
import { decode as packageDecode } from "@msgpack/msgpack";
import fc from "fast-check";
import { HanaError } from "../../../lib/base/mod.ts";
import { createCodec, type DecodeLimits } from "../../../lib/wire/mod.ts";
// The scanners are no public face; the claim that they speak first is tested where it is made.
import { completeLimits, DEFAULT_DECODE_LIMITS } from "../../../lib/wire/limits.ts";
import { JsonScanner } from "../../../lib/wire/json_scan.ts";
import { MessagePackScanner } from "../../../lib/wire/messagepack_scan.ts";
import { anyValue, hex, utf8 } from "./values.ts";

const DEFAULTS = completeLimits();
const scanner = new MessagePackScanner(DEFAULTS);
const jsonScanner = new JsonScanner(DEFAULTS);

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

/** For each limit: a value that just keeps it, one that breaks it, and its name. */
const AT_THE_LIMIT: readonly [Partial<DecodeLimits>, unknown, unknown][] = [
  [{ maxDepth: 5 }, nested(5), nested(6)],
  [{ maxDepth: 0 }, 1, []],
  [{ maxDepth: 2 }, [{ a: NaN, b: Uint8Array.of(1) }], [[{}]]],
  [{ maxStringBytes: 4 }, "é花".slice(0, 1) + "ab", "é花"],
  [{ maxStringBytes: 3 }, { $$$: "\n\t\0" }, { abcd: 1 }],
  [{ maxBinaryBytes: 4 }, new Uint8Array(4), new Uint8Array(5)],
  [{ maxBinaryBytes: 300 }, [new Uint8Array(300)], [new Uint8Array(301)]],
  [{ maxArrayLength: 3 }, [1, 2, 3], [1, 2, 3, 4]],
  [{ maxMapEntries: 2 }, { a: 1, b: 2 }, { a: 1, b: 2, c: 3 }],
  [{ maxNodes: 4 }, [1, { a: 2 }], [1, { a: [] }, 2]],
  [{ maxNodes: 3 }, [NaN, Uint8Array.of(1)], [NaN, Uint8Array.of(1), 1]],
];

for (const name of ["msgpack", "json"] as const) {
  for (const [limits, kept, broken] of AT_THE_LIMIT) {
    const limit = JSON.stringify(limits);

    Deno.test(`${name}: ${limit} is kept by ${JSON.stringify(kept).slice(0, 40)} and named when broken`, () => {
      const codec = createCodec(name, limits);
      const generous = createCodec(name);
      assertEquals(codec.decode(codec.encode(kept)), kept);
      const said = Object.keys(limits)[0] ?? "";
      const reading = assertThrows(() => codec.decode(generous.encode(broken)), HanaError, said);
      assertEquals(reading.code, "decode");
      const writing = assertThrows(() => codec.encode(broken), HanaError, said);
      assertEquals(writing.code, "schema");
    });
  }

  Deno.test(`${name}: what is written under tight limits is read under the same limits`, () => {
    const limits = {
      maxDepth: 3,
      maxStringBytes: 12,
      maxBinaryBytes: 20,
      maxArrayLength: 6,
      maxMapEntries: 5,
      maxNodes: 30,
    };
    const codec = createCodec(name, limits);
    const generous = createCodec(name);
    let written = 0;
    fc.assert(
      fc.property(anyValue, (value) => {
        let bytes: Uint8Array;
        try {
          bytes = codec.encode(value);
        } catch (error) {
          assert(error instanceof HanaError && error.code === "schema");
          // And what may not be written is not read either.
          assertThrows(() => codec.decode(generous.encode(value)), HanaError);
          return;
        }
        written++;
        assertEquals(codec.decode(bytes), value);
      }),
      { numRuns: 800 },
    );
    assert(written > 50, `only ${written} values kept the limits`);
  });
}

Deno.test("the scan agrees with the package on valid bytes and on bytes cut anywhere", () => {
  const codec = createCodec("msgpack");
  fc.assert(
    fc.property(anyValue, fc.nat(), (value, n) => {
      const bytes = codec.encode(value).slice();
      assertEquals(scanner.scan(bytes), null);
      const cut = bytes.subarray(0, n % bytes.length);
      assertEquals(scanner.scan(cut), "truncated");
      assertThrows(() => packageDecode(cut), RangeError);
    }),
    { numRuns: 400 },
  );
});

Deno.test("what the scan accepts of random bytes the package accepts too", () => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 24 }), (bytes) => {
      if (scanner.scan(bytes) !== null) return;
      accepted++;
      packageDecode(bytes);
    }),
    { numRuns: 20_000 },
  );
  assert(accepted > 100, `only ${accepted} inputs were valid`);
});

Deno.test("the JSON scan accepts all valid JSON and whatever it accepts beyond that JSON.parse refuses", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.nat(6), (text, indent) => {
      assertEquals(jsonScanner.scan(utf8(text)), null);
      assertEquals(jsonScanner.scan(utf8(JSON.stringify(JSON.parse(text), null, indent))), null);
    }),
    { numRuns: 500 },
  );
  const fragment = fc.constantFrom(
    ...'[ ] { } , : 1 -2.5e3 true null "a" "\\u00e9" "$bytes" "x\\" \n " \\ nul 01 "k":'.split(" "),
  );
  const codec = createCodec("json");
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 12 }), (fragments) => {
      const text = fragments.join(" ");
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      if (valid) assertEquals(jsonScanner.scan(utf8(text)), null);
      else assertEquals(assertThrows(() => codec.decode(utf8(text)), HanaError).code, "decode");
    }),
    { numRuns: 5000 },
  );
});

const REFUSED_MESSAGEPACK: readonly [string, string, string][] = [
  ["nothing", "", "cut off"],
  ["4 GiB of array items announced", "dd ffffffff", "maxArrayLength"],
  ["4 GiB of map entries announced", "df ffffffff", "maxMapEntries"],
  ["4 GiB of bytes announced", "c6 ffffffff", "maxBinaryBytes"],
  ["4 GiB of text announced", "db ffffffff", "maxStringBytes"],
  ["16 MiB of bytes announced and none sent", "c6 01000000", "cut off"],
  ["65,536 items announced and one sent", "dd 00010000 c0", "cut off"],
  ["a map without its last value", "81 a161", "cut off"],
  ["a length without its second byte", "da 01", "cut off"],
  ["a double of seven bytes", "cb 00000000000000", "cut off"],
  ["a byte too many", "c0 c0", "bytes follow"],
  ["the type byte that is never used", "c1", "type byte"],
  ["a timestamp extension", "d6 ff 00000000", "extension"],
  ["an extension inside a list", "91 c7 01 05 00", "extension"],
  ["a number as a key", "81 01 02", "map key that is no string"],
  ["bytes as a key", "81 c401 61 02", "map key that is no string"],
  ["nil as a key", "81 c0 02", "map key that is no string"],
  ["a list as a key", "81 90 02", "map key that is no string"],
  ["the key __proto__", "81 a9 5f5f70726f746f5f5f 80", "__proto__"],
  ["the key __proto__ in a long form", "81 d909 5f5f70726f746f5f5f 80", "__proto__"],
  ["2^53", "cf 0020000000000000", "2^53"],
  ["2^64 − 1", "cf ffffffffffffffff", "2^53"],
  ["−2^53", "d3 ffe0000000000000", "2^53"],
  ["−2^63", "d3 8000000000000000", "2^53"],
  ["2^53 as a signed integer", "d3 0020000000000000", "2^53"],
  ["text cut inside a character", "a2 41c3", "UTF-8"],
  ["a lone continuation byte", "a1 80", "UTF-8"],
  ["an overlong slash", "a2 c0af", "UTF-8"],
  ["an overlong slash of three bytes", "a3 e080af", "UTF-8"],
  ["a surrogate", "a3 eda080", "UTF-8"],
  ["a character above U+10FFFF", "a4 f4908080", "UTF-8"],
  ["a character of five bytes", "a5 f888808080", "UTF-8"],
  ["a key that is no UTF-8", "81 a1ff 01", "UTF-8"],
];

for (const [what, bytes, text] of REFUSED_MESSAGEPACK) {
  Deno.test(`MessagePack refused: ${what}`, () => {
    const error = assertThrows(() => createCodec("msgpack").decode(hex(bytes)), HanaError, text);
    assertEquals(error.code, "decode");
  });
}

const REFUSED_JSON: readonly [string, string | Uint8Array, string][] = [
  ["nothing", "", "cut off"],
  ["spaces", " \n", "cut off"],
  ["two values", "1 2", "bytes follow"],
  ["an open list", "[1", "cut off"],
  ["an open string", '"a', "cut off"],
  ["an open escape", '"\\u00', "cut off"],
  ["a trailing comma", "[1,]", "no valid JSON"],
  ["no comma", "[1 2]", "no valid JSON"],
  ["the wrong bracket", "[1}", "no valid JSON"],
  ["a key without quotes", "{a:1}", "map key that is no string"],
  ["a literal that is none", "nul", "not valid"],
  ["a number that is none", "01", "not valid"],
  ["a raw newline in a string", '"\n"', "not valid"],
  ["an escape that is none", '"\\x"', "not valid"],
  ["a number beyond every double", "1e999", "range of a double"],
  ["a lone surrogate", '"\\ud800"', "surrogate"],
  ["a lone surrogate in a key", '{"\\udc00":1}', "surrogate"],
  ["text that is no UTF-8", Uint8Array.of(0x22, 0xff, 0x22), "UTF-8"],
  ["a byte order mark", "\uFEFF1", "no valid JSON"],
  ["the key __proto__", '{"__proto__":{"a":1}}', "__proto__"],
  ["the key __proto__ in disguise", '{"\\u005f_proto__":{"a":1}}', "__proto__"],
  ["the key __proto__ beside an escaped key", '{"$$a":1,"__proto__":{"a":1}}', "__proto__"],
  ["an escape with company", '{"$bytes":"AAEC","a":1}', "starts with one $"],
  ["an escape that does not exist", '{"$date":"2026-01-01"}', "starts with one $"],
  ["bytes that are no text", '{"$bytes":[1]}', "$bytes is no text"],
  ["bytes that are no base64", '{"$bytes":"A*=="}', "no base64"],
  ["bytes without padding", '{"$bytes":"AA"}', "no base64"],
  ["a number escape for a number", '{"$number":"1"}', "$number is none"],
  ["a number escape that is no text", '{"$number":1}', "$number is none"],
];

for (const [what, text, said] of REFUSED_JSON) {
  Deno.test(`JSON refused: ${what}`, () => {
    const bytes = typeof text === "string" ? utf8(text) : text;
    const error = assertThrows(() => createCodec("json").decode(bytes), HanaError, said);
    assertEquals(error.code, "decode");
  });
}

Deno.test("the length of JSON text is what it stands for, not how it is escaped", () => {
  const escaped: [string, string][] = [
    ['"\\u0041"', "A"],
    ['"\\n"', "\n"],
    ['"\\u00e9"', "é"],
    ['"\\u82b1"', "花"],
    ['"\\uD83C\\udf38"', "🌸"],
  ];
  for (const [text, meaning] of escaped) {
    const bytes = utf8(meaning).length;
    assertEquals(createCodec("json", { maxStringBytes: bytes }).decode(utf8(text)), meaning);
    const tight = createCodec("json", { maxStringBytes: bytes - 1 });
    assertThrows(() => tight.decode(utf8(text)), HanaError, "maxStringBytes");
  }
});

Deno.test("an escape written with other escapes means the same", () => {
  assertEquals(createCodec("json").decode(utf8('{"\\u0024bytes":"AAEC"}')), Uint8Array.of(0, 1, 2));
});

Deno.test("a million nested lists are refused at the limit's depth, in both encodings", () => {
  const packed = new Uint8Array(1_000_000).fill(0x91);
  assertEquals([scanner.scan(packed), scanner.refusedAt], ["depth", DEFAULT_DECODE_LIMITS.maxDepth]);
  const text = new Uint8Array(1_000_000).fill(0x5b);
  assertEquals([jsonScanner.scan(text), jsonScanner.refusedAt], ["depth", DEFAULT_DECODE_LIMITS.maxDepth]);
});

Deno.test("a million empty maps are refused by the number of values", () => {
  const list = hex("dc ffff").slice(0);
  const inner = new Uint8Array(65_535).fill(0x80);
  const five = [hex("95"), ...Array.from({ length: 5 }, () => [list, inner]).flat()];
  const bytes = Uint8Array.from(five.flatMap((part) => [...part]));
  assertEquals(scanner.scan(bytes), "nodes");
});

Deno.test("hundred bytes never reach the decoder with more than hundred values", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.constantFrom(
            0x80,
            0x8f,
            0x90,
            0x9f,
            0xc4,
            0xc6,
            0xd9,
            0xdb,
            0xdc,
            0xdd,
            0xde,
            0xdf,
            0xff,
            0xa1,
            0x61,
            0,
          ),
          fc.nat(255),
        ),
        { minLength: 1, maxLength: 100 },
      ),
      (list) => {
        const bytes = Uint8Array.from(list);
        if (scanner.scan(bytes) !== null) return;
        assert(size(createCodec("msgpack").decode(bytes)) <= 100);
      },
    ),
    { numRuns: 20_000 },
  );
});

/** How many values and bytes a decoded value takes. */
function size(value: unknown): number {
  if (typeof value === "string") return 1 + value.length;
  if (value instanceof Uint8Array) return 1 + value.length;
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + size(item), 1);
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce((sum: number, item) => sum + size(item), 1);
}

Deno.test("a limit that is no count is a bug of the caller", () => {
  for (
    const limits of [{ maxDepth: -1 }, { maxNodes: 1.5 }, { maxDepth: 100_000 }, { maxArrayLength: NaN }]
  ) {
    assertEquals(assertThrows(() => createCodec("msgpack", limits), HanaError).code, "internal");
  }
});
