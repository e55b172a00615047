// Every frame by itself: its bytes, its bounds, and what is refused about it and where.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { fromHex, toHex } from "../../../../lib/base/mod.ts";
import {
  ACK_HEAD_BYTES,
  type AckSource,
  CHALLENGE_BYTES,
  CREDIT_BYTES,
  MAX_ACK_SPAN,
  MAX_DATA_OVERHEAD_BYTES,
  MAX_FRAME_VARINT,
  MAX_KEY,
  OPEN_KEYED,
  PacketWriter,
  PING_BYTES,
  REPORT_BYTES,
  SKIP_BYTES,
  UNKNOWN_ACK_DELAY,
} from "../../../../lib/lanes/wire/mod.ts";
import { ackSourceOf, readPacket } from "../../../support/lane_frames.ts";

const SOURCE = Uint8Array.from({ length: 2048 }, (_, i) => i);

/** What `write` makes of a packet of at most `limit` bytes, in hex. */
function written(write: (writer: PacketWriter) => void, limit = 2048): string {
  const writer = new PacketWriter();
  writer.reset(new Uint8Array(2048), limit);
  write(writer);
  return toHex(writer.bytes.subarray(0, writer.length));
}

/** Problem and offset of bytes that must be refused. */
function refusal(hex: string): string {
  const { problem, offset } = readPacket(fromHex(hex));
  return `${problem} ${offset}`;
}

function ackOf(...ranges: readonly (readonly [number, number])[]): AckSource {
  return {
    rangeCount: ranges.length,
    rangeStart: (i) => ranges[i]?.[0] ?? NaN,
    rangeEnd: (i) => ranges[i]?.[1] ?? NaN,
  };
}

Deno.test("frames of a fixed size have the bytes that the page on lanes tells", () => {
  assertEquals(written((w) => w.ping(2 ** 40 + 0x0102_0304)), "01" + "01020304");
  assertEquals(written((w) => w.credit(3, 2 ** 32 + 5, 0xffff_ffff)), "04" + "03" + "00000005" + "ffffffff");
  assertEquals(written((w) => w.skip(16, 0x8000_0001)), "05" + "10" + "80000001");
  assertEquals(written((w) => w.challenge(0xdead_beef, 1)), "07" + "deadbeef" + "00000001");
  assertEquals(written((w) => w.response(0xdead_beef, 1)), "08" + "deadbeef" + "00000001");
  assertEquals(written((w) => w.report(9, 2, 3, 70_000)), "09" + "00000009" + "00000002" + "0003" + "ffff");
  const sizes: [number, (writer: PacketWriter) => boolean][] = [
    [PING_BYTES, (w) => w.ping(1)],
    [CREDIT_BYTES, (w) => w.credit(1, 1, 1)],
    [SKIP_BYTES, (w) => w.skip(1, 1)],
    [CHALLENGE_BYTES, (w) => w.challenge(1, 1)],
    [REPORT_BYTES, (w) => w.report(1, 1, 1, 1)],
    [ACK_HEAD_BYTES + 1, (w) => w.ack(ackOf([1, 1]), 1, -1)],
  ];
  for (const [size, write] of sizes) assertEquals(written((w) => write(w)).length / 2, size);
});

Deno.test("an ACK counts ranges and gaps down from the largest number", () => {
  assertEquals(written((w) => w.ack(ackOf([7, 9]), 5, -1)), "02" + "00000009" + "0005" + "00" + "03");
  // 100 to 40, 30 missing, 9 alone, 1 missing, 7 to 0.
  assertEquals(
    written((w) => w.ack(ackOf([40, 100], [9, 9], [0, 7]), UNKNOWN_ACK_DELAY, 2 ** 33 + 8)),
    "03" + "00000064" + "ffff" + "00000008" + "02" + "3d" + "1e01" + "0108",
  );
});

Deno.test("an ACK tells as many of the newest ranges as fit, and says false when it can tell none", () => {
  const many = ackOf(...Array.from({ length: 40 }, (_, i) => [1000 - 4 * i, 1001 - 4 * i] as const));
  const all = readPacket(fromHex(written((w) => assert(w.ack(many, 0, -1))))).frames[0];
  assert(all?.type === "ack");
  assertEquals(all.ranges.length, 32, "one and 31 more");
  for (let limit = 0; limit < 72; limit++) {
    const hex = written((w) => assertEquals(w.ack(many, 0, -1), limit >= 9), limit);
    assertEquals(hex.length / 2, limit < 9 ? 0 : Math.min(71, limit - (limit + 1) % 2));
    assertEquals(readPacket(fromHex(hex)).problem, "");
  }
  assertEquals(written((w) => assert(!w.ack(ackOf(), 0, -1))), "");
});

Deno.test("an ACK stays within what numbers on the wire can tell apart", () => {
  const endless = written((w) => assert(w.ack(ackOf([0, 2 ** 35]), 0, -1)));
  assertEquals(endless.slice(14), "00" + "bfffffff");
  const withMore = written((w) =>
    assert(w.ack(ackOf([2 ** 34, 2 ** 34 + 2 ** 30], [2 ** 34 - 3, 2 ** 34 - 2]), 0, -1))
  );
  assertEquals(
    withMore.slice(14),
    "00" + "bfffffff",
    "what stands below a range that is told in part is not told",
  );
  const wide = (span: number): number => {
    const half = 2 ** 29;
    const source = ackSourceOf(0, [
      { gap: 0, length: half },
      { gap: half, length: 1 },
      { gap: span - 2 * half - 2, length: 1 },
    ]);
    const frame = readPacket(fromHex(written((w) => w.ack(source, 0, -1)))).frames[0];
    return frame?.type === "ack" ? frame.ranges.length : NaN;
  };
  assertEquals(wide(MAX_ACK_SPAN), 2 + 1);
  assertEquals(wide(MAX_ACK_SPAN + 1), 2);
  const head = "02" + "00000000" + "0000";
  assertEquals(readPacket(fromHex(head + "02" + "bfffffff" + "bffffffe" + "01" + "0101")).problem, "");
  assertEquals(refusal(head + "02" + "bfffffff" + "bffffffe" + "01" + "0102"), "out-of-range 18");
  assertEquals(refusal(head + "02" + "bfffffff" + "bffffffe" + "01" + "0301"), "out-of-range 17");
});

Deno.test("what is wrong with an ACK is told with the place of the field", () => {
  const head = "02" + "00000009" + "0000";
  assertEquals(refusal(head + "20" + "01"), "out-of-range 7");
  assertEquals(refusal(head + "00" + "00"), "out-of-range 8");
  assertEquals(refusal(head + "01" + "01" + "0001"), "out-of-range 9");
  assertEquals(refusal(head + "01" + "01" + "0100"), "out-of-range 10");
  assertEquals(refusal(head + "01" + "01" + "01"), "truncated 10");
  assertEquals(refusal(head + "00" + "4001"), "not-canonical 8");
  assertEquals(refusal(head + "00" + "80000040"), "not-canonical 8");
  assertEquals(refusal(head + "00" + "c000000000000001"), "out-of-range 8");
  assertEquals(refusal("02" + "000000"), "truncated 1");
  assertEquals(refusal("02" + "00000009" + "00"), "truncated 5");
  assertEquals(refusal("03" + "00000009" + "0000" + "000000"), "truncated 7");
  assertEquals(refusal("03" + "00000009" + "0000" + "00000000"), "truncated 11");
});

Deno.test("CLOSE has a code and whole characters only", () => {
  assertEquals(written((w) => w.close(8, "bye ✓")), "06" + "0008" + "07" + "62796520" + "e29c93");
  assertEquals(written((w) => w.close(0xffff, "")), "06" + "ffff" + "00");
  const cut = readPacket(fromHex(written((w) => w.close(1, "é".repeat(31) + "x✓"))));
  assertEquals(cut.frames, [{ type: "close", code: 1, text: "é".repeat(31) + "x" }]);
  const marked = readPacket(fromHex("06" + "0001" + "04" + "efbbbf61")).frames;
  assertEquals(marked, [{ type: "close", code: 1, text: "\ufeffa" }], "a byte order mark is a character");
  assertEquals(refusal("06" + "0001" + "41" + "61".repeat(65)), "out-of-range 3");
  assertEquals(refusal("06" + "0001" + "03" + "6161"), "truncated 4");
  assertEquals(refusal("06" + "0001" + "02" + "61ff"), "not-utf8 4");
  assertEquals(refusal("06" + "0001" + "02" + "c080"), "not-utf8 4");
});

Deno.test("OPEN has every field within its bounds", () => {
  const name = new TextEncoder().encode("glow");
  assertEquals(
    written((w) => w.open(16, 3, 7, OPEN_KEYED, 0x1_0000, name)),
    "0a" + "10" + "03" + "07" + "01" + "00010000" + "04" + "676c6f77",
  );
  const rest = "00010000" + "0167";
  assertEquals(refusal("0a" + "0f030701" + rest), "out-of-range 1");
  assertEquals(refusal("0a" + "ff030701" + rest), "out-of-range 1");
  assertEquals(refusal("0a" + "10040701" + rest), "out-of-range 2");
  assertEquals(refusal("0a" + "10030801" + rest), "out-of-range 3");
  assertEquals(refusal("0a" + "10030702" + rest), "out-of-range 4");
  assertEquals(refusal("0a" + "10030701" + "00010000" + "00"), "out-of-range 9");
  assertEquals(refusal("0a" + "10030701" + "00010000" + "21" + "61".repeat(33)), "out-of-range 9");
  assertEquals(refusal("0a" + "10030701" + "00010000" + "01" + "ff"), "not-utf8 10");
  for (const [lane, kind, tier, flags] of [[15, 0, 0, 0], [255, 0, 0, 0], [16, 4, 0, 0], [16, 0, 8, 0]]) {
    assertThrows(() => written((w) => w.open(lane ?? 0, kind ?? 0, tier ?? 0, flags ?? 0, 1, name)));
  }
});

Deno.test("a packet ends where its buffer does, whatever end or limit was told", () => {
  assertEquals(readPacket(fromHex("0100000001"), 0, 99).problem, "");
  assertEquals(readPacket(fromHex("01000000"), 0, 99).problem, "truncated");
  assertEquals(readPacket(new Uint8Array(0), 0, 99).frames, []);
  const writer = new PacketWriter();
  writer.reset(new Uint8Array(7), 99);
  assertEquals([writer.remaining, writer.ping(1), writer.skip(1, 1), writer.remaining], [7, true, false, 2]);
  writer.reset(new Uint8Array(7), -1);
  assert(!writer.ping(1) && !writer.data(1, 1, -1, SOURCE, 0, 0) && !writer.close(1, ""));
});

Deno.test("padding ends the packet and is zero to its end", () => {
  assertEquals(written((w) => assert(w.ping(1) && w.pad(9))), "01" + "00000001" + "00000000");
  assertEquals(written((w) => assert(w.ping(1) && w.pad(5) && w.pad(2))), "01" + "00000001");
  assertEquals(written((w) => assert(w.ping(1) && !w.pad(10)), 9), "01" + "00000001");
  assertEquals(written((w) => assert(w.pad(3) && !w.ping(1) && w.remaining === 0)), "000000");
  assertEquals(readPacket(fromHex("000000")).frames, [{ type: "pad", length: 3 }]);
  assertEquals(refusal("0100000001" + "0000010000"), "padding 7");
});

Deno.test("first bytes that no frame has are refused", () => {
  for (let type = 0x0b; type < 0x80; type++) {
    assertEquals(refusal("0100000001" + type.toString(16).padStart(2, "0")), "unknown-frame 5");
  }
});

Deno.test("a whole message costs six bytes, and two where its number follows", () => {
  const hex = written((w) => {
    assertEquals(w.dataRoom(2, 7, -1, 3), 9);
    assert(w.data(2, 7, -1, SOURCE, 1, 3));
    assertEquals(w.dataRoom(2, 8, -1, 1), 3);
    assert(w.data(2, 8, -1, SOURCE, 9, 1));
    assertEquals(w.dataRoom(2, 10, -1, 1), 7);
    assert(w.data(2, 10, -1, SOURCE, 9, 0));
  });
  assertEquals(hex, "82" + "00000007" + "03" + "010203" + "a2" + "01" + "09" + "82" + "0000000a" + "00");
});

Deno.test("N follows the numbers of its own lane, over the end of 32 bits, whatever comes between", () => {
  const hex = written((w) => {
    assert(w.data(1, 2 ** 32 - 1, -1, SOURCE, 0, 0) && w.data(3, 9, -1, SOURCE, 0, 0));
    assert(w.ping(0) && w.data(1, 2 ** 32, -1, SOURCE, 0, 0) && w.data(3, 10, -1, SOURCE, 0, 0));
  });
  assertEquals(
    hex,
    "81" + "ffffffff" + "00" + "83" + "00000009" + "00" + "0100000000" + "a1" + "00" + "a3" + "00",
  );
  const numbers = readPacket(fromHex(hex)).frames.map((frame) => frame.type === "data" ? frame.number : -1);
  assertEquals(numbers, [0xffff_ffff, 9, -1, 0, 10]);
  assertEquals(refusal("81" + "ffffffff" + "00" + "81" + "00000000" + "00"), "not-canonical 7");
  assertEquals(refusal("83" + "00000007" + "00" + "a1" + "00"), "no-previous 6");
});

Deno.test("lanes from 15 on have a byte of their own, and others must not", () => {
  assertEquals(written((w) => w.data(14, 0, -1, SOURCE, 0, 0)), "8e" + "00000000" + "00");
  assertEquals(written((w) => w.data(15, 0, -1, SOURCE, 0, 0)), "8f" + "0f" + "00000000" + "00");
  assertEquals(written((w) => w.data(255, 0, -1, SOURCE, 0, 0)), "8f" + "ff" + "00000000" + "00");
  assertEquals(refusal("8f" + "0e" + "00000000" + "00"), "not-canonical 1");
});

Deno.test("a key stands behind the number", () => {
  assertEquals(written((w) => w.data(2, 1, 0, SOURCE, 0, 0)), "92" + "00000001" + "00" + "00");
  assertEquals(
    written((w) => w.data(20, 1, MAX_KEY, SOURCE, 5, 1)),
    "9f14" + "00000001" + "bfffffff" + "0105",
  );
  assertEquals(refusal("92" + "00000001" + "4001" + "00"), "not-canonical 5");
  assertEquals(
    written((w) => w.data(255, 0, MAX_KEY, SOURCE, 0, 64)).length / 2 - 64,
    MAX_DATA_OVERHEAD_BYTES - 2,
  );
});

Deno.test("a fragment has its place and the whole length, and is never the whole", () => {
  const hex = written((w) => {
    assert(w.fragment(1, 5, -1, 0, 100, SOURCE, 0, 2) && w.fragment(1, 5, -1, 98, 100, SOURCE, 98, 2));
    assert(w.data(1, 6, 3, SOURCE, 0, 1));
  });
  assertEquals(
    hex,
    "c1" + "00000005" + "00" + "4064" + "02" + "0001" + "c1" + "00000005" + "4062" + "4064" + "02" + "6263" +
      "b1" + "03" + "01" + "00",
  );
  const head = "c1" + "00000005";
  assertEquals(refusal(head + "00" + "01" + "01" + "aa"), "out-of-range 6");
  assertEquals(refusal(head + "05" + "05" + "01" + "aa"), "out-of-range 6");
  assertEquals(refusal(head + "00" + "05" + "00"), "out-of-range 7");
  assertEquals(refusal(head + "00" + "02" + "02" + "aaaa"), "out-of-range 7");
  assertEquals(refusal(head + "04" + "05" + "02" + "aaaa"), "out-of-range 7");
  assertEquals(refusal(head + "00" + "05" + "02" + "aa"), "truncated 8");
});

Deno.test("the room for a fragment is exactly what can be written, and is used up but for a step of its length", () => {
  const writer = new PacketWriter();
  const big = new Uint8Array(70_000);
  const out = new Uint8Array(70_000);
  const limits = [...Array(140).keys(), ...Array.from({ length: 24 }, (_, i) => 16_384 + i), 1175, 65_536];
  for (const limit of limits) {
    for (const [offset, total] of [[0, 100], [0, 1 << 20], [70, 80], [40_000, 1 << 20], [0, 2]]) {
      if (offset === undefined || total === undefined) continue;
      writer.reset(out, limit);
      const room = writer.fragmentRoom(17, 5, 300, offset, total);
      assert(room < total && offset + room <= total);
      const more = Math.min(room + 1, total - offset, total - 1);
      if (more > room) {
        assert(!writer.fragment(17, 5, 300, offset, total, big, 0, more), `${limit}: ${more} fit`);
        assertEquals(writer.length, 0);
      }
      if (room > 0) assert(writer.fragment(17, 5, 300, offset, total, big, 0, room), `${limit}: ${room}`);
    }
  }
  writer.reset(out, 1175);
  assertEquals(writer.fragmentRoom(1, 0, -1, 0, 1), 0, "one byte has no parts");
  assertEquals(writer.fragmentRoom(1, 0, -1, 0, 50), 49);
});

Deno.test("payloads of every length are copied byte by byte, wherever they stand and whatever buffers they are in", () => {
  const writer = new PacketWriter();
  const space = new Uint8Array(3000);
  const sources = [SOURCE, SOURCE.map((byte) => ~byte), SOURCE.subarray(5)];
  for (let length = 0; length < 300; length++) {
    const source = sources[(length >> 2) % 3] ?? SOURCE;
    const out = space.subarray(length % 7, length % 7 + 800);
    out.fill(0xee);
    writer.reset(out, 800);
    // The same source again and again, as an arena is.
    for (let i = 0; i < 2; i++) assert(writer.data(2, 5 + i, -1, source, 3 + length, length));
    const payload = source.subarray(3 + length, 3 + 2 * length);
    const head = length < 64 ? 1 : 2;
    assertEquals(out.subarray(5 + head, 5 + head + length), payload);
    assertEquals(out.subarray(5 + head + length + 1 + head, writer.length), payload);
    assertEquals(out[writer.length], 0xee);
  }
});

Deno.test("the longest values are written and read, though no packet is as long", () => {
  const frame = readPacket(fromHex("c1" + "00000005" + "bffffffe" + "bfffffff" + "01" + "aa")).frames[0];
  assert(frame?.type === "data");
  assertEquals([frame.offset, frame.total], [MAX_FRAME_VARINT - 1, MAX_FRAME_VARINT]);
  assertEquals(refusal("81" + "00000005" + "bfffffff"), "truncated 9");
});
