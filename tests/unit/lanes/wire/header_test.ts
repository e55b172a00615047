// What stands before the frames: in a datagram, and in a frame of a stream.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { fromHex, toHex } from "../../../../lib/base/mod.ts";
import {
  PACKET_HEADER_BYTES,
  PACKET_OVERHEAD_BYTES,
  PacketHeader,
  STREAM_PACKET_HEADER_BYTES,
  streamPacketNumber,
  writePacketHeader,
  writeStreamPacketHeader,
} from "../../../../lib/lanes/wire/mod.ts";

const TAG = "00".repeat(16);

Deno.test("a header has form, key phase and request in its first byte, then index and number", () => {
  const out = new Uint8Array(12).fill(0xee);
  writePacketHeader(out, 1, 1, true, 0x0102_0304, 2 ** 40 + 0xfffe_fdfc);
  assertEquals(toHex(out), "ee" + "70" + "01020304" + "fffefdfc" + "eeee");
  writePacketHeader(out, 0, 0, false, 0xffff_ffff, 7);
  assertEquals(toHex(out.subarray(0, PACKET_HEADER_BYTES)), "40" + "ffffffff" + "00000007");
});

Deno.test("what is no header of a datagram is refused with the reason", () => {
  const header = new PacketHeader();
  const read = (hex: string): string => {
    const bytes = fromHex(hex);
    return header.read(bytes, 0, bytes.length) ? "read" : header.problem;
  };
  assertEquals(read("40" + "00000001" + "00000002" + TAG), "read");
  assertEquals([header.receiverIndex, header.number, header.keyPhase, header.isImmediate], [1, 2, 0, false]);
  assertEquals(read("70" + "00000001" + "00000002" + TAG), "read");
  assertEquals([header.keyPhase, header.isImmediate], [1, true]);
  for (const form of ["00", "01", "80", "c0", "ff"]) {
    assertEquals(read(form + "0000000100000002" + TAG), "form", form);
  }
  for (const first of ["41", "48", "7f"]) {
    assertEquals(read(first + "0000000100000002" + TAG), "reserved", first);
  }
  assertEquals(read("4000000001" + "00000002" + TAG.slice(2)), "truncated");
  assertEquals(read(""), "truncated");
  assert(!header.read(new Uint8Array(25).fill(0x40, 0, 1), 0, 26), "an end past the buffer is not believed");
});

Deno.test("every header comes back as it was written, wherever it stands", () => {
  const header = new PacketHeader();
  fc.assert(fc.property(
    fc.nat(9),
    fc.nat(1),
    fc.boolean(),
    fc.nat(0xffff_ffff),
    fc.maxSafeNat(),
    (at, phase, immediate, index, number) => {
      const out = new Uint8Array(at + PACKET_OVERHEAD_BYTES);
      writePacketHeader(out, at, phase, immediate, index, number);
      assert(header.read(out, at, out.length));
      assertEquals(
        [header.keyPhase, header.isImmediate, header.receiverIndex, header.number, header.problem],
        [phase, immediate, index, number % 2 ** 32, ""],
      );
    },
  ));
});

Deno.test("a packet on a stream has a mark that is no lane, and its number", () => {
  const out = new Uint8Array(7);
  writeStreamPacketHeader(out, 1, 2 ** 33 + 0x8000_0001);
  assertEquals(toHex(out), "00" + "ff80000001" + "00");
  assertEquals(streamPacketNumber(out, 1, 1 + STREAM_PACKET_HEADER_BYTES), 0x8000_0001);
  assertEquals(streamPacketNumber(out, 1, 5), -1, "cut");
  assertEquals(streamPacketNumber(out, 0, 7), -1, "the first byte is a lane");
});
