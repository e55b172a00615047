// Floats of 32 bits, little-endian, at any place of a packet, without a view of it: a DataView a packet is garbage a packet.
// Decides nothing.

const BITS = new Uint32Array(1);
const FLOATS = new Float32Array(BITS.buffer);

/** The float at `at`; the four bytes are there. */
export function f32At(bytes: Uint8Array, at: number): number {
  BITS[0] = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24);
  return FLOATS[0] as number;
}

/** Copies `count` floats that begin at `at` into `into` from `place` on; all of them are there and have room. */
export function copyF32(
  bytes: Uint8Array,
  at: number,
  count: number,
  into: Float32Array,
  place: number,
): void {
  // A number that a function returns may be an object of its own: bits go from array to array instead.
  for (let i = 0; i < count; i++, at += 4) {
    BITS[0] = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    into[place + i] = FLOATS[0] as number;
  }
}

/** Whether the float at `at` is neither NaN nor an infinity: their exponents are all ones (IEEE 754 section 3.4). */
export function isFiniteF32At(bytes: Uint8Array, at: number): boolean {
  return ((bytes[at + 3] as number) & 0x7f) !== 0x7f || ((bytes[at + 2] as number) & 0x80) === 0;
}
