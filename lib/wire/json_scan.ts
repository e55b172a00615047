// Walks JSON bytes without building anything: the gate that a peer's bytes pass before JSON.parse sees them.
// Decides that they stay within the limits; memory is constant, time linear. It holds the structure (brackets, commas,
// colons, strings) against RFC 8259 and leaves the grammar of numbers and literals to JSON.parse.

import type { DecodeLimits, ScanRefusal } from "./limits.ts";
import { isUtf8 } from "./utf8.ts";

/**
 * The keys of the two escapes (json_codec.ts). An object whose first key is one of them stands for a single value, so
 * that it counts neither as a level nor as a value of its own, and JSON allows exactly what MessagePack allows.
 */
const BYTES_KEY = Uint8Array.from("$bytes", (letter) => letter.charCodeAt(0));
const NUMBER_KEY = Uint8Array.from("$number", (letter) => letter.charCodeAt(0));
/** The longest text that {"$number": …} may hold. */
const LONGEST_NUMBER_TEXT = "-Infinity".length;
const DOLLAR = 0x24;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What may stand next. */
const enum Expect {
  Value,
  /** A value or the end of an array that has just begun. */
  FirstItem,
  /** A key or the end of an object that has just begun. */
  FirstKey,
  Key,
  Colon,
  /** A comma, or the end of the container or of the text. */
  Next,
}

/** Scans one text after the other; the limits stay. */
export class JsonScanner {
  readonly #limits: DecodeLimits;
  /** Items or entries seen so far in each open container. */
  readonly #counts: Float64Array;
  readonly #isMap: Uint8Array;
  #at = 0;
  /** Where the last refusal happened, in bytes from the start. */
  refusedAt = 0;

  constructor(limits: DecodeLimits) {
    this.#limits = limits;
    this.#counts = new Float64Array(limits.maxDepth + 2);
    this.#isMap = new Uint8Array(limits.maxDepth + 2);
  }

  /** Returns null when `bytes` holds one value within the limits (JSON.parse may still refuse it), else why not. */
  scan(bytes: Uint8Array): ScanRefusal | null {
    this.#at = 0;
    const refusal = this.#scan(bytes);
    this.refusedAt = this.#at;
    return refusal;
  }

  #scan(bytes: Uint8Array): ScanRefusal | null {
    const limits = this.#limits;
    const counts = this.#counts;
    const isMap = this.#isMap;
    const end = bytes.length;
    if (!isUtf8(bytes, 0, end)) return "utf8";
    let depth = 0;
    let nodes = 0;
    let expect = Expect.Value;
    /** The limit for the text of the next value, and its name. */
    let maxTextBytes = limits.maxStringBytes;
    let overText: ScanRefusal = "string-bytes";

    for (;;) {
      while (this.#at < end && isSpace(bytes[this.#at] as number)) this.#at++;
      if (this.#at >= end) return depth === 0 && expect === Expect.Next ? null : "truncated";
      const byte = bytes[this.#at] as number;

      if (expect === Expect.Next) {
        if (depth === 0) return "trailing";
        const map = isMap[depth] === 1;
        if (byte === 0x2c) expect = map ? Expect.Key : Expect.Value;
        else if (byte === (map ? 0x7d : 0x5d)) depth--;
        else return "syntax";
        this.#at++;
        continue;
      }
      if (expect === Expect.Colon) {
        if (byte !== 0x3a) return "syntax";
        this.#at++;
        expect = Expect.Value;
        continue;
      }
      if ((expect === Expect.FirstItem && byte === 0x5d) || (expect === Expect.FirstKey && byte === 0x7d)) {
        if (depth > limits.maxDepth) return "depth";
        this.#at++;
        depth--;
        expect = Expect.Next;
        continue;
      }
      if (expect === Expect.Key || expect === Expect.FirstKey) {
        if (byte !== QUOTE) return "key";
        const entries = (counts[depth] as number) + 1;
        if (entries > limits.maxMapEntries) return "map-entries";
        counts[depth] = entries;
        const start = this.#at + 1;
        const refusal = this.#string(bytes, limits.maxStringBytes + (bytes[start] === DOLLAR ? 1 : 0));
        if (refusal !== null) return refusal;
        const isBytes = isKey(bytes, start, this.#at - 1, BYTES_KEY);
        const isNumber = isKey(bytes, start, this.#at - 1, NUMBER_KEY);
        if (expect === Expect.FirstKey && (isBytes || isNumber)) nodes--;
        else if (depth > limits.maxDepth) return "depth";
        if (isBytes) {
          maxTextBytes = Math.ceil(limits.maxBinaryBytes / 3) * 4;
          overText = "binary-bytes";
        } else if (isNumber) maxTextBytes = LONGEST_NUMBER_TEXT;
        expect = Expect.Colon;
        continue;
      }

      // A value begins.
      if (++nodes > limits.maxNodes) return "nodes";
      if (depth > 0 && isMap[depth] === 0) {
        const items = (counts[depth] as number) + 1;
        if (items > limits.maxArrayLength) return "array-length";
        counts[depth] = items;
      }
      if (byte === QUOTE) {
        const refusal = this.#string(bytes, maxTextBytes);
        if (refusal !== null) return refusal === "string-bytes" ? overText : refusal;
        expect = Expect.Next;
      } else if (byte === 0x7b || byte === 0x5b) {
        // One level more for an object that may prove to be an escape; its first key decides.
        if (depth >= limits.maxDepth + (byte === 0x7b ? 1 : 0)) return "depth";
        depth++;
        counts[depth] = 0;
        isMap[depth] = byte === 0x7b ? 1 : 0;
        this.#at++;
        expect = byte === 0x7b ? Expect.FirstKey : Expect.FirstItem;
      } else {
        const start = this.#at;
        while (this.#at < end && isWordByte(bytes[this.#at] as number)) this.#at++;
        if (this.#at === start) return "syntax";
        expect = Expect.Next;
      }
      maxTextBytes = limits.maxStringBytes;
      overText = "string-bytes";
    }
  }

  /** Passes a string with its quotes; `maxBytes` counts what it stands for, not how it is escaped. */
  #string(bytes: Uint8Array, maxBytes: number): ScanRefusal | null {
    const end = bytes.length;
    let at = this.#at + 1;
    let length = 0;
    for (;;) {
      if (at >= end) {
        this.#at = end;
        return "truncated";
      }
      const byte = bytes[at] as number;
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        if (bytes[at + 1] === 0x75) {
          length += escapedBytes(bytes, at + 2);
          at += 6;
        } else {
          length++;
          at += 2;
        }
      } else {
        length++;
        at++;
      }
      if (length > maxBytes) return "string-bytes";
    }
    this.#at = at + 1;
    return null;
  }
}

/** The bytes in UTF-8 that `\uXXXX` stands for; half a surrogate pair stands for half of four. */
function escapedBytes(bytes: Uint8Array, at: number): number {
  const high = hexPair(bytes, at);
  if (high >= 0xd8 && high <= 0xdf) return 2;
  if (high >= 0x08) return 3;
  return high > 0 || hexPair(bytes, at + 2) >= 0x80 ? 2 : 1;
}

/** Two hex digits; anything else counts as the largest value (JSON.parse refuses it later). */
function hexPair(bytes: Uint8Array, at: number): number {
  return hexDigit(bytes[at]) * 16 + hexDigit(bytes[at + 1]);
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return 15;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : 15;
}

function isKey(bytes: Uint8Array, start: number, end: number, key: Uint8Array): boolean {
  if (end - start !== key.length) return false;
  for (let i = 0; i < key.length; i++) if (bytes[start + i] !== key[i]) return false;
  return true;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Bytes of which numbers, true, false and null consist. */
function isWordByte(byte: number): boolean {
  const lower = byte | 0x20;
  return (lower >= 0x61 && lower <= 0x7a) || (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x2b || byte === 0x2d || byte === 0x2e;
}
