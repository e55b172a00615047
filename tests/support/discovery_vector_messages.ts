// The messages of which docs/vectors/discovery.json has the bytes: of each kind a plain one and a full one.
// Decides what is worth a vector; discovery_vectors.ts makes the bytes. Fixed for ever: who implements the protocol in
// another language holds his reader against them.

import type { Incarnation, NodeId } from "../../lib/base/mod.ts";
import type { Message } from "../../lib/discovery/messages/mod.ts";
import type { Header } from "../../lib/discovery/datagram.ts";
import type { NodeRecord } from "../../lib/discovery/mod.ts";

/** A vector before it has bytes. */
export interface Sample {
  readonly name: string;
  readonly message: Message;
  readonly header?: Partial<Omit<Header, "kind">>;
  /** Which key signs; `show` unless given. */
  readonly key?: "show" | "next" | "open";
}

/** An id that counts up from `first`. */
export function vectorId(first: number): NodeId {
  return Array.from({ length: 16 }, (_, i) => hexByte(first + i)).join("") as NodeId;
}

function hexByte(value: number): string {
  return (value & 0xff).toString(16).padStart(2, "0");
}

/** Incarnation of the node that says most of the vectors. */
export const VECTOR_INCARNATION = 1_790_000_000_123 as Incarnation;
/** Its id. */
export const VECTOR_ID = vectorId(0x10);
const OTHER = vectorId(0x30);
const THIRD = vectorId(0x50);
const bootNonce = "b0b1b2b3b4b5b6b7";
const nonce = "0102030405060708";
const digest = "d0d1d2d3d4d5d6d7";
const short = (id: NodeId): string => id.slice(0, 16);
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

const plainRecord: NodeRecord = {
  id: VECTOR_ID,
  incarnation: VECTOR_INCARNATION,
  stateVersion: 1,
  name: "left wall",
  role: "visualization",
  version: "0.1.0",
  endpoints: [{ kind: "udp", address: "udp://10.0.0.2:51234" }],
  capabilities: {},
  resources: {},
  tags: {},
};

const fullRecord: NodeRecord = {
  ...plainRecord,
  stateVersion: 300,
  name: "Bühne 2 🎛",
  role: "app",
  endpoints: [
    { kind: "tcp", address: "tcp://10.0.0.2:4000" },
    { kind: "tcp", address: "tcp://[fe80::2]:4000" },
    { kind: "udp", address: "udp://10.0.0.2:51234" },
    { kind: "unix", address: "unix:///run/hana/node.sock" },
    { kind: "pipe", address: "pipe://hana-1" },
  ],
  capabilities: { leaderPriority: 5, features: ["osc", "dmx"], latency: { ms: 1.5 }, negative: -40_000 },
  resources: { gpus: [{ vendor: "nvidia", vramMb: 24_576 }], cores: 16, battery: null, headless: false },
  tags: { wall: "left", row: "2" },
};

/** A record that needs more than a datagram, so that a part of it is left out. */
const largeRecord: NodeRecord = {
  ...plainRecord,
  capabilities: { text: "c".repeat(300) },
  resources: { text: "r".repeat(900) },
  tags: { wall: "left" },
};

const voters = [
  { id: short(VECTOR_ID), memory: "a1a1a1a1a1a1a1a1" },
  { id: short(OTHER), memory: "a2a2a2a2a2a2a2a2" },
  { id: short(THIRD), memory: "a3a3a3a3a3a3a3a3" },
];
const stamp = { lineage: "11223344556677ff", term: 41, version: 2 };

const quietBeat = {
  kind: "heartbeat",
  bootNonce,
  stateVersion: 1,
  peerCount: 3,
  beatMs: 1_000,
  beat: 7,
  digest,
  challenge: null,
  echoes: [],
  dead: [],
  joined: [],
  availability: [],
  leader: null,
} as const;

/** All of them. */
export const SAMPLES: readonly Sample[] = [
  {
    name: "announce: a change, nothing else to say",
    header: { path: "multicast" },
    message: {
      kind: "announce",
      bootNonce,
      record: plainRecord,
      question: null,
      challenge: null,
      echoes: [],
      peerCount: 1,
      beatMs: 1_000,
      resumedMs: 0,
    },
  },
  {
    name: "announce: a start, with a question, a challenge, echoes and a full record",
    header: { path: "multicast" },
    message: {
      kind: "announce",
      bootNonce,
      record: fullRecord,
      question: { nonce, attempt: 0, known: bytes(0x30, 0x31, 0x32, 0x33, 0x50, 0x51, 0x52, 0x53), digest },
      challenge: "c0c1c2c3c4c5c6c7",
      echoes: ["e0e1e2e3", "f0f1f2f3"],
      peerCount: 130,
      beatMs: 1_300,
      resumedMs: 70_000,
    },
  },
  {
    name: "announce: a record that does not fit, without its resources and marked so",
    header: { path: "broadcast" },
    message: {
      kind: "announce",
      bootNonce,
      record: largeRecord,
      question: null,
      challenge: null,
      echoes: [],
      peerCount: 2,
      beatMs: 1_000,
      resumedMs: 0,
    },
  },
  { name: "heartbeat: a quiet one", header: { path: "multicast" }, message: quietBeat },
  {
    name: "heartbeat: with all that it may say",
    header: { path: "multicast" },
    message: {
      ...quietBeat,
      challenge: "c0c1c2c3c4c5c6c7",
      echoes: ["e0e1e2e3"],
      dead: [{ target: short(OTHER), incarnation: 1_790_000_000_000 }],
      joined: [{ target: short(THIRD), incarnation: 2 ** 48 - 1 }],
      availability: [12, -1, 30_000, 22_000],
      leader: { term: 41, target: short(OTHER) },
    },
  },
  {
    name: "heartbeat: the largest numbers of the header",
    header: {
      path: "unicast",
      incarnation: (2 ** 48 - 1) as Incarnation,
      seq: 2 ** 32 - 1,
      sentMs: 2 ** 48 - 1,
    },
    message: { ...quietBeat, beat: 2 ** 53 - 1 },
  },
  {
    name: "heartbeat: in the open mesh",
    key: "open",
    header: { path: "multicast" },
    message: quietBeat,
  },
  {
    name: "heartbeat: signed by the next key, while keys are rotated",
    key: "next",
    header: { path: "multicast" },
    message: quietBeat,
  },
  {
    name: "query: to all, by one who knows a node",
    header: { path: "multicast" },
    message: {
      kind: "query",
      bootNonce,
      question: { nonce, attempt: 2, known: bytes(0x30, 0x31, 0x32, 0x33), digest },
      target: null,
    },
  },
  {
    name: "query: to one node",
    message: {
      kind: "query",
      bootNonce,
      question: { nonce, attempt: 2, known: bytes(), digest: "0000000000000000" },
      target: short(OTHER),
    },
  },
  {
    name: "offer: with a cookie",
    message: {
      kind: "offer",
      bootNonce,
      echo: nonce,
      record: plainRecord,
      peerCount: 3,
      beatMs: 1_000,
      digest,
      cookie: "c00c1ec00c1ec00c",
    },
  },
  {
    name: "bye: to sleep",
    header: { path: "multicast" },
    message: { kind: "bye", bootNonce, reason: "sleep" },
  },
  {
    name: "ping: of a member to a member",
    message: { kind: "ping", bootNonce, nonce, target: short(OTHER), observer: false },
  },
  {
    name: "ping: of a tool to an address",
    message: { kind: "ping", bootNonce, nonce, target: null, observer: true },
  },
  {
    name: "ack: to a ping by unicast",
    message: { kind: "ack", bootNonce, echo: nonce, stateVersion: 1, heardBy: 0 },
  },
  {
    name: "ack: to a ping by broadcast",
    message: { kind: "ack", bootNonce, echo: nonce, stateVersion: 65_536, heardBy: 2 },
  },
  {
    name: "sync-request: the first half of all ids",
    message: {
      kind: "sync-request",
      bootNonce,
      cookie: "c00c1ec00c1ec00c",
      nonce,
      from: "0000000000000000",
      until: "8000000000000000",
      known: bytes(0x30, 0x31, 0x32, 0x33, 0xde, 0xad, 0xbe, 0xef),
    },
  },
  {
    name: "sync-request: to the end, of one who knows nobody",
    message: {
      kind: "sync-request",
      bootNonce,
      cookie: "0000000000000000",
      nonce,
      from: "8000000000000000",
      until: null,
      known: bytes(),
    },
  },
  {
    name: "sync-page: one present, one dead, one left, more to come",
    message: {
      kind: "sync-page",
      bootNonce,
      echo: nonce,
      next: short(vectorId(0x90)),
      entries: [
        {
          id: OTHER,
          incarnation: VECTOR_INCARNATION,
          bootNonce: "b8b9babbbcbdbebf",
          seq: 4_000,
          ageMs: 250,
          beatMs: 1_000,
          peerCount: 4,
          from: "10.0.0.3:40001",
          state: "present",
          record: { ...plainRecord, id: OTHER, name: "right wall", endpoints: [] },
        },
        {
          id: THIRD,
          incarnation: 5 as Incarnation,
          bootNonce: "5858585858585858",
          seq: 12,
          ageMs: 20_000,
          beatMs: 1_000,
          peerCount: 1,
          from: "",
          state: "dead",
          record: null,
        },
        {
          id: vectorId(0x70),
          incarnation: 6 as Incarnation,
          bootNonce: "7878787878787878",
          seq: 70_000,
          ageMs: 1_000,
          beatMs: 1_000,
          peerCount: 1,
          from: "",
          state: "left",
          record: null,
        },
      ],
    },
  },
  {
    name: "sync-page: nothing that the asker does not know",
    message: { kind: "sync-page", bootNonce, echo: nonce, next: null, entries: [] },
  },
  { name: "get: the second part of a record", message: { kind: "get", bootNonce, nonce, offset: 1_000 } },
  {
    name: "record-part: the last five bytes",
    message: {
      kind: "record-part",
      bootNonce,
      echo: nonce,
      stateVersion: 1,
      offset: 1_000,
      total: 1_005,
      bytes: bytes(0xa1, 0x6d, 0xa1, 0x6f, 0x80),
    },
  },
  {
    name: "ping-request",
    message: { kind: "ping-request", bootNonce, nonce, target: short(OTHER) },
  },
  {
    name: "nack: the helper heard it 80 ms ago",
    message: { kind: "nack", bootNonce, echo: nonce, target: short(OTHER), heardMs: 80, seq: 4_001 },
  },
  {
    name: "nack: the helper never heard it",
    message: { kind: "nack", bootNonce, echo: nonce, target: short(OTHER), heardMs: null, seq: 0 },
  },
  {
    name: "suspect: two nodes",
    header: { path: "multicast" },
    message: {
      kind: "suspect",
      bootNonce,
      nodes: [
        { target: short(OTHER), incarnation: VECTOR_INCARNATION, seq: 4_000 },
        { target: short(THIRD), incarnation: 5, seq: 2 ** 32 - 1 },
      ],
    },
  },
  {
    name: "vouch: for one node",
    header: { path: "multicast" },
    message: {
      kind: "vouch",
      bootNonce,
      nodes: [{ target: short(OTHER), incarnation: VECTOR_INCARNATION, seq: 4_002, ageMs: 320 }],
    },
  },
  {
    name: "claim: an election by a known set",
    message: { kind: "claim", bootNonce, term: 42, attempt: 0xdeadbeef, set: stamp, proposal: null },
  },
  {
    name: "claim: a new lineage",
    message: {
      kind: "claim",
      bootNonce,
      term: 1,
      attempt: 1,
      set: null,
      proposal: voters.map(({ id }) => id),
    },
  },
  {
    name: "grant",
    message: { kind: "grant", bootNonce, term: 42, attempt: 0xdeadbeef, memory: "a2a2a2a2a2a2a2a2" },
  },
  {
    name: "deny: of a claim, with the set that the voter knows",
    message: {
      kind: "deny",
      bootNonce,
      of: "claim",
      echo: 0xdeadbeef,
      reason: "set",
      term: 43,
      set: { ...stamp, voters },
    },
  },
  {
    name: "deny: of a lease",
    message: { kind: "deny", bootNonce, of: "lease", echo: 9, reason: "promised", term: 43, set: null },
  },
  {
    name: "lease: a renewal to a voter",
    message: {
      kind: "lease",
      bootNonce,
      term: 41,
      round: 9,
      mode: "lease",
      validMs: 3_700,
      set: { ...stamp, voters },
    },
  },
  {
    name: "lease: an announcement of one who leads without voters",
    header: { path: "multicast" },
    message: { kind: "lease", bootNonce, term: 3, round: 0, mode: "solo", validMs: 4_500, set: null },
  },
  {
    name: "lease-ack",
    message: { kind: "lease-ack", bootNonce, term: 41, round: 9, memory: "a2a2a2a2a2a2a2a2" },
  },
  {
    name: "transfer: to a node",
    header: { path: "multicast" },
    message: { kind: "transfer", bootNonce, term: 41, to: short(THIRD) },
  },
  { name: "transfer: to nobody", message: { kind: "transfer", bootNonce, term: 41, to: null } },
];

/** What the digest vectors are made of: lives in a version of their record, and what else is told of one. */
export const LIVES = [
  { id: VECTOR_ID, incarnation: VECTOR_INCARNATION as number, stateVersion: 1 },
  { id: OTHER, incarnation: VECTOR_INCARNATION as number, stateVersion: 300 },
  { id: THIRD, incarnation: 5, stateVersion: 0 },
] as const;
