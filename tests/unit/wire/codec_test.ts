import { assert, assertEquals, assertNotEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { decode as oracleDecode, encode as oracleEncode } from "@std/msgpack";
import { decode as packageDecode } from "@msgpack/msgpack";
import fc from "fast-check";
import { HanaError } from "../../../lib/base/mod.ts";
import { CODEC_NAMES, createCodec, isCodecName } from "../../../lib/wire/mod.ts";
import { anyText, anyValue, hex, NAMED_VALUES, utf8 } from "./values.ts";

function refusal(run: () => unknown): string {
  const error = assertThrows(run, HanaError);
  return `${error.code}: ${error.message}`;
}

for (const name of CODEC_NAMES) {
  const codec = createCodec(name);

  Deno.test(`${name}: any value comes back as it was`, () => {
    fc.assert(
      fc.property(anyValue, (value) => assertEquals(codec.decode(codec.encode(value)), value)),
      { numRuns: 400 },
    );
  });

  Deno.test(`${name}: any text comes back as it was, byte order marks and NUL included`, () => {
    fc.assert(fc.property(anyText, (text) => {
      assertEquals(codec.decode(codec.encode({ [`k${text}`]: text })), { [`k${text}`]: text });
    }));
  });

  Deno.test(`${name}: a decoded value shares no memory with the bytes it came from`, () => {
    const value = { text: "hana", bytes: Uint8Array.of(1, 2, 3), list: [Uint8Array.of(4)] };
    const input = codec.encode(value).slice();
    const decoded = codec.decode(input);
    input.fill(0xff);
    assertEquals(decoded, value);
  });

  Deno.test(`${name}: bytes come back as a plain Uint8Array even from a subclass that slices by view`, () => {
    class Viewing extends Uint8Array {
      override slice(start?: number, end?: number): Uint8Array<ArrayBuffer> {
        return this.subarray(start, end) as Uint8Array<ArrayBuffer>;
      }
    }
    const input = new Viewing(codec.encode([Uint8Array.of(1, 2, 3)]));
    const decoded = codec.decode(input) as Uint8Array[];
    input.fill(0xff);
    assertEquals(decoded, [Uint8Array.of(1, 2, 3)]);
    assertStrictEquals(decoded[0]?.constructor, Uint8Array);
  });

  Deno.test(`${name}: properties that are undefined are left out`, () => {
    assertEquals(codec.decode(codec.encode({ a: undefined, b: 1, c: { d: undefined } })), { b: 1, c: {} });
  });

  Deno.test(`${name}: minus zero arrives as zero`, () => {
    assertStrictEquals(codec.decode(codec.encode(-0)), 0);
  });

  Deno.test(`${name}: what has no form on the wire is refused, with its place`, () => {
    const cyclic: Record<string, unknown> = {};
    cyclic["self"] = { cyclic };
    const cases: [unknown, string][] = [
      [undefined, "cannot encode value: undefined has no form"],
      [{ a: [1, () => 1] }, "cannot encode value.a[1]: a function has no form"],
      [[undefined], "cannot encode value[0]: undefined has no form"],
      [{ n: 1n }, "cannot encode value.n: a bigint has no form"],
      [Symbol("x"), "cannot encode value: a symbol has no form"],
      [new Map(), "a Map has no form"],
      [new Float32Array(1), "a Float32Array has no form"],
      [new DataView(new ArrayBuffer(1)), "a DataView has no form"],
      [{ lone: "\ud800" }, "cannot encode value.lone: a string with half a surrogate pair"],
      [{ "\udc00": 1 }, "half a surrogate pair"],
      [JSON.parse('{"__proto__": 1}'), "the map key __proto__ is not allowed"],
      [cyclic, "nested deeper than 32, or a cycle"],
    ];
    for (const [value, text] of cases) {
      const said = refusal(() => codec.encode(value));
      assert(said.startsWith("schema: ") && said.includes(text), `${said} does not say: ${text}`);
    }
    // After every refusal the codec still works.
    assertEquals(codec.decode(codec.encode([1])), [1]);
  });

  Deno.test(`${name}: keys of Object.prototype are data and change nothing`, () => {
    const value = { constructor: 1, toString: "x", hasOwnProperty: null, prototype: { polluted: true } };
    const decoded = codec.decode(codec.encode(value)) as Record<string, unknown>;
    assertEquals({ ...decoded }, { ...value });
    assertEquals((({}) as Record<string, unknown>)["polluted"], undefined);
    assertStrictEquals(Object.getPrototypeOf(decoded), Object.prototype);
  });

  Deno.test(`${name}: an array of nothing but itself ends at a limit`, () => {
    const knot: unknown[] = [];
    for (let i = 0; i < 1000; i++) knot.push(knot);
    assert(refusal(() => codec.encode(knot)).startsWith("schema: "));
  });

  Deno.test(`${name}: bytes cut anywhere are refused`, () => {
    fc.assert(
      fc.property(anyValue, fc.nat(), (value, cut) => {
        const bytes = codec.encode(value).slice();
        // A number in JSON may be a number after the cut too; in a list it cannot.
        const whole = name === "json" ? utf8(`[${new TextDecoder().decode(bytes)}]`) : bytes;
        const said = refusal(() => codec.decode(whole.subarray(0, cut % whole.length)));
        assert(said.startsWith("decode: "), said);
      }),
      { numRuns: 200 },
    );
  });

  Deno.test(`${name}: bytes behind the value are refused`, () => {
    for (const value of Object.values(NAMED_VALUES)) {
      const bytes = codec.encode(value);
      const said = refusal(() => codec.decode(Uint8Array.from([...bytes, name === "json" ? 0x5d : 0xc0])));
      assert(said.startsWith("decode: "), said);
    }
  });

  Deno.test(`${name}: garbage is refused with decode and nothing else`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          codec.decode(bytes);
        } catch (error) {
          assert(error instanceof HanaError);
          assertEquals(error.code, "decode");
        }
      }),
      { numRuns: 2000 },
    );
  });

  Deno.test(`${name}: an encoding is valid until the next one, also after a large one`, () => {
    const first = codec.encode({ a: 1 });
    const before = first.slice();
    assertEquals(first, before);
    const large = { text: "x".repeat(400_000) };
    assertEquals(codec.decode(codec.encode(large)), large);
    assertEquals(codec.encode({ a: 1 }), before);
    assertNotEquals(codec.encode({ a: 2 }), before);
  });
}

Deno.test("the oracle reads what we encode", () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      fc.pre(!hasByteOrderMark(value));
      // The oracle hands 64-bit integers out as bigint; the values are the same.
      assertEquals(withoutBigInt(oracleDecode(createCodec("msgpack").encode(value).slice())), value);
    }),
    { numRuns: 300 },
  );
});

Deno.test("we read what the oracle encodes", () => {
  fc.assert(
    fc.property(anyValue, (value) => assertEquals(createCodec("msgpack").decode(oracleEncode(value)), value)),
    { numRuns: 300 },
  );
});

Deno.test("we read valid bytes exactly as the package does", () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const codec = createCodec("msgpack");
      const bytes = codec.encode(value).slice();
      fc.pre(!hasByteOrderMark(value));
      assertEquals(packageDecode(bytes), codec.decode(bytes));
    }),
    { numRuns: 300 },
  );
});

Deno.test("32-bit floats and longer forms than needed are read", () => {
  const codec = createCodec("msgpack");
  assertEquals(codec.decode(hex("ca3fc00000")), 1.5);
  assertEquals(codec.decode(hex("cf0000000000000007")), 7);
  assertEquals(codec.decode(hex("d3ffffffffffffffff")), -1);
  assertEquals(codec.decode(hex("dd00000001 dc0001 da0001 61".replaceAll(" ", ""))), [["a"]]);
  assertEquals(codec.decode(hex("df00000001 db00000001 61 de0001 d901 62 c6 00000001 09")), {
    a: { b: Uint8Array.of(9) },
  });
});

Deno.test("where a key comes twice the last value counts", () => {
  assertEquals(createCodec("msgpack").decode(hex("82 a161 01 a161 02")), { a: 2 });
  assertEquals(createCodec("json").decode(utf8('{"a":1,"a":2}')), { a: 2 });
});

Deno.test("keys that fall into one slot of the key cache stay apart", () => {
  const codec = createCodec("msgpack");
  for (let i = 0; i < 5000; i++) {
    const value = { [`key${i % 700}`]: i, [`é${i}`]: 1 };
    assertEquals(codec.decode(codec.encode(value)), value);
  }
});

Deno.test("a remembered key is never taken for another key whose bytes are its letters", () => {
  for (let code = 0xa0; code < 0x800; code++) {
    const codec = createCodec("msgpack");
    const key = String.fromCharCode(code);
    // "é" is the bytes c3 a9; this is the text of the letters U+00C3 U+00A9.
    const lookalike = [...utf8(key)].map((byte) => String.fromCharCode(byte)).join("");
    codec.decode(codec.encode({ [lookalike]: 1 }));
    if (!Object.hasOwn(codec.decode(codec.encode({ [key]: 1 })) as object, key)) assertEquals(key, lookalike);
  }
});

Deno.test("isCodecName knows exactly the codecs", () => {
  assertEquals(["msgpack", "json", "cbor", ""].map(isCodecName), [true, true, false, false]);
});

/** Both other decoders drop a byte order mark that begins a text. */
function hasByteOrderMark(value: unknown): boolean {
  return JSON.stringify(value).includes("\uFEFF");
}

function withoutBigInt(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(withoutBigInt);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutBigInt(item)]));
}
