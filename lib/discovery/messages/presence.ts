// Messages by which a node says that it is there: announcement, beat, question, offer, goodbye.
// Decides their fields, bounds and bodies; never when they are sent or what follows.

import type { Incarnation, NodeId } from "../../base/mod.ts";
import { type NodeRecord, recordFromMap, recordToMap } from "../record.ts";
import {
  type BodyMap,
  getU48,
  hexBytes,
  hexOf,
  isCount,
  mapOf,
  NONCE_BYTES,
  putHex,
  rowCount,
  setU48,
  SHORT_ID_BYTES,
  TARGET_BYTES,
  viewOfBytes,
} from "./fields.ts";

/** Why a node says goodbye; the index is the number on the wire. */
export const LEAVE_REASONS = ["quit", "sleep", "update", "id-change"] as const;

/** Why a node says goodbye. After `sleep` the same incarnation may come back. */
export type LeaveReason = typeof LEAVE_REASONS[number];

/** Hex digits of a challenge that an echo repeats: 32 bits, so that a recorded datagram holds it once in 20 million. */
export const ECHO_DIGITS = 8;
const ECHO_BYTES = ECHO_DIGITS / 2;
/** Echoes in one message at most. */
export const MAX_ECHOES = 224;
/** Lives that one list of a beat names at most: the lately dead, the lately joined. */
export const MAX_LIVES_NAMED = 6;
const LIFE_ROW_BYTES = TARGET_BYTES + 6;
/** Figures of availability in a beat (cpu %, gpu %, free memory MB, free VRAM MB, renders); −1 is unknown. */
export const MAX_AVAILABILITY = 5;

/** What every message carries beside its own fields. */
export interface MessageBase {
  /** 8 random bytes of the process as hex: tells two processes of one id and incarnation apart. */
  readonly bootNonce: string;
}

/** A question for offers, within an announcement or alone. */
export interface Question {
  /** Names the family of questions; 8 bytes as hex. */
  readonly nonce: string;
  /** 0, 1, 2 …: later ones of a family are answered by more nodes (discovery research 6.5). */
  readonly attempt: number;
  /** First bytes of the ids that are known already and need not answer, one after the other. */
  readonly known: Uint8Array;
  /** Digest of all whom the asker knows on this link, 8 bytes as hex: who has the same need not answer. */
  readonly digest: string;
}

/** The full record, at start and at every change. */
export interface Announce extends MessageBase {
  readonly kind: "announce";
  readonly record: NodeRecord;
  readonly question: Question | null;
  /** What others echo to prove that they speak now, 8 bytes as hex; null outside of a start. */
  readonly challenge: string | null;
  /** Beginnings of challenges of others that were heard lately, {@linkcode ECHO_DIGITS} hex digits each. */
  readonly echoes: readonly string[];
  readonly peerCount: number;
  readonly beatMs: number;
  /** Milliseconds for which the node was asleep, after which it is the same as before; 0 otherwise. */
  readonly resumedMs: number;
}

/** A life, as a beat names it. */
export interface NamedLife {
  /** First 8 bytes of the id as hex. */
  readonly target: string;
  readonly incarnation: number;
}

/** Who leads, as a beat tells it. */
export interface LeaderHint {
  readonly term: number;
  /** First 8 bytes of the leader's id as hex. */
  readonly target: string;
}

/** "I am alive", every beat. */
export interface Heartbeat extends MessageBase {
  readonly kind: "heartbeat";
  readonly stateVersion: number;
  /** Nodes that the sender counts, itself included: from it everybody estimates the size of the mesh. */
  readonly peerCount: number;
  /** The sender's period, so that nobody suspects it by another one. */
  readonly beatMs: number;
  /** Number of the beat: a gap tells how many were lost. */
  readonly beat: number;
  /** Digest of all whom the sender knows on this link, 8 bytes as hex. */
  readonly digest: string;
  /** As in an announcement, while many start at once: newcomers prove themselves to the sender by echoing it. */
  readonly challenge: string | null;
  readonly echoes: readonly string[];
  /** Nodes that the sender has lately declared dead. */
  readonly dead: readonly NamedLife[];
  /** Nodes that have lately proved to the sender that they live, so that not everybody has to ask them. */
  readonly joined: readonly NamedLife[];
  /** Live load; empty when it is not told. */
  readonly availability: readonly number[];
  readonly leader: LeaderHint | null;
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
  readonly digest: string;
  /** What lets the asker fetch pages from here, 8 bytes as hex; null when none are given. */
  readonly cookie: string | null;
}

/** Goodbye. */
export interface Bye extends MessageBase {
  readonly kind: "bye";
  readonly reason: LeaveReason;
}

const NO_IDS = new Uint8Array(0);
const NO_DIGEST = "0000000000000000";

/** A question to one node alone, which answers whatever we know already. */
export function questionToOne(nonce: string): Question {
  return { nonce, attempt: 2, known: NO_IDS, digest: NO_DIGEST };
}

// --- bodies --------------------------------------------------------------------------------------------------------

/** Echoes at a step of leaving out: an announcement with a large record has less room for them. */
function echoesToBytes(echoes: readonly string[], max: number): Uint8Array {
  const count = Math.min(echoes.length, max);
  const bytes = new Uint8Array(count * ECHO_BYTES);
  for (let i = 0; i < count; i++) putHex(bytes, i * ECHO_BYTES, echoes[i] ?? "");
  return bytes;
}

const NO_ECHOES: readonly string[] = [];

function echoesOf(value: unknown): readonly string[] | null {
  if (value === undefined) return NO_ECHOES;
  const rows = rowCount(value, ECHO_BYTES, MAX_ECHOES);
  if (rows === null) return null;
  const bytes = value as Uint8Array;
  const echoes: string[] = [];
  for (let i = 0; i < rows; i++) {
    echoes.push(hexOf(bytes.subarray(i * ECHO_BYTES, (i + 1) * ECHO_BYTES), ECHO_BYTES) ?? "");
  }
  return echoes;
}

function questionMap(question: Question, maxKnown: number): BodyMap {
  return {
    n: hexBytes(question.nonce),
    a: question.attempt,
    k: question.known.subarray(0, maxKnown * SHORT_ID_BYTES),
    g: hexBytes(question.digest),
  };
}

function questionOf(value: unknown): Question | null {
  const map = mapOf(value);
  if (map === null) return null;
  const { n, a, k, g } = map;
  const nonce = hexOf(n, NONCE_BYTES);
  const digest = hexOf(g, 8);
  if (nonce === null || digest === null || !isCount(a)) return null;
  if (!(k instanceof Uint8Array) || k.length % SHORT_ID_BYTES !== 0) return null;
  return { nonce, attempt: a, known: k, digest };
}

/** The body of an announcement, after `step` steps of leaving out. */
export function announceToMap(message: Announce, step: number): BodyMap {
  // A record that needs the room goes before what others can learn from the next message as well.
  const isRoomy = step === 0;
  return {
    p: message.peerCount,
    t: message.beatMs,
    r: recordToMap(message.record, Math.max(0, step - 1)),
    ...(message.question === null ? {} : { q: questionMap(message.question, isRoomy ? 64 : 16) }),
    ...(message.challenge === null || !isRoomy ? {} : { c: hexBytes(message.challenge) }),
    ...(message.echoes.length === 0 || !isRoomy ? {} : { e: echoesToBytes(message.echoes, MAX_ECHOES) }),
    ...(message.resumedMs === 0 ? {} : { w: message.resumedMs }),
  };
}

/** Reads an announcement. */
export function announceFromMap(
  map: BodyMap,
  bootNonce: string,
  id: NodeId,
  incarnation: Incarnation,
): Announce | null {
  const record = recordFromMap(map.r, id, incarnation);
  const question = map.q === undefined ? null : questionOf(map.q);
  const challenge = map.c === undefined ? null : hexOf(map.c, NONCE_BYTES);
  const echoes = echoesOf(map.e);
  const { p, t, w = 0 } = map;
  if (record === null || (question === null && map.q !== undefined)) return null;
  if (echoes === null || (challenge === null && map.c !== undefined)) return null;
  if (!isCount(p) || !isCount(t) || !isCount(w)) return null;
  return {
    kind: "announce",
    bootNonce,
    record,
    question,
    challenge,
    echoes,
    peerCount: p,
    beatMs: t,
    resumedMs: w,
  };
}

/** The body of a beat. */
export function heartbeatToMap(message: Heartbeat): BodyMap {
  const map: BodyMap = {
    v: message.stateVersion,
    p: message.peerCount,
    t: message.beatMs,
    n: message.beat,
    g: hexBytes(message.digest),
  };
  if (message.challenge !== null) map.c = hexBytes(message.challenge);
  if (message.echoes.length > 0) map.e = echoesToBytes(message.echoes, MAX_ECHOES);
  if (message.dead.length > 0) map.d = livesToBytes(message.dead);
  if (message.joined.length > 0) map.j = livesToBytes(message.joined);
  if (message.availability.length > 0) map.a = message.availability.slice(0, MAX_AVAILABILITY);
  if (message.leader !== null) map.l = [message.leader.term, hexBytes(message.leader.target)];
  return map;
}

function livesToBytes(lives: readonly NamedLife[]): Uint8Array {
  const count = Math.min(lives.length, MAX_LIVES_NAMED);
  const bytes = new Uint8Array(count * LIFE_ROW_BYTES);
  const view = viewOfBytes(bytes);
  lives.slice(0, count).forEach((each, i) => {
    putHex(bytes, i * LIFE_ROW_BYTES, each.target);
    setU48(view, i * LIFE_ROW_BYTES + TARGET_BYTES, each.incarnation);
  });
  return bytes;
}

const NO_LIVES: readonly NamedLife[] = [];

function livesOf(value: unknown): readonly NamedLife[] | null {
  if (value === undefined) return NO_LIVES;
  const rows = rowCount(value, LIFE_ROW_BYTES, MAX_LIVES_NAMED);
  if (rows === null) return null;
  const bytes = value as Uint8Array;
  const view = viewOfBytes(bytes);
  return Array.from({ length: rows }, (_, i) => {
    const at = i * LIFE_ROW_BYTES;
    return {
      target: hexOf(bytes.subarray(at, at + TARGET_BYTES), TARGET_BYTES) ?? "",
      incarnation: getU48(view, at + TARGET_BYTES),
    };
  });
}

const NO_AVAILABILITY: readonly number[] = [];

function availabilityOf(value: unknown): readonly number[] | null {
  if (value === undefined) return NO_AVAILABILITY;
  if (!Array.isArray(value) || value.length > MAX_AVAILABILITY) return null;
  return value.every((each) => Number.isSafeInteger(each) && each >= -1) ? value : null;
}

function leaderOf(value: unknown): LeaderHint | null {
  if (!Array.isArray(value) || value.length < 2 || !isCount(value[0])) return null;
  const target = hexOf(value[1], TARGET_BYTES);
  return target === null ? null : { term: value[0], target };
}

/** Reads a beat. */
export function heartbeatFromMap(map: BodyMap, bootNonce: string): Heartbeat | null {
  const { v, p, t, n } = map;
  const digest = hexOf(map.g, 8);
  const echoes = echoesOf(map.e);
  const dead = livesOf(map.d);
  const joined = livesOf(map.j);
  const availability = availabilityOf(map.a);
  const leader = map.l === undefined ? null : leaderOf(map.l);
  const challenge = map.c === undefined ? null : hexOf(map.c, NONCE_BYTES);
  if (challenge === null && map.c !== undefined) return null;
  if (!isCount(v) || !isCount(p) || !isCount(t) || !isCount(n) || digest === null) return null;
  if (echoes === null || dead === null || joined === null || availability === null) return null;
  if (leader === null && map.l !== undefined) return null;
  return {
    kind: "heartbeat",
    bootNonce,
    stateVersion: v,
    peerCount: p,
    beatMs: t,
    beat: n,
    digest,
    challenge,
    echoes,
    dead,
    joined,
    availability,
    leader,
  };
}

/** The body of a question. */
export function queryToMap(message: Query): BodyMap {
  return {
    q: questionMap(message.question, 256),
    ...(message.target === null ? {} : { d: hexBytes(message.target) }),
  };
}

/** Reads a question. */
export function queryFromMap(map: BodyMap, bootNonce: string): Query | null {
  const question = questionOf(map.q);
  const target = map.d === undefined ? null : hexOf(map.d, TARGET_BYTES);
  if (question === null || (target === null && map.d !== undefined)) return null;
  return { kind: "query", bootNonce, question, target };
}

/** The body of an offer, after `step` steps of leaving out. */
export function offerToMap(message: Offer, step: number): BodyMap {
  return {
    e: hexBytes(message.echo),
    p: message.peerCount,
    t: message.beatMs,
    r: recordToMap(message.record, step),
    g: hexBytes(message.digest),
    ...(message.cookie === null ? {} : { c: hexBytes(message.cookie) }),
  };
}

/** Reads an offer. */
export function offerFromMap(
  map: BodyMap,
  bootNonce: string,
  id: NodeId,
  incarnation: Incarnation,
): Offer | null {
  const record = recordFromMap(map.r, id, incarnation);
  const echo = hexOf(map.e, NONCE_BYTES);
  const digest = hexOf(map.g, 8);
  const cookie = map.c === undefined ? null : hexOf(map.c, NONCE_BYTES);
  const { p, t } = map;
  if (record === null || echo === null || digest === null || !isCount(p) || !isCount(t)) return null;
  if (cookie === null && map.c !== undefined) return null;
  return { kind: "offer", bootNonce, echo, record, peerCount: p, beatMs: t, digest, cookie };
}

/** The body of a goodbye. */
export function byeToMap(message: Bye): BodyMap {
  return { w: LEAVE_REASONS.indexOf(message.reason) };
}

/** Reads a goodbye. */
export function byeFromMap(map: BodyMap, bootNonce: string): Bye {
  const reason = typeof map.w === "number" ? LEAVE_REASONS[map.w] : undefined;
  // A reason of a later version is a goodbye all the same.
  return { kind: "bye", bootNonce, reason: reason ?? "quit" };
}
