// Numbers of one, two or four bytes: RFC 9000 section 16 without its form of eight, in their shortest form alone.
// Decides sizes and whether bytes are such a number. A size follows from the value, so nobody has to pass it on.

/** What {@linkcode varintAt} says instead of a value: the bytes end inside it. */
export const VARINT_CUT = -1;
/** There is a shorter form of the same value. */
export const VARINT_TOO_LONG = -2;
/** It has the form of eight bytes. */
export const VARINT_TOO_LARGE = -3;

/** How many bytes `value` takes: 1, 2 or 4. */
export function varintBytes(value: number): number {
  return value < 0x40 ? 1 : value < 0x4000 ? 2 : 4;
}

/** The value at `bytes[at]`, nothing of which stands at `end` or behind; negative when there is none. */
export function varintAt(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return VARINT_CUT;
  const first = bytes[at] as number;
  if (first < 0x40) return first;
  if (first < 0x80) {
    if (at + 2 > end) return VARINT_CUT;
    const value = ((first & 0x3f) << 8) | (bytes[at + 1] as number);
    return value < 0x40 ? VARINT_TOO_LONG : value;
  }
  if (first >= 0xc0) return VARINT_TOO_LARGE;
  if (at + 4 > end) return VARINT_CUT;
  const value = ((first & 0x3f) << 24) | ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
  return value < 0x4000 ? VARINT_TOO_LONG : value;
}

/** How many bytes of payload go into `room` bytes behind their own length as a varint; 0 when none. */
export function payloadIn(room: number): number {
  // One byte more of room, where the length grows by a byte, is of no use.
  if (room <= 0x40) return room < 2 ? 0 : room - 1;
  if (room <= 0x4001) return room - 2;
  return room < 0x4004 ? 0x3fff : room - 4;
}
