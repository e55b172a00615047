// What is to be sent: numbers, signs, limits and queues datagrams.
// Decides the sequence number and whether our own rate allows a datagram; never when something is sent or why.

import type { Incarnation, NodeId } from "../base/mod.ts";
import type { IpEndpoint } from "../platform/mod.ts";
import type { DiscoveryCounters } from "./counters.ts";
import {
  type BodyCodec,
  type DatagramSeal,
  encodeBody,
  HEADER_BYTES,
  MAC_BYTES,
  type Path,
  sealDatagram,
} from "./datagram.ts";
import { type Message, messageToMap, type Ping } from "./messages/mod.ts";
import { TokenBucket } from "./limiter.ts";
import type { Link } from "./links.ts";

/** Where a datagram goes. The owner knows the group and the port. */
export type Destination =
  | { readonly kind: "multicast" }
  | { readonly kind: "broadcast"; readonly host: string }
  | { readonly kind: "unicast"; readonly endpoint: IpEndpoint };

/** A datagram to send. */
export interface Transmit {
  readonly bytes: Uint8Array;
  readonly to: Destination;
  /** Key of the link to send from; null when the address lies on none: then from every link but loopback. */
  readonly link: string | null;
}

/** Datagrams that wait for the owner; at the bound the new one is dropped and counted. */
export const MAX_OUTBOX = 4_096;
const MULTICAST_PER_SECOND = 50;
const MULTICAST_BURST = 20;
const UNICAST_PER_SECOND = 500;
const UNICAST_BURST = 200;

/** What the outbox signs with and for whom. */
export interface Sender {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  readonly meshTag: number;
  readonly codec: BodyCodec;
  readonly seal: DatagramSeal;
}

/** What goes out at any rate: a goodbye, and the lease, which keeps to rates of its own and dies of what is dropped. */
const URGENT: ReadonlySet<Message["kind"]> = new Set([
  "bye",
  "claim",
  "grant",
  "lease",
  "lease-ack",
  "transfer",
]);

function isUrgent(message: Message): boolean {
  return URGENT.has(message.kind);
}

/** Our datagrams on their way out. */
export class Outbox {
  readonly #queue: Transmit[] = [];
  readonly #perLink = new Map<string, TokenBucket>();
  readonly #unicast: TokenBucket;
  #at = 0;
  #seq = 0;

  constructor(readonly sender: Sender, readonly counters: DiscoveryCounters, readonly bornUs: number) {
    this.#unicast = new TokenBucket(UNICAST_PER_SECOND, UNICAST_BURST, bornUs);
  }

  /**
   * Sends to everybody on a link: by multicast, and by broadcast too if asked for. Both copies share one number, so
   * that a receiver of both takes one. A goodbye is sent at any rate.
   */
  toLink(nowUs: number, link: Link, message: Message, alsoBroadcast: boolean): void {
    const body = encodeBody(message, this.sender.codec);
    const seq = this.#nextSeq();
    const broadcast = link.facts.broadcast;
    if (this.#canMulticast(nowUs, link, message)) {
      this.#put(this.#sealed(nowUs, message, body, seq, "multicast"), { kind: "multicast" }, link.key);
    }
    if (alsoBroadcast && broadcast !== null && this.#canMulticast(nowUs, link, message)) {
      this.#put(
        this.#sealed(nowUs, message, body, seq, "broadcast"),
        { kind: "broadcast", host: broadcast },
        link.key,
      );
    }
  }

  /** Sends to one address. Returns false when our own rate did not allow it. */
  toEndpoint(nowUs: number, endpoint: IpEndpoint, link: Link | null, message: Message): boolean {
    if (!isUrgent(message) && !this.#unicast.canTake(nowUs)) {
      this.counters.dropped["unicast-limit"]++;
      return false;
    }
    const body = encodeBody(message, this.sender.codec);
    const bytes = this.#sealed(nowUs, message, body, this.#nextSeq(), "unicast");
    this.#put(bytes, { kind: "unicast", endpoint }, link?.key ?? null);
    return true;
  }

  /**
   * Sends a ping by this way and no other, filled up to `size` bytes (one less at a border of the encoding): for tools
   * that try ways. A filling is a field that no reader knows. Returns false when our own rate did not allow it.
   */
  probe(nowUs: number, link: Link, to: Destination, ping: Ping, size: number): boolean {
    const canSend = to.kind === "unicast"
      ? this.#unicast.canTake(nowUs)
      : this.#canMulticast(nowUs, link, ping);
    if (!canSend) return false;
    const { codec } = this.sender;
    const map = messageToMap(ping, 0);
    let body = codec.encode(map).slice();
    const room = size - HEADER_BYTES - MAC_BYTES - body.length - 4; // key, and the two bytes before a short filling
    if (room > 0) {
      body = codec.encode({ ...map, x: new Uint8Array(room > 0xff ? room - 1 : room) }).slice();
    }
    this.#put(this.#sealed(nowUs, ping, body, this.#nextSeq(), to.kind), to, link.key);
    return true;
  }

  /** The next datagram to send. */
  poll(): Transmit | null {
    const next = this.#queue[this.#at];
    if (next === undefined) {
      this.#queue.length = 0;
      this.#at = 0;
      return null;
    }
    this.#at++;
    return next;
  }

  /** Forgets the limiter of a link that is gone. */
  dropLink(key: string): void {
    this.#perLink.delete(key);
  }

  #canMulticast(nowUs: number, link: Link, message: Message): boolean {
    if (isUrgent(message)) return true;
    let bucket = this.#perLink.get(link.key);
    if (bucket === undefined) {
      bucket = new TokenBucket(MULTICAST_PER_SECOND, MULTICAST_BURST, nowUs);
      this.#perLink.set(link.key, bucket);
    }
    if (bucket.canTake(nowUs)) return true;
    this.counters.dropped["multicast-limit"]++;
    return false;
  }

  #nextSeq(): number {
    this.#seq = (this.#seq + 1) >>> 0;
    return this.#seq;
  }

  #sealed(nowUs: number, message: Message, body: Uint8Array, seq: number, path: Path): Uint8Array {
    const { id, incarnation, meshTag, seal } = this.sender;
    const sentMs = Math.max(0, Math.floor((nowUs - this.bornUs) / 1000));
    return sealDatagram({ kind: message.kind, path, id, incarnation, seq, sentMs }, meshTag, body, seal);
  }

  #put(bytes: Uint8Array, to: Destination, link: string | null): void {
    if (this.#queue.length - this.#at >= MAX_OUTBOX) {
      this.counters.dropped.outbox++;
      return;
    }
    this.counters.sent++;
    this.counters.sentBytes += bytes.length;
    this.#queue.push({ bytes, to, link });
  }
}
