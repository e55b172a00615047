// docs/vectors/lanes.json: bytes of lanes for who implements them in another language.
// Decides what is worth a vector and the form of the document. Run as a program it writes the file anew, which is right
// only while nobody holds another implementation against it: `deno run -A tests/support/lane_vectors.ts`.

import { fromHex, toHex } from "../../lib/base/mod.ts";
import {
  expand32,
  PacketHeader,
  PacketWriter,
  writePacketHeader,
  writeStreamPacketHeader,
} from "../../lib/lanes/wire/mod.ts";
import { type PlainFrame, readPacket, writePacket } from "./lane_frames.ts";

/** Where the document is. */
export const LANE_VECTORS_URL = new URL("../../docs/vectors/lanes.json", import.meta.url);

/** A number on the wire, and the full one that it stands for. */
export interface ExpansionVector {
  readonly truncated: number;
  readonly expected: number;
  readonly number: number;
}

/** The clear bytes of a datagram. */
export interface HeaderVector {
  readonly name: string;
  readonly keyPhase: number;
  readonly immediate: boolean;
  readonly receiverIndex: number;
  /** The full number. */
  readonly number: number;
  readonly header: string;
}

/** The bytes before the frames of a packet on a stream. */
export interface StreamHeaderVector {
  readonly number: number;
  readonly header: string;
}

/** The frames of a packet and their bytes. */
export interface PacketVector {
  readonly name: string;
  readonly frames: readonly PlainFrame[];
  readonly packet: string;
}

/** Bytes that are no packet: why, and from which byte on. */
export interface RefusedPacketVector {
  readonly name: string;
  readonly packet: string;
  readonly problem: string;
  readonly offset: number;
}

/** A datagram that is no packet, header and 16 bytes of tag at least. */
export interface RefusedHeaderVector {
  readonly name: string;
  readonly datagram: string;
  readonly problem: string;
}

/** The document. */
export interface LaneVectors {
  readonly schema: "hana.lane-vectors/1";
  readonly expansions: readonly ExpansionVector[];
  readonly headers: readonly HeaderVector[];
  readonly streamHeaders: readonly StreamHeaderVector[];
  readonly refusedHeaders: readonly RefusedHeaderVector[];
  readonly packets: readonly PacketVector[];
  readonly refused: readonly RefusedPacketVector[];
}

const WRAP = 2 ** 32;

const EXPANSIONS: readonly (readonly [truncated: number, expected: number])[] = [
  [0, 0],
  [41, 40],
  [WRAP - 1, 0],
  [2 ** 31, 0],
  [2 ** 31, 1],
  [WRAP - 1, WRAP - 1],
  [0, WRAP - 1],
  [99, WRAP - 1],
  [WRAP - 1, WRAP],
  [WRAP - 100, WRAP + 7],
  [0, WRAP + 2 ** 31],
  [0, WRAP + 2 ** 31 + 1],
  [2 ** 31, 2 * WRAP],
  [5, 2 ** 52 + 3],
];

const HEADERS: readonly Omit<HeaderVector, "header">[] = [
  { name: "the first packet", keyPhase: 0, immediate: false, receiverIndex: 0x0102_0304, number: 0 },
  {
    name: "asks for an acknowledgement",
    keyPhase: 0,
    immediate: true,
    receiverIndex: 1,
    number: 0xffff_ffff,
  },
  { name: "the other key", keyPhase: 1, immediate: false, receiverIndex: 0xffff_ffff, number: WRAP + 5 },
  { name: "all bits", keyPhase: 1, immediate: true, receiverIndex: 0x8000_0000, number: 2 ** 53 - 1 },
];

const STREAM_NUMBERS: readonly number[] = [0, 1, 0xffff_ffff, WRAP, WRAP + 258];

const TAG = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
const REFUSED_HEADERS: readonly Omit<RefusedHeaderVector, "problem">[] = [
  { name: "nothing", datagram: "" },
  { name: "header without its tag", datagram: "400000000100000002" + TAG.slice(2) },
  { name: "a handshake", datagram: "000000000100000002" + TAG },
  { name: "the form of groups", datagram: "800000000100000002" + TAG },
  { name: "the form that is kept", datagram: "c00000000100000002" + TAG },
  { name: "the lowest reserved bit", datagram: "410000000100000002" + TAG },
  { name: "the highest reserved bit", datagram: "480000000100000002" + TAG },
];

function data(
  lane: number,
  number: number,
  payload: string,
  more: { key?: number; offset?: number; total?: number } = {},
): PlainFrame {
  const { key = null, offset = null, total = null } = more;
  return { type: "data", lane, number, key, offset, total, payload };
}

const PACKETS: readonly Omit<PacketVector, "packet">[] = [
  { name: "an empty packet", frames: [] },
  { name: "PAD, one byte", frames: [{ type: "pad", length: 1 }] },
  { name: "PING", frames: [{ type: "ping", time: 0x0102_0304 }] },
  {
    name: "ACK of one packet, the first",
    frames: [{ type: "ack", largest: 0, delay: 0, time: null, ranges: [{ gap: 0, length: 1 }] }],
  },
  {
    name: "ACK with holes, its delay unknown",
    frames: [{
      type: "ack",
      largest: 1000,
      delay: 0xffff,
      time: null,
      ranges: [{ gap: 0, length: 64 }, { gap: 1, length: 1 }, { gap: 300, length: 20 }],
    }],
  },
  {
    name: "ACK over the end of 32 bits, with the time",
    frames: [{
      type: "ack",
      largest: 3,
      delay: 312,
      time: 0xffff_ff00,
      ranges: [{ gap: 0, length: 4 }, { gap: 2, length: 0x4000 }],
    }],
  },
  {
    name: "ACK with all the ranges that there may be",
    frames: [{
      type: "ack",
      largest: 200,
      delay: 1,
      time: null,
      ranges: Array.from({ length: 32 }, (_, i) => ({ gap: i === 0 ? 0 : 1 + i % 3, length: 1 + i % 2 })),
    }],
  },
  {
    name: "ACK of the widest span",
    frames: [{
      type: "ack",
      largest: 7,
      delay: 0,
      time: null,
      ranges: [{ gap: 0, length: 2 ** 30 - 1 }, { gap: 2 ** 30 - 2, length: 3 }],
    }],
  },
  { name: "CREDIT", frames: [{ type: "credit", lane: 0, messageLimit: 256, byteLimit: 4096 }] },
  {
    name: "CREDIT at its bounds",
    frames: [{ type: "credit", lane: 254, messageLimit: 0, byteLimit: WRAP - 1 }],
  },
  { name: "SKIP", frames: [{ type: "skip", lane: 1, number: WRAP - 1 }] },
  { name: "CLOSE", frames: [{ type: "close", code: 1, text: "the show is over" }] },
  { name: "CLOSE without a text", frames: [{ type: "close", code: 0xffff, text: "" }] },
  {
    name: "CLOSE with the longest text",
    frames: [{ type: "close", code: 2, text: "bühne-🌸-".repeat(5) + "Ende" }],
  },
  { name: "CHALLENGE", frames: [{ type: "challenge", high: 0x0123_4567, low: 0x89ab_cdef }] },
  { name: "RESPONSE", frames: [{ type: "response", high: 0x0123_4567, low: 0x89ab_cdef }] },
  { name: "REPORT", frames: [{ type: "report", received: 70_000, lost: 12, jitter: 25, loopLag: 0xffff }] },
  {
    name: "OPEN of a keyed lane",
    frames: [{
      type: "open",
      lane: 16,
      kind: 1,
      tier: 1,
      keyed: true,
      maxMessageBytes: 16_384,
      name: "gestures",
    }],
  },
  {
    name: "OPEN of the last lane, with the longest name",
    frames: [{
      type: "open",
      lane: 254,
      kind: 3,
      tier: 7,
      keyed: false,
      maxMessageBytes: WRAP - 1,
      name: "ünicode-" + "x".repeat(23),
    }],
  },
  { name: "DATA, empty", frames: [data(0, 0, "")] },
  { name: "DATA", frames: [data(4, 0x0102_0304, "68616e61")] },
  { name: "DATA with a key", frames: [data(2, 7, "3f000000", { key: 300 })] },
  { name: "DATA with the largest key", frames: [data(2, 7, "00", { key: 2 ** 30 - 1 })] },
  {
    name: "DATA of lane 14 and of lanes behind the escape",
    frames: [data(14, 1, "0e"), data(15, 1, "0f"), data(16, 1, "10"), data(254, 1, "fe")],
  },
  {
    name: "DATA of 63, 64 and 300 bytes",
    frames: [data(1, 1, "aa".repeat(63)), data(3, 1, "bb".repeat(64)), data(4, 1, "cc".repeat(300))],
  },
  {
    name: "the first and the last part of a message",
    frames: [
      data(0, 9, "0001", { offset: 0, total: 20_000 }),
      data(0, 9, "fefdfc", { offset: 19_997, total: 20_000 }),
    ],
  },
  {
    name: "a part with a key, on a lane of a program",
    frames: [data(16, 9, "aabb", { key: 5, offset: 64, total: 67 })],
  },
  {
    name: "numbers that follow each other",
    frames: [data(2, 5, "01"), data(2, 6, "02", { key: 9 }), data(2, 7, "03")],
  },
  {
    name: "numbers that follow each other over the end of 32 bits",
    frames: [data(3, WRAP - 2, "01"), data(3, WRAP - 1, "02"), data(3, 0, "03")],
  },
  {
    name: "numbers of two lanes, each by itself, with a frame between",
    frames: [
      data(2, 5, "01"),
      data(16, 5, "02"),
      { type: "ping", time: 1 },
      data(2, 6, "03"),
      data(16, 6, "04"),
    ],
  },
  {
    name: "numbers with a step, and the same again",
    frames: [data(3, 5, "01"), data(3, 7, "02"), data(3, 7, "03", { offset: 1, total: 2 })],
  },
  {
    name: "the end of a message in parts, and the next message",
    frames: [data(1, 5, "ffff", { offset: 998, total: 1000 }), data(1, 6, "02")],
  },
  {
    name: "a typical packet",
    frames: [
      { type: "ack", largest: 4711, delay: 40, time: 123_456_789, ranges: [{ gap: 0, length: 11 }] },
      { type: "credit", lane: 0, messageLimit: 300, byteLimit: 5000 },
      data(0, 44, "81a5636c6f636b01"),
      ...Array.from(
        { length: 10 },
        (_, i) => data(2, 90_000 + i, "3f8000000000000000000000000000000000000000000000", { key: i }),
      ),
    ],
  },
  {
    name: "a probe of a path: PING, padded",
    frames: [{ type: "ping", time: 0xffff_ffff }, { type: "pad", length: 27 }],
  },
];

const ACK_HEAD = "02" + "00000009" + "0000";
const DATA_HEAD = "81" + "00000005";
const OPEN_REST = "00004000" + "01" + "67";
const REFUSED: readonly { readonly name: string; readonly packet: string }[] = [
  { name: "a type that there is not", packet: "0b" },
  { name: "the last type that there is not, behind a frame", packet: "0100000001" + "7f" },
  { name: "padding that is not zero", packet: "0000000100" },
  { name: "PING, cut", packet: "01000000" },
  { name: "ACK, cut in its delay", packet: "02" + "00000009" + "00" },
  { name: "ACK without its count", packet: ACK_HEAD },
  { name: "ACK with more ranges than there may be", packet: ACK_HEAD + "20" + "01".repeat(65) },
  { name: "ACK of an empty range", packet: ACK_HEAD + "00" + "00" },
  { name: "ACK of ranges that touch", packet: ACK_HEAD + "01" + "01" + "0001" },
  { name: "ACK with an empty range behind a gap", packet: ACK_HEAD + "01" + "01" + "0100" },
  { name: "ACK with fewer ranges than it says", packet: ACK_HEAD + "02" + "01" + "0101" },
  { name: "ACK of a span over 2^31", packet: ACK_HEAD + "01" + "bfffffff" + "bffffffe" + "04" },
  { name: "ACK with a length in two bytes that fits one", packet: ACK_HEAD + "00" + "403f" },
  { name: "ACK with a length in four bytes that fits two", packet: ACK_HEAD + "00" + "80003fff" },
  { name: "ACK with a length in eight bytes", packet: ACK_HEAD + "00" + "c000000040000000" },
  { name: "ACK, its time cut", packet: "03" + "00000009" + "0000" + "0000" },
  { name: "CREDIT, its second limit cut", packet: "04" + "00" + "00000100" + "000010" },
  { name: "SKIP without its number", packet: "05" + "00" },
  { name: "CLOSE with 65 bytes of text", packet: "06" + "0001" + "41" + "61".repeat(65) },
  { name: "CLOSE, its text cut", packet: "06" + "0001" + "03" + "6161" },
  { name: "CLOSE with an overlong character", packet: "06" + "0001" + "02" + "c0af" },
  { name: "CLOSE with half a character", packet: "06" + "0001" + "02" + "61c3" },
  { name: "CLOSE with half of a surrogate pair", packet: "06" + "0001" + "03" + "eda080" },
  { name: "CHALLENGE, cut", packet: "07" + "00000000" + "000000" },
  { name: "RESPONSE, cut", packet: "08" + "000000" },
  { name: "REPORT, its jitter cut", packet: "09" + "00000001" + "00000001" + "00" },
  { name: "OPEN of a lane of hana itself", packet: "0a" + "0f" + "000000" + OPEN_REST },
  { name: "OPEN of lane 255", packet: "0a" + "ff" + "000000" + OPEN_REST },
  { name: "OPEN of a kind that there is not", packet: "0a" + "10" + "040000" + OPEN_REST },
  { name: "OPEN of a tier that there is not", packet: "0a" + "10" + "000800" + OPEN_REST },
  { name: "OPEN with a flag that there is not", packet: "0a" + "10" + "000002" + OPEN_REST },
  { name: "OPEN without a name", packet: "0a" + "10" + "000000" + "00004000" + "00" },
  {
    name: "OPEN with 33 bytes of name",
    packet: "0a" + "10" + "000000" + "00004000" + "21" + "61".repeat(33),
  },
  { name: "OPEN with a name that is no text", packet: "0a" + "10" + "000000" + "00004000" + "01" + "80" },
  { name: "DATA, its number cut", packet: "81" + "000000" },
  { name: "DATA without its length", packet: DATA_HEAD },
  { name: "DATA, its payload cut", packet: DATA_HEAD + "03" + "aabb" },
  { name: "DATA with a length in two bytes that fits one", packet: DATA_HEAD + "4001" + "aa" },
  { name: "DATA with a number where N would do", packet: DATA_HEAD + "00" + "81" + "00000006" + "00" },
  {
    name: "DATA with a number where N would do, over the end of 32 bits",
    packet: "81ffffffff00" + "810000000000",
  },
  { name: "DATA with N, the first of its packet", packet: "a1" + "00" },
  { name: "DATA with N, the first of its lane", packet: DATA_HEAD + "00" + "a2" + "00" },
  { name: "DATA behind the escape, of a lane that needs none", packet: "8f" + "0e" + "00000005" + "00" },
  { name: "DATA behind the escape, without its lane", packet: "8f" },
  { name: "DATA with a key in four bytes that fits one", packet: "91" + "00000005" + "80000001" + "00" },
  { name: "DATA with a key in eight bytes", packet: "91" + "00000005" + "c000000000000001" + "00" },
  { name: "a part of a message of one byte", packet: "c1" + "00000005" + "00" + "01" + "01" + "aa" },
  { name: "a part from behind the end", packet: "c1" + "00000005" + "05" + "05" + "01" + "aa" },
  { name: "an empty part", packet: "c1" + "00000005" + "00" + "05" + "00" },
  { name: "a part that is the whole", packet: "c1" + "00000005" + "00" + "02" + "02" + "aabb" },
  { name: "a part that goes over the end", packet: "c1" + "00000005" + "04" + "05" + "02" + "aabb" },
  { name: "a part, its total cut", packet: "c1" + "00000005" + "00" + "40" },
];

/** What the code makes of all of it today. */
export function laneVectors(): LaneVectors {
  return {
    schema: "hana.lane-vectors/1",
    expansions: EXPANSIONS.map(([truncated, expected]) => ({
      truncated,
      expected,
      number: expand32(truncated, expected),
    })),
    headers: HEADERS.map((vector) => {
      const out = new Uint8Array(9);
      const { keyPhase, immediate, receiverIndex, number } = vector;
      writePacketHeader(out, 0, keyPhase, immediate, receiverIndex, number);
      return { ...vector, header: toHex(out) };
    }),
    streamHeaders: STREAM_NUMBERS.map((number) => {
      const out = new Uint8Array(5);
      writeStreamPacketHeader(out, 0, number);
      return { number, header: toHex(out) };
    }),
    refusedHeaders: REFUSED_HEADERS.map(({ name, datagram }) => {
      const header = new PacketHeader();
      const bytes = fromHex(datagram);
      if (header.read(bytes, 0, bytes.length)) throw new Error(`${name}: accepted`);
      return { name, datagram, problem: header.problem };
    }),
    packets: PACKETS.map(({ name, frames }) => ({
      name,
      frames,
      packet: toHex(writePacket(new PacketWriter(), frames)),
    })),
    refused: REFUSED.map(({ name, packet }) => {
      const { problem, offset } = readPacket(fromHex(packet));
      if (problem === "") throw new Error(`${name}: accepted`);
      return { name, packet, problem, offset };
    }),
  };
}

if (import.meta.main) {
  Deno.writeTextFileSync(LANE_VECTORS_URL, JSON.stringify(laneVectors(), null, 2) + "\n");
}
