// Messages by which nodes find out whether somebody lives: ping and answer, the same through a third node, suspicion
// and the word of those who have heard the accused (discovery research 6.6).
// Decides their fields, bounds and bodies; never who is asked or believed.

import {
  type BodyMap,
  getU48,
  hexBytes,
  hexOf,
  isCount,
  NONCE_BYTES,
  putHex,
  rowCount,
  setU48,
  TARGET_BYTES,
  viewOfBytes,
} from "./fields.ts";
import type { MessageBase } from "./presence.ts";

/** Nodes that one suspicion or one vouching names at most. */
export const MAX_NAMED = 50;
const SUSPECT_ROW_BYTES = TARGET_BYTES + 6 + 4;
const VOUCH_ROW_BYTES = SUSPECT_ROW_BYTES + 2;
const MAX_AGE_MS = 0xffff;

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
  /** How the ping had come, as a number of `PATHS`: a tool learns from it which direction works. */
  readonly heardBy: number;
}

/** Asks a third node to ping somebody whom the sender does not reach. */
export interface PingRequest extends MessageBase {
  readonly kind: "ping-request";
  readonly nonce: string;
  readonly target: string;
}

/** Answers a request to ping: the target did or did not answer the helper. */
export interface Nack extends MessageBase {
  readonly kind: "nack";
  readonly echo: string;
  readonly target: string;
  /** Milliseconds since the helper heard the target itself; null when it did not. */
  readonly heardMs: number | null;
  /** The newest sequence number that the helper has of it. */
  readonly seq: number;
}

/** A node that is named: a former datagram of it is meant no more. */
export interface NamedNode {
  /** First 8 bytes of the id as hex. */
  readonly target: string;
  readonly incarnation: number;
  /** The newest sequence number that the sender has heard. */
  readonly seq: number;
}

/** "I do not hear these": the accused shall speak, and whoever hears them shall say so. */
export interface Suspect extends MessageBase {
  readonly kind: "suspect";
  readonly nodes: readonly NamedNode[];
}

/** Somebody whom the sender has heard itself. */
export interface VouchedNode extends NamedNode {
  /** Milliseconds since the sender heard it; 65,535 at most. */
  readonly ageMs: number;
}

/** "I have heard these myself." */
export interface Vouch extends MessageBase {
  readonly kind: "vouch";
  readonly nodes: readonly VouchedNode[];
}

// --- bodies --------------------------------------------------------------------------------------------------------

/** The body of a ping. */
export function pingToMap(message: Ping): BodyMap {
  return {
    n: hexBytes(message.nonce),
    ...(message.target === null ? {} : { d: hexBytes(message.target) }),
    ...(message.observer ? { o: true } : {}),
  };
}

/** Reads a ping. */
export function pingFromMap(map: BodyMap, bootNonce: string): Ping | null {
  const nonce = hexOf(map.n, NONCE_BYTES);
  const target = map.d === undefined ? null : hexOf(map.d, TARGET_BYTES);
  if (nonce === null || (target === null && map.d !== undefined)) return null;
  return { kind: "ping", bootNonce, nonce, target, observer: map.o === true };
}

/** The body of an answer. */
export function ackToMap(message: Ack): BodyMap {
  return {
    e: hexBytes(message.echo),
    v: message.stateVersion,
    ...(message.heardBy === 0 ? {} : { h: message.heardBy }),
  };
}

/** Reads an answer. */
export function ackFromMap(map: BodyMap, bootNonce: string): Ack | null {
  const echo = hexOf(map.e, NONCE_BYTES);
  const { v, h = 0 } = map;
  if (echo === null || !isCount(v) || !isCount(h)) return null;
  return { kind: "ack", bootNonce, echo, stateVersion: v, heardBy: h };
}

/** The body of a request to ping. */
export function pingRequestToMap(message: PingRequest): BodyMap {
  return { n: hexBytes(message.nonce), d: hexBytes(message.target) };
}

/** Reads a request to ping. */
export function pingRequestFromMap(map: BodyMap, bootNonce: string): PingRequest | null {
  const nonce = hexOf(map.n, NONCE_BYTES);
  const target = hexOf(map.d, TARGET_BYTES);
  return nonce === null || target === null ? null : { kind: "ping-request", bootNonce, nonce, target };
}

/** The body of an answer to a request to ping. */
export function nackToMap(message: Nack): BodyMap {
  return {
    e: hexBytes(message.echo),
    d: hexBytes(message.target),
    s: message.seq,
    ...(message.heardMs === null ? {} : { a: message.heardMs }),
  };
}

/** Reads an answer to a request to ping. */
export function nackFromMap(map: BodyMap, bootNonce: string): Nack | null {
  const echo = hexOf(map.e, NONCE_BYTES);
  const target = hexOf(map.d, TARGET_BYTES);
  const { s, a = null } = map;
  if (echo === null || target === null || !isCount(s) || (a !== null && !isCount(a))) return null;
  return { kind: "nack", bootNonce, echo, target, heardMs: a, seq: s };
}

/** The body of a suspicion. */
export function suspectToMap(message: Suspect): BodyMap {
  return { l: rowsToBytes(message.nodes, SUSPECT_ROW_BYTES) };
}

/** Reads a suspicion. */
export function suspectFromMap(map: BodyMap, bootNonce: string): Suspect | null {
  const nodes = rowsOf(map.l, SUSPECT_ROW_BYTES);
  return nodes === null ? null : { kind: "suspect", bootNonce, nodes };
}

/** The body of a vouching. */
export function vouchToMap(message: Vouch): BodyMap {
  const bytes = rowsToBytes(message.nodes, VOUCH_ROW_BYTES);
  const view = viewOfBytes(bytes);
  message.nodes.slice(0, MAX_NAMED).forEach((node, i) => {
    view.setUint16(i * VOUCH_ROW_BYTES + SUSPECT_ROW_BYTES, Math.min(MAX_AGE_MS, Math.round(node.ageMs)));
  });
  return { l: bytes };
}

/** Reads a vouching. */
export function vouchFromMap(map: BodyMap, bootNonce: string): Vouch | null {
  const nodes = rowsOf(map.l, VOUCH_ROW_BYTES);
  if (nodes === null) return null;
  const view = viewOfBytes(map.l as Uint8Array);
  return {
    kind: "vouch",
    bootNonce,
    nodes: nodes.map((node, i) => ({
      ...node,
      ageMs: view.getUint16(i * VOUCH_ROW_BYTES + SUSPECT_ROW_BYTES),
    })),
  };
}

function rowsToBytes(nodes: readonly NamedNode[], rowBytes: number): Uint8Array {
  const count = Math.min(nodes.length, MAX_NAMED);
  const bytes = new Uint8Array(count * rowBytes);
  const view = viewOfBytes(bytes);
  nodes.slice(0, count).forEach((node, i) => {
    const at = i * rowBytes;
    putHex(bytes, at, node.target);
    setU48(view, at + TARGET_BYTES, node.incarnation);
    view.setUint32(at + TARGET_BYTES + 6, node.seq >>> 0);
  });
  return bytes;
}

function rowsOf(value: unknown, rowBytes: number): NamedNode[] | null {
  const rows = rowCount(value, rowBytes, MAX_NAMED);
  if (rows === null) return null;
  const bytes = value as Uint8Array;
  const view = viewOfBytes(bytes);
  return Array.from({ length: rows }, (_, i) => {
    const at = i * rowBytes;
    return {
      target: hexOf(bytes.subarray(at, at + TARGET_BYTES), TARGET_BYTES) ?? "",
      incarnation: getU48(view, at + TARGET_BYTES),
      seq: view.getUint32(at + TARGET_BYTES + 6),
    };
  });
}
