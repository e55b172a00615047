// Base 32 with Crockford's alphabet: no I, L, O or U, case does not matter, and what people misread is read right
// (O as 0, I and L as 1). For codes that are read out, typed and copied; never for bytes on the wire.

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** Upper-case text of `bytes`; the last character is padded with zero bits. */
export function encodeBase32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET.charAt((held >> bits) & 31);
    }
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET.charAt((held << (5 - bits)) & 31);
}

/** The bytes of a text of either case, or null when a character is none or the padding is not zero. */
export function decodeBase32(text: string): Uint8Array | null {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let at = 0;
  let bits = 0;
  let held = 0;
  for (const character of text.toUpperCase().replaceAll("O", "0").replace(/[IL]/g, "1")) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) return null;
    held = (held << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = held >> bits;
    }
    held &= (1 << bits) - 1;
  }
  return bits < 5 && held === 0 ? bytes : null;
}
