// Writes fixed binary layouts into a buffer that grows up to a bound.
// Decides nothing but bounds: what does not fit, or is no value of its type, is not written and sets `failed`, which
// stays, so that a caller writes a whole packet and asks once. Never throws for data, never allocates once it has grown.

import { assert } from "../base/mod.ts";
import { utf8Length } from "./utf8.ts";

const TEXT_ENCODER = new TextEncoder();

/** The largest value of a varint here: RFC 9000 goes to 2^62 − 1, exact doubles to 2^53 − 1. */
export const MAX_VARINT = Number.MAX_SAFE_INTEGER;

/** How many bytes {@linkcode ByteWriter.varint} takes for `value` (RFC 9000 section 16, table 4). */
export function varintBytes(value: number): 1 | 2 | 4 | 8 {
  return value < 0x40 ? 1 : value < 0x4000 ? 2 : value < 0x4000_0000 ? 4 : 8;
}

/** Writes values one after the other, big-endian unless a name says otherwise. */
export class ByteWriter {
  readonly #maxBytes: number;
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;
  /** Whether any write since {@linkcode reset} failed; what was written is no whole packet then. */
  failed = false;

  /** A writer of at most `maxBytes`, which begins with room for `initialBytes`. */
  constructor(maxBytes: number, initialBytes: number = Math.min(maxBytes, 256)) {
    assert(
      Number.isSafeInteger(maxBytes) && maxBytes > 0,
      `maxBytes is a positive whole number, not ${maxBytes}`,
    );
    assert(
      initialBytes > 0 && initialBytes <= maxBytes,
      `initialBytes is 1 to ${maxBytes}, not ${initialBytes}`,
    );
    this.#maxBytes = maxBytes;
    this.#bytes = new Uint8Array(initialBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** How many bytes more may be written. */
  get room(): number {
    return this.failed ? 0 : this.#maxBytes - this.#length;
  }

  /** Forgets what was written and every failure; the buffer stays. */
  reset(): void {
    this.#length = 0;
    this.failed = false;
  }

  /** What was written, as a view that is valid until the next write or {@linkcode reset}. Empty after a failure. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.failed ? 0 : this.#length);
  }

  /** A copy of what was written. Empty after a failure. */
  copy(): Uint8Array {
    return this.view().slice();
  }

  /** Marks what was written as bad, for a caller that finds a value out of range. */
  fail(): void {
    this.failed = true;
  }

  /** An unsigned integer of 8 bits. */
  u8(value: number): void {
    this.#unsigned(value, 1, 0xff);
  }

  /** An unsigned integer of 16 bits. */
  u16(value: number): void {
    this.#unsigned(value, 2, 0xffff);
  }

  /** An unsigned integer of 32 bits. */
  u32(value: number): void {
    this.#unsigned(value, 4, 0xffff_ffff);
  }

  /** An unsigned integer of 48 bits. */
  u48(value: number): void {
    this.#unsigned(value, 6, 0xffff_ffff_ffff);
  }

  /** A double. */
  f64(value: number): void {
    if (this.#grow(8)) this.#view.setFloat64(this.#length - 8, value);
  }

  /** A float of 32 bits, little-endian: for columns that programs read as arrays. */
  f32le(value: number): void {
    if (this.#grow(4)) this.#view.setFloat32(this.#length - 4, value, true);
  }

  /** An unsigned integer of 16 bits, little-endian: for columns that programs read as arrays. */
  u16le(value: number): void {
    if (!isUnsigned(value, 0xffff)) this.failed = true;
    else if (this.#grow(2)) this.#view.setUint16(this.#length - 2, value, true);
  }

  /** A variable-length integer from 0 to 2^53 − 1 in its shortest form (RFC 9000 section 16). */
  varint(value: number): void {
    if (!(Number.isSafeInteger(value) && value >= 0)) {
      this.failed = true;
      return;
    }
    const size = varintBytes(value);
    if (!this.#grow(size)) return;
    this.#put(value, size);
    const start = this.#length - size;
    this.#bytes[start] = (this.#bytes[start] as number) |
      (size === 1 ? 0 : size === 2 ? 0x40 : size === 4 ? 0x80 : 0xc0);
  }

  /** Bytes as they are. */
  bytes(bytes: Uint8Array): void {
    if (this.#grow(bytes.length)) this.#bytes.set(bytes, this.#length - bytes.length);
  }

  /** A text of at most `maxBytes` (255 at most): its length as u8, then UTF-8. A lone surrogate fails. */
  shortText(text: string, maxBytes = 255): void {
    // A text of n UTF-16 units has n bytes at least, so that a long one is not even counted.
    const length = text.length > maxBytes ? Infinity : utf8Length(text);
    if (length > maxBytes || length > 255 || !text.isWellFormed()) {
      this.failed = true;
      return;
    }
    if (!this.#grow(1 + length)) return;
    const start = this.#length - length;
    this.#bytes[start - 1] = length;
    TEXT_ENCODER.encodeInto(text, this.#bytes.subarray(start, this.#length));
  }

  /** Overwrites the u8 at `at`, which was written before: for flags and counts known late. */
  setU8(at: number, value: number): void {
    if (this.failed || !(at >= 0 && at < this.#length) || !isUnsigned(value, 0xff)) this.failed = true;
    else this.#bytes[at] = value;
  }

  /** Overwrites the u32 at `at`, which was written before: for lengths known late. */
  setU32(at: number, value: number): void {
    if (this.failed || !(at >= 0 && at + 4 <= this.#length) || !isUnsigned(value, 0xffff_ffff)) {
      this.failed = true;
    } else this.#view.setUint32(at, value);
  }

  #unsigned(value: number, size: number, max: number): void {
    if (!isUnsigned(value, max)) this.failed = true;
    else if (this.#grow(size)) this.#put(value, size);
  }

  /** Writes the last `size` bytes of what is reserved. */
  #put(value: number, size: number): void {
    let rest = value;
    for (let i = this.#length - 1; i >= this.#length - size; i--) {
      const upper = Math.floor(rest / 256);
      this.#bytes[i] = rest - upper * 256;
      rest = upper;
    }
  }

  /** Reserves `count` bytes and says whether they are there. */
  #grow(count: number): boolean {
    const needed = this.#length + count;
    if (this.failed || needed > this.#maxBytes) {
      this.failed = true;
      return false;
    }
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.min(this.#maxBytes, Math.max(needed, this.#bytes.length * 2)));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#length = needed;
    return true;
  }
}

function isUnsigned(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}
