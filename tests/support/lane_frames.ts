// Frames of lanes as plain values: what tests, vectors and the fuzzer compare.
// Decides how a frame is told in JSON; the bytes are made and read by lib/lanes/wire alone.

import fc from "fast-check";
import { fromHex, toHex } from "../../lib/base/mod.ts";
import {
  type AckSource,
  FRAME_BROKEN,
  FRAME_END,
  FrameReader,
  FrameType,
  MAX_ACK_SPAN,
  MAX_FRAME_VARINT,
  type PacketWriter,
} from "../../lib/lanes/wire/mod.ts";

/** A frame. Numbers are as they stand on the wire, the number of a DATA frame as it is resolved. */
export type PlainFrame =
  | { readonly type: "pad"; readonly length: number }
  | { readonly type: "ping"; readonly time: number }
  | {
    readonly type: "ack";
    readonly largest: number;
    readonly delay: number;
    readonly time: number | null;
    /** Newest first: missing packets before the range (0 for the first), packets in it. */
    readonly ranges: readonly { readonly gap: number; readonly length: number }[];
  }
  | {
    readonly type: "credit";
    readonly lane: number;
    readonly messageLimit: number;
    readonly byteLimit: number;
  }
  | { readonly type: "skip"; readonly lane: number; readonly number: number }
  | { readonly type: "close"; readonly code: number; readonly text: string }
  | { readonly type: "challenge" | "response"; readonly high: number; readonly low: number }
  | {
    readonly type: "report";
    readonly received: number;
    readonly lost: number;
    readonly jitter: number;
    readonly loopLag: number;
  }
  | {
    readonly type: "open";
    readonly lane: number;
    readonly kind: number;
    readonly tier: number;
    readonly keyed: boolean;
    readonly maxMessageBytes: number;
    readonly name: string;
  }
  | {
    readonly type: "data";
    readonly lane: number;
    readonly number: number;
    readonly key: number | null;
    /** Both null for a whole message. */
    readonly offset: number | null;
    readonly total: number | null;
    readonly payload: string;
  };

/** What became of a packet that was read. */
export interface ReadPacket {
  readonly frames: readonly PlainFrame[];
  /** Empty when every frame was read. */
  readonly problem: string;
  readonly offset: number;
}

/** Reads the packet `bytes[start … end)`. */
export function readPacket(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
  reader: FrameReader = new FrameReader(),
): ReadPacket {
  reader.reset(bytes, start, end);
  const frames: PlainFrame[] = [];
  for (let type = reader.next(); type !== FRAME_END; type = reader.next()) {
    if (type === FRAME_BROKEN) return { frames, problem: reader.problem, offset: reader.offset };
    frames.push(plainFrame(reader, type, bytes));
  }
  return { frames, problem: "", offset: 0 };
}

/** The frame that `reader` has read last. */
export function plainFrame(reader: FrameReader, type: number, bytes: Uint8Array): PlainFrame {
  switch (type) {
    case FrameType.pad:
      return { type: "pad", length: reader.payloadLength };
    case FrameType.ping:
      return { type: "ping", time: reader.time };
    case FrameType.ack:
    case FrameType.ackTimed:
      return {
        type: "ack",
        largest: reader.ackLargest,
        delay: reader.ackDelay,
        time: type === FrameType.ack ? null : reader.ackTime,
        ranges: Array.from(
          { length: reader.ackRangeCount },
          (_, i) => ({ gap: reader.ackRangeGap(i), length: reader.ackRangeLength(i) }),
        ),
      };
    case FrameType.credit:
      return {
        type: "credit",
        lane: reader.lane,
        messageLimit: reader.messageLimit,
        byteLimit: reader.byteLimit,
      };
    case FrameType.skip:
      return { type: "skip", lane: reader.lane, number: reader.number };
    case FrameType.close:
      return { type: "close", code: reader.code, text: reader.text };
    case FrameType.challenge:
    case FrameType.response:
      return {
        type: type === FrameType.challenge ? "challenge" : "response",
        high: reader.high,
        low: reader.low,
      };
    case FrameType.report:
      return {
        type: "report",
        received: reader.received,
        lost: reader.lost,
        jitter: reader.jitter,
        loopLag: reader.loopLag,
      };
    case FrameType.open:
      return {
        type: "open",
        lane: reader.lane,
        kind: reader.kind,
        tier: reader.tier,
        keyed: reader.isKeyed,
        maxMessageBytes: reader.maxMessageBytes,
        name: reader.text,
      };
    case FrameType.data: {
      const isPart = reader.total >= 0;
      return {
        type: "data",
        lane: reader.lane,
        number: reader.number,
        key: reader.key < 0 ? null : reader.key,
        offset: isPart ? reader.fragmentOffset : null,
        total: isPart ? reader.total : null,
        payload: toHex(bytes.subarray(reader.payloadStart, reader.payloadStart + reader.payloadLength)),
      };
    }
    default:
      throw new Error(`the reader names a frame that there is not: ${type}`);
  }
}

/** Writes a frame; what the writer says. */
export function writeFrame(writer: PacketWriter, frame: PlainFrame): boolean {
  switch (frame.type) {
    case "pad":
      return writer.pad(writer.length + frame.length);
    case "ping":
      return writer.ping(frame.time);
    case "ack":
      return writer.ack(ackSourceOf(frame.largest, frame.ranges), frame.delay, frame.time ?? -1);
    case "credit":
      return writer.credit(frame.lane, frame.messageLimit, frame.byteLimit);
    case "skip":
      return writer.skip(frame.lane, frame.number);
    case "close":
      return writer.close(frame.code, frame.text);
    case "challenge":
      return writer.challenge(frame.high, frame.low);
    case "response":
      return writer.response(frame.high, frame.low);
    case "report":
      return writer.report(frame.received, frame.lost, frame.jitter, frame.loopLag);
    case "open": {
      const name = new TextEncoder().encode(frame.name);
      const { lane, kind, tier, keyed, maxMessageBytes } = frame;
      return writer.open(lane, kind, tier, keyed ? 1 : 0, maxMessageBytes, name);
    }
    case "data": {
      const payload = fromHex(frame.payload);
      const { lane, number, offset, total, key } = frame;
      return offset === null || total === null
        ? writer.data(lane, number, key ?? -1, payload, 0, payload.length)
        : writer.fragment(lane, number, key ?? -1, offset, total, payload, 0, payload.length);
    }
  }
}

/** Writes all frames into a packet as long as they need, up to `limit`; throws when one does not fit. */
export function writePacket(writer: PacketWriter, frames: readonly PlainFrame[], limit = 65_536): Uint8Array {
  writer.reset(new Uint8Array(limit), limit);
  for (const frame of frames) {
    if (!writeFrame(writer, frame)) throw new Error(`does not fit: ${JSON.stringify(frame)}`);
  }
  return writer.bytes.slice(0, writer.length);
}

/** Ranges that a receiver would have, with full numbers far from zero. */
export function ackSourceOf(
  largest: number,
  ranges: readonly { readonly gap: number; readonly length: number }[],
): AckSource {
  const bounds: [number, number][] = [];
  let end = largest + 2 ** 34;
  for (const { gap, length } of ranges) {
    end -= gap;
    bounds.push([end - length + 1, end]);
    end -= length;
  }
  return {
    rangeCount: bounds.length,
    rangeStart: (i) => bounds[i]?.[0] ?? NaN,
    rangeEnd: (i) => bounds[i]?.[1] ?? NaN,
  };
}

// --- arbitrary frames --------------------------------------------------------------------------------------------

const u16 = fc.oneof(fc.constantFrom(0, 1, 0xfffe, 0xffff), fc.nat(0xffff));
/** Numbers on the wire, with many at their bounds. */
export const u32: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff),
  fc.integer({ min: 0, max: 0xffff_ffff }),
);
/** Varints around the steps of their size. */
export const varint: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, 1, 0x3f, 0x40, 0x3fff, 0x4000, MAX_FRAME_VARINT),
  fc.nat(MAX_FRAME_VARINT),
  fc.nat(300),
);
/** Lanes, with those beside the escape. */
export const lane: fc.Arbitrary<number> = fc.oneof(fc.constantFrom(0, 2, 14, 15, 16, 254, 255), fc.nat(255));

function textOf(minBytes: number, maxBytes: number): fc.Arbitrary<string> {
  return fc.string({ unit: "binary", maxLength: maxBytes }).filter((text) => {
    const { length } = new TextEncoder().encode(text);
    return length >= minBytes && length <= maxBytes;
  });
}

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom(0x3f, 0x40, 127, 128, 129, 1000).map((length) => new Uint8Array(length).fill(7)),
).map(toHex);

const wholeData = fc.record({
  type: fc.constant("data" as const),
  lane,
  // Few numbers, so that the next one comes up by chance.
  number: fc.oneof(fc.nat(4), fc.constantFrom(0xffff_fffe, 0xffff_ffff), u32),
  key: fc.option(varint, { nil: null }),
  offset: fc.constant<number | null>(null),
  total: fc.constant<number | null>(null),
  payload,
});

const fragmentData = fc.tuple(wholeData, varint, varint).map(
  ([frame, before, after]) => {
    const some = frame.payload === "" ? "ab" : frame.payload;
    const length = some.length / 2;
    const room = MAX_FRAME_VARINT - length;
    const offset = Math.min(before, room);
    const rest = Math.min(offset === 0 ? Math.max(1, after) : after, room - offset);
    const total = offset + length + rest;
    return { ...frame, payload: some, offset, total };
  },
);

const ranges = fc.array(fc.record({ gap: varint, length: varint }), { minLength: 1, maxLength: 32 }).map(
  (all) => {
    const kept: { gap: number; length: number }[] = [];
    let span = 0;
    for (const range of all) {
      const gap = kept.length === 0 ? 0 : Math.max(1, range.gap);
      const length = Math.max(1, range.length);
      if (span + gap + length > MAX_ACK_SPAN) break;
      span += gap + length;
      kept.push({ gap, length });
    }
    return kept;
  },
);

/** Every frame but PAD. */
export const anyFrame: fc.Arbitrary<PlainFrame> = fc.oneof<fc.MaybeWeightedArbitrary<PlainFrame>[]>(
  { arbitrary: wholeData, weight: 4 },
  { arbitrary: fragmentData, weight: 4 },
  fc.record({ type: fc.constant("ping" as const), time: u32 }),
  fc.record({
    type: fc.constant("ack" as const),
    largest: u32,
    delay: u16,
    time: fc.option(u32, { nil: null }),
    ranges,
  }),
  fc.record({ type: fc.constant("credit" as const), lane, messageLimit: u32, byteLimit: u32 }),
  fc.record({ type: fc.constant("skip" as const), lane, number: u32 }),
  fc.record({ type: fc.constant("close" as const), code: u16, text: textOf(0, 64) }),
  fc.record({ type: fc.constantFrom("challenge" as const, "response" as const), high: u32, low: u32 }),
  fc.record({ type: fc.constant("report" as const), received: u32, lost: u32, jitter: u16, loopLag: u16 }),
  fc.record({
    type: fc.constant("open" as const),
    lane: fc.integer({ min: 16, max: 254 }),
    kind: fc.nat(3),
    tier: fc.nat(7),
    keyed: fc.boolean(),
    maxMessageBytes: u32,
    name: textOf(1, 32),
  }),
);

/** Frames of one packet, at times with padding at the end. */
export const anyPacket: fc.Arbitrary<PlainFrame[]> = fc.tuple(
  fc.array(anyFrame, { maxLength: 12 }),
  fc.option(fc.integer({ min: 1, max: 50 }), { nil: null }),
).map(([frames, length]) => length === null ? frames : [...frames, { type: "pad", length }]);
