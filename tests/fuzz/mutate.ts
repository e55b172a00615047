// Seeded mutation of bytes, for every fuzz test: the same seed makes the same inputs on every machine.
// Decides how valid input is broken: flipped bits, cuts, splices, repeated parts, lengths that lie.
// Never touches its input; a result is at most a few times as long.

/** Values that lengths, counts and type bytes break on. */
const EDGE_BYTES = [0x00, 0x01, 0x7f, 0x80, 0xc1, 0xc6, 0xc7, 0xd4, 0xdb, 0xdd, 0xdf, 0xe0, 0xfe, 0xff];
const EDGE_LENGTHS = [
  0,
  1,
  2,
  0x7f,
  0xff,
  0x100,
  0xffff,
  0x10000,
  0xff_ffff,
  0x100_0000,
  0x7fff_ffff,
  0xffff_ffff,
];

/** Inputs remembered for splicing. */
const MEMORY = 16;
/** Results are cut here: many rounds must not grow without end. */
const MAX_RESULT_BYTES = 64 * 1024;

/** A generator of broken input. */
export class Mutator {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;
  readonly #seen: Uint8Array[] = [];

  /** The same `seed` (its lower 32 bits) gives the same draws and mutations. */
  constructor(seed: number) {
    this.#a = seed >>> 0;
    this.#b = 0x9e37_79b9;
    this.#c = 0x243f_6a88;
    for (let i = 0; i < 12; i++) this.u32();
  }

  /** An integer in 0 … 2^32 − 1 (sfc32 of Chris Doty-Humphrey's PractRand). */
  u32(): number {
    const sum = (this.#a + this.#b + this.#counter) >>> 0;
    this.#counter = (this.#counter + 1) >>> 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0;
    return sum;
  }

  /** An integer in 0 … n − 1; 0 for n of 1 or less. */
  below(n: number): number {
    return n <= 1 ? 0 : this.u32() % n;
  }

  /** `n` random bytes. */
  bytes(n: number): Uint8Array {
    const bytes = new Uint8Array(n);
    for (let i = 0; i < n; i++) bytes[i] = this.u32() >>> 24;
    return bytes;
  }

  /** A broken copy of `bytes`: one to four changes. Now and then (about 1 in 32) an unbroken one. */
  mutate(bytes: Uint8Array): Uint8Array {
    let result: Uint8Array = bytes.slice();
    this.#seen[this.below(MEMORY)] = result;
    if (this.below(32) === 0) return result.slice();
    for (let changes = 1 + this.below(4); changes > 0; changes--) result = this.#change(result);
    return result.length > MAX_RESULT_BYTES ? result.slice(0, MAX_RESULT_BYTES) : result;
  }

  #change(bytes: Uint8Array): Uint8Array {
    const at = this.below(bytes.length);
    switch (this.below(10)) {
      case 0:
        return this.#set(bytes, at, (bytes[at] ?? 0) ^ (1 << this.below(8)));
      case 1:
        return this.#set(bytes, at, this.u32() & 0xff);
      case 2:
        return this.#set(bytes, at, EDGE_BYTES[this.below(EDGE_BYTES.length)] ?? 0);
      case 3:
        return bytes.slice(0, at);
      case 4:
        return bytes.slice(at);
      case 5: // a part is lost
        return join(bytes.subarray(0, at), bytes.subarray(at + 1 + this.below(8)));
      case 6: // a part comes twice
        return join(bytes.subarray(0, at + this.below(16)), bytes.subarray(at));
      case 7: // something comes in between
        return join(bytes.subarray(0, at), this.bytes(1 + this.below(8)), bytes.subarray(at));
      case 8: { // half of this, half of another
        const other = this.#seen[this.below(this.#seen.length)] ?? bytes;
        return join(bytes.subarray(0, at), other.subarray(this.below(other.length)));
      }
      default:
        return this.#lie(bytes, at);
    }
  }

  #set(bytes: Uint8Array, at: number, value: number): Uint8Array {
    const copy = bytes.slice();
    if (at < copy.length) copy[at] = value;
    return copy;
  }

  /** Overwrites one, two or four bytes with a length that is not true. */
  #lie(bytes: Uint8Array, at: number): Uint8Array {
    const copy = bytes.slice();
    const size = [1, 2, 4][this.below(3)] ?? 1;
    let length = EDGE_LENGTHS[this.below(EDGE_LENGTHS.length)] ?? 0;
    for (let i = at + size - 1; i >= at; i--) {
      if (i < copy.length) copy[i] = length & 0xff;
      length = Math.floor(length / 256);
    }
    return copy;
  }
}

function join(...parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
