// Every datagram of a discovery service as a tool shows it: when, where, which way, what it said, why it was ignored.
// Decides what is read of a datagram that was refused: of one without our signature nothing but what its header claims,
// of one that is not ours its first bytes. Costs nothing while nobody listens; never changes what discovery does.

import { type Incarnation, type NodeId, toHex } from "../base/mod.ts";
import type { IpEndpoint } from "../platform/mod.ts";
import { createBodyCodec } from "./body_codec.ts";
import type { Refusal } from "./counters.ts";
import {
  type Datagram,
  type DatagramSeal,
  HEADER_BYTES,
  openDatagram,
  type Path,
  PATHS,
} from "./datagram.ts";
import type { LinkInterface } from "./endpoint.ts";
import { Links } from "./links.ts";
import { getU48, type Kind, KIND_NUMBERS, type Message } from "./messages/mod.ts";
import type { Transmit } from "./outbox.ts";

/** Bytes that are shown of a datagram that cannot be read. */
const HEAD_BYTES = 24;

const KIND_NAMES = new Map<number, Kind>(
  Object.entries(KIND_NUMBERS).map(([kind, number]) => [number, kind as Kind]),
);

/** What a header says; nobody has vouched for it until the signature was verified. */
export interface TracedHeader {
  readonly version: number;
  /** Null for a kind of a later version. */
  readonly kind: Kind | null;
  readonly kindNumber: number;
  readonly path: Path | null;
  /** Four bytes as hex that tell meshes of different names apart. */
  readonly meshTag: string;
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  readonly seq: number;
  readonly sentMs: number;
  /** Which key signed, as a hint; 0 for the open mesh. */
  readonly keyTag: number;
}

/** One datagram. */
export interface TraceEntry {
  /** Monotonic time in µs. */
  readonly atUs: number;
  readonly direction: "in" | "out";
  /** The link that it came or went by; null where there is none, so that it went by all. */
  readonly link: LinkInterface | null;
  /** How it says that it was sent; null when it cannot be read. */
  readonly path: Path | null;
  /** Where it came from, or where it went; null for the multicast group. */
  readonly peer: IpEndpoint | null;
  /** Bytes of payload. */
  readonly size: number;
  /** Null for a datagram that is not hana's. */
  readonly header: TracedHeader | null;
  /** Which key of ours signed; null when none did, so that the header only claims what it says. */
  readonly key: "primary" | "previous" | "guest" | null;
  /** Null when it could not be read or was not signed by our key. */
  readonly message: Message | null;
  /** Why it changed nothing; null when it was taken, or sent. */
  readonly refusal: Refusal | null;
  /** Whether it left: false when there was no link to send it from. */
  readonly isSent: boolean;
  /** The first bytes as hex of what could not be read, else empty. */
  readonly head: string;
}

/** Takes datagrams as they pass. An entry is the listener's own. */
export type TraceListener = (entry: TraceEntry) => void;

/** Why a datagram was ignored, in words. */
export const REFUSAL_TEXTS: Readonly<Record<Refusal, string>> = {
  "not-hana": "not hana",
  "oversize": "larger than hana ever sends",
  "version": "another version of the protocol",
  "other-mesh": "a mesh of another name",
  "flood": "its source sends too much",
  "foreign": "another key",
  "unknown-kind": "a kind of a later version",
  "malformed": "signed, but no valid message",
  "own-echo": "own echo",
  "own-id": "another process under our id",
  "off-link": "from a network that we are not on",
  "duplicate": "seen already",
  "old-incarnation": "a former life of this node",
  "other-process": "same id and life, other process",
  "after-goodbye": "the node has said goodbye",
  "delayed": "held back on the way, or a replay",
  "stale-nonce": "answers nothing that discovery asked",
  "not-for-us": "meant for another node",
  "not-allowed": "from a node that has not shown where it is",
  "bad-endpoint": "an address that points back to us",
  "peer-limit": "no room for one more node",
};

/** Reads a header without believing it; null when there is none of hana's. */
export function readHeader(bytes: Uint8Array): TracedHeader | null {
  if (bytes.length < HEADER_BYTES || bytes[0] !== 0x68 || bytes[1] !== 0x43) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const kindNumber = view.getUint8(3) & 0x3f;
  return {
    version: view.getUint8(2),
    kind: KIND_NAMES.get(kindNumber) ?? null,
    kindNumber,
    path: PATHS[view.getUint8(3) >> 6] ?? null,
    meshTag: toHex(bytes.subarray(4, 8)),
    id: toHex(bytes.subarray(8, 24)) as NodeId,
    incarnation: getU48(view, 24) as Incarnation,
    seq: view.getUint32(30),
    sentMs: getU48(view, 34),
    keyTag: view.getUint8(HEADER_BYTES - 1),
  };
}

/** Tells listeners of the datagrams of one service. */
export class Tracer {
  readonly #codec = createBodyCodec();
  readonly #listeners = new Set<TraceListener>();
  readonly #links = new Links();

  constructor(readonly seal: DatagramSeal) {}

  /** Whether anybody listens. */
  get isOn(): boolean {
    return this.#listeners.size > 0;
  }

  /** Calls `listener` with every datagram from now on. Returns how to stop it. */
  listen(listener: TraceListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A datagram came in and was refused or not. */
  noteIn(
    nowUs: number,
    bytes: Uint8Array,
    from: IpEndpoint,
    refusal: Refusal | null,
    links: readonly LinkInterface[],
  ): void {
    this.#links.replace(nowUs, links);
    this.#tell({
      atUs: nowUs,
      direction: "in",
      link: this.#links.linkOf(from.host)?.facts ?? null,
      peer: { host: from.host, port: from.port },
      refusal,
      isSent: false,
      ...this.#read(bytes),
    });
  }

  /** A datagram was handed to a socket. */
  noteOut(
    nowUs: number,
    transmit: Transmit,
    isSent: boolean,
    port: number,
    links: readonly LinkInterface[],
  ): void {
    const { to } = transmit;
    this.#tell({
      atUs: nowUs,
      direction: "out",
      link: links.find((link) => link.key === transmit.link) ?? null,
      peer: to.kind === "unicast"
        ? { host: to.endpoint.host, port: to.endpoint.port }
        : to.kind === "broadcast"
        ? { host: to.host, port }
        : null,
      refusal: null,
      isSent,
      ...this.#read(transmit.bytes),
    });
  }

  #tell(entry: TraceEntry): void {
    for (const listener of [...this.#listeners]) listener(entry);
  }

  #read(bytes: Uint8Array): Pick<TraceEntry, "path" | "size" | "header" | "key" | "message" | "head"> {
    const header = readHeader(bytes);
    let opened: Datagram | null = null;
    if (header !== null && header.version === 1) {
      // A copy: messages keep pieces of what they were read from, and the bytes belong to the socket.
      const result = openDatagram(bytes.slice(), this.#codec, this.seal);
      if (typeof result === "object") opened = result;
    }
    return {
      path: header?.path ?? null,
      size: bytes.length,
      header,
      key: opened?.key ?? null,
      message: opened?.message ?? null,
      head: opened === null ? toHex(bytes.subarray(0, HEAD_BYTES)) : "",
    };
  }
}
