// Datagrams beside a sealed stream: keys from the stream's own handshake, the peer's port from its greeting.
// Decides which of the connection's paths a datagram belongs to, and what the greeting says of ours. Never proves an
// address (the connection asks), never opens a socket (the endpoint has).

import type { IpEndpoint } from "../platform/mod.ts";
import type { LaneConnection, LaneOffer } from "../lanes/mod.ts";
import { PathId, UDP_OVERHEAD_BYTES } from "../lanes/mod.ts";
import { formatAddress, parseAddress } from "./address.ts";
import type { Link } from "./link.ts";
import { MAX_UDP_BYTES, type UdpEndpoint, UdpPath } from "./udp/mod.ts";

/** The label of the keys; part of the protocol (docs/lanes.md). */
const KEY_LABEL = "udp";

/** What comes beside the stream. */
export interface UdpBesideHandlers {
  onPacket(
    path: number,
    number: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    immediate: boolean,
  ): void;
  /** The peer was heard from an address that is not in use. */
  onMoved(): void;
}

/** The datagrams of one session. */
export class UdpBeside {
  bytesSent = 0;
  bytesReceived = 0;
  #path: UdpPath | null = null;
  /** Where the peer said that it is, where it was heard last, and where it seems to be now. */
  #told: IpEndpoint | null = null;
  #heard: IpEndpoint | null = null;
  #moved: IpEndpoint | null = null;

  constructor(
    private readonly link: Link,
    private readonly endpoint: UdpEndpoint,
    private readonly isDialler: boolean,
    private readonly handlers: UdpBesideHandlers,
  ) {}

  /** The most text that a datagram takes. */
  get maxTextBytes(): number {
    return UdpPath.textBytes(MAX_UDP_BYTES);
  }

  /** Whether the peer is on this machine: datagrams then cross no cable. */
  get isLocal(): boolean {
    const host = this.#told?.host;
    return host !== undefined && (host === localHost(this.link) || host.startsWith("127.") || host === "::1");
  }

  /** Whether the peer takes datagrams. */
  get hasPeer(): boolean {
    return this.#told !== null;
  }

  /** Where packets go, as a URL; null while the peer is proved nowhere. */
  get remote(): string | null {
    const remote = this.#path?.remote ?? null;
    return remote === null ? null : formatAddress({ kind: "udp", ...remote });
  }

  /** What our greeting says; null when there are no keys, no socket for this family, or too many paths. */
  offer(): LaneOffer["udp"] {
    const path = this.#path ??= this.#createPath();
    const port = this.#localPort();
    return path === null || port === null ? null : { port, index: path.localIndex };
  }

  /** The peer told where its datagrams go. */
  meet(peer: NonNullable<LaneOffer["udp"]>, numbers: LaneConnection): void {
    const host = remoteHost(this.link);
    if (this.#path === null || host === null) return;
    this.#told = { host, port: peer.port };
    this.#path.setNumbers(numbers);
    this.#path.setPeer(peer.index, [this.#told]);
  }

  /** Sends one packet: to the address in use, to the one that was told while none is, or to the one that it moved to. */
  transmit(
    nowUs: number,
    toMoved: boolean,
    number: number,
    text: Uint8Array,
    textBytes: number,
    immediate: boolean,
  ): void {
    const path = this.#path;
    if (path === null || path.isClosed) return;
    path.text.set(textBytes === text.length ? text : text.subarray(0, textBytes));
    const to = toMoved ? this.#moved : path.remote === null ? this.#told : null;
    const sent = to === null
      ? path.send(nowUs, number, textBytes, immediate)
      : path.sendTo(nowUs, to, number, textBytes, immediate);
    if (sent) this.bytesSent += textBytes + UDP_OVERHEAD_BYTES;
  }

  /** The path is proved: packets go to where the peer was heard last. */
  useHeard(): void {
    if (this.#heard !== null) this.#path?.useAddress(this.#heard);
  }

  /** The moved address is proved. */
  useMoved(): void {
    if (this.#moved !== null) this.#path?.useAddress(this.#moved);
    this.#moved = null;
  }

  /** Forgets keys and path. */
  close(): void {
    this.#path?.close();
    this.#path = null;
  }

  #createPath(): UdpPath | null {
    const keys = this.link.exportKeys(KEY_LABEL);
    if (keys === null || this.endpoint.isFull) return null;
    return this.endpoint.createPath({
      keys,
      initiator: this.isDialler,
      handlers: {
        onPacket: (number, bytes, start, end, from, wireBytes, immediate) => {
          this.bytesReceived += wireBytes;
          this.handlers.onPacket(this.#pathOf(from), number, bytes, start, end, immediate);
        },
        onNewAddress: (address) => {
          if (this.#path?.remote === null) return;
          this.#moved = address;
          this.handlers.onMoved();
        },
      },
    });
  }

  #pathOf(from: IpEndpoint): number {
    const moved = this.#moved;
    if (moved !== null && moved.port === from.port && moved.host === from.host) return PathId.udpMoved;
    this.#heard = from;
    return PathId.udp;
  }

  /** The port of our socket of the family by which the stream goes. */
  #localPort(): number | null {
    const host = remoteHost(this.link);
    if (host === null) return null;
    const isIpv6 = host.includes(":");
    return this.endpoint.local.find((socket) => socket.host.includes(":") === isIpv6)?.port ?? null;
  }
}

function localHost(link: Link): string | null {
  const address = parseAddress(link.stream.local);
  return address.kind === "tcp" ? address.host : null;
}

function remoteHost(link: Link): string | null {
  const address = parseAddress(link.stream.remote);
  return address.kind === "tcp" ? address.host : null;
}
