// Feeds broken datagrams to a discovery core that lives on between them.
// An eighth is garbage, a quarter valid datagrams that were altered after they were signed, and the rest has the key:
// half of these were altered before they were signed, as an insider or a later version would do. Senders answer the
// core's questions, so that nodes are admitted, restarted, lost and forgotten all the time.
// A run fails when anything is thrown, when something unsigned is accepted or answered, and when a bound is passed.

import type { Incarnation, NodeId } from "../../lib/base/mod.ts";
import {
  createBodyCodec,
  type DatagramSeal,
  decodeDatagram,
  DiscoveryCore,
  encodeDatagram,
  MAX_DATAGRAM_BYTES,
  meshTagOf,
  type Message,
} from "../../lib/discovery/mod.ts";
import { DATAGRAM_TAG_BYTES, DatagramAuthenticator, MeshKey, MeshKeyRing } from "../../lib/security/mod.ts";
import { Mutator } from "./mutate.ts";

/** What a run did. Every iteration is one datagram. */
export interface FuzzReport {
  readonly iterations: number;
  /** Datagrams that changed something: signed, and broken in no way that matters. */
  readonly accepted: number;
  readonly refused: number;
}

const HEADER_BYTES = 41;
const MAX_PEERS = 32;
const SENDERS = 64;
/** What is due at one moment is done in so many turns. */
const MAX_TURNS = 3;
const STRANGER = { host: "10.0.0.66", port: 6_666 };

function check(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new Error(`fuzzing lib/discovery: ${claim}`);
}

function hex(mutator: Mutator, bytes: number): string {
  return [...mutator.bytes(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A valid message of any kind; an answer answers `asked`, the last question of the core to this sender, if there is one. */
function drawMessage(
  mutator: Mutator,
  id: NodeId,
  incarnation: Incarnation,
  target: NodeId,
  asked: string | undefined,
): Message {
  const base = { bootNonce: "11".repeat(8), peerCount: mutator.below(100), beatMs: mutator.below(20_000) };
  const record = {
    id,
    incarnation,
    stateVersion: mutator.below(5),
    name: ["wall", "left", "right"][mutator.below(3)] ?? "",
    role: "daemon" as const,
    version: "0.1.0",
    endpoints: [{ kind: "tcp" as const, address: `tcp://10.0.0.${mutator.below(256)}:4000` }],
    capabilities: { gpu: { name: "x", deep: [[1, 2], { a: null }] } },
    resources: { displays: mutator.below(9) },
    tags: { place: "left" },
  };
  const question = {
    nonce: hex(mutator, 8),
    attempt: mutator.below(4),
    known: mutator.bytes(4 * mutator.below(8)),
    digest: hex(mutator, 8),
  };
  const echo = asked ?? hex(mutator, 8);
  const echoes = Array.from({ length: mutator.below(3) }, () => hex(mutator, 4));
  const someone = () => senderId(mutator.below(SENDERS)).slice(0, 16);
  const named = () => ({
    target: mutator.below(4) === 0 ? target.slice(0, 16) : someone(),
    incarnation: incarnation - mutator.below(2),
    seq: mutator.below(100_000),
  });
  switch (asked !== undefined && mutator.below(2) === 0 ? 3 + 3 * mutator.below(2) : mutator.below(15)) {
    case 0:
      return {
        kind: "announce",
        ...base,
        record,
        question: mutator.below(2) === 0 ? null : question,
        challenge: mutator.below(2) === 0 ? null : hex(mutator, 8),
        echoes,
        resumedMs: mutator.below(4) === 0 ? mutator.below(100_000) : 0,
      };
    case 1:
      return {
        kind: "heartbeat",
        ...base,
        stateVersion: mutator.below(9),
        beat: mutator.below(100_000),
        digest: hex(mutator, 8),
        challenge: mutator.below(4) === 0 ? hex(mutator, 8) : null,
        echoes,
        dead: mutator.below(8) === 0 ? [named()] : [],
        joined: mutator.below(8) === 0 ? [named()] : [],
        availability: [mutator.below(100), -1],
        leader: mutator.below(4) === 0 ? { term: mutator.below(9), target: someone() } : null,
      };
    case 2:
      return {
        kind: "query",
        ...base,
        question,
        target: mutator.below(2) === 0 ? null : target.slice(0, 16),
      };
    case 3:
      return { kind: "offer", ...base, echo, record, digest: hex(mutator, 8), cookie: hex(mutator, 8) };
    case 4:
      return { kind: "bye", ...base, reason: "quit" };
    case 5:
      return {
        kind: "ping",
        ...base,
        nonce: echo,
        target: target.slice(0, 16),
        observer: mutator.below(2) === 0,
      };
    case 7:
      return {
        kind: "sync-request",
        ...base,
        cookie: echo,
        nonce: hex(mutator, 8),
        from: "0".repeat(16),
        until: mutator.below(2) === 0 ? null : someone(),
        known: mutator.bytes(8 * mutator.below(20)),
      };
    case 8:
      return {
        kind: "sync-page",
        ...base,
        echo,
        next: mutator.below(4) === 0 ? someone() : null,
        entries: Array.from({ length: mutator.below(4) }, () => ({
          id: senderId(mutator.below(SENDERS)),
          incarnation,
          bootNonce: "11".repeat(8),
          seq: mutator.below(100_000),
          ageMs: mutator.below(5_000),
          beatMs: 1_000,
          peerCount: 3,
          from: "10.0.0.9:7",
          ...(mutator.below(3) === 0
            ? { state: "dead" as const, record: null }
            : { state: "present" as const, record }),
        })),
      };
    case 9:
      return { kind: "ping-request", ...base, nonce: echo, target: someone() };
    case 10:
      return {
        kind: "nack",
        ...base,
        echo,
        target: someone(),
        heardMs: mutator.below(2) === 0 ? null : mutator.below(9_000),
        seq: mutator.below(100_000),
      };
    case 11:
      return { kind: "suspect", ...base, nodes: [named(), named()] };
    case 13:
      return { kind: "get", ...base, nonce: echo, offset: mutator.below(20_000) };
    case 14:
      return {
        kind: "record-part",
        ...base,
        echo,
        stateVersion: mutator.below(9),
        offset: 0,
        total: 40,
        bytes: mutator.bytes(1 + mutator.below(40)),
      };
    case 12:
      return { kind: "vouch", ...base, nodes: [{ ...named(), ageMs: mutator.below(3_000) }] };
    default:
      return { kind: "ack", ...base, echo, stateVersion: 1, heardBy: mutator.below(3) };
  }
}

function senderId(number: number): NodeId {
  return `${(number + 16).toString(16)}${"0".repeat(30)}` as NodeId;
}

/** Signs bytes as they are; the header may be nonsense. */
function signed(seal: DatagramSeal, bytes: Uint8Array): Uint8Array {
  const all = new Uint8Array(bytes.length + DATAGRAM_TAG_BYTES);
  all.set(bytes);
  all[HEADER_BYTES - 1] = seal.keyTag;
  seal.sign(all, bytes.length);
  return all;
}

/** Feeds `iterations` datagrams, the same ones for the same `seed`. Throws at the first that does harm. */
export function fuzzDiscovery(seed: number, iterations: number): FuzzReport {
  const mutator = new Mutator(seed);
  const codec = createBodyCodec();
  const seal = new DatagramAuthenticator(new MeshKeyRing(new MeshKey(mutator.bytes(32)), null));
  const meshTag = meshTagOf("");
  const id = hex(mutator, 16) as NodeId;
  let nowUs = 1_000_000;
  const core = new DiscoveryCore(nowUs, {
    id,
    incarnation: 1_000 as Incarnation,
    role: "daemon",
    record: { name: "wall", version: "0.1.0" },
    trust: "keyed",
    seal,
    codec,
    random: {
      u32: () => mutator.u32(),
      float: () => mutator.u32() / 2 ** 32,
      fill: (target) => {
        target.set(mutator.bytes(target.length));
        return target;
      },
    },
    maxPeers: MAX_PEERS,
  });
  core.handleInterfaces(nowUs, [
    {
      key: "eth0",
      name: "eth0",
      family: "ipv4",
      address: "10.0.0.1",
      prefix: 24,
      broadcast: "10.0.0.255",
      loopback: false,
      port: 7,
    },
  ]);
  const asked = new Map<NodeId, string>();
  let accepted = 0;
  for (let i = 0; i < iterations; i++) {
    nowUs += mutator.below(8_000);
    const sender = senderId(mutator.below(SENDERS));
    const from = mutator.below(40) === 0 ? id : sender;
    // Restarts now and then.
    const incarnation = 1_000 + Math.floor(i / 5_000) + mutator.below(2) as Incarnation;
    const header = {
      path: "multicast",
      id: from,
      incarnation,
      // Mostly in order, sometimes late or again.
      seq: Math.max(0, i - (mutator.below(4) === 0 ? mutator.below(5_000) : 0)),
      sentMs: Math.floor(nowUs / 1000),
    } as const;
    const valid = encodeDatagram(
      header,
      drawMessage(mutator, from, incarnation, id, asked.get(from)),
      meshTag,
      codec,
      seal,
    );
    const way = mutator.below(8);
    let bytes: Uint8Array;
    if (way === 0) {
      bytes = mutator.bytes(mutator.below(1_300));
    } else if (way <= 2) {
      bytes = mutator.mutate(valid);
    } else {
      const sound = valid.subarray(HEADER_BYTES, valid.length - DATAGRAM_TAG_BYTES);
      const body = mutator.below(2) === 0 ? sound : mutator.mutate(sound);
      const head = mutator.below(8) === 0
        ? mutator.mutate(valid.subarray(0, HEADER_BYTES)).subarray(0, HEADER_BYTES)
        : valid.subarray(0, HEADER_BYTES);
      const whole = new Uint8Array(Math.max(HEADER_BYTES, head.length) + body.length);
      whole.set(head);
      whole.set(body, HEADER_BYTES);
      bytes = signed(seal, whole);
    }
    const isGenuine = seal.verify(bytes) !== null;
    const refusal = core.handleDatagram(nowUs, bytes, { host: `10.0.0.${20 + mutator.below(200)}`, port: 7 });
    if (refusal === null) {
      check(isGenuine, "something without a valid MAC was accepted");
      accepted++;
    }
    drain(core, nowUs, isGenuine, (bytes) => {
      const sent = decodeDatagram(bytes, meshTag, codec, seal);
      check(typeof sent === "object", "what the core sends can be read");
      const { message } = sent;
      const target = message.kind === "ping" || message.kind === "query" || message.kind === "ping-request"
        ? message.target
        : null;
      if (target === null) return;
      const nonce = message.kind === "query"
        ? message.question.nonce
        : "nonce" in message
        ? message.nonce
        : "";
      asked.set(target.padEnd(32, "0") as NodeId, nonce);
    });
  }
  check(core.handleDatagram(nowUs, mutator.bytes(64), STRANGER) !== null, "garbage is refused to the end");
  check(
    core.counters.refused["own-id"] + core.counters.accepted > 0 || iterations < 100,
    "something got through",
  );
  return { iterations, accepted, refused: iterations - accepted };
}

/** Takes what the core says; an answer may only follow something genuine, or time. */
function drain(
  core: DiscoveryCore,
  nowUs: number,
  isGenuine: boolean,
  onUnicast: (bytes: Uint8Array) => void,
): void {
  let isUnicast = false;
  for (let transmit = core.pollTransmit(); transmit !== null; transmit = core.pollTransmit()) {
    check(transmit.bytes.length <= MAX_DATAGRAM_BYTES, "a datagram is over 1,200 bytes");
    if (transmit.to.kind !== "unicast") continue;
    isUnicast = true;
    onUnicast(transmit.bytes);
  }
  check(isGenuine || !isUnicast, "a stranger was answered");
  while (core.pollEvent() !== null);
  // What becomes due while others are handled, as the announcement of a name that comes back, is due in the same moment.
  let wake = core.pollTimeout();
  for (let turn = 0; wake !== null && wake.atUs <= nowUs; turn++) {
    check(turn < MAX_TURNS, `a timer for ${wake.reason} that never ends`);
    core.handleTimeout(nowUs);
    while (core.pollTransmit() !== null);
    wake = core.pollTimeout();
  }
  check(core.registry.size <= MAX_PEERS, "the registry is over its bound");
  for (const entry of core.registry.snapshot()) {
    check(entry.record.name.length <= 48, "a name is over its bound");
  }
}
