// The datagram of discovery: 41 bytes of header, a MessagePack map, 16 bytes of MAC; never over 1,200 bytes.
// Decides the bytes and in which order they are doubted: size, magic, version, mesh, (rate,) MAC, kind, fields.
// Nothing is parsed before the MAC has been verified, nothing throws, and every refusal has one reason.
// Never decides what a message does: core.ts does. (Discovery research 6.2, 6.3.)

import { type Incarnation, type NodeId, toHex } from "../base/mod.ts";
import type { Refusal } from "./counters.ts";
import {
  BODY_STEPS,
  getU48,
  type Kind,
  KIND_NUMBERS,
  type Message,
  messageFromMap,
  messageToMap,
  ownBytes,
  setU48,
} from "./messages/mod.ts";

/** Largest datagram in bytes: below the IPv6 minimum MTU of 1,280 (RFC 8200 §5) with room for a tunnel's header. */
export const MAX_DATAGRAM_BYTES = 1_200;
/** Bytes before the body. */
export const HEADER_BYTES = 41;
/** Where the header says which key signed. */
const KEY_TAG_AT = 40;
/** Bytes of the MAC at the end. */
export const MAC_BYTES = 16;
/** Largest body in bytes. */
export const MAX_BODY_BYTES = MAX_DATAGRAM_BYTES - HEADER_BYTES - MAC_BYTES;
/** Major version of the protocol; another one is not read. */
export const PROTOCOL_VERSION = 1;
const MAGIC = 0x6843; // "hC"

const KINDS = new Map<number, Kind>(
  Object.entries(KIND_NUMBERS).map(([kind, number]) => [number, kind as Kind]),
);

/** How a datagram was sent; signed, because a receiver's socket does not tell. The index is the number on the wire. */
export const PATHS = ["unicast", "multicast", "broadcast"] as const;

/** How a datagram was sent. */
export type Path = typeof PATHS[number];

/** Signs and verifies; `DatagramAuthenticator` of lib/security is one. */
export interface DatagramSeal {
  /** Which key signs, as a hint in the header; 0 for the open mesh. */
  readonly keyTag: number;
  /** Writes 16 bytes of MAC over `bytes[0, length)` to `bytes[length, length + 16)`. */
  sign(bytes: Uint8Array, length: number): void;
  /**
   * Which key of the ring signed the datagram, whose last 16 bytes are the MAC, or `guest` for who holds an access key of
   * one; null when none did.
   * `keyTag` is the header's hint: keys of another tag need not be tried.
   */
  verify(bytes: Uint8Array, keyTag?: number): "primary" | "previous" | "guest" | null;
}

/** Encodes and decodes bodies; the MessagePack codec of lib/wire is one. Both throw on what cannot be. */
export interface BodyCodec {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

/** What every datagram says of its sender. */
export interface Header {
  readonly kind: Kind;
  readonly path: Path;
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  /** Counts every datagram of the incarnation; the copies for several paths of one link share it. */
  readonly seq: number;
  /** Milliseconds since the incarnation began, on the sender's monotonic clock: no wall clock can upset it. */
  readonly sentMs: number;
}

// --- encoding ------------------------------------------------------------------------------------------------------

/** The body of `message`, at most {@linkcode MAX_BODY_BYTES}: a record is shortened until it fits. A copy. */
export function encodeBody(message: Message, codec: BodyCodec): Uint8Array {
  for (let step = 0; step <= BODY_STEPS; step++) {
    const bytes = codec.encode(messageToMap(message, step));
    if (bytes.length <= MAX_BODY_BYTES) return bytes.slice();
  }
  // Limits of the fields make the last step fit; a message that does not is a bug, and an empty body is refused.
  return new Uint8Array(0);
}

/** Writes header, body and MAC as one datagram. */
export function sealDatagram(
  header: Header,
  meshTag: number,
  body: Uint8Array,
  seal: DatagramSeal,
): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + body.length + MAC_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, MAGIC);
  view.setUint8(2, PROTOCOL_VERSION);
  view.setUint8(3, (PATHS.indexOf(header.path) << 6) | KIND_NUMBERS[header.kind]);
  view.setUint32(4, meshTag);
  bytes.set(ownBytes(header.id), 8);
  setU48(view, 24, header.incarnation);
  view.setUint32(30, header.seq >>> 0);
  setU48(view, 34, header.sentMs);
  view.setUint8(KEY_TAG_AT, seal.keyTag);
  bytes.set(body, HEADER_BYTES);
  seal.sign(bytes, HEADER_BYTES + body.length);
  return bytes;
}

/** A copy of a sealed datagram, sealed by another key: for machines that know only that one. */
export function resealDatagram(bytes: Uint8Array, seal: DatagramSeal): Uint8Array {
  const copy = bytes.slice();
  copy[KEY_TAG_AT] = seal.keyTag;
  seal.sign(copy, copy.length - MAC_BYTES);
  return copy;
}

/** Encodes and signs one message. */
export function encodeDatagram(
  header: Omit<Header, "kind">,
  message: Message,
  meshTag: number,
  codec: BodyCodec,
  seal: DatagramSeal,
): Uint8Array {
  return sealDatagram({ ...header, kind: message.kind }, meshTag, encodeBody(message, codec), seal);
}

// --- decoding ------------------------------------------------------------------------------------------------------

/** A verified and parsed datagram. */
export interface Datagram {
  readonly header: Header;
  readonly message: Message;
  readonly key: "primary" | "previous" | "guest";
}

/** How a datagram is opened: {@linkcode openDatagram}, or something that gives the same answers. */
export type OpenDatagram = (bytes: Uint8Array, codec: BodyCodec, seal: DatagramSeal) => Datagram | Refusal;

/** First look, free of cryptography and allocation: is this ours at all? `null` means yes. */
export function refusePreamble(bytes: Uint8Array, meshTag: number): Refusal | null {
  if (bytes.length < HEADER_BYTES + 1 + MAC_BYTES) return "not-hana";
  if (bytes[0] !== MAGIC >> 8 || bytes[1] !== (MAGIC & 0xff)) return "not-hana";
  if (bytes.length > MAX_DATAGRAM_BYTES) return "oversize";
  if (bytes[2] !== PROTOCOL_VERSION) return "version";
  const tag = ((bytes[4] ?? 0) << 24 | (bytes[5] ?? 0) << 16 | (bytes[6] ?? 0) << 8 | (bytes[7] ?? 0)) >>> 0;
  return tag === meshTag ? null : "other-mesh";
}

/** Verifies and parses a datagram that passed {@linkcode refusePreamble}. Never throws. */
export function openDatagram(bytes: Uint8Array, codec: BodyCodec, seal: DatagramSeal): Datagram | Refusal {
  const key = seal.verify(bytes, bytes[HEADER_BYTES - 1]);
  if (key === null) return "foreign";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const kindAndPath = view.getUint8(3);
  const kind = KINDS.get(kindAndPath & 0x3f);
  if (kind === undefined) return "unknown-kind";
  const path = PATHS[kindAndPath >> 6];
  if (path === undefined) return "malformed";
  const header: Header = {
    kind,
    path,
    id: toHex(bytes.subarray(8, 24)) as NodeId,
    incarnation: getU48(view, 24) as Incarnation,
    seq: view.getUint32(30),
    sentMs: getU48(view, 34),
  };
  let body: unknown;
  try {
    body = codec.decode(bytes.subarray(HEADER_BYTES, bytes.length - MAC_BYTES));
  } catch {
    return "malformed"; // a limit or a syntax error: the codec reports both by throwing
  }
  const message = messageFromMap(kind, header.id, header.incarnation, body);
  return message === null ? "malformed" : { header, message, key };
}

/** All of it at once: {@linkcode refusePreamble}, then {@linkcode openDatagram}. */
export function decodeDatagram(
  bytes: Uint8Array,
  meshTag: number,
  codec: BodyCodec,
  seal: DatagramSeal,
): Datagram | Refusal {
  return refusePreamble(bytes, meshTag) ?? openDatagram(bytes, codec, seal);
}
