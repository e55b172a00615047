// UTF-8, strictly: shortest forms only, no surrogates, nothing above U+10FFFF (RFC 3629 section 3).
// Decides whether bytes are text and how many bytes a text takes. Never replaces a character in silence:
// what is no text is refused, so that a name is the same on every machine.

/** One decoder for all: it holds no state between calls that are not streamed. Keeps a byte order mark as it is. */
const STRICT_DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Longest text that is built character by character; above, the platform's decoder is faster (measured). */
const SHORT_TEXT_BYTES = 96;

/** Whether `bytes[start … end)` is valid UTF-8 (the table of RFC 3629 section 4). */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    const first = bytes[at++] as number;
    if (first < 0x80) continue;
    if (first < 0xc2 || first > 0xf4) return false;
    const more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if (at + more > end) return false;
    const second = bytes[at] as number;
    // The second byte carries the limits that keep out overlong forms, surrogates and the range above U+10FFFF.
    const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (second < lowest || second > highest) return false;
    for (let i = 1; i < more; i++) if (((bytes[at + i] as number) & 0xc0) !== 0x80) return false;
    at += more;
  }
  return true;
}

/** The text of `bytes[start … end)`, which {@linkcode isUtf8} has approved. */
export function utf8ToText(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length === 0) return "";
  if (length <= SHORT_TEXT_BYTES) {
    let ascii = true;
    for (let i = start; i < end; i++) {
      if ((bytes[i] as number) >= 0x80) {
        ascii = false;
        break;
      }
    }
    if (ascii) {
      if (length > 8) {
        return String.fromCharCode.apply(null, bytes.subarray(start, end) as unknown as number[]);
      }
      let text = "";
      for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] as number);
      return text;
    }
  }
  return STRICT_DECODER.decode(bytes.subarray(start, end));
}

/** How many bytes `text` takes in UTF-8. `text` holds no lone surrogate. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // Each half of a surrogate pair stands for two of the four bytes.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 2 : 3;
  }
  return bytes;
}
