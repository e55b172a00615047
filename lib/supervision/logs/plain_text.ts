// The text of a record as a person may read it in an alert: no colours, no cursor, no tricks.
// Decides what is taken out: escape sequences (ECMA-48), control characters, and characters that turn the direction of
// text. Files and records keep them all.

import type { LogRecord } from "../model/mod.ts";

const ESCAPE = 0x1b;
const BELL = 0x07;
const RETURN = 0x0d;
const TAB = 0x09;
const CSI = 0x9b;

/** What a line says. Of a line that wrote over itself (a progress bar), what it wrote last. */
export function plainText(record: Pick<LogRecord, "text">): string {
  const { text } = record;
  let plain = "";
  let written = "";
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    if (code === ESCAPE || code === CSI) {
      at = sequenceEnd(text, at);
      continue;
    }
    at++;
    if (code === RETURN) {
      if (plain.trim() !== "") written = plain;
      plain = "";
    } else if (code === TAB) plain += " ";
    else if (!isHidden(code)) plain += text.charAt(at - 1);
  }
  return (plain.trim() === "" ? written : plain).trimEnd();
}

/** Where the escape sequence that begins at `at` ends. */
function sequenceEnd(text: string, at: number): number {
  let next = at + 1;
  const kind = text.charCodeAt(at) === CSI ? "[" : text.charAt(next++);
  if (kind === "[") { // CSI: parameters and intermediates, then a final byte (ECMA-48 section 5.4)
    while (next < text.length && isBetween(text.charCodeAt(next), 0x20, 0x3f)) next++;
    return isBetween(text.charCodeAt(next), 0x40, 0x7e) ? next + 1 : next;
  }
  if (kind !== "" && "]PX^_".includes(kind)) { // a string up to ST or BEL
    for (; next < text.length; next++) {
      if (text.charCodeAt(next) === BELL) return next + 1;
      if (text.charCodeAt(next) === ESCAPE) return text.charAt(next + 1) === "\\" ? next + 2 : next;
    }
    return next;
  }
  if (kind !== "" && isBetween(kind.charCodeAt(0), 0x20, 0x2f)) {
    while (next < text.length && isBetween(text.charCodeAt(next), 0x20, 0x2f)) next++;
    return Math.min(text.length, next + 1);
  }
  return isBetween(kind.charCodeAt(0), 0x30, 0x7e) ? next : at + 1;
}

function isHidden(code: number): boolean {
  return code < 0x20 || isBetween(code, 0x7f, 0x9f) || // C0, DEL, C1
    isBetween(code, 0x202a, 0x202e) || isBetween(code, 0x2066, 0x2069) || // bidirectional overrides and isolates
    code === 0x200e || code === 0x200f || code === 0x2028 || code === 0x2029 || code === 0xfeff;
}

function isBetween(code: number, from: number, to: number): boolean {
  return code >= from && code <= to;
}
