// Domain names as text: labels joined by dots, with dots, backslashes and bytes that are no printable text escaped
// (RFC 6763 §4.3), so that a name keeps every byte it came with.
// Decides the text form and when two names are the same; never reads or writes packets.

import { cutUtf8 } from "../record.ts";

/** Bytes of one label (RFC 1035 §2.3.4). */
export const MAX_LABEL_BYTES = 63;
/** Bytes of a name on the wire, lengths and the closing zero included. */
export const MAX_NAME_BYTES = 255;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The text of one label. Bytes that are no UTF-8, and control characters, become `\ddd`. */
export function labelText(bytes: Uint8Array): string {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    let escaped = "";
    for (const byte of bytes) escaped += byte < 0x80 ? escapeCharacter(byte) : decimalEscape(byte);
    return escaped;
  }
  // deno-lint-ignore no-control-regex
  return /[.\\\u0000-\u001f\u007f]/.test(text)
    ? Array.from(text, (character) => {
      const code = character.codePointAt(0) ?? 0;
      return code < 0x80 ? escapeCharacter(code) : character;
    }).join("")
    : text;
}

function escapeCharacter(code: number): string {
  if (code === 0x2e || code === 0x5c) return `\\${String.fromCharCode(code)}`;
  return code < 0x20 || code === 0x7f ? decimalEscape(code) : String.fromCharCode(code);
}

function decimalEscape(byte: number): string {
  return `\\${byte.toString().padStart(3, "0")}`;
}

/** A label of our own, as the text of a name has it. */
export function escapeLabel(label: string): string {
  return labelText(encoder.encode(label));
}

/** The labels of a name as bytes; null when a label or the name is too long, empty in between, or wrongly escaped. */
export function labelsOf(name: string): Uint8Array[] | null {
  const labels: Uint8Array[] = [];
  if (name === "") return labels;
  let total = 1;
  for (const text of splitName(name)) {
    const bytes = labelBytes(text);
    if (bytes === null || bytes.length === 0 || bytes.length > MAX_LABEL_BYTES) return null;
    total += bytes.length + 1;
    if (total > MAX_NAME_BYTES) return null;
    labels.push(bytes);
  }
  return labels;
}

/** The labels of a name in their text form, escapes left in place. */
export function splitName(name: string): string[] {
  return name.includes("\\") ? name.match(/(?:\\\d{3}|\\[^]|[^.\\])+/g) ?? [] : name.split(".");
}

function labelBytes(text: string): Uint8Array | null {
  if (!text.includes("\\")) return encoder.encode(text);
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== "\\") {
      const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
      bytes.push(...encoder.encode(character));
      at += character.length - 1;
      continue;
    }
    const digits = /^\d{3}/.exec(text.slice(at + 1, at + 4))?.[0];
    if (digits !== undefined) {
      if (Number(digits) > 255) return null;
      bytes.push(Number(digits));
      at += 3;
    } else if (at + 1 < text.length) {
      const character = String.fromCodePoint(text.codePointAt(at + 1) ?? 0);
      bytes.push(...encoder.encode(character));
      at += character.length;
    } else {
      return null;
    }
  }
  return new Uint8Array(bytes);
}

/** The first label as people read it, escapes resolved where they stand for text. */
export function firstLabel(name: string): string {
  const bytes = labelBytes(splitName(name)[0] ?? "");
  if (bytes === null) return name;
  try {
    return decoder.decode(bytes);
  } catch {
    return splitName(name)[0] ?? "";
  }
}

/** What two equal names share: ASCII letters count without case, all else byte for byte (RFC 6762 §16). */
export function nameKey(name: string): string {
  return /[A-Z]/.test(name) ? name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : name;
}

/** The name without its first label. */
export function parentOf(name: string): string {
  const first = splitName(name)[0] ?? "";
  return name.slice(first.length + 1);
}

/** Cuts a label of our own to what fits, with a suffix that always stays. */
export function cutLabel(label: string, suffix = ""): string {
  return cutUtf8(label, MAX_LABEL_BYTES - encoder.encode(suffix).length) + suffix;
}
