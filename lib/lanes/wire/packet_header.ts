// What stands before a packet's frames: nine clear bytes in a datagram, five in a frame of a stream.
// Decides their layout; never whether a number or an index is known. Frames of a datagram follow sealed.

/** The clear bytes of a datagram, all of which its tag covers. */
export const PACKET_HEADER_BYTES = 9;
/** The tag at the end of a datagram. */
export const PACKET_TAG_BYTES = 16;
/** What a datagram adds to its frames. */
export const PACKET_OVERHEAD_BYTES: number = PACKET_HEADER_BYTES + PACKET_TAG_BYTES;

/** The first byte of a packet on a stream: a lane's number stands there otherwise, and this is kept from lanes. */
export const STREAM_PACKET_MARK = 0xff;
/** The mark and the low 32 bits of the number. */
export const STREAM_PACKET_HEADER_BYTES = 5;

/** The top two bits of a datagram's first byte. */
const FORM_MASK = 0xc0;
const FORM_DATA = 0x40;
const KEY_PHASE = 0x20;
const IMMEDIATE = 0x10;
const RESERVED = 0x0f;

/** Why a datagram is no packet. */
export type HeaderProblem =
  | "truncated" // shorter than header and tag
  | "form" // of another form
  | "reserved"; // a bit is set that no version uses yet

/** The header of a datagram, as plain fields that are used again for the next one. */
export class PacketHeader {
  /** Which of two keys sealed it, 0 or 1. */
  keyPhase = 0;
  /** Whether an acknowledgement is asked for at once. */
  isImmediate = false;
  /** The receiver's number of the connection. */
  receiverIndex = 0;
  /** The low 32 bits of the packet's number. */
  number = 0;
  /** Why the last {@linkcode read} said false. */
  problem: HeaderProblem | "" = "";

  /** Reads the header of the datagram `bytes[start … end)`; false when it is none. Sealed bytes follow it. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < PACKET_OVERHEAD_BYTES || end > bytes.length) return this.#refuse("truncated");
    const first = bytes[start] as number;
    if ((first & FORM_MASK) !== FORM_DATA) return this.#refuse("form");
    if ((first & RESERVED) !== 0) return this.#refuse("reserved");
    this.keyPhase = (first & KEY_PHASE) >> 5;
    this.isImmediate = (first & IMMEDIATE) !== 0;
    this.receiverIndex = u32At(bytes, start + 1);
    this.number = u32At(bytes, start + 5);
    this.problem = "";
    return true;
  }

  #refuse(problem: HeaderProblem): boolean {
    this.problem = problem;
    return false;
  }
}

/**
 * Writes the header of a datagram to `out[at … at + 9)`.
 *
 * @param keyPhase 0 or 1
 * @param isImmediate whether to ask for an acknowledgement at once
 * @param receiverIndex 0 … 2^32 − 1
 * @param number the full number, of which the low 32 bits are written
 */
export function writePacketHeader(
  out: Uint8Array,
  at: number,
  keyPhase: number,
  isImmediate: boolean,
  receiverIndex: number,
  number: number,
): void {
  out[at] = FORM_DATA | (keyPhase << 5) | (isImmediate ? IMMEDIATE : 0);
  writeU32(out, at + 1, receiverIndex);
  writeU32(out, at + 5, number);
}

/** Writes the mark and the number of a packet on a stream to `out[at … at + 5)`. */
export function writeStreamPacketHeader(out: Uint8Array, at: number, number: number): void {
  out[at] = STREAM_PACKET_MARK;
  writeU32(out, at + 1, number);
}

/** The low 32 bits of the number of the stream's packet `bytes[start … end)`; −1 when it is none. */
export function streamPacketNumber(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < STREAM_PACKET_HEADER_BYTES || bytes[start] !== STREAM_PACKET_MARK) return -1;
  return u32At(bytes, start + 1);
}

function writeU32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}

function u32At(bytes: Uint8Array, at: number): number {
  return (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
}
