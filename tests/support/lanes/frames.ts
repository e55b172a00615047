// A reader of packets that knows the written layout and nothing of lib/lanes/wire: what the harness sees in a packet
// does not depend on the code under test. Also refuses what is not canonical, so that every packet sent is checked.
// Decides what a packet says; never what it means.

/** What stands in a packet, frame by frame. */
export type Frame =
  | { readonly type: "data"; readonly data: DataFrame }
  | {
    readonly type: "ack";
    readonly largest: number;
    readonly delay: number;
    readonly ranges: readonly Range[];
    readonly timeUs: number;
  }
  | { readonly type: "credit"; readonly lane: number; readonly messages: number; readonly bytes256: number }
  | { readonly type: "skip"; readonly lane: number; readonly number: number }
  | { readonly type: "open"; readonly lane: number; readonly kind: number; readonly name: string }
  | { readonly type: "close"; readonly code: number; readonly text: string }
  | { readonly type: "ping" | "challenge" | "response" | "report" | "pad" };

/** One DATA frame. Numbers are the low 32 bits. */
export interface DataFrame {
  readonly lane: number;
  readonly number: number;
  readonly key: number;
  /** −1 for a whole message. */
  readonly total: number;
  readonly offset: number;
  readonly start: number;
  readonly length: number;
  /** Bytes of the whole frame. */
  readonly size: number;
}

/** Packets acknowledged together, as distances below the largest: `from` is nearer. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** A packet that breaks the layout. */
export class LayoutError extends Error {}

class Cursor {
  at: number;
  constructor(readonly bytes: Uint8Array, start: number, readonly end: number) {
    this.at = start;
  }

  u8(): number {
    if (this.at >= this.end) throw new LayoutError(`ends at ${this.at}`);
    return this.bytes[this.at++] ?? 0;
  }

  u16(): number {
    return this.u8() * 256 + this.u8();
  }

  u32(): number {
    return this.u16() * 65_536 + this.u16();
  }

  varint(): number {
    const first = this.u8();
    const size = first >> 6;
    let value = first & 63;
    if (size === 3) throw new LayoutError("varint of 8 bytes");
    for (let i = (1 << size) - 1; i > 0; i--) value = value * 256 + this.u8();
    const shortest = value < 64 ? 0 : value < 16_384 ? 1 : 2;
    if (shortest !== size) throw new LayoutError(`varint ${value} in ${1 << size} bytes`);
    return value;
  }

  text(length: number): string {
    const bytes = this.bytes.subarray(this.at, this.skip(length));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  }

  skip(length: number): number {
    this.at += length;
    if (this.at > this.end) throw new LayoutError(`ends before ${this.at}`);
    return this.at;
  }
}

/** All frames of a packet. Throws {@linkcode LayoutError} for what no sender may write. */
export function framesOf(bytes: Uint8Array, start: number, end: number): Frame[] {
  const frames: Frame[] = [];
  const cursor = new Cursor(bytes, start, end);
  let previous: DataFrame | null = null;
  while (cursor.at < end) {
    const type = cursor.u8();
    if (type >= 0x80) {
      previous = dataFrame(cursor, type, previous, frames);
      frames.push({ type: "data", data: previous });
    } else frames.push(plainFrame(cursor, type));
  }
  return frames;
}

function plainFrame(cursor: Cursor, type: number): Frame {
  switch (type) {
    case 0x00:
      while (cursor.at < cursor.end) if (cursor.u8() !== 0) throw new LayoutError("padding that is not zero");
      return { type: "pad" };
    case 0x01:
      cursor.skip(4);
      return { type: "ping" };
    case 0x02:
    case 0x03:
      return ackFrame(cursor, type === 0x03);
    case 0x04:
      return { type: "credit", lane: cursor.u8(), messages: cursor.u32(), bytes256: cursor.u32() };
    case 0x05:
      return { type: "skip", lane: cursor.u8(), number: cursor.u32() };
    case 0x06: {
      const code = cursor.u16();
      const length = cursor.u8();
      if (length > 64) throw new LayoutError(`text of ${length} bytes`);
      return { type: "close", code, text: cursor.text(length) };
    }
    case 0x07:
    case 0x08:
      cursor.skip(8);
      return { type: type === 0x07 ? "challenge" : "response" };
    case 0x09:
      cursor.skip(12);
      return { type: "report" };
    case 0x0a: {
      const lane = cursor.u8();
      const kind = cursor.u8();
      const tier = cursor.u8();
      const flags = cursor.u8();
      cursor.skip(4);
      const length = cursor.u8();
      if (lane < 16 || lane > 254 || kind > 3 || tier > 7 || flags > 1 || length < 1 || length > 32) {
        throw new LayoutError("OPEN out of its bounds");
      }
      return { type: "open", lane, kind, name: cursor.text(length) };
    }
    default:
      throw new LayoutError(`frame type ${type}`);
  }
}

function ackFrame(cursor: Cursor, timed: boolean): Frame {
  const largest = cursor.u32();
  const delay = cursor.u16();
  const timeUs = timed ? cursor.u32() : -1;
  const extra = cursor.u8();
  if (extra > 31) throw new LayoutError(`${extra} extra ranges`);
  const ranges: Range[] = [];
  let below = cursor.varint();
  if (below < 1) throw new LayoutError("an empty range");
  ranges.push({ from: 0, to: below - 1 });
  for (let i = 0; i < extra; i++) {
    const gap = cursor.varint();
    const length = cursor.varint();
    if (gap < 1 || length < 1) throw new LayoutError("an empty range");
    ranges.push({ from: below + gap, to: below + gap + length - 1 });
    below += gap + length;
  }
  return { type: "ack", largest, delay, ranges, timeUs };
}

function dataFrame(
  cursor: Cursor,
  type: number,
  previous: DataFrame | null,
  frames: readonly Frame[],
): DataFrame {
  const from = cursor.at - 1;
  let lane = type & 15;
  if (lane === 15) {
    lane = cursor.u8();
    if (lane < 15) throw new LayoutError(`lane ${lane} in two bytes`);
  }
  const before = previous?.lane === lane ? previous : lastOf(frames, lane);
  const isNext = (type & 0x20) !== 0;
  const following = before === null ? -1 : (before.number + 1) % 2 ** 32;
  let number = following;
  if (isNext) {
    if (before === null) throw new LayoutError("N without a DATA before it");
  } else {
    number = cursor.u32();
    if (number === following) throw new LayoutError(`number ${number} written out where N would do`);
  }
  const key = (type & 0x10) !== 0 ? cursor.varint() : -1;
  const isFragment = (type & 0x40) !== 0;
  const offset = isFragment ? cursor.varint() : 0;
  const total = isFragment ? cursor.varint() : -1;
  const length = cursor.varint();
  if (isFragment && (total < 2 || length < 1 || length >= total || offset + length > total)) {
    throw new LayoutError(`piece ${offset}+${length} of ${total}`);
  }
  const start = cursor.at;
  cursor.skip(length);
  return { lane, number, key, total, offset, start, length, size: cursor.at - from };
}

function lastOf(frames: readonly Frame[], lane: number): DataFrame | null {
  for (let i = frames.length - 1; i >= 0; i--) {
    const frame = frames[i];
    if (frame?.type === "data" && frame.data.lane === lane) return frame.data;
  }
  return null;
}

/** A packet in a line, for people. */
export function describeFrames(bytes: Uint8Array, start: number, end: number): string {
  try {
    return framesOf(bytes, start, end).map(describe).join(" ");
  } catch (error) {
    return `unreadable: ${String(error)}`;
  }
}

function describe(frame: Frame): string {
  switch (frame.type) {
    case "data": {
      const { lane, number, key, total, offset, length } = frame.data;
      const piece = total < 0 ? `${length}B` : `${offset}+${length}/${total}`;
      return `DATA(${lane}#${number}${key < 0 ? "" : ` key ${key}`} ${piece})`;
    }
    case "ack": {
      const ranges = frame.ranges.map(({ from, to }) =>
        `${frame.largest - to}${from === to ? "" : `-${frame.largest - from}`}`
      );
      return `ACK(${ranges.join(",")})`;
    }
    case "credit":
      return `CREDIT(${frame.lane} <${frame.messages} ${frame.bytes256}×256)`;
    case "skip":
      return `SKIP(${frame.lane} ≤${frame.number})`;
    case "open":
      return `OPEN(${frame.lane} kind ${frame.kind} ${frame.name})`;
    case "close":
      return `CLOSE(${frame.code} ${frame.text})`;
    default:
      return frame.type.toUpperCase();
  }
}
