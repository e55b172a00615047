// Who is compared: each peer's name, how its ends run, what it needs, and which workloads it can do.
// Decides how far ahead of its receiver a sender may be, by what the peer can hold without losing it. Runs nothing.

import type { WorkloadKind } from "./workloads.ts";

/** What has to be there: a Debian package, a header, npm packages. */
export type Need = "nats-server" | "mosquitto" | "enet" | "zmq" | "npm" | "cable";

/** A program to compare. */
export interface Peer {
  readonly name: string;
  /** How its ends run: Deno on these sources, Deno or Node on the bundled drivers, or a compiled C file. */
  readonly runs: "deno" | "deno-npm" | "node" | "native";
  /** The driver's name, or the C file's. */
  readonly driver: string;
  readonly variant: string;
  readonly needs: readonly Need[];
  readonly broker?: "nats-server" | "mosquitto";
  readonly kinds: readonly WorkloadKind[];
  /** It does not leave its machine: no cable can be put between its ends. */
  readonly isLocal?: true;
  /** It cannot carry what must arrive whole. */
  readonly hasNoTransfer?: true;
  /** Messages of a flow that may be under way, by their size. */
  readonly window: (bytes: number) => number;
  /** What the reader of the table has to know. */
  readonly note: string;
}

const ALL: readonly WorkloadKind[] = ["rtt", "rate", "fanout", "mixed", "loss"];
/** Bytes of a flow that may be under way where the peer holds what its receiver has not taken. */
const WINDOW_BYTES = 1 << 20;
/** The default buffer of a UDP socket holds 256 datagrams of 64 B and 92 of 1,200: no more may be under way. */
const DATAGRAM_WINDOW = 64;

const held = (bytes: number): number => Math.max(256, Math.floor(WINDOW_BYTES / bytes));

function peer(name: string, fields: Partial<Peer> & Pick<Peer, "runs" | "driver" | "note">): Peer {
  return { name, variant: "", needs: [], kinds: ALL, window: held, ...fields };
}

/** All of them, in the order of the table. */
export const PEERS: readonly Peer[] = [
  peer("hana-unix", {
    runs: "deno",
    driver: "hana",
    variant: "unix",
    isLocal: true,
    note: "lanes of a session over the local socket; not encrypted: the system guards it",
  }),
  peer("hana-udp", {
    runs: "deno",
    driver: "hana",
    variant: "udp",
    note: "lanes of a session over datagrams; encrypted",
  }),
  peer("hana-tcp", {
    runs: "deno",
    driver: "hana",
    variant: "tcp",
    note: "lanes of a session over its stream, where datagrams do not pass; encrypted",
  }),
  peer("deno-udp", {
    runs: "deno",
    driver: "raw-datagrams",
    kinds: ["rtt", "rate", "fanout", "loss"],
    hasNoTransfer: true,
    window: () => DATAGRAM_WINDOW,
    note: "bare datagrams, one message each; nothing is repeated, no transfer",
  }),
  peer("deno-udp-20", {
    runs: "deno",
    driver: "raw-datagrams",
    variant: "packed",
    kinds: ["rate"],
    // 20 messages of 1 KiB are a datagram of 20 KiB: few of them fit a buffer.
    window: (bytes) => bytes <= 64 ? 20 * DATAGRAM_WINDOW : 4 * 20,
    note: "bare datagrams of 20 messages",
  }),
  peer("deno-tcp", { runs: "deno", driver: "raw-stream", variant: "tcp", note: "bare frames, one a write" }),
  peer("deno-unix", {
    runs: "deno",
    driver: "raw-stream",
    variant: "unix",
    isLocal: true,
    note: "bare frames, one a write, over a Unix socket",
  }),
  peer("ws-deno", { runs: "deno", driver: "websocket-deno", note: "WebSocket as Deno brings it" }),
  peer("ws-node", { runs: "node", driver: "websocket-node", needs: ["npm"], note: "the package ws" }),
  peer("nats-deno", {
    runs: "deno-npm",
    driver: "nats",
    needs: ["npm", "nats-server"],
    broker: "nats-server",
    note: "core NATS by its server, client @nats-io/transport-node",
  }),
  peer("nats-node", {
    runs: "node",
    driver: "nats",
    needs: ["npm", "nats-server"],
    broker: "nats-server",
    note: "core NATS by its server, client @nats-io/transport-node",
  }),
  peer("mqtt-deno", {
    runs: "deno-npm",
    driver: "mqtt",
    needs: ["npm", "mosquitto"],
    broker: "mosquitto",
    note: "mosquitto, package mqtt; QoS 0, transfers QoS 1",
  }),
  peer("mqtt-node", {
    runs: "node",
    driver: "mqtt",
    needs: ["npm", "mosquitto"],
    broker: "mosquitto",
    note: "mosquitto, package mqtt; QoS 0, transfers QoS 1",
  }),
  peer("zeromq-node", {
    runs: "node",
    driver: "zeromq",
    needs: ["npm"],
    note: "package zeromq; PAIR, PUSH/PULL, PUB/SUB over TCP",
  }),
  peer("zeromq-c", {
    runs: "native",
    driver: "zeromq",
    needs: ["zmq"],
    note: "libzmq; PAIR, PUSH/PULL, PUB/SUB over TCP",
  }),
  peer("enet-c", {
    runs: "native",
    driver: "enet",
    needs: ["enet"],
    note: "libenet; values and echoes unreliable sequenced, the rest reliable",
  }),
];

/** Whether `words` name this peer: by its name, or by the family before the first dash. */
export function isNamed(peer: Peer, words: readonly string[]): boolean {
  return words.some((word) => peer.name === word || peer.name.startsWith(`${word}-`));
}
