// The messages of the lease: claim, grant, deny, lease, lease-ack, transfer; their fields and bodies.
// Decides bounds; a body that is not as it should be reads as null and nothing throws. Who sent a message is said by
// its envelope alone, so no message can speak for another node. `b` is the boot nonce of every message, never ours.

import { toHex } from "../../base/mod.ts";
import { type BodyMap, hexBytes, hexOf, isCount, mapOf, putHex, rowCount, TARGET_BYTES } from "./fields.ts";

/** Largest term. It fits the 48 bits of every other counter on the wire. */
export const MAX_TERM = 2 ** 48 - 1;
/** Voters at most; one more while one is exchanged. */
export const MAX_VOTERS = 7;
/** Rows that a set has at most. */
export const MAX_SET_ROWS = MAX_VOTERS + 1;
const ROW_BYTES = 2 * TARGET_BYTES;
const MAX_U32 = 0xffff_ffff;
const MAX_VALID_MS = 60_000;

/**
 * One voter: the first 8 bytes of its id, and its memory: 8 random bytes that name one unbroken record of promises.
 * A node that lost its record, or left the lineage, comes back with another memory and is no voter until it is added.
 */
export interface Voter {
  readonly id: string;
  readonly memory: string;
}

/** Which set of a lineage: the term of the leader that sent it, then the number of the change. */
export interface SetStamp {
  readonly lineage: string;
  readonly term: number;
  readonly version: number;
}

/** A set of voters. */
export interface VoterSet extends SetStamp {
  readonly voters: readonly Voter[];
}

/** Why a voter refused; the index is the number on the wire. */
export const DENIALS = ["starting", "term", "promised", "set", "storage"] as const;

/**
 * Why a voter refused: it started a moment ago and may have forgotten a promise; it knows a higher term; it has
 * promised itself to another; it has a newer set or another lineage; it could not write its promise down.
 */
export type Denial = typeof DENIALS[number];

/** What an announced leadership rests on; the index is the number on the wire. */
export const LEASE_MODES = ["lease", "solo", "forced"] as const;

/** A majority's lease; fewer than three nodes, unfenced; an operator's word. */
export type LeaseMode = typeof LEASE_MODES[number];

/** Asks a voter for its promise. */
export interface Claim {
  readonly kind: "claim";
  readonly term: number;
  /** Names the attempt, so that a late answer to an older one counts for nothing. */
  readonly attempt: number;
  /** The set that the candidate counts by; when it founds, the one that it replaces, or null. */
  readonly set: SetStamp | null;
  /** Short ids of the voters of a new lineage, all of whom must agree; null for an election. */
  readonly proposal: readonly string[] | null;
}

/** A voter's promise. */
export interface Grant {
  readonly kind: "grant";
  readonly term: number;
  readonly attempt: number;
  readonly memory: string;
}

/** A voter's refusal of a claim or a lease. */
export interface Deny {
  readonly kind: "deny";
  readonly of: "claim" | "lease";
  /** The attempt or the round that is refused. */
  readonly echo: number;
  readonly reason: Denial;
  /** Highest term that the voter has heard of: a hint for the next claim and nothing else. */
  readonly term: number;
  /** The voter's set when it is why. */
  readonly set: VoterSet | null;
}

/** A leader's renewal to a voter, or its announcement to all. */
export interface Lease {
  readonly kind: "lease";
  readonly term: number;
  /** To be acknowledged; 0 in an announcement. */
  readonly round: number;
  readonly mode: LeaseMode;
  /** For how long the leader may act, in ms; 0 when no majority has acknowledged yet. */
  readonly validMs: number;
  /** Null when there are too few nodes for one. */
  readonly set: VoterSet | null;
}

/** A voter has taken a renewal in. */
export interface LeaseAck {
  readonly kind: "lease-ack";
  readonly term: number;
  readonly round: number;
  readonly memory: string;
}

/** A leader has stopped acting and frees its voters for `to`, or for anybody. */
export interface Transfer {
  readonly kind: "transfer";
  readonly term: number;
  readonly to: string | null;
}

/** A message of the lease. */
export type LeaseMessage = Claim | Grant | Deny | Lease | LeaseAck | Transfer;

/** Fields of a claim. */
export function claimToMap({ term, attempt, set, proposal }: Claim): BodyMap {
  return {
    t: term,
    a: attempt,
    ...(set === null ? {} : { l: hexBytes(set.lineage), s: set.term, v: set.version }),
    ...(proposal === null ? {} : { g: packIds(proposal) }),
  };
}

/** Reads a claim. */
export function claimFromMap(map: BodyMap): Claim | null {
  if (!isTerm(map.t) || !isU32(map.a)) return null;
  const set = map.l === undefined ? null : stampOf(map);
  if (set === null && map.l !== undefined) return null;
  const proposal = map.g === undefined ? null : idsOf(map.g);
  if (proposal === null && (map.g !== undefined || set === null)) return null;
  return { kind: "claim", term: map.t, attempt: map.a, set, proposal };
}

/** Fields of a grant. */
export function grantToMap({ term, attempt, memory }: Grant): BodyMap {
  return { t: term, a: attempt, m: hexBytes(memory) };
}

/** Reads a grant. */
export function grantFromMap(map: BodyMap): Grant | null {
  const memory = hexOf(map.m, TARGET_BYTES);
  if (!isTerm(map.t) || !isU32(map.a) || memory === null) return null;
  return { kind: "grant", term: map.t, attempt: map.a, memory };
}

/** Fields of a refusal. */
export function denyToMap({ of, echo, reason, term, set }: Deny): BodyMap {
  return {
    o: of === "claim" ? 0 : 1,
    e: echo,
    w: DENIALS.indexOf(reason),
    t: term,
    ...(set === null ? {} : { n: setToMap(set) }),
  };
}

/** Reads a refusal. */
export function denyFromMap(map: BodyMap): Deny | null {
  const reason = typeof map.w === "number" ? DENIALS[map.w] : undefined;
  const set = map.n === undefined ? null : setFromMap(map.n);
  if (reason === undefined || (set === null && map.n !== undefined)) return null;
  if ((map.o !== 0 && map.o !== 1) || !isU32(map.e) || !isTerm(map.t)) return null;
  return { kind: "deny", of: map.o === 0 ? "claim" : "lease", echo: map.e, reason, term: map.t, set };
}

/** Fields of a lease. */
export function leaseToMap({ term, round, mode, validMs, set }: Lease): BodyMap {
  return {
    t: term,
    r: round,
    o: LEASE_MODES.indexOf(mode),
    v: validMs,
    ...(set === null ? {} : { n: setToMap(set) }),
  };
}

/** Reads a lease. A set is never newer than the leadership that sends it. */
export function leaseFromMap(map: BodyMap): Lease | null {
  const mode = typeof map.o === "number" ? LEASE_MODES[map.o] : undefined;
  const set = map.n === undefined ? null : setFromMap(map.n);
  if (mode === undefined || (set === null && (map.n !== undefined || mode !== "solo"))) return null;
  if (!isTerm(map.t) || !isU32(map.r) || !isCount(map.v) || map.v > MAX_VALID_MS) return null;
  if (set !== null && set.term !== map.t) return null;
  return { kind: "lease", term: map.t, round: map.r, mode, validMs: map.v, set };
}

/** Fields of an acknowledgement. */
export function leaseAckToMap({ term, round, memory }: LeaseAck): BodyMap {
  return { t: term, r: round, m: hexBytes(memory) };
}

/** Reads an acknowledgement. */
export function leaseAckFromMap(map: BodyMap): LeaseAck | null {
  const memory = hexOf(map.m, TARGET_BYTES);
  if (!isTerm(map.t) || !isU32(map.r) || memory === null) return null;
  return { kind: "lease-ack", term: map.t, round: map.r, memory };
}

/** Fields of a transfer. */
export function transferToMap({ term, to }: Transfer): BodyMap {
  return { t: term, ...(to === null ? {} : { d: hexBytes(to) }) };
}

/** Reads a transfer. */
export function transferFromMap(map: BodyMap): Transfer | null {
  const to = map.d === undefined ? null : hexOf(map.d, TARGET_BYTES);
  if (!isTerm(map.t) || (to === null && map.d !== undefined)) return null;
  return { kind: "transfer", term: map.t, to };
}

/** Fields of any message of the lease. */
export function leaseMessageToMap(message: LeaseMessage): BodyMap {
  switch (message.kind) {
    case "claim":
      return claimToMap(message);
    case "grant":
      return grantToMap(message);
    case "deny":
      return denyToMap(message);
    case "lease":
      return leaseToMap(message);
    case "lease-ack":
      return leaseAckToMap(message);
    case "transfer":
      return transferToMap(message);
  }
}

/** Reads a message of the lease of this kind. */
export function leaseMessageFromMap(kind: LeaseMessage["kind"], map: BodyMap): LeaseMessage | null {
  switch (kind) {
    case "claim":
      return claimFromMap(map);
    case "grant":
      return grantFromMap(map);
    case "deny":
      return denyFromMap(map);
    case "lease":
      return leaseFromMap(map);
    case "lease-ack":
      return leaseAckFromMap(map);
    case "transfer":
      return transferFromMap(map);
  }
}

/** The map of a voter set, on the wire. */
export function setToMap({ lineage, term, version, voters }: VoterSet): BodyMap {
  const rows = new Uint8Array(voters.length * ROW_BYTES);
  voters.forEach(({ id, memory }, i) => {
    putHex(rows, i * ROW_BYTES, id);
    putHex(rows, i * ROW_BYTES + TARGET_BYTES, memory);
  });
  return { l: hexBytes(lineage), s: term, v: version, r: rows };
}

/** Reads a voter set; no voter stands in it twice. */
export function setFromMap(value: unknown): VoterSet | null {
  const map = mapOf(value);
  const stamp = map === null ? null : stampOf(map);
  const rows = map === null ? null : rowCount(map.r, ROW_BYTES, MAX_SET_ROWS);
  if (map === null || stamp === null || rows === null || !(map.r instanceof Uint8Array)) return null;
  const voters: Voter[] = [];
  for (let i = 0; i < rows; i++) {
    const at = i * ROW_BYTES;
    const id = toHex(map.r.subarray(at, at + TARGET_BYTES));
    if (voters.some((voter) => voter.id === id)) return null;
    voters.push({ id, memory: toHex(map.r.subarray(at + TARGET_BYTES, at + ROW_BYTES)) });
  }
  return { ...stamp, voters };
}

function stampOf(map: BodyMap): SetStamp | null {
  const lineage = hexOf(map.l, TARGET_BYTES);
  if (lineage === null || !isTerm(map.s) || !isU32(map.v)) return null;
  return { lineage, term: map.s, version: map.v };
}

function packIds(ids: readonly string[]): Uint8Array {
  const bytes = new Uint8Array(ids.length * TARGET_BYTES);
  ids.forEach((id, i) => putHex(bytes, i * TARGET_BYTES, id));
  return bytes;
}

function idsOf(value: unknown): string[] | null {
  const rows = rowCount(value, TARGET_BYTES, MAX_VOTERS);
  if (rows === null || !(value instanceof Uint8Array)) return null;
  const ids: string[] = [];
  for (let i = 0; i < rows; i++) {
    const id = toHex(value.subarray(i * TARGET_BYTES, (i + 1) * TARGET_BYTES));
    if (ids.includes(id)) return null;
    ids.push(id);
  }
  return ids;
}

function isTerm(value: unknown): value is number {
  return isCount(value) && value <= MAX_TERM;
}

function isU32(value: unknown): value is number {
  return isCount(value) && value <= MAX_U32;
}
