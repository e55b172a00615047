// The TXT record of a service: `key=value` strings (RFC 6763 §6).
// Decides what is written and what is read; never what a key means. The first of two equal keys counts, keys know no
// case, and a value that is no text is left out.

/** Bytes of one string. */
const MAX_STRING_BYTES = 255;
/** Keys of one record that are kept; more are left out. */
const MAX_KEYS = 64;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The bytes of a TXT record. Pairs that do not fit into a string are left out; no pairs make one empty string. */
export function encodeText(pairs: Readonly<Record<string, string>>): Uint8Array {
  const strings: Uint8Array[] = [];
  for (const [key, value] of Object.entries(pairs)) {
    const bytes = encoder.encode(`${key}=${value}`);
    if (bytes.length <= MAX_STRING_BYTES) strings.push(bytes);
  }
  if (strings.length === 0) return new Uint8Array(1);
  const whole = new Uint8Array(strings.reduce((sum, each) => sum + each.length + 1, 0));
  let at = 0;
  for (const each of strings) {
    whole[at] = each.length;
    whole.set(each, at + 1);
    at += each.length + 1;
  }
  return whole;
}

/** The pairs of a TXT record; a key without `=` has the value "". */
export function decodeText(bytes: Uint8Array): Record<string, string> {
  const pairs: Record<string, string> = Object.create(null);
  let count = 0;
  for (let at = 0; at < bytes.length && count < MAX_KEYS;) {
    const length = bytes[at] ?? 0;
    const part = bytes.subarray(at + 1, at + 1 + length);
    at += 1 + length;
    let text: string;
    try {
      text = decoder.decode(part);
    } catch {
      continue;
    }
    const equals = text.indexOf("=");
    const key = (equals < 0 ? text : text.slice(0, equals)).toLowerCase();
    if (key === "" || key in pairs) continue;
    pairs[key] = equals < 0 ? "" : text.slice(equals + 1);
    count++;
  }
  return { ...pairs };
}
