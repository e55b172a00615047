// Messages as tests need them: plain ones, of which a test changes what it is about.

import type { Incarnation, NodeId } from "../../../lib/base/mod.ts";
import type { Announce, Heartbeat, Offer, Question } from "../../../lib/discovery/messages/mod.ts";
import type { NodeRecord } from "../../../lib/discovery/mod.ts";

/** No node at all, and the digest of nobody. */
export const NO_DIGEST = "00".repeat(8);

/** The record of a node that somebody invents. */
export function recordOf(id: NodeId, changes: Partial<NodeRecord> = {}): NodeRecord {
  return {
    id,
    incarnation: 9_000_000 as Incarnation,
    stateVersion: 1,
    name: "forged",
    role: "daemon",
    version: "0.1.0",
    endpoints: [],
    capabilities: {},
    resources: {},
    tags: {},
    ...changes,
  };
}

/** A beat. */
export function heartbeat(changes: Partial<Heartbeat> = {}): Heartbeat {
  return {
    kind: "heartbeat",
    bootNonce: "00".repeat(8),
    stateVersion: 1,
    peerCount: 2,
    beatMs: 1_000,
    beat: 1,
    digest: NO_DIGEST,
    challenge: null,
    echoes: [],
    dead: [],
    joined: [],
    availability: [],
    leader: null,
    ...changes,
  };
}

/** An announcement of `record`. */
export function announcement(record: NodeRecord, changes: Partial<Announce> = {}): Announce {
  return {
    kind: "announce",
    bootNonce: "00".repeat(8),
    record,
    question: null,
    challenge: null,
    echoes: [],
    peerCount: 1,
    beatMs: 1_000,
    resumedMs: 0,
    ...changes,
  };
}

/** An offer of `record`. */
export function offer(record: NodeRecord, changes: Partial<Offer> = {}): Offer {
  return {
    kind: "offer",
    bootNonce: "00".repeat(8),
    echo: "ee".repeat(8),
    record,
    peerCount: 1,
    beatMs: 1_000,
    digest: NO_DIGEST,
    cookie: null,
    ...changes,
  };
}

/** A question. */
export function question(changes: Partial<Question> = {}): Question {
  return { nonce: "ff".repeat(8), attempt: 2, known: new Uint8Array(0), digest: NO_DIGEST, ...changes };
}
