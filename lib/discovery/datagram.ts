// The datagram of discovery: 41 bytes of header, a MessagePack map, 16 bytes of MAC; never over 1,200 bytes.
// Decides the bytes and in which order they are doubted: size, magic, version, mesh, (rate,) MAC, kind, fields.
// Nothing is parsed before the MAC has been verified, nothing throws, and every refusal has one reason.
// Never decides what a message does: core.ts does. (Discovery research 6.2, 6.3.)

import { type Incarnation, type NodeId, toHex } from "../base/mod.ts";
import type { Refusal } from "./counters.ts";
import { type NodeRecord, recordFromMap, recordToMap, TRUNCATIONS } from "./record.ts";

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
/** Bytes of an announcement's other fields, a question apart. */
const ANNOUNCE_BYTES = 32;
/** Largest record that is always announced whole, in bytes. */
export const MAX_RECORD_BYTES = MAX_BODY_BYTES - ANNOUNCE_BYTES;
/** Major version of the protocol; another one is not read. */
export const PROTOCOL_VERSION = 1;
/** Bytes of a nonce: of a question, and of a process. */
export const NONCE_BYTES = 8;
/** Bytes of an id where a few suffice to tell nodes apart. */
export const SHORT_ID_BYTES = 4;

const MAGIC = 0x6843; // "hC"

/** Numbers of the kinds in the header's low six bits. Those of later versions are reserved, so none is used twice. */
export const KIND_NUMBERS = {
  announce: 1,
  heartbeat: 2,
  query: 3,
  offer: 4,
  bye: 5,
  ping: 6,
  ack: 7,
  // reserved: 8 sync-request, 9 sync-page, 10 get, 11 record, 12 hello, 13 ping-request, 14 nack, 15 suspect,
  // 16 vouch, 17 claim, 18 grant, 19 deny, 20 lease, 21 lease-ack
} as const;

/** Kinds of message. */
export type Kind = keyof typeof KIND_NUMBERS;

const KINDS = new Map<number, Kind>(
  Object.entries(KIND_NUMBERS).map(([kind, number]) => [number, kind as Kind]),
);

/** How a datagram was sent; signed, because a receiver's socket does not tell. The index is the number on the wire. */
export const PATHS = ["unicast", "multicast", "broadcast"] as const;

/** How a datagram was sent. */
export type Path = typeof PATHS[number];

/** Why a node says goodbye; the index is the number on the wire. */
export const LEAVE_REASONS = ["quit", "sleep", "update", "id-change"] as const;

/** Why a node says goodbye. After `sleep` the same incarnation may come back. */
export type LeaveReason = typeof LEAVE_REASONS[number];

/** Signs and verifies; `DatagramAuthenticator` of lib/security is one. */
export interface DatagramSeal {
  /** Which key signs, as a hint in the header; 0 for the open mesh. */
  readonly keyTag: number;
  /** Writes 16 bytes of MAC over `bytes[0, length)` to `bytes[length, length + 16)`. */
  sign(bytes: Uint8Array, length: number): void;
  /**
   * Which key of the ring signed the datagram, whose last 16 bytes are the MAC; null when none did.
   * `keyTag` is the header's hint: keys of another tag need not be tried.
   */
  verify(bytes: Uint8Array, keyTag?: number): "primary" | "previous" | null;
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

/** A question for offers, within an announcement or alone. */
export interface Question {
  /** Names the family of questions; 8 bytes as hex. */
  readonly nonce: string;
  /** 0, 1, 2 …: later ones of a family are answered by more nodes (discovery research 6.5). */
  readonly attempt: number;
  /** First bytes of the ids that are known already and need not answer, one after the other. */
  readonly known: Uint8Array;
}

/** What every message carries beside its own fields. */
interface MessageBase {
  /** 8 random bytes of the process as hex: tells two processes of one id and incarnation apart. */
  readonly bootNonce: string;
}

/** The full record, at start and at every change. */
export interface Announce extends MessageBase {
  readonly kind: "announce";
  readonly record: NodeRecord;
  readonly question: Question | null;
  readonly peerCount: number;
  readonly beatMs: number;
}

/** "I am alive", every beat. */
export interface Heartbeat extends MessageBase {
  readonly kind: "heartbeat";
  readonly stateVersion: number;
  /** Nodes that the sender counts, itself included: from it everybody estimates the size of the mesh. */
  readonly peerCount: number;
  /** The sender's period, so that nobody suspects it by another one. */
  readonly beatMs: number;
}

/** Asks for records: of everybody by rank, or of one node. */
export interface Query extends MessageBase {
  readonly kind: "query";
  readonly question: Question;
  /** First 8 bytes of the id that alone shall answer, as hex; null for all. */
  readonly target: string | null;
}

/** Answers a question by unicast with the sender's own record. */
export interface Offer extends MessageBase {
  readonly kind: "offer";
  readonly echo: string;
  readonly record: NodeRecord;
  readonly peerCount: number;
  readonly beatMs: number;
}

/** Goodbye. */
export interface Bye extends MessageBase {
  readonly kind: "bye";
  readonly reason: LeaveReason;
}

/** Asks for a sign of life, or for proof that a datagram was no replay. */
export interface Ping extends MessageBase {
  readonly kind: "ping";
  readonly nonce: string;
  /** First 8 bytes of the id that is meant, as hex; null when only the address is known. */
  readonly target: string | null;
  /** A short-lived tool asks: it is answered but not met. */
  readonly observer: boolean;
}

/** Answers a ping. */
export interface Ack extends MessageBase {
  readonly kind: "ack";
  readonly echo: string;
  readonly stateVersion: number;
}

/** A message of discovery. */
export type Message = Announce | Heartbeat | Query | Offer | Bye | Ping | Ack;

/** Hex digits of the 8 id bytes that name a target. */
export const TARGET_DIGITS = 16;

/** A target's form of an id. */
export function targetOf(id: NodeId): string {
  return id.slice(0, TARGET_DIGITS);
}

// --- encoding ------------------------------------------------------------------------------------------------------

/** The body of `message`, at most {@linkcode MAX_BODY_BYTES}: a record is shortened until it fits. A copy. */
export function encodeBody(message: Message, codec: BodyCodec): Uint8Array {
  for (let step = 0; step <= TRUNCATIONS; step++) {
    const bytes = codec.encode(bodyMap(message, step));
    if (bytes.length <= MAX_BODY_BYTES) return bytes.slice();
  }
  // Limits of the fields make the last step fit; a message that does not is a bug, and an empty body is refused.
  return new Uint8Array(0);
}

function bodyMap(message: Message, step: number): Record<string, unknown> {
  const b = ownBytes(message.bootNonce);
  switch (message.kind) {
    case "announce":
      return {
        b,
        p: message.peerCount,
        t: message.beatMs,
        r: recordToMap(message.record, step),
        ...(message.question === null ? {} : { q: questionMap(message.question, step === 0 ? 128 : 16) }),
      };
    case "heartbeat":
      return { b, v: message.stateVersion, p: message.peerCount, t: message.beatMs };
    case "query":
      return {
        b,
        q: questionMap(message.question, 256),
        ...(message.target === null ? {} : { d: hexBytes(message.target) }),
      };
    case "offer":
      return {
        b,
        e: hexBytes(message.echo),
        p: message.peerCount,
        t: message.beatMs,
        r: recordToMap(message.record, step),
      };
    case "bye":
      return { b, w: LEAVE_REASONS.indexOf(message.reason) };
    case "ping":
      return {
        b,
        n: hexBytes(message.nonce),
        ...(message.target === null ? {} : { d: hexBytes(message.target) }),
        ...(message.observer ? { o: true } : {}),
      };
    case "ack":
      return { b, e: hexBytes(message.echo), v: message.stateVersion };
  }
}

function questionMap(question: Question, maxKnown: number): Record<string, unknown> {
  return {
    n: hexBytes(question.nonce),
    a: question.attempt,
    k: question.known.subarray(0, maxKnown * SHORT_ID_BYTES),
  };
}

function hexBytes(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length >> 1);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = digitOf(hex.charCodeAt(2 * i)) << 4 | digitOf(hex.charCodeAt(2 * i + 1));
  }
  return bytes;
}

/** Ids and boot nonces of the nodes of this process, which stand in everything that they send. */
const OWN_BYTES = new Map<string, Uint8Array>();
/** Past this the table starts again. */
const MAX_OWN = 4_096;

function ownBytes(hex: string): Uint8Array {
  let bytes = OWN_BYTES.get(hex);
  if (bytes === undefined) {
    if (OWN_BYTES.size >= MAX_OWN) OWN_BYTES.clear();
    OWN_BYTES.set(hex, bytes = hexBytes(hex));
  }
  return bytes;
}

/** What a digit of our own hex stands for: 0 to 9 and a to f. */
function digitOf(code: number): number {
  return code < 58 ? code - 48 : code - 87;
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

function setU48(view: DataView, at: number, value: number): void {
  view.setUint16(at, Math.floor(value / 2 ** 32) & 0xffff);
  view.setUint32(at + 2, value >>> 0);
}

function getU48(view: DataView, at: number): number {
  return view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);
}

// --- decoding ------------------------------------------------------------------------------------------------------

/** A verified and parsed datagram. */
export interface Datagram {
  readonly header: Header;
  readonly message: Message;
  readonly key: "primary" | "previous";
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
  const message = parseMessage(header, body);
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

function parseMessage(header: Header, body: unknown): Message | null {
  if (typeof body !== "object" || body === null || Array.isArray(body) || body instanceof Uint8Array) {
    return null;
  }
  const map = body as Record<string, unknown>;
  const bootNonce = hexOf(map.b, NONCE_BYTES);
  if (bootNonce === null) return null;
  switch (header.kind) {
    case "announce": {
      const record = recordFromMap(map.r, header.id, header.incarnation);
      const question = map.q === undefined ? null : parseQuestion(map.q);
      if (record === null || (question === null && map.q !== undefined)) return null;
      if (!isCount(map.p) || !isCount(map.t)) return null;
      return { kind: "announce", bootNonce, record, question, peerCount: map.p, beatMs: map.t };
    }
    case "heartbeat":
      if (!isCount(map.v) || !isCount(map.p) || !isCount(map.t)) return null;
      return { kind: "heartbeat", bootNonce, stateVersion: map.v, peerCount: map.p, beatMs: map.t };
    case "query": {
      const question = parseQuestion(map.q);
      const target = map.d === undefined ? null : hexOf(map.d, NONCE_BYTES);
      if (question === null || (target === null && map.d !== undefined)) return null;
      return { kind: "query", bootNonce, question, target };
    }
    case "offer": {
      const record = recordFromMap(map.r, header.id, header.incarnation);
      const echo = hexOf(map.e, NONCE_BYTES);
      if (record === null || echo === null || !isCount(map.p) || !isCount(map.t)) return null;
      return { kind: "offer", bootNonce, echo, record, peerCount: map.p, beatMs: map.t };
    }
    case "bye": {
      const reason = typeof map.w === "number" ? LEAVE_REASONS[map.w] : undefined;
      // A reason of a later version is a goodbye all the same.
      return { kind: "bye", bootNonce, reason: reason ?? "quit" };
    }
    case "ping": {
      const nonce = hexOf(map.n, NONCE_BYTES);
      const target = map.d === undefined ? null : hexOf(map.d, NONCE_BYTES);
      if (nonce === null || (target === null && map.d !== undefined)) return null;
      return { kind: "ping", bootNonce, nonce, target, observer: map.o === true };
    }
    case "ack": {
      const echo = hexOf(map.e, NONCE_BYTES);
      if (echo === null || !isCount(map.v)) return null;
      return { kind: "ack", bootNonce, echo, stateVersion: map.v };
    }
  }
}

function parseQuestion(value: unknown): Question | null {
  if (typeof value !== "object" || value === null) return null;
  const { n, a, k } = value as Record<string, unknown>;
  const nonce = hexOf(n, NONCE_BYTES);
  if (nonce === null || !isCount(a) || !(k instanceof Uint8Array) || k.length % SHORT_ID_BYTES !== 0) {
    return null;
  }
  return { nonce, attempt: a, known: k };
}

function hexOf(value: unknown, length: number): string | null {
  return value instanceof Uint8Array && value.length === length ? toHex(value) : null;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
