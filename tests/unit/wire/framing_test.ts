import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { concatBytes, HanaError, toHex } from "../../../lib/base/mod.ts";
import {
  DEFAULT_MAX_FRAME_BYTES,
  encodeFrame,
  FRAME_HEADER_BYTES,
  FrameDecoder,
  writeFrameHeader,
} from "../../../lib/wire/mod.ts";

const anyPayload = fc.oneof(
  { weight: 5, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 60 }) },
  { weight: 1, arbitrary: fc.integer({ min: 900, max: 5000 }).map((n) => new Uint8Array(n).fill(n & 0xff)) },
);

/** Sizes of reads, used one after the other and over again. */
const anySplit = fc.array(
  fc.oneof(fc.constantFrom(1, 2, 3, 4, 5), fc.integer({ min: 1, max: 3000 })),
  { minLength: 1, maxLength: 20 },
);

function* pieces(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    // A fresh array each time, overwritten by nobody: the decoder must not rely on it afterwards.
    yield bytes.slice(at, at + size);
    at += size;
  }
}

Deno.test("frames arrive whole and in order however the stream is cut", () => {
  fc.assert(
    fc.property(fc.array(anyPayload, { maxLength: 12 }), anySplit, (payloads, sizes) => {
      const decoder = new FrameDecoder();
      const stream = concatBytes(...payloads.map(encodeFrame));
      const arrived: string[] = [];
      for (const piece of pieces(stream, sizes)) {
        assertEquals(decoder.push(piece, (payload) => arrived.push(toHex(payload))), null);
        piece.fill(0xee);
      }
      assertEquals(arrived, payloads.map(toHex));
      assertEquals([decoder.isMidFrame, decoder.bufferedBytes, decoder.frames], [false, 0, payloads.length]);
    }),
    { numRuns: 400 },
  );
});

Deno.test("single bytes are enough", () => {
  const stream = concatBytes(encodeFrame(Uint8Array.of(1)), encodeFrame(Uint8Array.of(2, 3)));
  const decoder = new FrameDecoder();
  const arrived: string[] = [];
  const counts: number[] = [];
  for (const byte of stream) {
    decoder.push(Uint8Array.of(byte), (payload) => arrived.push(toHex(payload)));
    counts.push(arrived.length);
  }
  assertEquals(arrived, ["01", "0203"]);
  assertEquals(counts, [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2]);
});

Deno.test("a frame that lies whole in a read is handed out without a copy", () => {
  const read = concatBytes(encodeFrame(Uint8Array.of(7, 8)), encodeFrame(Uint8Array.of(9)));
  const decoder = new FrameDecoder();
  const buffers: [ArrayBufferLike, number][] = [];
  decoder.push(read, (payload) => buffers.push([payload.buffer, payload.byteOffset]));
  assertEquals(buffers.map(([, offset]) => offset), [4, 10]);
  for (const [buffer] of buffers) assertStrictEquals(buffer, read.buffer);
  assertEquals(decoder.capacityBytes, 0);
});

Deno.test("the end of a stream inside a frame can be told from its end between frames", () => {
  const frame = encodeFrame(Uint8Array.of(1, 2, 3));
  for (let cut = 0; cut <= frame.length; cut++) {
    const decoder = new FrameDecoder();
    decoder.push(frame.subarray(0, cut), () => {});
    assertEquals(decoder.isMidFrame, cut > 0 && cut < frame.length, `cut at ${cut}`);
  }
});

Deno.test("a frame of exactly the limit passes, one byte more poisons the decoder for good", () => {
  const decoder = new FrameDecoder(100);
  let frames = 0;
  assertEquals(decoder.push(encodeFrame(new Uint8Array(100)), () => frames++), null);
  assertEquals(decoder.push(encodeFrame(new Uint8Array(101)), () => frames++), "frame-too-large");
  assertEquals(decoder.push(encodeFrame(new Uint8Array(1)), () => frames++), "frame-too-large");
  assertEquals([frames, decoder.problem, decoder.frames], [1, "frame-too-large", 1]);
});

Deno.test("frames in front of a bad header still arrive, those behind it do not", () => {
  const decoder = new FrameDecoder();
  const arrived: string[] = [];
  const stream = concatBytes(
    encodeFrame(Uint8Array.of(1)),
    new Uint8Array(FRAME_HEADER_BYTES),
    encodeFrame(Uint8Array.of(2)),
  );
  assertEquals(decoder.push(stream, (payload) => arrived.push(toHex(payload))), "empty-frame");
  assertEquals(arrived, ["01"]);
});

Deno.test("an announced length reserves nothing: the buffer grows with what came", () => {
  const decoder = new FrameDecoder();
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  writeFrameHeader(header, 0, DEFAULT_MAX_FRAME_BYTES);
  decoder.push(header, () => {});
  assertEquals(decoder.capacityBytes, 0);
  let came = 0;
  for (const size of [1, 100, 1000, 10_000, 100_000, 1_000_000]) {
    decoder.push(new Uint8Array(size), () => {});
    came += size;
    assertEquals(decoder.bufferedBytes, came);
    assert(decoder.capacityBytes <= Math.max(1024, 2 * came), `${decoder.capacityBytes} for ${came}`);
  }
});

Deno.test("a large frame's buffer is given back, a small one's is kept", () => {
  const decoder = new FrameDecoder();
  const sizes: number[] = [];
  for (const length of [3000, 500_000, 3000]) {
    for (const piece of pieces(encodeFrame(new Uint8Array(length)), [1000])) decoder.push(piece, () => {});
    sizes.push(decoder.capacityBytes);
  }
  const [kept, released] = sizes;
  assert(kept !== undefined && kept >= 3000 && kept <= 65_536);
  assertEquals(released, 0);
});

Deno.test("a handler that stops the decoder gets no further frame, not even from the same read", () => {
  const stream = concatBytes(...[1, 2, 3].map((n) => encodeFrame(Uint8Array.of(n))));
  for (const sizes of [[stream.length], [1], [7]]) {
    const decoder = new FrameDecoder();
    const arrived: number[] = [];
    for (const piece of pieces(stream, sizes)) {
      const problem = decoder.push(piece, (payload) => {
        arrived.push(payload[0] ?? 0);
        if (payload[0] === 2) decoder.stop();
      });
      assertEquals(problem, null);
    }
    assertEquals(arrived, [1, 2]);
    assertEquals(decoder.capacityBytes, 0);
  }
});

Deno.test("an error of the handler passes through and stops the decoder", () => {
  const decoder = new FrameDecoder();
  const stream = concatBytes(encodeFrame(Uint8Array.of(1)), encodeFrame(Uint8Array.of(2)));
  let calls = 0;
  const handler = () => {
    calls++;
    throw new RangeError("from the handler");
  };
  assertThrows(() => decoder.push(stream, handler), RangeError, "from the handler");
  assertEquals(decoder.push(stream, handler), null);
  assertEquals(calls, 1);
});

Deno.test("pushing from inside the handler is a bug that says so", () => {
  const decoder = new FrameDecoder();
  const frame = encodeFrame(Uint8Array.of(1));
  const error = assertThrows(() => decoder.push(frame, () => decoder.push(frame, () => {})), HanaError);
  assertEquals(error.code, "internal");
});

Deno.test("garbage gives the same frames and the same problem whole and in pieces", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), anySplit, (garbage, sizes) => {
      const read = (parts: Iterable<Uint8Array>): unknown[] => {
        const decoder = new FrameDecoder(50);
        const arrived: string[] = [];
        for (const part of parts) decoder.push(part, (payload) => arrived.push(toHex(payload)));
        return [arrived, decoder.problem];
      };
      // Small lengths, so that some headers are plausible.
      for (let i = 0; i < garbage.length; i++) if (i % 7 < 3) garbage[i] = 0;
      assertEquals(read(pieces(garbage, sizes)), read([garbage]));
    }),
    { numRuns: 500 },
  );
});

Deno.test("a header is refused for no payload, too long a payload and too little room", () => {
  const target = new Uint8Array(6);
  for (const [at, length] of [[0, 0], [0, 2 ** 32], [3, 1], [-1, 1], [0, -1]] as const) {
    assertThrows(() => writeFrameHeader(target, at, length), HanaError);
  }
  assertEquals(toHex(target), "000000000000");
  writeFrameHeader(target, 1, 0xfedc_ba98);
  assertEquals(toHex(target), "00fedcba9800");
});

Deno.test("a limit that is no length is a bug of the caller", () => {
  for (const limit of [0, -1, 1.5, NaN, 2 ** 32]) assertThrows(() => new FrameDecoder(limit), HanaError);
});
