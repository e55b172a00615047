// All messages of discovery: one table from kind to number, to body and back.
// Decides which kinds there are; what each holds stands beside it, what each does is reception.ts's business.

import type { Incarnation, NodeId } from "../../base/mod.ts";
import { TRUNCATIONS } from "../record.ts";
import { type BodyMap, hexOf, mapOf, NONCE_BYTES, ownBytes } from "./fields.ts";
import {
  type Announce,
  announceFromMap,
  announceToMap,
  type Bye,
  byeFromMap,
  byeToMap,
  type Heartbeat,
  heartbeatFromMap,
  heartbeatToMap,
  type MessageBase,
  type Offer,
  offerFromMap,
  offerToMap,
  type Query,
  queryFromMap,
  queryToMap,
} from "./presence.ts";
import { type LeaseMessage, leaseMessageFromMap, leaseMessageToMap } from "./lease.ts";
import {
  type Ack,
  ackFromMap,
  ackToMap,
  type Nack,
  nackFromMap,
  nackToMap,
  type Ping,
  pingFromMap,
  type PingRequest,
  pingRequestFromMap,
  pingRequestToMap,
  pingToMap,
  type Suspect,
  suspectFromMap,
  suspectToMap,
  type Vouch,
  vouchFromMap,
  vouchToMap,
} from "./probes.ts";
import {
  type Get,
  getFromMap,
  getToMap,
  type RecordPart,
  recordPartFromMap,
  recordPartToMap,
} from "./records.ts";
import {
  syncEntryToMap,
  type SyncPage,
  syncPageFromMap,
  syncPageToMap,
  type SyncRequest,
  syncRequestFromMap,
  syncRequestToMap,
} from "./sync.ts";

export { type BodyMap, getU48, hexBytes, NONCE_BYTES, ownBytes, setU48, SHORT_ID_BYTES } from "./fields.ts";
export {
  type Claim,
  type Denial,
  type Deny,
  type Grant,
  type Lease,
  type LeaseAck,
  type LeaseMessage,
  leaseMessageFromMap,
  leaseMessageToMap,
  type LeaseMode,
  MAX_SET_ROWS,
  MAX_TERM,
  MAX_VOTERS,
  type SetStamp,
  type Transfer,
  type Voter,
  type VoterSet,
} from "./lease.ts";
export {
  type Announce,
  type Bye,
  ECHO_DIGITS,
  type Heartbeat,
  type LeaderHint,
  LEAVE_REASONS,
  type LeaveReason,
  MAX_AVAILABILITY,
  MAX_ECHOES,
  MAX_LIVES_NAMED,
  type NamedLife,
  type Offer,
  type Query,
  type Question,
  questionToOne,
} from "./presence.ts";
export {
  type Ack,
  MAX_NAMED,
  type Nack,
  type NamedNode,
  type Ping,
  type PingRequest,
  type Suspect,
  type Vouch,
  type VouchedNode,
} from "./probes.ts";
export { type Get, MAX_WHOLE_RECORD_BYTES, PART_BYTES, type RecordPart } from "./records.ts";
export {
  KNOWN_ROW_BYTES,
  MAX_KNOWN_ROWS,
  MAX_PAGE_ENTRIES,
  SYNC_STATES,
  type SyncEntry,
  syncEntryToMap,
  type SyncPage,
  type SyncRequest,
  type SyncState,
} from "./sync.ts";

/** Numbers of the kinds in the header's low six bits. None is ever used twice. */
export const KIND_NUMBERS = {
  announce: 1,
  heartbeat: 2,
  query: 3,
  offer: 4,
  bye: 5,
  ping: 6,
  ack: 7,
  "sync-request": 8,
  "sync-page": 9,
  get: 10,
  "record-part": 11,
  "ping-request": 13,
  nack: 14,
  suspect: 15,
  vouch: 16,
  claim: 17,
  grant: 18,
  deny: 19,
  lease: 20,
  "lease-ack": 21,
  transfer: 22,
} as const;

/** Kinds of message. */
export type Kind = keyof typeof KIND_NUMBERS;

/** A message of discovery. */
export type Message =
  | Announce
  | Heartbeat
  | Query
  | Offer
  | Bye
  | Ping
  | Ack
  | SyncRequest
  | SyncPage
  | Get
  | RecordPart
  | PingRequest
  | Nack
  | Suspect
  | Vouch
  | LeaseMessage & MessageBase;

/** Hex digits of the 8 id bytes that name a target. */
export const TARGET_DIGITS = 16;

/** A target's form of an id. */
export function targetOf(id: NodeId): string {
  return id.slice(0, TARGET_DIGITS);
}

/** Steps of leaving things out that a message may need to fit: those of its record, and its echoes before. */
export const BODY_STEPS = TRUNCATIONS + 1;

/** The body of `message` after `step` of {@linkcode BODY_STEPS} steps of leaving out. */
export function messageToMap(message: Message, step: number): BodyMap {
  return { b: ownBytes(message.bootNonce), ...fieldsOf(message, step) };
}

function fieldsOf(message: Message, step: number): BodyMap {
  switch (message.kind) {
    case "announce":
      return announceToMap(message, step);
    case "heartbeat":
      return heartbeatToMap(message);
    case "query":
      return queryToMap(message);
    case "offer":
      return offerToMap(message, step);
    case "bye":
      return byeToMap(message);
    case "ping":
      return pingToMap(message);
    case "ack":
      return ackToMap(message);
    case "sync-request":
      return syncRequestToMap(message);
    case "sync-page":
      return syncPageToMap(message, message.entries.map((entry) => syncEntryToMap(entry, step)));
    case "get":
      return getToMap(message);
    case "record-part":
      return recordPartToMap(message);
    case "ping-request":
      return pingRequestToMap(message);
    case "nack":
      return nackToMap(message);
    case "suspect":
      return suspectToMap(message);
    case "vouch":
      return vouchToMap(message);
    case "claim":
    case "grant":
    case "deny":
    case "lease":
    case "lease-ack":
    case "transfer":
      return leaseMessageToMap(message);
  }
}

/** Reads a body; null when it is not what its kind says. */
export function messageFromMap(
  kind: Kind,
  id: NodeId,
  incarnation: Incarnation,
  body: unknown,
): Message | null {
  const map = mapOf(body);
  const bootNonce = map === null ? null : hexOf(map.b, NONCE_BYTES);
  if (map === null || bootNonce === null) return null;
  switch (kind) {
    case "announce":
      return announceFromMap(map, bootNonce, id, incarnation);
    case "heartbeat":
      return heartbeatFromMap(map, bootNonce);
    case "query":
      return queryFromMap(map, bootNonce);
    case "offer":
      return offerFromMap(map, bootNonce, id, incarnation);
    case "bye":
      return byeFromMap(map, bootNonce);
    case "ping":
      return pingFromMap(map, bootNonce);
    case "ack":
      return ackFromMap(map, bootNonce);
    case "sync-request":
      return syncRequestFromMap(map, bootNonce);
    case "sync-page":
      return syncPageFromMap(map, bootNonce);
    case "get":
      return getFromMap(map, bootNonce);
    case "record-part":
      return recordPartFromMap(map, bootNonce);
    case "ping-request":
      return pingRequestFromMap(map, bootNonce);
    case "nack":
      return nackFromMap(map, bootNonce);
    case "suspect":
      return suspectFromMap(map, bootNonce);
    case "vouch":
      return vouchFromMap(map, bootNonce);
    case "claim":
    case "grant":
    case "deny":
    case "lease":
    case "lease-ack":
    case "transfer": {
      const message = leaseMessageFromMap(kind, map);
      return message === null ? null : { bootNonce, ...message };
    }
  }
}
