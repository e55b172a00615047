// Messages by which nodes bring their lists together: a request for a range of ids, and a page of it.
// A range instead of a page number: the answer needs no memory, and another node can go on where one fell silent.
// Decides their fields, bounds and bodies; never whom to ask or what of a page is believed (discovery research 6.5).

import { type Incarnation, type NodeId, nodeIdFromBytes, nodeIdToBytes } from "../../base/mod.ts";
import { type NodeRecord, recordFromMap, recordToMap } from "../record.ts";
import { type BodyMap, hexBytes, hexOf, isCount, mapOf, NONCE_BYTES, TARGET_BYTES } from "./fields.ts";
import type { MessageBase } from "./presence.ts";

/** Bytes that stand for one known node in a request: four of its id, four of the hash of what is known of it. */
export const KNOWN_ROW_BYTES = 8;
/** Known nodes in one request at most. */
export const MAX_KNOWN_ROWS = 120;
/** Entries in one page at most. */
export const MAX_PAGE_ENTRIES = 32;

/** Asks for the nodes whose ids lie in a range, apart from those that are known as they are. */
export interface SyncRequest extends MessageBase {
  readonly kind: "sync-request";
  /** What the other node gave us to prove that we can be reached, 8 bytes as hex. */
  readonly cookie: string;
  /** Names the request in the answer; 8 bytes as hex. */
  readonly nonce: string;
  /** First 8 bytes of the lowest id that is meant, as hex. */
  readonly from: string;
  /** First 8 bytes of the lowest id that is meant no more, as hex; null for no end. */
  readonly until: string | null;
  /** Rows of {@linkcode KNOWN_ROW_BYTES}: who is known within the range. */
  readonly known: Uint8Array;
}

/** What a page says of a node: of one that is there with its record, of one that is gone without. */
export interface SyncEntry {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  /** The process, as `bootNonce` of its own messages. */
  readonly bootNonce: string;
  /** The newest sequence number that the sender has heard: what comes later was not recorded before. */
  readonly seq: number;
  /** Milliseconds since the sender heard it. */
  readonly ageMs: number;
  readonly beatMs: number;
  readonly peerCount: number;
  /** Where it is heard from, `10.0.0.2:51234`. */
  readonly from: string;
  readonly state: SyncState;
  /** Null for a node that is gone. */
  readonly record: NodeRecord | null;
}

/** States that a page tells; the index is the number on the wire. */
export const SYNC_STATES = ["present", "dead", "left"] as const;

/** What the sender of a page thinks of a node. */
export type SyncState = typeof SYNC_STATES[number];

/** Nodes of a range. */
export interface SyncPage extends MessageBase {
  readonly kind: "sync-page";
  readonly echo: string;
  /** Where the rest of the range begins, as in a request; null when this page ends it. */
  readonly next: string | null;
  readonly entries: readonly SyncEntry[];
}

// --- bodies --------------------------------------------------------------------------------------------------------

/** The body of a request. */
export function syncRequestToMap(message: SyncRequest): BodyMap {
  return {
    c: hexBytes(message.cookie),
    n: hexBytes(message.nonce),
    f: hexBytes(message.from),
    ...(message.until === null ? {} : { u: hexBytes(message.until) }),
    k: message.known.subarray(0, MAX_KNOWN_ROWS * KNOWN_ROW_BYTES),
  };
}

/** Reads a request. */
export function syncRequestFromMap(map: BodyMap, bootNonce: string): SyncRequest | null {
  const cookie = hexOf(map.c, NONCE_BYTES);
  const nonce = hexOf(map.n, NONCE_BYTES);
  const from = hexOf(map.f, TARGET_BYTES);
  const until = map.u === undefined ? null : hexOf(map.u, TARGET_BYTES);
  const known = map.k;
  if (cookie === null || nonce === null || from === null || (until === null && map.u !== undefined)) {
    return null;
  }
  if (!(known instanceof Uint8Array) || known.length % KNOWN_ROW_BYTES !== 0) return null;
  if (known.length > MAX_KNOWN_ROWS * KNOWN_ROW_BYTES) return null;
  return { kind: "sync-request", bootNonce, cookie, nonce, from, until, known };
}

/** One entry as it stands in a page; `step` as for records. */
export function syncEntryToMap(entry: SyncEntry, step = 0): BodyMap {
  const map: BodyMap = {
    i: nodeIdToBytes(entry.id),
    k: entry.incarnation,
    b: hexBytes(entry.bootNonce),
    q: entry.seq,
    a: entry.ageMs,
  };
  if (entry.state !== "present") map.z = SYNC_STATES.indexOf(entry.state);
  if (entry.record !== null) {
    map.t = entry.beatMs;
    map.p = entry.peerCount;
    map.f = entry.from;
    map.r = recordToMap(entry.record, step);
  }
  return map;
}

function syncEntryOf(value: unknown): SyncEntry | null {
  const map = mapOf(value);
  if (map === null || !(map.i instanceof Uint8Array) || map.i.length !== 16) return null;
  const id = nodeIdFromBytes(map.i);
  const bootNonce = hexOf(map.b, NONCE_BYTES);
  const { k, q, a, t = 1_000, p = 1, f = "", z = 0 } = map;
  if (bootNonce === null || !isCount(k) || !isCount(q) || !isCount(a)) return null;
  if (!isCount(t) || !isCount(p) || typeof f !== "string" || f.length > 64) return null;
  const state = typeof z === "number" ? SYNC_STATES[z] : undefined;
  if (state === undefined || k >= 2 ** 48) return null;
  const incarnation = k as Incarnation;
  const record = map.r === undefined ? null : recordFromMap(map.r, id, incarnation);
  if ((record === null) !== (state !== "present")) return null;
  return {
    id,
    incarnation,
    bootNonce,
    seq: q,
    ageMs: a,
    beatMs: t,
    peerCount: p,
    from: f,
    state,
    record,
  };
}

/** The body of a page whose entries are ready. */
export function syncPageToMap(message: Omit<SyncPage, "entries">, entries: readonly BodyMap[]): BodyMap {
  return {
    e: hexBytes(message.echo),
    ...(message.next === null ? {} : { x: hexBytes(message.next) }),
    l: entries,
  };
}

/** Reads a page. */
export function syncPageFromMap(map: BodyMap, bootNonce: string): SyncPage | null {
  const echo = hexOf(map.e, NONCE_BYTES);
  const next = map.x === undefined ? null : hexOf(map.x, TARGET_BYTES);
  if (echo === null || (next === null && map.x !== undefined)) return null;
  if (!Array.isArray(map.l) || map.l.length > MAX_PAGE_ENTRIES) return null;
  const entries: SyncEntry[] = [];
  for (const each of map.l) {
    const entry = syncEntryOf(each);
    if (entry === null) return null;
    entries.push(entry);
  }
  return { kind: "sync-page", bootNonce, echo, next, entries };
}
