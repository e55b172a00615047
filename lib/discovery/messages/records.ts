// Messages by which a record that does not fit into a datagram is fetched in parts, from its owner alone.
// Decides their fields, bounds and bodies; never when a record is asked for or what it says.

import { type BodyMap, hexBytes, hexOf, isCount, NONCE_BYTES } from "./fields.ts";
import type { MessageBase } from "./presence.ts";

/** Bytes of a record in one part. */
export const PART_BYTES = 1_000;
/** Largest record, encoded, in bytes: what a thousand nodes hold of each other stays small. */
export const MAX_WHOLE_RECORD_BYTES = 16_384;

/** Asks a node for a part of its own record. */
export interface Get extends MessageBase {
  readonly kind: "get";
  /** Names the request in the answer; 8 bytes as hex. */
  readonly nonce: string;
  /** Where the part begins in the encoded record, in bytes. */
  readonly offset: number;
}

/** A part of the sender's record. */
export interface RecordPart extends MessageBase {
  readonly kind: "record-part";
  readonly echo: string;
  readonly stateVersion: number;
  readonly offset: number;
  /** Bytes of the whole record. */
  readonly total: number;
  readonly bytes: Uint8Array;
}

/** The body of a request. */
export function getToMap(message: Get): BodyMap {
  return { n: hexBytes(message.nonce), o: message.offset };
}

/** Reads a request. */
export function getFromMap(map: BodyMap, bootNonce: string): Get | null {
  const nonce = hexOf(map.n, NONCE_BYTES);
  const { o } = map;
  if (nonce === null || !isCount(o) || o > MAX_WHOLE_RECORD_BYTES) return null;
  return { kind: "get", bootNonce, nonce, offset: o };
}

/** The body of a part. */
export function recordPartToMap(message: RecordPart): BodyMap {
  return {
    e: hexBytes(message.echo),
    v: message.stateVersion,
    o: message.offset,
    l: message.total,
    x: message.bytes,
  };
}

/** Reads a part. */
export function recordPartFromMap(map: BodyMap, bootNonce: string): RecordPart | null {
  const echo = hexOf(map.e, NONCE_BYTES);
  const { v, o, l, x } = map;
  if (echo === null || !isCount(v) || !isCount(o) || !isCount(l) || !(x instanceof Uint8Array)) return null;
  if (l > MAX_WHOLE_RECORD_BYTES || x.length === 0 || x.length > PART_BYTES || o + x.length > l) return null;
  return { kind: "record-part", bootNonce, echo, stateVersion: v, offset: o, total: l, bytes: x };
}
