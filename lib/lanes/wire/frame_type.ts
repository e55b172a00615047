// The frames of a packet: their first bytes and the bounds of their fields.
// Decides numbers alone; docs/lanes.md tells every frame byte by byte.

/** First bytes of frames. Every byte from 0x80 on is DATA, of which the other bits are flags and the lane. */
export const FrameType = {
  /** The rest of the packet is zero. */
  pad: 0x00,
  ping: 0x01,
  ack: 0x02,
  /** ACK with the time at which the largest number came. */
  ackTimed: 0x03,
  credit: 0x04,
  skip: 0x05,
  close: 0x06,
  challenge: 0x07,
  response: 0x08,
  report: 0x09,
  open: 0x0a,
  data: 0x80,
} as const;

/** What `FrameReader.next()` says when the packet is read to its end. */
export const FRAME_END = -1;
/** What it says, and goes on to say, when something must be refused. */
export const FRAME_BROKEN = -2;

/** F: the payload is a part of a message; its place and the whole length follow. */
export const DATA_FRAGMENT = 0x40;
/** N: the number is one more than that of the DATA before it of this lane in this packet. */
export const DATA_NEXT = 0x20;
/** K: a key follows. */
export const DATA_KEY = 0x10;
/** The lane in the low bits of a DATA frame's first byte. */
export const DATA_LANE_MASK = 0x0f;
/** In place of a lane: the lane, which is this one or higher, is the next byte. */
export const LANE_ESCAPE = 15;

/** The largest varint: three forms of RFC 9000 section 16, the one of eight bytes is never used. */
export const MAX_FRAME_VARINT: number = 2 ** 30 - 1;
/** The largest key of a message, and the largest message. */
export const MAX_KEY: number = MAX_FRAME_VARINT;

/** A whole PING. */
export const PING_BYTES = 5;
/** ACK without its ranges. */
export const ACK_HEAD_BYTES = 8;
/** The same with the time. */
export const ACK_TIMED_HEAD_BYTES = 12;
/** Ranges of an ACK after the first one. */
export const MAX_EXTRA_RANGES = 31;
/** From the largest number to the smallest, both in: more could not be expanded (see `expand32`). */
export const MAX_ACK_SPAN: number = 2 ** 31;
/** The delay of an ACK that nobody knows, and the largest that is told is one less. */
export const UNKNOWN_ACK_DELAY = 0xffff;
/** Delays, jitter and lag are told in units of this many microseconds. */
export const DELAY_UNIT_US = 16;
/** A whole CREDIT. */
export const CREDIT_BYTES = 10;
/** Byte limits of CREDIT are told in units of this many bytes. */
export const CREDIT_UNIT_BYTES = 256;
/** A whole SKIP. */
export const SKIP_BYTES = 6;
/** CLOSE without its text. */
export const CLOSE_HEAD_BYTES = 4;
/** The longest text of CLOSE. */
export const MAX_CLOSE_TEXT_BYTES = 64;
/** A whole CHALLENGE or RESPONSE. */
export const CHALLENGE_BYTES = 9;
/** A whole REPORT. */
export const REPORT_BYTES = 13;
/** OPEN without its name. */
export const OPEN_HEAD_BYTES = 10;
/** Flag of OPEN: messages may carry keys. */
export const OPEN_KEYED = 0x01;
/** The most that a whole DATA frame adds to its payload. */
export const MAX_DATA_OVERHEAD_BYTES = 14;

/** Why a packet is refused. The words are part of the protocol's vectors. */
export type FrameProblem =
  | "truncated" // the packet ends inside the field
  | "unknown-frame" // no such type
  | "not-canonical" // there is a shorter way to say it, which alone is allowed
  | "out-of-range" // no value of this field
  | "no-previous" // N, and no DATA of this lane before it
  | "padding" // not zero
  | "not-utf8";
