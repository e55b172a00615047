// Walks MessagePack bytes without building anything: the gate that a peer's bytes pass before they are decoded.
// Decides whether bytes are exactly one value that hana reads, within its limits. Memory is constant (one small stack),
// time is linear in the bytes, and an announced length is never believed: its bytes must be there.
// Format: the MessagePack specification, <https://github.com/msgpack/msgpack/blob/master/spec.md>. What passes here
// needs no further check in messagepack_decode.ts.

import type { DecodeLimits, ScanRefusal } from "./limits.ts";
import { isUtf8 } from "./utf8.ts";

const PROTO_KEY = Uint8Array.from("__proto__", (letter) => letter.charCodeAt(0));

/** Scans one value after the other; the limits stay. */
export class MessagePackScanner {
  readonly #limits: DecodeLimits;
  /** Items still to come in each open container; a map counts keys and values. */
  readonly #left: Float64Array;
  /** 1 where the open container is a map. */
  readonly #isMap: Uint8Array;
  /** Where the last refusal happened, in bytes from the start. */
  refusedAt = 0;

  constructor(limits: DecodeLimits) {
    this.#limits = limits;
    this.#left = new Float64Array(limits.maxDepth + 1);
    this.#isMap = new Uint8Array(limits.maxDepth + 1);
  }

  /** Returns null when `bytes` is exactly one acceptable value, else why not. */
  scan(bytes: Uint8Array): ScanRefusal | null {
    const limits = this.#limits;
    const left = this.#left;
    const isMap = this.#isMap;
    const end = bytes.length;
    let depth = 0;
    let nodes = 0;
    let at = 0;
    left[0] = 1;
    isMap[0] = 0;

    for (;;) {
      while (left[depth] === 0) {
        if (depth === 0) return at === end ? null : this.#refuse("trailing", at);
        depth--;
      }
      if (at >= end) return this.#refuse("truncated", at);
      const remaining = left[depth] as number;
      left[depth] = remaining - 1;
      const isKey = isMap[depth] === 1 && (remaining & 1) === 0;
      const head = bytes[at] as number;
      const start = at++;

      // Sizes first: `payload` bytes follow, or `items` values do.
      let payload = 0;
      let items = -1;
      let map = false;
      let text = false;

      if (head < 0x80 || head >= 0xe0) {
        // fixint: the head is the value
      } else if (head < 0xa0) {
        items = head & 0x0f;
        map = head < 0x90;
      } else if (head < 0xc0) {
        payload = head & 0x1f;
        text = true;
      } else {
        const sizeBytes = SIZE_BYTES[head - 0xc0] as number;
        if (sizeBytes < 0) return this.#refuse(head === 0xc1 ? "reserved" : "extension", start);
        if (at + sizeBytes > end) return this.#refuse("truncated", end);
        let size = 0;
        for (let i = 0; i < sizeBytes; i++) size = size * 256 + (bytes[at + i] as number);
        at += sizeBytes;
        switch (head) {
          case 0xc0: // nil, false, true
          case 0xc2:
          case 0xc3:
            break;
          case 0xc4: // bin 8, 16, 32
          case 0xc5:
          case 0xc6:
            if (size > limits.maxBinaryBytes) return this.#refuse("binary-bytes", start);
            payload = size;
            break;
          case 0xd9: // str 8, 16, 32
          case 0xda:
          case 0xdb:
            payload = size;
            text = true;
            break;
          case 0xdc: // array 16, 32
          case 0xdd:
            items = size;
            break;
          case 0xde: // map 16, 32
          case 0xdf:
            items = size;
            map = true;
            break;
          default: // numbers
            payload = NUMBER_BYTES[head - 0xca] as number;
        }
      }

      if (isKey) {
        if (!text) return this.#refuse("key", start);
      } else if (++nodes > limits.maxNodes) return this.#refuse("nodes", start);

      if (items >= 0) {
        if (map ? items > limits.maxMapEntries : items > limits.maxArrayLength) {
          return this.#refuse(map ? "map-entries" : "array-length", start);
        }
        if (depth >= limits.maxDepth) return this.#refuse("depth", start);
        depth++;
        left[depth] = map ? items * 2 : items;
        isMap[depth] = map ? 1 : 0;
        continue;
      }
      if (text && payload > limits.maxStringBytes) return this.#refuse("string-bytes", start);
      if (payload > end - at) return this.#refuse("truncated", end);
      if (text) {
        if (!isUtf8(bytes, at, at + payload)) return this.#refuse("utf8", start);
        if (isKey && payload === PROTO_KEY.length && startsWith(bytes, at, PROTO_KEY)) {
          return this.#refuse("proto", start);
        }
      } else if ((head === 0xcf || head === 0xd3) && !isSafeInteger64(bytes, at, head === 0xd3)) {
        return this.#refuse("integer", start);
      }
      at += payload;
    }
  }

  #refuse(refusal: ScanRefusal, at: number): ScanRefusal {
    this.refusedAt = at;
    return refusal;
  }
}

/** For the type bytes 0xc0 … 0xdf: how many bytes of size follow; −1 where hana reads no such type. */
const SIZE_BYTES = Int8Array.of(
  ...[0, -1, 0, 0, 1, 2, 4, -1], // nil, (never used), false, true, bin 8 16 32, ext 8
  ...[-1, -1, 0, 0, 0, 0, 0, 0], // ext 16 32, float 32 64, uint 8 16 32 64
  ...[0, 0, 0, 0, -1, -1, -1, -1], // int 8 16 32 64, fixext 1 2 4 8
  ...[-1, 1, 2, 4, 2, 4, 2, 4], // fixext 16, str 8 16 32, array 16 32, map 16 32
);

/** For the type bytes 0xca … 0xd3: how many bytes the number takes. */
const NUMBER_BYTES = Uint8Array.of(4, 8, 1, 2, 4, 8, 1, 2, 4, 8);

function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false;
  return true;
}

/** Whether the 64-bit integer at `at` is exact as a double: |n| ≤ 2^53 − 1. */
function isSafeInteger64(bytes: Uint8Array, at: number, signed: boolean): boolean {
  const high = readU32(bytes, at);
  if (!signed || high < 0x8000_0000) return high <= 0x001f_ffff;
  return high > 0xffe0_0000 || (high === 0xffe0_0000 && readU32(bytes, at + 4) !== 0);
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) * 0x100_0000 +
    (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
}
