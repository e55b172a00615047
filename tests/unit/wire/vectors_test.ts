import { assertEquals } from "@std/assert";
import { toHex } from "../../../lib/base/mod.ts";
import { ByteReader, ByteWriter, createCodec, encodeFrame, FrameDecoder } from "../../../lib/wire/mod.ts";
import frames from "./vectors/frames.json" with { type: "json" };
import values from "./vectors/values.json" with { type: "json" };
import varints from "./vectors/varints.json" with { type: "json" };
import { hex, NAMED_VALUES, utf8 } from "./values.ts";

Deno.test("every golden value has its bytes and every set of bytes its value", () => {
  assertEquals(values.map((vector) => vector.name), Object.keys(NAMED_VALUES));
});

for (const vector of values) {
  const value = NAMED_VALUES[vector.name];

  Deno.test(`golden MessagePack: ${vector.name}`, () => {
    const codec = createCodec("msgpack");
    assertEquals(toHex(codec.encode(value)), vector.msgpack);
    assertEquals(codec.decode(hex(vector.msgpack)), value);
  });

  Deno.test(`golden JSON: ${vector.name}`, () => {
    const codec = createCodec("json");
    assertEquals(new TextDecoder("utf-8", { ignoreBOM: true }).decode(codec.encode(value)), vector.json);
    assertEquals(codec.decode(utf8(vector.json)), value);
  });
}

for (const vector of frames) {
  Deno.test(`golden frame: ${vector.name}`, () => {
    const decoder = new FrameDecoder();
    const payloads: string[] = [];
    const problem = decoder.push(hex(vector.frame), (payload) => payloads.push(toHex(payload)));
    assertEquals(payloads, vector.payloads);
    assertEquals(problem, vector.problem);
    if (vector.problem === null) {
      assertEquals(vector.payloads.map((payload) => toHex(encodeFrame(hex(payload)))).join(""), vector.frame);
    }
  });
}

for (const vector of varints) {
  Deno.test(`golden varint: ${vector.value}`, () => {
    const writer = new ByteWriter(8);
    writer.varint(vector.value);
    assertEquals(toHex(writer.view()), vector.hex);
    const reader = new ByteReader(hex(vector.hex));
    assertEquals(reader.varint(), vector.value);
    assertEquals([reader.remaining, reader.failed], [0, false]);
  });
}

Deno.test("a varint in a longer form than needed is read, as RFC 9000 section A.1 shows", () => {
  assertEquals(new ByteReader(hex("4025")).varint(), 37);
});

Deno.test("the example of RFC 9000 that is beyond 2^53 is refused", () => {
  const reader = new ByteReader(hex("c2197c5eff14e88c"));
  assertEquals([reader.varint(), reader.failed], [0, true]);
});
