// Bytes of one stream into lines.
// Decides where a line ends and where a long one is cut: the same records however the bytes were cut into chunks. Lines that
// arrived whole are passed on where they lie; only the one under way is copied. Never decodes.

import { DENSE_LINES, MAX_LINE_BYTES, MAX_WHOLE_LINE_BYTES, PARTIAL_US } from "./limits.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const FIRST_BYTES = 256;

/** Who takes lines. */
export interface LineSink {
  /** Takes bytes, at most 64 KiB, in which lines lie; returns their position. */
  put(bytes: Uint8Array, from: number, to: number): number;
  /** A line, or a piece of one, from `from` to `to` of the bytes that were put last, at `position`. */
  line(bytes: Uint8Array, from: number, to: number, position: number, partial: boolean): void;
  /** Whether lines may be skipped: there are too many, and nobody waits for a certain one. */
  maySkip(): boolean;
  /** So many lines were skipped. */
  skipped(lines: number): void;
  /** So many bytes of a line that was far too long were left out. */
  leftOut(bytes: number): void;
}

/** Cuts one stream. */
export class LineCutter {
  readonly #sink: LineSink;
  /** The line under way, as far as it was not passed on. */
  #pending = new Uint8Array(FIRST_BYTES);
  #length = 0;
  #sinceUs = 0;
  /** Whether what is under way is the beginning of a character alone. */
  #isHalf = false;
  /** Whether a piece of the line under way was passed on. */
  #isBegun = false;
  /** Bytes of it since it paused last, and how many of those were left out. */
  #poured = 0;
  #leftOut = 0;
  /** Whether the last bytes had more lines than are kept of so few. */
  #isDense = false;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  /** When the line under way is passed on though it has no end; null where there is none. */
  get partialAtUs(): number | null {
    return this.#length === 0 || this.#isHalf ? null : this.#sinceUs + PARTIAL_US;
  }

  /** Takes at most 64 KiB. */
  take(nowUs: number, bytes: Uint8Array): void {
    let at = 0;
    if (this.#length > 0 || this.#isBegun) {
      const end = bytes.indexOf(NEWLINE);
      if (end < 0) return this.#extend(nowUs, bytes, 0, bytes.length);
      this.#extend(nowUs, bytes, 0, end);
      this.#finish();
      at = end + 1;
    }
    const last = bytes.lastIndexOf(NEWLINE);
    if (last >= at) {
      if (this.#isDense && this.#sink.maySkip()) at = this.#skip(bytes, at, last);
      const first = this.#sink.put(bytes, at, last + 1) - at;
      let lines = 0;
      while (at <= last) {
        lines++;
        const end = bytes.indexOf(NEWLINE, at);
        // Cut by what came, the carriage return included, as a line that came in pieces is.
        while (end - at > MAX_LINE_BYTES) {
          const cut = cutPoint(bytes, at, at + MAX_LINE_BYTES);
          this.#sink.line(bytes, at, cut, first + at, true);
          at = cut;
        }
        const stop = end > at && bytes[end - 1] === RETURN ? end - 1 : end;
        this.#sink.line(bytes, at, stop, first + at, false);
        at = end + 1;
      }
      this.#isDense = lines >= DENSE_LINES;
    }
    if (at < bytes.length) this.#extend(nowUs, bytes, at, bytes.length);
  }

  /** Passes on what is under way, as a piece. */
  passOn(): void {
    // A pause: whatever it wrote before, what comes now is heard again. Some programs never end a line.
    this.#poured = 0;
    this.#tellLeftOut();
    const cut = cutPoint(this.#pending, 0, this.#length);
    if (cut > 0) this.#pass(cut);
    // Half a character waits for its other half.
    this.#isHalf = this.#length > 0;
  }

  /** The stream is at its end, or a new run begins: what is under way was a line. */
  end(): void {
    if (this.#length > 0 || this.#leftOut > 0) this.#finish();
    this.#isBegun = false;
    this.#poured = 0;
    if (this.#pending.length > FIRST_BYTES) this.#pending = new Uint8Array(FIRST_BYTES);
  }

  /** Of very many short lines only the newest are looked at one by one. Returns where those begin. */
  #skip(bytes: Uint8Array, from: number, last: number): number {
    let start = last;
    for (let kept = 0; start > from; start--) {
      if (bytes[start - 1] === NEWLINE && ++kept === DENSE_LINES) break;
    }
    let lines = 0;
    for (let at = from; at < start; at++) if (bytes[at] === NEWLINE) lines++;
    if (lines > 0) this.#sink.skipped(lines);
    return start;
  }

  #extend(nowUs: number, bytes: Uint8Array, from: number, to: number): void {
    if (from < to && (this.#length === 0 || this.#isHalf)) {
      this.#sinceUs = nowUs;
      this.#isHalf = false;
    }
    for (let at = from; at < to;) {
      if (this.#length === MAX_LINE_BYTES) this.#pass(cutPoint(this.#pending, 0, this.#length));
      const take = Math.min(to - at, MAX_LINE_BYTES - this.#length);
      this.#reserve(this.#length + take);
      this.#pending.set(bytes.subarray(at, at + take), this.#length);
      this.#length += take;
      at += take;
    }
  }

  /** Passes on the first `cut` bytes of what is under way, as a piece of it. */
  #pass(cut: number): void {
    this.#poured += cut;
    this.#isBegun = true;
    if (this.#poured > MAX_WHOLE_LINE_BYTES) this.#leftOut += cut;
    else this.#sink.line(this.#pending, 0, cut, this.#sink.put(this.#pending, 0, cut), true);
    this.#pending.copyWithin(0, cut, this.#length);
    this.#length -= cut;
  }

  #finish(): void {
    let length = this.#length;
    if (length > 0 && this.#pending[length - 1] === RETURN) length--;
    this.#sink.line(this.#pending, 0, length, this.#sink.put(this.#pending, 0, length), false);
    this.#length = 0;
    this.#isBegun = false;
    this.#poured = 0;
    this.#tellLeftOut();
  }

  #tellLeftOut(): void {
    const bytes = this.#leftOut;
    this.#leftOut = 0;
    if (bytes > 0) this.#sink.leftOut(bytes);
  }

  #reserve(size: number): void {
    if (size <= this.#pending.length) return;
    let capacity = this.#pending.length;
    while (capacity < size) capacity *= 2;
    const bigger = new Uint8Array(capacity);
    bigger.set(this.#pending.subarray(0, this.#length));
    this.#pending = bigger;
  }
}

/** Where the bytes up to `to` are cut: there, or before a UTF-8 character that has only begun (RFC 3629 section 3). */
function cutPoint(bytes: Uint8Array, from: number, to: number): number {
  for (let back = 1; back <= 3 && to - back >= from; back++) {
    const byte = bytes[to - back] ?? 0;
    if (byte < 0x80) return to;
    if (byte < 0xc0) continue;
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return needs > back && byte < 0xf8 ? to - back : to;
  }
  return to;
}
