// Reads fixed binary layouts: headers, datagrams, anything that is no codec value.
// Decides nothing but bounds: a read past the end returns 0 or nothing and sets `failed`, which stays, so that a parser
// reads a whole header and asks once. Never throws, never allocates but for text and copies.

import { isUtf8, utf8ToText } from "./utf8.ts";

const EMPTY: Uint8Array = new Uint8Array(0);

/** Reads values one after the other, big-endian unless a name says otherwise. One reader can be pointed at one buffer after another. */
export class ByteReader {
  #bytes: Uint8Array = EMPTY;
  #view: DataView | null = null;
  #at = 0;
  #end = 0;
  /** Whether any read since {@linkcode reset} failed; the position no longer means anything then. */
  failed = false;

  constructor(bytes: Uint8Array = EMPTY) {
    this.reset(bytes);
  }

  /** Starts over on `bytes[start … end)`. Bounds outside the array fail at once. */
  reset(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    this.#bytes = bytes;
    this.#view = null;
    this.failed = !(start >= 0 && start <= end && end <= bytes.length);
    this.#at = this.failed ? 0 : start;
    this.#end = this.failed ? 0 : end;
  }

  /** Position of the next byte in the array. */
  get at(): number {
    return this.#at;
  }

  /** Bytes not yet read; 0 after a failure. */
  get remaining(): number {
    return this.failed ? 0 : this.#end - this.#at;
  }

  /** Marks the input as bad, for a parser that finds a value out of range. */
  fail(): void {
    this.failed = true;
  }

  /** An unsigned integer of 8 bits. */
  u8(): number {
    return this.#take(1) ? this.#byte(this.#at - 1) : 0;
  }

  /** An unsigned integer of 16 bits. */
  u16(): number {
    return this.#take(2) ? this.#unsigned(2) : 0;
  }

  /** An unsigned integer of 32 bits. */
  u32(): number {
    return this.#take(4) ? this.#unsigned(4) : 0;
  }

  /** An unsigned integer of 48 bits. */
  u48(): number {
    return this.#take(6) ? this.#unsigned(6) : 0;
  }

  /** A double; NaN and the infinities are values like any other. */
  f64(): number {
    return this.#take(8) ? this.#data().getFloat64(this.#at - 8) : 0;
  }

  /** A float of 32 bits, little-endian; NaN and the infinities are values like any other. */
  f32le(): number {
    return this.#take(4) ? this.#data().getFloat32(this.#at - 4, true) : 0;
  }

  /** An unsigned integer of 16 bits, little-endian. */
  u16le(): number {
    return this.#take(2) ? this.#data().getUint16(this.#at - 2, true) : 0;
  }

  /**
   * A variable-length integer (RFC 9000 section 16) up to 2^53 − 1; a larger one fails. Longer forms than needed
   * are accepted, as the RFC does.
   */
  varint(): number {
    if (!this.#take(1)) return 0;
    const first = this.#byte(this.#at - 1);
    const more = (1 << (first >> 6)) - 1;
    if (!this.#take(more)) return 0;
    let value = first & 0x3f;
    for (let i = this.#at - more; i < this.#at; i++) {
      value = value * 256 + this.#byte(i);
    }
    if (more === 7 && !isSafeVarint(first, this.#byte(this.#at - more))) {
      this.failed = true;
      return 0;
    }
    return value;
  }

  /** The next `count` bytes as a view of the input: valid as long as the input is. Empty when they are not there. */
  bytes(count: number): Uint8Array {
    return this.#take(count) ? this.#bytes.subarray(this.#at - count, this.#at) : EMPTY;
  }

  /** Like {@linkcode bytes}, but a copy. */
  copyBytes(count: number): Uint8Array {
    return this.#take(count) ? new Uint8Array(this.#bytes.subarray(this.#at - count, this.#at)) : EMPTY;
  }

  /** A text of at most 255 bytes: its length as u8, then UTF-8. Anything else fails and reads as "". */
  shortText(maxBytes = 255): string {
    const length = this.u8();
    if (length > maxBytes) this.failed = true;
    if (this.failed || !this.#take(length)) return "";
    const start = this.#at - length;
    if (isUtf8(this.#bytes, start, this.#at)) return utf8ToText(this.#bytes, start, this.#at);
    this.failed = true;
    return "";
  }

  /** Passes over `count` bytes. */
  skip(count: number): void {
    this.#take(count);
  }

  #take(count: number): boolean {
    if (this.failed || !(count >= 0) || count > this.#end - this.#at) {
      this.failed = true;
      return false;
    }
    this.#at += count;
    return true;
  }

  #data(): DataView {
    this.#view ??= new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
    return this.#view;
  }

  #byte(at: number): number {
    return this.#bytes[at] as number;
  }

  #unsigned(size: number): number {
    let value = 0;
    for (let i = this.#at - size; i < this.#at; i++) value = value * 256 + this.#byte(i);
    return value;
  }
}

/** Whether the 8-byte form that begins with these two bytes is below 2^53: its 62 bits start with nine zeros. */
function isSafeVarint(first: number, second: number): boolean {
  return (first & 0x3f) === 0 && second < 0x20;
}
