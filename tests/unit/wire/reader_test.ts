import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError, toHex } from "../../../lib/base/mod.ts";
import { ByteReader, ByteWriter, MAX_VARINT, varintBytes } from "../../../lib/wire/mod.ts";
import { hex, utf8 } from "./values.ts";

/** One value of a layout: how it is written and read. */
type Field =
  | {
    readonly kind: "u8" | "u16" | "u16le" | "u32" | "u48" | "varint" | "f32le" | "f64";
    readonly value: number;
  }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "bytes"; readonly value: Uint8Array };

const number = (kind: "u8" | "u16" | "u16le" | "u32" | "u48" | "varint", bits: number): fc.Arbitrary<Field> =>
  fc.oneof(fc.maxSafeNat().map((n) => n % 2 ** bits), fc.constantFrom(0, 1, 2 ** bits - 1))
    .map((value) => ({ kind, value }));

const anyField: fc.Arbitrary<Field> = fc.oneof(
  number("u8", 8),
  number("u16", 16),
  number("u16le", 16),
  number("u32", 32),
  number("u48", 48),
  number("varint", 53),
  fc.float().map((value): Field => ({ kind: "f32le", value })),
  fc.double().map((value): Field => ({ kind: "f64", value })),
  fc.string({ unit: "grapheme", maxLength: 20 }).filter((text) => utf8(text).length < 256)
    .map((value): Field => ({ kind: "text", value })),
  fc.uint8Array({ maxLength: 30 }).map((value): Field => ({ kind: "bytes", value })),
);

function write(writer: ByteWriter, field: Field): void {
  if (field.kind === "text") writer.shortText(field.value);
  else if (field.kind === "bytes") writer.bytes(field.value);
  else writer[field.kind](field.value);
}

function read(reader: ByteReader, field: Field): unknown {
  if (field.kind === "text") return reader.shortText();
  if (field.kind === "bytes") return reader.copyBytes(field.value.length);
  return reader[field.kind]();
}

Deno.test("every layout comes back as it was written", () => {
  fc.assert(fc.property(fc.array(anyField, { maxLength: 40 }), (fields) => {
    const writer = new ByteWriter(100_000, 1);
    for (const field of fields) write(writer, field);
    assertEquals(writer.failed, false);
    const reader = new ByteReader(writer.copy());
    for (const field of fields) assertEquals(read(reader, field), field.value);
    assertEquals([reader.remaining, reader.failed], [0, false]);
  }));
});

Deno.test("a layout cut anywhere fails and never reads behind its end", () => {
  fc.assert(fc.property(fc.array(anyField, { minLength: 1, maxLength: 20 }), fc.nat(), (fields, n) => {
    const writer = new ByteWriter(100_000);
    for (const field of fields) write(writer, field);
    fc.pre(writer.length > 0);
    const whole = writer.copy();
    const cut = n % whole.length;
    // The bytes behind the cut are there, and out of bounds.
    const reader = new ByteReader();
    reader.reset(whole, 0, cut);
    for (const field of fields) read(reader, field);
    assertEquals([reader.failed, reader.remaining], [true, 0]);
  }));
});

Deno.test("a writer that is full fails for good, and what it wrote is not handed out", () => {
  fc.assert(fc.property(fc.array(anyField, { minLength: 1, maxLength: 20 }), fc.nat(), (fields, n) => {
    const measure = new ByteWriter(100_000);
    for (const field of fields) write(measure, field);
    fc.pre(measure.length > 1);
    const writer = new ByteWriter(1 + n % (measure.length - 1));
    for (const field of fields) write(writer, field);
    assertEquals([writer.failed, writer.view().length, writer.copy().length, writer.room], [true, 0, 0, 0]);
    writer.reset();
    writer.u8(7);
    assertEquals([writer.failed, toHex(writer.view())], [false, "07"]);
  }));
});

Deno.test("integers are big-endian", () => {
  const writer = new ByteWriter(64);
  writer.u8(0x01);
  writer.u16(0x0203);
  writer.u32(0xf4050607);
  writer.u48(0xf8090a0b0c0d);
  writer.f64(-1.5);
  assertEquals(toHex(writer.view()), "010203f4050607f8090a0b0c0dbff8000000000000");
});

Deno.test("what is called little-endian is", () => {
  const writer = new ByteWriter(16);
  writer.u16le(0x0102);
  writer.f32le(-1.5);
  assertEquals(toHex(writer.view()), "02010000c0bf");
});

Deno.test("a value that its type cannot hold fails and writes nothing", () => {
  for (const kind of ["u8", "u16", "u16le", "u32", "u48", "varint"] as const) {
    const bits = { u8: 8, u16: 16, u16le: 16, u32: 32, u48: 48, varint: 53 }[kind];
    for (const value of [-1, 0.5, 2 ** bits, NaN, Infinity]) {
      const writer = new ByteWriter(16);
      writer[kind](value);
      assertEquals([writer.failed, writer.length], [true, 0], `${kind} ${value}`);
    }
  }
});

Deno.test("varints take 1, 2, 4 or 8 bytes and change where RFC 9000 says", () => {
  const sizes = [0, 63, 64, 16383, 16384, 2 ** 30 - 1, 2 ** 30, MAX_VARINT].map(varintBytes);
  assertEquals(sizes, [1, 1, 2, 2, 4, 4, 8, 8]);
});

Deno.test("varints beyond 2^53 − 1 fail, wherever the bit stands", () => {
  for (const bytes of ["c020000000000000", "c100000000000000", "e000000000000000", "ffffffffffffffff"]) {
    const reader = new ByteReader(hex(bytes));
    assertEquals([reader.varint(), reader.failed], [0, true], bytes);
  }
});

Deno.test("a failure stays: what follows reads as nothing", () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3, 4));
  assertEquals(reader.u8(), 1);
  assertEquals(reader.f64(), 0);
  assertEquals([reader.u8(), reader.u16(), reader.shortText(), reader.bytes(1).length, reader.remaining], [
    0,
    0,
    "",
    0,
    0,
  ]);
  assertEquals(reader.failed, true);
  reader.reset(Uint8Array.of(9));
  assertEquals([reader.u8(), reader.failed], [9, false]);
});

Deno.test("counts that are no counts fail", () => {
  for (const count of [-1, NaN, Infinity, 5]) {
    const reader = new ByteReader(new Uint8Array(4));
    assertEquals([reader.bytes(count).length, reader.failed], [0, true]);
  }
});

Deno.test("bounds outside the array fail at once", () => {
  for (const [start, end] of [[-1, 2], [3, 2], [0, 5], [5, 5], [NaN, 1]] as const) {
    const reader = new ByteReader();
    reader.reset(new Uint8Array(4), start, end);
    assertEquals([reader.failed, reader.remaining, reader.u8()], [true, 0, 0]);
  }
});

Deno.test("short text is held to its bound, to UTF-8 and to 255 bytes", () => {
  const bad: [string, number?][] = [["03 6162"], ["02 c328"], ["03 616263", 2]];
  for (const [bytes, max] of bad) {
    const reader = new ByteReader(hex(bytes));
    assertEquals([reader.shortText(max), reader.failed], ["", true], bytes);
  }
  const tooLong: [string, number?][] = [["x".repeat(256)], ["é".repeat(128)], ["abc", 2], ["\ud800"], [
    "x".repeat(300),
    1000,
  ]];
  for (const [text, max] of tooLong) {
    const writer = new ByteWriter(1000);
    writer.shortText(text, max);
    assertEquals([writer.failed, writer.length], [true, 0]);
  }
});

Deno.test("values known late are written into their place, and only there", () => {
  const writer = new ByteWriter(16);
  writer.u32(0);
  writer.u8(0);
  writer.u8(5);
  writer.setU32(0, 0xfedcba98);
  writer.setU8(4, 0xff);
  assertEquals(toHex(writer.view()), "fedcba98ff05");
  writer.setU32(3, 1);
  assertEquals(writer.failed, true);
  writer.reset();
  writer.u8(1);
  writer.setU8(1, 1);
  assertEquals(writer.failed, true);
});

Deno.test("fail marks input and output as bad", () => {
  const reader = new ByteReader(Uint8Array.of(1));
  reader.fail();
  assertEquals([reader.failed, reader.u8()], [true, 0]);
  const writer = new ByteWriter(4);
  writer.fail();
  assertEquals([writer.failed, writer.view().length], [true, 0]);
});

Deno.test("a writer's bounds are checked when it is made", () => {
  for (const [max, initial] of [[0, 1], [4, 5], [1.5, 1], [4, 0]] as const) {
    assertThrows(() => new ByteWriter(max, initial), HanaError);
  }
});
