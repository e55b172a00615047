// Whole packets: what is written is read, what is read is written again byte by byte, and nothing goes past an end.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { toHex } from "../../../../lib/base/mod.ts";
import { FRAME_BROKEN, FRAME_END, FrameReader, PacketWriter } from "../../../../lib/lanes/wire/mod.ts";
import {
  anyFrame,
  anyPacket,
  type PlainFrame,
  readPacket,
  writeFrame,
  writePacket,
} from "../../../support/lane_frames.ts";

Deno.test("every packet that is written is read as it was meant", () => {
  const writer = new PacketWriter();
  const reader = new FrameReader();
  fc.assert(
    fc.property(anyPacket, fc.nat(20), (frames, start) => {
      const bytes = writePacket(writer, frames);
      const around = new Uint8Array(start + bytes.length + 3).fill(0x55);
      around.set(bytes, start);
      assertEquals(readPacket(around, start, start + bytes.length, reader), {
        frames,
        problem: "",
        offset: 0,
      });
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("a packet that is cut anywhere is read up to the frame that is cut, and never past the cut", () => {
  const writer = new PacketWriter();
  fc.assert(
    fc.property(fc.array(anyFrame, { minLength: 1, maxLength: 4 }), (frames) => {
      const bytes = writePacket(writer, frames);
      // Where each frame ends.
      const ends = new Map<number, number>([[0, 0]]);
      writer.reset(new Uint8Array(65_536), 65_536);
      frames.forEach((frame, i) => {
        writeFrame(writer, frame);
        ends.set(writer.length, i + 1);
      });
      for (let end = 0; end < bytes.length; end++) {
        // What follows the cut would complete the packet: it must not be looked at.
        const read = readPacket(bytes, 0, end);
        const whole = ends.get(end);
        if (whole === undefined) {
          assertEquals(read.problem, "truncated");
          assert(read.offset <= end);
          assertEquals(read.frames, frames.slice(0, read.frames.length));
        } else {
          assertEquals(read, { frames: frames.slice(0, whole), problem: "", offset: 0 });
        }
        assertEquals(readPacket(bytes.slice(0, end)), read);
      }
    }),
    { numRuns: 150 },
  );
});

Deno.test("a frame that does not fit is not begun, and one that fits to the byte is written", () => {
  const writer = new PacketWriter();
  fc.assert(
    fc.property(fc.array(anyFrame, { maxLength: 3 }), anyFrame, (before, frame) => {
      const bytes = writePacket(writer, [...before, frame]);
      const start = writePacket(writer, before).length;
      for (let limit = start; limit <= bytes.length; limit++) {
        const out = new Uint8Array(bytes.length + 8).fill(0xee);
        writer.reset(out, limit);
        for (const each of before) assert(writeFrame(writer, each));
        const isWritten = writeFrame(writer, frame);
        assertEquals(writer.remaining, limit - writer.length);
        assert(writer.length <= limit);
        if (limit === bytes.length) {
          assert(isWritten);
          assertEquals(toHex(out.subarray(0, limit)), toHex(bytes));
        } else if (!isWritten) assertEquals(writer.length, start);
        // Fewer ranges are no broken ACK; all else is whole or not there.
        else assertEquals(frame.type, "ack");
        assert(
          out.subarray(writer.length).every((byte) => byte === 0xee),
          "bytes past the packet are touched",
        );
      }
    }),
    { numRuns: 300 },
  );
});

/** Reads; what was accepted must be written the same. */
function checkCanonical(bytes: Uint8Array, reader: FrameReader, writer: PacketWriter): boolean {
  const { frames, problem, offset } = readPacket(bytes, 0, bytes.length, reader);
  if (problem !== "") {
    assert(offset >= 0 && offset <= bytes.length, `${offset} of ${bytes.length}`);
    assertEquals(reader.next(), FRAME_BROKEN, "what is refused stays refused");
    return false;
  }
  assertEquals(reader.next(), FRAME_END);
  assertEquals(toHex(writePacket(writer, frames)), toHex(bytes));
  return true;
}

Deno.test("whatever bytes are accepted are the one way to write what they say", () => {
  const [reader, writer] = [new FrameReader(), new PacketWriter()];
  let accepted = 0;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      if (checkCanonical(bytes, reader, writer)) accepted++;
    }),
    { numRuns: 20_000 },
  );
  assert(accepted > 100, `${accepted}`);
});

Deno.test("a packet of which bytes are changed is refused, or is the one way to write what it says now", () => {
  const [reader, writer] = [new FrameReader(), new PacketWriter()];
  let accepted = 0;
  let refused = 0;
  const change = fc.record({ at: fc.nat(), byte: fc.nat(255), how: fc.constantFrom("set", "insert", "cut") });
  fc.assert(
    fc.property(anyPacket, fc.array(change, { minLength: 1, maxLength: 3 }), (frames, changes) => {
      const bytes = [...writePacket(writer, frames)];
      for (const { at, byte, how } of changes) {
        const place = at % (bytes.length + 1);
        if (how === "set") bytes[place] = byte;
        if (how === "insert") bytes.splice(place, 0, byte);
        if (how === "cut") bytes.splice(place, 1);
      }
      if (checkCanonical(Uint8Array.from(bytes), reader, writer)) accepted++;
      else refused++;
    }),
    { numRuns: 5_000 },
  );
  assert(accepted > 300 && refused > 300, `${accepted} accepted, ${refused} refused`);
});

Deno.test("a reader that is used again knows nothing of the packet before", () => {
  const reader = new FrameReader();
  const first: PlainFrame[] = [
    { type: "data", lane: 2, number: 5, key: null, offset: null, total: null, payload: "aa" },
  ];
  const writer = new PacketWriter();
  const bytes = writePacket(writer, first);
  assertEquals(readPacket(bytes, 0, bytes.length, reader).frames, first);
  // N for number 6 of lane 2, in a packet that has no DATA before it.
  const next = Uint8Array.of(0xa2, 1, 0xaa);
  assertEquals(readPacket(next, 0, next.length, reader), { frames: [], problem: "no-previous", offset: 0 });
  assertEquals(readPacket(bytes, 0, bytes.length, reader).frames, first);
  assertEquals(toHex(writePacket(writer, first)), toHex(bytes), "nor does a writer");
});

/** How many bytes of heap one of many runs of `work` takes. */
function heapBytesOf(work: () => void): number {
  for (let i = 0; i < 5; i++) work();
  // Many short stretches, since a collection within one would hide what was allocated: most see none.
  const grown: number[] = [];
  for (let i = 0; i < 61; i++) {
    const before = Deno.memoryUsage().heapUsed;
    work();
    grown.push(Deno.memoryUsage().heapUsed - before);
  }
  return grown.toSorted((a, b) => a - b)[30] ?? NaN;
}

const PACKETS = 1_000;
/** An object a frame would be 200 KB and more. What is left: the engine may box a number of the ACK of each packet. */
const FEW_BYTES = 64_000;

Deno.test("writing packets allocates nothing a frame", () => {
  const writer = new PacketWriter();
  const out = new Uint8Array(1175);
  const source = new Uint8Array(4096);
  const grown = heapBytesOf(() => {
    let number = 100;
    for (let i = 0; i < PACKETS; i++) {
      writer.reset(out, out.length);
      writer.ping(number);
      writer.credit(2, number, number);
      while (writer.data(2, number, number & 0xfff, source, number & 0x7ff, 64)) number++;
    }
  });
  assert(grown < FEW_BYTES, `${grown} bytes for ${PACKETS} packets`);
});

Deno.test("reading packets allocates nothing a frame, however large their numbers", () => {
  const reader = new FrameReader();
  const frames: PlainFrame[] = [
    { type: "ack", largest: 0xffff_fff0, delay: 9, time: 0xffff_fff1, ranges: [{ gap: 0, length: 7 }] },
    { type: "skip", lane: 16, number: 0xffff_fff2 },
  ];
  for (let i = 0; i < 12; i++) {
    const number = 0xffff_fff0 + 2 * i;
    frames.push({
      type: "data",
      lane: 3,
      number: number >>> 0,
      key: i,
      offset: 5,
      total: 99,
      payload: "abcd",
    });
    frames.push({ type: "data", lane: 2, number: i, key: null, offset: null, total: null, payload: "" });
  }
  const bytes = writePacket(new PacketWriter(), frames);
  let sum = 0;
  const grown = heapBytesOf(() => {
    let part = 0;
    for (let i = 0; i < PACKETS; i++) {
      reader.reset(bytes, 0, bytes.length);
      for (let type = reader.next(); type !== FRAME_END; type = reader.next()) part += reader.number % 7;
    }
    sum += part;
  });
  assert(sum > 0);
  assert(grown < FEW_BYTES, `${grown} bytes for ${PACKETS} packets`);
});
