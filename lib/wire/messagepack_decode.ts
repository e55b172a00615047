// Builds values from MessagePack bytes that the scanner has approved, and therefore checks nothing again.
// Decides the form of decoded values: plain objects and arrays, doubles, and copies of binary values, so that the
// caller may reuse its buffer at once. Never reads bytes that were not scanned.
// An own reader, because the package that encodes reads invalid UTF-8 past the end of a string, drops a byte order
// mark, hands out views of the input, and keeps one key cache for the whole process that evicts by Math.random.

import { utf8ToText } from "./utf8.ts";

/** Keys up to this many bytes are remembered. */
const MAX_CACHED_KEY_BYTES = 32;
/** Slots of the key cache, a power of two. A newer key takes the slot of an older one. */
const KEY_SLOTS = 256;

const EMPTY = new Uint8Array(0);

/** Decodes one value after the other; remembers the strings of map keys, which repeat. */
export class MessagePackReader {
  #bytes: Uint8Array = EMPTY;
  #view: DataView | null = null;
  #at = 0;
  readonly #keys: string[] = new Array<string>(KEY_SLOTS).fill("");

  /** The value in `bytes`, which a scanner has approved whole. */
  decode(bytes: Uint8Array): unknown {
    this.#bytes = bytes;
    this.#view = null;
    this.#at = 0;
    const value = this.#value();
    this.#bytes = EMPTY; // do not hold on to the caller's buffer
    this.#view = null;
    return value;
  }

  #value(): unknown {
    const head = this.#bytes[this.#at++] as number;
    if (head < 0x80) return head;
    if (head >= 0xe0) return head - 0x100;
    if (head < 0x90) return this.#map(head & 0x0f);
    if (head < 0xa0) return this.#array(head & 0x0f);
    if (head < 0xc0) return this.#text(head & 0x1f);
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#binary(this.#unsigned(1));
      case 0xc5:
        return this.#binary(this.#unsigned(2));
      case 0xc6:
        return this.#binary(this.#unsigned(4));
      case 0xca:
        return this.#float32();
      case 0xcb:
        return this.#float64();
      case 0xcc:
        return this.#unsigned(1);
      case 0xcd:
        return this.#unsigned(2);
      case 0xce:
        return this.#unsigned(4);
      case 0xcf:
        return this.#unsigned(4) * 0x1_0000_0000 + this.#unsigned(4);
      case 0xd0:
        return (this.#unsigned(1) << 24) >> 24;
      case 0xd1:
        return (this.#unsigned(2) << 16) >> 16;
      case 0xd2:
        return this.#unsigned(4) | 0;
      case 0xd3:
        return (this.#unsigned(4) | 0) * 0x1_0000_0000 + this.#unsigned(4);
      case 0xd9:
        return this.#text(this.#unsigned(1));
      case 0xda:
        return this.#text(this.#unsigned(2));
      case 0xdb:
        return this.#text(this.#unsigned(4));
      case 0xdc:
        return this.#array(this.#unsigned(2));
      case 0xdd:
        return this.#array(this.#unsigned(4));
      case 0xde:
        return this.#map(this.#unsigned(2));
      default: // 0xdf: the scanner lets nothing else through
        return this.#map(this.#unsigned(4));
    }
  }

  #unsigned(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + (this.#bytes[this.#at++] as number);
    return value;
  }

  #float32(): number {
    this.#at += 4;
    return this.#dataView().getFloat32(this.#at - 4);
  }

  #float64(): number {
    this.#at += 8;
    return this.#dataView().getFloat64(this.#at - 8);
  }

  #dataView(): DataView {
    this.#view ??= new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
    return this.#view;
  }

  #text(length: number): string {
    const start = this.#at;
    this.#at += length;
    return utf8ToText(this.#bytes, start, this.#at);
  }

  #binary(length: number): Uint8Array {
    const start = this.#at;
    this.#at += length;
    // Not slice(): on a Node Buffer that would be a view.
    return new Uint8Array(this.#bytes.subarray(start, this.#at));
  }

  #array(length: number): unknown[] {
    const items: unknown[] = [];
    for (let i = 0; i < length; i++) items.push(this.#value());
    return items;
  }

  #map(entries: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    for (let i = 0; i < entries; i++) {
      const key = this.#key();
      map[key] = this.#value();
    }
    return map;
  }

  #key(): string {
    const head = this.#bytes[this.#at++] as number;
    const length = head < 0xc0 ? head & 0x1f : this.#unsigned(1 << (head - 0xd9));
    const start = this.#at;
    if (length === 0 || length > MAX_CACHED_KEY_BYTES) return this.#text(length);
    const bytes = this.#bytes;
    const mix = length * 7 + (bytes[start] as number) * 31 + (bytes[start + length - 1] as number) * 131 +
      (bytes[start + (length >> 1)] as number) * 17;
    const slot = mix & (KEY_SLOTS - 1);
    const known = this.#keys[slot] as string;
    if (known.length === length && isAsciiText(bytes, start, known)) {
      this.#at += length;
      return known;
    }
    const key = this.#text(length);
    this.#keys[slot] = key;
    return key;
  }
}

/** Whether the bytes at `start` are `text`, character by character. Says no to any text that is not plain ASCII. */
function isAsciiText(bytes: Uint8Array, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const byte = bytes[start + i] as number;
    if (byte !== text.charCodeAt(i) || byte >= 0x80) return false;
  }
  return true;
}
