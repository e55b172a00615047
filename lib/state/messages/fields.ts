// Fields of messages on lib/wire's reader and writer: bounded, in one form alone, with the first problem kept.
// Decides the words for what is wrong with bytes. Never throws, never knows messages.

import { ByteReader, type ByteWriter, isUtf8, utf8Length, varintBytes } from "../../wire/mod.ts";

/**
 * What is wrong with bytes: they end too early; go on behind the end; begin with no kind that is known; hold a number
 * or word that is not allowed there; say something in another than its one form; hold text that is no UTF-8, a number
 * that is not finite, or a value of type json that is no MessagePack within bounds.
 */
export const DECODE_PROBLEMS = [
  "truncated",
  "trailing",
  "unknown-kind",
  "out-of-range",
  "not-canonical",
  "not-utf8",
  "not-finite",
  "not-json",
] as const;
/** A word of {@linkcode DECODE_PROBLEMS}. */
export type DecodeProblem = typeof DECODE_PROBLEMS[number];

const TEXT_DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const TEXT_ENCODER = new TextEncoder();
const EMPTY: Uint8Array = new Uint8Array(0);

/** Reads fields; after the first problem all others read as nothing. */
export class FieldReader {
  readonly #in = new ByteReader();
  /** The first problem, null while there is none. */
  problem: DecodeProblem | null = null;
  /** The byte at which the field with the problem begins. */
  problemAt = 0;

  /** Starts over on `bytes`. */
  reset(bytes: Uint8Array): void {
    this.#in.reset(bytes);
    this.problem = null;
    this.problemAt = 0;
  }

  /** Position of the next byte. */
  get at(): number {
    return this.#in.at;
  }

  /** Bytes not yet read; 0 after a problem. */
  get remaining(): number {
    return this.#in.remaining;
  }

  /** Notes a problem with the field that begins at `at`, unless there is one already. Returns 0 for number readers. */
  fail(problem: DecodeProblem, at: number): 0 {
    if (this.problem === null) {
      this.problem = problem;
      this.problemAt = at;
      this.#in.fail();
    }
    return 0;
  }

  /** A u8 of `max` at most. */
  u8(max = 0xff): number {
    const at = this.#in.at;
    const value = this.#in.u8();
    if (this.#in.failed) return this.fail("truncated", at);
    return value <= max ? value : this.fail("out-of-range", at);
  }

  /** A varint from `min` to `max`, in its shortest form. */
  varint(max: number, min = 0): number {
    const at = this.#in.at;
    const before = this.#in.remaining;
    const value = this.#in.varint();
    // The longest form has 8 bytes: when they are there and still no number, it is beyond 2^53 − 1.
    if (this.#in.failed) return this.fail(before >= 8 ? "out-of-range" : "truncated", at);
    if (varintBytes(value) !== this.#in.at - at) return this.fail("not-canonical", at);
    return value >= min && value <= max ? value : this.fail("out-of-range", at);
  }

  /** A u32. */
  u32(): number {
    const at = this.#in.at;
    const value = this.#in.u32();
    return this.#in.failed ? this.fail("truncated", at) : value;
  }

  /** A finite float of 32 bits, little-endian. */
  f32(): number {
    const at = this.#in.at;
    const value = this.#in.f32le();
    if (this.#in.failed) return this.fail("truncated", at);
    return Number.isFinite(value) ? value : this.fail("not-finite", at);
  }

  /** A finite double. */
  f64(): number {
    const at = this.#in.at;
    const value = this.#in.f64();
    if (this.#in.failed) return this.fail("truncated", at);
    return Number.isFinite(value) ? value : this.fail("not-finite", at);
  }

  /** A u16, little-endian. */
  u16le(): number {
    const at = this.#in.at;
    const value = this.#in.u16le();
    return this.#in.failed ? this.fail("truncated", at) : value;
  }

  /** A copy of the next `count` bytes. */
  copy(count: number): Uint8Array {
    const at = this.#in.at;
    const bytes = this.#in.copyBytes(count);
    if (this.#in.failed) this.fail("truncated", at);
    return bytes;
  }

  /** A view of the next `count` bytes. */
  view(count: number): Uint8Array {
    const at = this.#in.at;
    const bytes = this.#in.bytes(count);
    if (!this.#in.failed) return bytes;
    this.fail("truncated", at);
    return EMPTY;
  }

  /** A text of `maxBytes` at most, its length as u8 before it. */
  shortText(maxBytes: number): string {
    return this.#text(this.u8(maxBytes));
  }

  /** A text of `maxBytes` at most, its length as varint before it. */
  longText(maxBytes: number): string {
    return this.#text(this.varint(maxBytes));
  }

  /** A word of `words` by its number, a u8. */
  word<Word extends string>(words: readonly [Word, ...Word[]]): Word {
    return words[this.u8(words.length - 1)] ?? words[0];
  }

  /** How many items follow, each of `minBytes` at least: those bytes must be there. */
  count(max: number, minBytes: number, min = 0): number {
    const at = this.#in.at;
    const count = this.varint(max, min);
    return count * minBytes <= this.#in.remaining ? count : this.fail("truncated", at);
  }

  #text(length: number): string {
    const at = this.#in.at;
    const bytes = this.view(length);
    if (bytes.length === 0) return "";
    if (isUtf8(bytes, 0, bytes.length)) return TEXT_DECODER.decode(bytes);
    this.fail("not-utf8", at);
    return "";
  }
}

/** Writes a varint from `min` to `max`. */
export function writeVarint(out: ByteWriter, value: number, max: number, min = 0): void {
  if (value >= min && value <= max) out.varint(value);
  else out.fail();
}

/** Writes the number of `word` in `words` as u8. */
export function writeWord(out: ByteWriter, word: string, words: readonly string[]): void {
  const number = words.indexOf(word);
  if (number < 0) out.fail();
  else out.u8(number);
}

/** Writes a text of `maxBytes` at most with its length as varint. */
export function writeLongText(out: ByteWriter, text: string, maxBytes: number): void {
  if (text.length > maxBytes || !text.isWellFormed() || utf8Length(text) > maxBytes) return out.fail();
  const bytes = TEXT_ENCODER.encode(text);
  out.varint(bytes.length);
  out.bytes(bytes);
}

/** Writes a finite double. */
export function writeF64(out: ByteWriter, value: number): void {
  if (Number.isFinite(value)) out.f64(value);
  else out.fail();
}

/** Writes a finite float of 32 bits, little-endian; a number beyond its range fails. */
export function writeF32(out: ByteWriter, value: number): void {
  if (Number.isFinite(Math.fround(value))) out.f32le(value);
  else out.fail();
}
