// The sockets of multicast DNS: one that hears the group on all links, and one a link that sends from its address.
// Decides how they follow the links and which of our own messages come back to us. All share port 5353 with whatever
// else speaks mDNS on this machine; unicast to a shared port reaches whoever bound last (discovery research 3, E8), so
// nothing here depends on it.

import { type HanaError, toHanaError } from "../../base/mod.ts";
import type { Datagrams, DatagramSocket, IpEndpoint } from "../../platform/mod.ts";
import type { DnsLink } from "./link.ts";

/** The UDP port of multicast DNS (RFC 6762 §3). */
export const MDNS_PORT = 5353;
/** Its IPv4 group. */
export const MDNS_GROUP = "224.0.0.251";
/** RFC 6762 §11. */
const MDNS_TTL = 255;

/** How long a copy of our own message is waited for, and how many are. */
const ECHO_US = 2_000_000;
const MAX_ECHOES = 256;

/** What the sockets tell. */
export interface DnsSocketHandlers {
  /** `isUnicast` when it certainly was sent to us alone. */
  onDatagram(bytes: Uint8Array, from: IpEndpoint, isUnicast: boolean): void;
  onError(error: HanaError): void;
}

/** All sockets of one DNS-SD service. */
export class DnsSockets {
  readonly #links = new Map<string, { readonly facts: DnsLink; readonly socket: DatagramSocket }>();
  #shared: DatagramSocket | null = null;
  /** Why the group cannot be heard; null while it can, or need not be. */
  problem: HanaError | null = null;
  /** Why a link cannot be used, by its name. */
  readonly linkProblems = new Map<string, HanaError>();

  constructor(readonly datagrams: Datagrams, readonly handlers: DnsSocketHandlers) {}

  /** Follows the links: binds, joins, closes. What failed before is tried again. Returns those that work. */
  follow(wanted: readonly DnsLink[]): DnsLink[] {
    this.linkProblems.clear();
    const keys = new Set(wanted.map(({ key }) => key));
    for (const key of [...this.#links.keys()]) if (!keys.has(key)) this.#close(key);
    if (wanted.length === 0) {
      this.close();
      return [];
    }
    if (this.#shared === null && !this.#canBindShared()) return [];
    for (const facts of wanted) this.#use(facts);
    return wanted.filter(({ key }) => this.#links.has(key));
  }

  /** Joins the group again everywhere: a membership can be lost without a sign (discovery research 3, E12). */
  rejoin(): void {
    for (const { facts } of this.#links.values()) this.#join(facts);
  }

  /** Sends from a link, to everybody there or to one address. False when there is no such link. */
  send(bytes: Uint8Array, link: string, to: IpEndpoint | null): boolean {
    const socket = this.#links.get(link)?.socket;
    socket?.send(bytes, to ?? { host: MDNS_GROUP, port: MDNS_PORT });
    return socket !== undefined;
  }

  /** Closes everything. */
  close(): void {
    for (const key of [...this.#links.keys()]) this.#close(key);
    this.#shared?.close();
    this.#shared = null;
    this.problem = null;
  }

  #canBindShared(): boolean {
    try {
      this.#shared = this.datagrams.bind({ host: "0.0.0.0", port: MDNS_PORT, shared: true }, {
        onDatagram: (bytes, from) => this.handlers.onDatagram(bytes, from, false),
        onError: (error) => this.handlers.onError(error),
      });
      this.problem = null;
      return true;
    } catch (thrown) {
      this.problem = toHanaError(thrown, "network-unusable", `UDP port ${MDNS_PORT}`);
      return false;
    }
  }

  #use(facts: DnsLink): void {
    const { key, name, address } = facts;
    const known = this.#links.get(key);
    try {
      const socket = known?.socket ?? this.datagrams.bind({
        host: address,
        port: MDNS_PORT,
        egress: address,
        shared: true,
        multicastTtl: MDNS_TTL,
      }, {
        onDatagram: (bytes, from) => this.handlers.onDatagram(bytes, from, true),
        onError: (error) => this.#onLinkError(facts, error),
      });
      this.#links.set(key, { facts, socket });
      if (known === undefined) this.#join(facts);
    } catch (thrown) {
      this.linkProblems.set(name, toHanaError(thrown, "network-unusable", `interface ${name}`));
    }
  }

  /** Some systems bind late: then this is how a port that is held shows itself. */
  #onLinkError({ key, name }: DnsLink, error: HanaError): void {
    if (error.code === "address-in-use") {
      this.#close(key);
      this.linkProblems.set(name, error);
    }
    this.handlers.onError(error);
  }

  #join({ name, address }: DnsLink): void {
    try {
      this.#shared?.join(MDNS_GROUP, address);
    } catch (thrown) {
      this.linkProblems.set(name, toHanaError(thrown, "network-unusable", `interface ${name}`));
    }
  }

  #close(key: string): void {
    const link = this.#links.get(key);
    this.#links.delete(key);
    if (link === undefined) return;
    this.#shared?.leave(MDNS_GROUP, link.facts.address);
    link.socket.close();
  }
}

/**
 * Our own messages on their way back: the same bytes from an address of ours, once for each time that they were sent.
 * Another program of this machine that sends the same is heard, because its copy is one too many.
 */
export class Echoes {
  readonly #waiting = new Map<string, { count: number; untilUs: number }>();

  /** Notes a message that we multicast. */
  noteSent(nowUs: number, bytes: Uint8Array): void {
    const key = digestOf(bytes);
    const known = this.#waiting.get(key);
    this.#waiting.delete(key);
    this.#waiting.set(key, { count: (known?.count ?? 0) + 1, untilUs: nowUs + ECHO_US });
    for (const [oldest, { untilUs }] of this.#waiting) {
      if (untilUs > nowUs && this.#waiting.size <= MAX_ECHOES) break;
      this.#waiting.delete(oldest);
    }
  }

  /** Whether a message from an address of ours is one that we sent; if so it is not waited for any more. */
  take(nowUs: number, bytes: Uint8Array): boolean {
    const key = digestOf(bytes);
    const known = this.#waiting.get(key);
    if (known === undefined) return false;
    known.count--;
    if (known.count <= 0) this.#waiting.delete(key);
    return known.untilUs > nowUs;
  }
}

/** Length and two FNV-1a sums: enough to tell a few hundred messages of our own apart. */
function digestOf(bytes: Uint8Array): string {
  let a = 0x811c9dc5;
  let b = 0x1234567;
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b + byte, 0x85ebca6b) ^ (b >>> 13);
  }
  return `${bytes.length} ${a >>> 0} ${b >>> 0}`;
}
