// A record as a line of a log file, for `less` and `grep`, and back exactly:
//   2026-11-20T20:14:07.123Z r7 out +1.234567s #1042 text
// (wall time, run, stream `out`, `err` or `hana`, time since the spawn, number). Behind the number stands `>` where more of
// the line follows, and `\` where the text is escaped: `\0` for NUL, `\x18` for CAN, `\\` for a backslash. Only texts
// with NUL or CAN are: the one makes `grep` call a file binary, the other marks a line that a crash cut off.
// Decides the format; never touches a file. Other control characters stay, bytes that are no UTF-8 become U+FFFD.

import type { LogRecord } from "../model/mod.ts";
import { MAX_LINE_BYTES } from "./limits.ts";
import { readWall, WALL_TEXT_LENGTH, wallText } from "./wall_text.ts";

/** Ends a line that a crash cut off. */
export const TORN_BYTE = 0x18;
/** No line of a log file is longer: a byte takes four where it is escaped, three where it is no UTF-8. */
export const MAX_RECORD_BYTES = 4 * MAX_LINE_BYTES + 160;

const NEWLINE = 0x0a;
const SPACE = 0x20;
const BACKSLASH = 0x5c;
const MORE = 0x3e;
const SHORT: readonly string[] = ["out", "err", "hana"];
const LONG = ["stdout", "stderr", "hana"] as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Writes records that have their time, run and stream in common. */
export class RecordEncoder {
  readonly #prefix = new Uint8Array(96);
  #prefixLength = 0;

  /** Says what the records from now on have in common; `stream` is 0 for stdout, 1 for stderr, 2 for hana. */
  begin(wallMs: number, sinceUs: number, run: number, stream: number): void {
    const seconds = Math.floor(sinceUs / 1e6);
    const micros = String(sinceUs - seconds * 1e6).padStart(6, "0");
    const text = `${wallText(wallMs)} r${run} ${SHORT[stream] ?? "hana"} +${seconds}.${micros}s #`;
    this.#prefixLength = encoder.encodeInto(text, this.#prefix).written;
  }

  /**
   * Writes `bytes` from `from` to `to` (at most {@linkcode MAX_LINE_BYTES}, no newline) as a record at `at` of `into`, which
   * must have {@linkcode MAX_RECORD_BYTES} left. Returns where it ends.
   */
  encode(
    into: Uint8Array,
    at: number,
    seq: number,
    partial: boolean,
    bytes: Uint8Array,
    from: number,
    to: number,
  ): number {
    let end = at;
    for (let i = 0; i < this.#prefixLength; i++) into[end++] = this.#prefix[i] ?? 0;
    end = writeDecimal(into, end, seq);
    const flags = end;
    if (partial) into[end++] = MORE;
    into[end++] = SPACE;
    for (let i = from; i < to; i++) {
      const byte = bytes[i] ?? 0;
      if (byte >= 0x80 || byte === 0 || byte === TORN_BYTE) {
        return this.#encodeSpecial(into, flags, partial, bytes.subarray(from, to));
      }
      into[end++] = byte;
    }
    into[end++] = NEWLINE;
    return end;
  }

  /** Text beyond plain ASCII: made valid UTF-8, and escaped where it must be. */
  #encodeSpecial(into: Uint8Array, flags: number, partial: boolean, bytes: Uint8Array): number {
    const escaped = bytes.includes(0) || bytes.includes(TORN_BYTE);
    let end = flags;
    if (partial) into[end++] = MORE;
    if (escaped) into[end++] = BACKSLASH;
    into[end++] = SPACE;
    let text = decoder.decode(bytes);
    if (escaped) {
      text = text.replaceAll("\\", "\\\\").replaceAll("\0", "\\0").replaceAll("\x18", "\\x18");
    }
    end += encoder.encodeInto(text, into.subarray(end)).written;
    into[end++] = NEWLINE;
    return end;
  }
}

/** What stands before the text of a record; filled in by {@linkcode readHeader}, so that a search makes no objects. */
export interface RecordHeader {
  seq: number;
  run: number;
  /** 0 stdout, 1 stderr, 2 hana. */
  stream: number;
  wallMs: number;
  sinceUs: number;
  partial: boolean;
  escaped: boolean;
  /** Where the text begins. */
  textAt: number;
}

/** A header to be filled in. */
export function emptyHeader(): RecordHeader {
  return { seq: 0, run: 0, stream: 0, wallMs: 0, sinceUs: 0, partial: false, escaped: false, textAt: 0 };
}

/** Reads the head of the line from `from` to `to` (without its end). False where it is none. */
export function readHeader(bytes: Uint8Array, from: number, to: number, header: RecordHeader): boolean {
  let at = from + WALL_TEXT_LENGTH;
  if (at + 12 > to || bytes[at] !== SPACE || bytes[at + 1] !== 0x72) return false;
  at += 2;
  let digits = at;
  let value = 0;
  for (; at < to && isDigit(bytes[at]); at++) value = value * 10 + (bytes[at] ?? 0) - 0x30;
  if (at === digits || bytes[at] !== SPACE) return false;
  header.run = value;
  const letter = bytes[++at];
  header.stream = letter === 0x6f ? 0 : letter === 0x65 ? 1 : 2;
  const name = SHORT[header.stream] ?? "";
  for (let i = 0; i < name.length; i++) if (bytes[at + i] !== name.charCodeAt(i)) return false;
  at += name.length;
  if (bytes[at] !== SPACE || bytes[at + 1] !== 0x2b) return false;
  at += 2;
  digits = at;
  value = 0;
  for (; at < to && isDigit(bytes[at]); at++) value = value * 10 + (bytes[at] ?? 0) - 0x30;
  if (at === digits || bytes[at] !== 0x2e) return false;
  digits = ++at;
  for (; at < to && isDigit(bytes[at]); at++) value = value * 10 + (bytes[at] ?? 0) - 0x30;
  if (at - digits !== 6 || bytes[at] !== 0x73 || bytes[at + 1] !== SPACE || bytes[at + 2] !== 0x23) {
    return false;
  }
  header.sinceUs = value;
  at += 3;
  digits = at;
  value = 0;
  for (; at < to && isDigit(bytes[at]); at++) value = value * 10 + (bytes[at] ?? 0) - 0x30;
  if (at === digits || at - digits > 15) return false;
  header.seq = value;
  header.partial = bytes[at] === MORE;
  if (header.partial) at++;
  header.escaped = bytes[at] === BACKSLASH;
  if (header.escaped) at++;
  if (at >= to || bytes[at] !== SPACE) return false;
  header.textAt = at + 1;
  const wallMs = readWall(bytes, from);
  if (wallMs === null) return false;
  header.wallMs = wallMs;
  return true;
}

/** The record of a line whose head was read. One that a crash cut off counts as partial. */
export function readRecord(bytes: Uint8Array, to: number, header: RecordHeader, torn: boolean): LogRecord {
  const cut = torn || (to > header.textAt && bytes[to - 1] === TORN_BYTE);
  const end = cut && bytes[to - 1] === TORN_BYTE ? to - 1 : to;
  let text = decoder.decode(bytes.subarray(header.textAt, end));
  if (header.escaped) text = unescape(text);
  return {
    seq: header.seq,
    run: header.run,
    stream: LONG[header.stream] ?? "hana",
    atWallMs: header.wallMs,
    sinceSpawnUs: header.sinceUs,
    text,
    partial: header.partial || cut,
  };
}

function unescape(text: string): string {
  return text.replace(
    /\\(0|x18|\\)/g,
    (_, what: string) => what === "0" ? "\0" : what === "x18" ? "\x18" : "\\",
  );
}

function writeDecimal(into: Uint8Array, at: number, value: number): number {
  let width = 1;
  for (let power = 10; power <= value; power *= 10) width++;
  let left = value;
  for (let i = at + width - 1; i >= at; i--) {
    const tenth = Math.floor(left / 10);
    into[i] = 0x30 + left - tenth * 10;
    left = tenth;
  }
  return at + width;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}
