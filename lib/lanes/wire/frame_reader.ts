// Reads the frames of one packet, whoever sent it.
// Decides whether the bytes are a packet in the one form that is allowed; never what a frame means or whether it is
// welcome. Never throws, never reads past the packet's end, and allocates nothing but the texts of CLOSE and OPEN.

import { isUtf8 } from "../../wire/mod.ts";
import { FIRST_PROGRAM_LANE, LANE_KINDS, LAST_PROGRAM_LANE, MAX_LANE_NAME_BYTES } from "../lane.ts";
import {
  ACK_HEAD_BYTES,
  DATA_FRAGMENT,
  DATA_KEY,
  DATA_LANE_MASK,
  DATA_NEXT,
  FRAME_BROKEN,
  FRAME_END,
  type FrameProblem,
  FrameType,
  LANE_ESCAPE,
  MAX_ACK_SPAN,
  MAX_CLOSE_TEXT_BYTES,
  MAX_EXTRA_RANGES,
  OPEN_KEYED,
} from "./frame_type.ts";
import { VARINT_CUT, VARINT_TOO_LONG, varintAt, varintBytes } from "./varint.ts";

const NOTHING = new Uint8Array(0);
const LANES = 256;
const MAX_TIER = 7;
/** At this many packets the marks of lanes are wiped, so that a mark stays a small integer. */
const LAST_EPOCH = 0x3fff_ffff;
const TEXT_DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads packets, one after the other. Fields hold the frame that {@linkcode next} named last, and only its own. */
export class FrameReader {
  /** Why the packet is refused; empty while it is not. */
  problem: FrameProblem | "" = "";
  /** Where the frame begins, or the field that is refused: bytes from the packet's start. */
  offset = 0;

  /** DATA, CREDIT, SKIP, OPEN. */
  lane = 0;
  /** DATA, SKIP: the low 32 bits of the message's number. */
  number = 0;
  /** DATA: whether the number was left to be counted. */
  isNext = false;
  /** DATA: −1 for none. */
  key = -1;
  /** DATA: where the payload belongs in its message, and the message's length; 0 and −1 for a whole message. */
  fragmentOffset = 0;
  total = -1;
  /** DATA: the payload's place in the bytes given to {@linkcode reset}. PAD: its length, the first zero included. */
  payloadStart = 0;
  payloadLength = 0;

  /** ACK: the low 32 bits of the largest number. */
  ackLargest = 0;
  /** ACK: in units of 16 µs; 0xffff for unknown. */
  ackDelay = 0;
  /** ACK: when the largest number came by the peer's clock, low 32 bits of microseconds; −1 for not told. */
  ackTime = -1;
  /** ACK: 1 to 32. */
  ackRangeCount = 0;

  /** CREDIT: low 32 bits; the second in units of 256 bytes. */
  messageLimit = 0;
  byteLimit = 0;

  /** PING: the peer's clock, low 32 bits of microseconds. */
  time = 0;

  /** CLOSE: code. CLOSE and OPEN: the reason, or the lane's name. */
  code = 0;
  text = "";

  /** CHALLENGE and RESPONSE: both halves. */
  high = 0;
  low = 0;

  /** REPORT: low 32 bits; jitter and lag in units of 16 µs. */
  received = 0;
  lost = 0;
  jitter = 0;
  loopLag = 0;

  /** OPEN: the place of the kind in `LANE_KINDS`; the tier; whether messages may have keys; their largest size. */
  kind = 0;
  tier = 0;
  isKeyed = false;
  maxMessageBytes = 0;

  #bytes: Uint8Array = NOTHING;
  #start = 0;
  #at = 0;
  #end = 0;
  readonly #gaps = new Uint32Array(MAX_EXTRA_RANGES + 1);
  readonly #lengths = new Uint32Array(MAX_EXTRA_RANGES + 1);
  /** The low 32 bits of the number that N stands for, for lanes marked with this packet's epoch. */
  readonly #nextNumbers = new Uint32Array(LANES);
  readonly #epochs = new Uint32Array(LANES);
  #epoch = 1;

  /** Begins the packet `bytes[start … end)`, which must not change while it is read. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#start = start;
    this.#at = start;
    this.#end = end < bytes.length ? end : bytes.length;
    this.problem = "";
    this.offset = 0;
    if (this.#epoch === LAST_EPOCH) {
      this.#epochs.fill(0);
      this.#epoch = 0;
    }
    this.#epoch++;
  }

  /**
   * Reads a frame. Its `FrameType`, or `FRAME_END`, or `FRAME_BROKEN` with {@linkcode problem}: then it stays where it
   * is, and says the same again.
   */
  next(): number {
    const at = this.#at;
    if (at >= this.#end) return FRAME_END;
    this.offset = at - this.#start;
    const type = this.#bytes[at] as number;
    if (type >= FrameType.data) return this.#readData(type, at + 1);
    switch (type) {
      case FrameType.pad:
        return this.#readPad(at);
      case FrameType.ping:
        if (this.#isCut(at + 1, 4)) return FRAME_BROKEN;
        this.time = this.#u32(at + 1);
        return this.#took(type, at + 5);
      case FrameType.ack:
      case FrameType.ackTimed:
        return this.#readAck(type, at + 1);
      case FrameType.credit:
        return this.#readCredit(at + 1);
      case FrameType.skip:
        if (this.#isCut(at + 1, 1) || this.#isCut(at + 2, 4)) return FRAME_BROKEN;
        this.lane = this.#bytes[at + 1] as number;
        this.number = this.#u32(at + 2);
        return this.#took(type, at + 6);
      case FrameType.close:
        return this.#readClose(at + 1);
      case FrameType.challenge:
      case FrameType.response:
        if (this.#isCut(at + 1, 8)) return FRAME_BROKEN;
        this.high = this.#u32(at + 1);
        this.low = this.#u32(at + 5);
        return this.#took(type, at + 9);
      case FrameType.report:
        return this.#readReport(at + 1);
      case FrameType.open:
        return this.#readOpen(at + 1);
      default:
        return this.#refuse("unknown-frame", at);
    }
  }

  /** ACK: how many packets range `i` has, the newest range first. */
  ackRangeLength(i: number): number {
    return this.#lengths[i] as number;
  }

  /** ACK: how many packets are missing between range `i` and the newer one before it; 0 for the first. */
  ackRangeGap(i: number): number {
    return this.#gaps[i] as number;
  }

  #readData(type: number, begin: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = begin;
    let lane = type & DATA_LANE_MASK;
    if (lane === LANE_ESCAPE) {
      if (at >= end) return this.#refuse("truncated", at);
      lane = bytes[at] as number;
      if (lane < LANE_ESCAPE) return this.#refuse("not-canonical", at);
      at++;
    }
    const hasPrevious = this.#epochs[lane] === this.#epoch;
    const expected = this.#nextNumbers[lane] as number;
    let number = expected;
    if ((type & DATA_NEXT) !== 0) {
      if (!hasPrevious) return this.#refuse("no-previous", begin - 1);
      this.isNext = true;
    } else {
      if (at + 4 > end) return this.#refuse("truncated", at);
      number = this.#u32(at);
      if (hasPrevious && number === expected) return this.#refuse("not-canonical", at);
      this.isNext = false;
      at += 4;
    }
    this.key = -1;
    if ((type & DATA_KEY) !== 0) {
      const key = varintAt(bytes, at, end);
      if (key < 0) return this.#refuseVarint(key, at);
      this.key = key;
      at += varintBytes(key);
    }
    let offset = 0;
    let total = -1;
    if ((type & DATA_FRAGMENT) !== 0) {
      offset = varintAt(bytes, at, end);
      if (offset < 0) return this.#refuseVarint(offset, at);
      at += varintBytes(offset);
      total = varintAt(bytes, at, end);
      if (total < 0) return this.#refuseVarint(total, at);
      if (total < 2 || total <= offset) return this.#refuse("out-of-range", at);
      at += varintBytes(total);
    }
    const length = varintAt(bytes, at, end);
    if (length < 0) return this.#refuseVarint(length, at);
    if (total >= 0 && (length === 0 || length === total || offset + length > total)) {
      return this.#refuse("out-of-range", at);
    }
    at += varintBytes(length);
    if (length > end - at) return this.#refuse("truncated", at);
    this.lane = lane;
    this.number = number;
    this.fragmentOffset = offset;
    this.total = total;
    this.payloadStart = at;
    this.payloadLength = length;
    this.#epochs[lane] = this.#epoch;
    this.#nextNumbers[lane] = number + 1;
    this.#at = at + length;
    return FrameType.data;
  }

  #readPad(at: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    for (let i = at + 1; i < end; i++) {
      if (bytes[i] !== 0) return this.#refuse("padding", i);
    }
    this.payloadStart = at;
    this.payloadLength = end - at;
    return this.#took(FrameType.pad, end);
  }

  #readAck(type: number, begin: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = begin;
    if (this.#isCut(at, 4) || this.#isCut(at + 4, 2)) return FRAME_BROKEN;
    this.ackLargest = this.#u32(at);
    this.ackDelay = this.#u16(at + 4);
    at += ACK_HEAD_BYTES - 2;
    this.ackTime = -1;
    if (type === FrameType.ackTimed) {
      if (this.#isCut(at, 4)) return FRAME_BROKEN;
      this.ackTime = this.#u32(at);
      at += 4;
    }
    if (this.#isCut(at, 1)) return FRAME_BROKEN;
    const extra = bytes[at] as number;
    if (extra > MAX_EXTRA_RANGES) return this.#refuse("out-of-range", at);
    at++;
    let span = 0;
    for (let i = 0; i <= extra; i++) {
      let gap = 0;
      if (i > 0) {
        gap = varintAt(bytes, at, end);
        if (gap < 0) return this.#refuseVarint(gap, at);
        span += gap;
        if (gap === 0 || span > MAX_ACK_SPAN) return this.#refuse("out-of-range", at);
        at += varintBytes(gap);
      }
      const length = varintAt(bytes, at, end);
      if (length < 0) return this.#refuseVarint(length, at);
      span += length;
      if (length === 0 || span > MAX_ACK_SPAN) return this.#refuse("out-of-range", at);
      at += varintBytes(length);
      this.#gaps[i] = gap;
      this.#lengths[i] = length;
    }
    this.ackRangeCount = extra + 1;
    return this.#took(type, at);
  }

  #readCredit(at: number): number {
    if (this.#isCut(at, 1) || this.#isCut(at + 1, 4) || this.#isCut(at + 5, 4)) return FRAME_BROKEN;
    this.lane = this.#bytes[at] as number;
    this.messageLimit = this.#u32(at + 1);
    this.byteLimit = this.#u32(at + 5);
    return this.#took(FrameType.credit, at + 9);
  }

  #readClose(at: number): number {
    if (this.#isCut(at, 2) || this.#isCut(at + 2, 1)) return FRAME_BROKEN;
    this.code = this.#u16(at);
    const length = this.#bytes[at + 2] as number;
    if (length > MAX_CLOSE_TEXT_BYTES) return this.#refuse("out-of-range", at + 2);
    return this.#readText(at + 3, length) ? this.#took(FrameType.close, at + 3 + length) : FRAME_BROKEN;
  }

  #readReport(at: number): number {
    if (this.#isCut(at, 4) || this.#isCut(at + 4, 4)) return FRAME_BROKEN;
    if (this.#isCut(at + 8, 2) || this.#isCut(at + 10, 2)) return FRAME_BROKEN;
    this.received = this.#u32(at);
    this.lost = this.#u32(at + 4);
    this.jitter = this.#u16(at + 8);
    this.loopLag = this.#u16(at + 10);
    return this.#took(FrameType.report, at + 12);
  }

  #readOpen(at: number): number {
    const bytes = this.#bytes;
    const bounds = OPEN_BOUNDS;
    // Lane, kind, tier and flags: a byte each, within its bounds.
    for (let i = 0; i < bounds.length; i += 2) {
      const field = at + (i >> 1);
      if (this.#isCut(field, 1)) return FRAME_BROKEN;
      const value = bytes[field] as number;
      if (value < (bounds[i] as number) || value > (bounds[i + 1] as number)) {
        return this.#refuse("out-of-range", field);
      }
    }
    if (this.#isCut(at + 4, 4) || this.#isCut(at + 8, 1)) return FRAME_BROKEN;
    const length = bytes[at + 8] as number;
    if (length < 1 || length > MAX_LANE_NAME_BYTES) return this.#refuse("out-of-range", at + 8);
    if (!this.#readText(at + 9, length)) return FRAME_BROKEN;
    this.lane = bytes[at] as number;
    this.kind = bytes[at + 1] as number;
    this.tier = bytes[at + 2] as number;
    this.isKeyed = bytes[at + 3] === OPEN_KEYED;
    this.maxMessageBytes = this.#u32(at + 4);
    return this.#took(FrameType.open, at + 9 + length);
  }

  #readText(at: number, length: number): boolean {
    if (this.#isCut(at, length)) return false;
    if (!isUtf8(this.#bytes, at, at + length)) {
      this.#refuse("not-utf8", at);
      return false;
    }
    this.text = length === 0 ? "" : TEXT_DECODER.decode(this.#bytes.subarray(at, at + length));
    return true;
  }

  #took(type: number, at: number): number {
    this.#at = at;
    return type;
  }

  /** Refuses the packet when the field of `length` bytes at `at` is not whole. */
  #isCut(at: number, length: number): boolean {
    if (at + length <= this.#end) return false;
    this.#refuse("truncated", at);
    return true;
  }

  #refuse(problem: FrameProblem, at: number): number {
    this.problem = problem;
    this.offset = at - this.#start;
    return FRAME_BROKEN;
  }

  #refuseVarint(why: number, at: number): number {
    if (why === VARINT_CUT) return this.#refuse("truncated", at);
    return this.#refuse(why === VARINT_TOO_LONG ? "not-canonical" : "out-of-range", at);
  }

  #u16(at: number): number {
    return ((this.#bytes[at] as number) << 8) | (this.#bytes[at + 1] as number);
  }

  #u32(at: number): number {
    const bytes = this.#bytes;
    return (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
  }
}

/** The smallest and the largest lane, kind, tier and flags of OPEN. */
const OPEN_BOUNDS: readonly number[] = [
  FIRST_PROGRAM_LANE,
  LAST_PROGRAM_LANE,
  0,
  LANE_KINDS.length - 1,
  0,
  MAX_TIER,
  0,
  OPEN_KEYED,
];
