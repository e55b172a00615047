// Small fields of message bodies: hex as bytes, counts, packed rows of nodes.
// Decides their bytes and their bounds; a field that is not as it should be reads as null, and nothing throws.

import { toHex } from "../../base/mod.ts";

/** Bytes of a nonce: of a question, and of a process. */
export const NONCE_BYTES = 8;
/** Bytes of an id that name a node within a mesh. */
export const TARGET_BYTES = 8;
/** Bytes of an id where a few suffice to tell nodes apart. */
export const SHORT_ID_BYTES = 4;

/** A body as it is encoded: keys are one letter, since the codec of hana knows no integer keys. */
export type BodyMap = Record<string, unknown>;

/** A body or a part of it as a map; null when it is something else. */
export function mapOf(value: unknown): BodyMap | null {
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    return null;
  }
  return value as BodyMap;
}

/** Bytes of lower-case hex of our own. */
export function hexBytes(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length >> 1);
  putHex(bytes, 0, hex);
  return bytes;
}

/** Writes hex digits of our own as bytes from `at` on. */
export function putHex(bytes: Uint8Array, at: number, hex: string): void {
  for (let i = 0; 2 * i < hex.length; i++) {
    bytes[at + i] = digitOf(hex.charCodeAt(2 * i)) << 4 | digitOf(hex.charCodeAt(2 * i + 1));
  }
}

/** What a digit of our own hex stands for: 0 to 9 and a to f. */
function digitOf(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}

/** Ids and boot nonces of the nodes of this process, which stand in everything that they send. */
const OWN_BYTES = new Map<string, Uint8Array>();
/** Past this the table starts again. */
const MAX_OWN = 4_096;

/** Bytes of a hex text that is written again and again. */
export function ownBytes(hex: string): Uint8Array {
  let bytes = OWN_BYTES.get(hex);
  if (bytes === undefined) {
    if (OWN_BYTES.size >= MAX_OWN) OWN_BYTES.clear();
    OWN_BYTES.set(hex, bytes = hexBytes(hex));
  }
  return bytes;
}

/** A byte string of exactly `length` bytes as hex. */
export function hexOf(value: unknown, length: number): string | null {
  return value instanceof Uint8Array && value.length === length ? toHex(value) : null;
}

/** Whether `value` counts something. */
export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Writes 48 bits. */
export function setU48(view: DataView, at: number, value: number): void {
  view.setUint16(at, Math.floor(value / 2 ** 32) & 0xffff);
  view.setUint32(at + 2, value >>> 0);
}

/** Reads 48 bits. */
export function getU48(view: DataView, at: number): number {
  return view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);
}

/** A view over the bytes of `bytes` alone. */
export function viewOfBytes(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Rows of `rowBytes` in a byte string of 1 to `maxRows` of them; null when the length is another. */
export function rowCount(value: unknown, rowBytes: number, maxRows: number): number | null {
  if (!(value instanceof Uint8Array) || value.length === 0 || value.length % rowBytes !== 0) return null;
  const rows = value.length / rowBytes;
  return rows <= maxRows ? rows : null;
}
