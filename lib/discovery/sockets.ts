// The sockets of discovery: ears that hear everybody on the shared port, and one a link that sends and hears answers.
// Decides how they follow the interfaces; an ear never sends and a link's socket never shares its port, because the
// system gives unicast on a shared port to one process only (discovery research 3, E1 to E8).
// IPv4 has one ear for all links. IPv6 has ears a link, since an address without its zone is of no use and only a
// socket that belongs to the interface knows it: one for the group, one for each address that a seed may name.
// Never dies of the network: what cannot be bound or joined is told, and tried again.

import { type HanaError, toHanaError } from "../base/mod.ts";
import { type Datagrams, type DatagramSocket, type IpEndpoint, needsZone } from "../platform/mod.ts";
import type { LinkInterface } from "./endpoint.ts";
import type { ChosenInterface } from "./interface_choice.ts";
import type { Transmit } from "./outbox.ts";

/** What the sockets tell their owner. */
export interface SocketHandlers {
  onDatagram(bytes: Uint8Array, from: IpEndpoint): void;
  /** Sending or receiving failed; the interfaces may have changed. */
  onError(error: HanaError): void;
}

/** Where the mesh speaks. */
export interface MeshAddress {
  /** IPv4 multicast group. */
  readonly group: string;
  /** IPv6 multicast group, without a zone. */
  readonly group6: string;
  /** UDP port of group, broadcast and seeds. */
  readonly port: number;
}

/**
 * A new IPv6 address is no good until the system has found that nobody else has it (RFC 4862 section 5.4), which takes
 * a second or two: so many attempts fail before it is a problem.
 */
const QUIET_ATTEMPTS = 6;

/** A link with its socket. */
interface LinkSocket {
  chosen: ChosenInterface;
  readonly socket: DatagramSocket;
  isJoined: boolean;
  /** The ears of an IPv6 link. */
  ears: DatagramSocket[];
}

/** All sockets of one discovery service. */
export class DiscoverySockets {
  readonly #links = new Map<string, LinkSocket>();
  /** How often binding or joining a link has failed in a row, by its key. */
  readonly #failures = new Map<string, number>();
  #shared: DatagramSocket | null = null;
  /** Why the shared port cannot be heard, null while it can. */
  sharedProblem: HanaError | null = null;
  /** Why a link cannot be used or joined, by its name. */
  readonly linkProblems = new Map<string, HanaError>();

  /** @param listens whether to hear multicast at all; a short-lived tool lives on unicast answers */
  constructor(
    readonly datagrams: Datagrams,
    readonly mesh: MeshAddress,
    readonly listens: boolean,
    readonly handlers: SocketHandlers,
  ) {}

  /** Whether multicast and broadcast are heard. */
  get isListening(): boolean {
    return this.#shared !== null;
  }

  /** Whether a new link could not be used yet and probably can be soon. */
  get isSettling(): boolean {
    for (const count of this.#failures.values()) if (count < QUIET_ATTEMPTS) return true;
    return false;
  }

  /** Follows the interfaces: closes, binds, joins. What failed before is tried again. */
  follow(list: readonly ChosenInterface[]): void {
    if (this.listens && this.#shared === null) this.#bindShared();
    const wanted = new Map(list.map((chosen) => [chosen.key, chosen]));
    this.linkProblems.clear();
    for (const key of [...this.#links.keys()]) if (!wanted.has(key)) this.#close(key);
    for (const key of this.#failures.keys()) if (!wanted.has(key)) this.#failures.delete(key);
    for (const chosen of list) {
      if (!this.#links.has(chosen.key)) this.#open(chosen);
      const link = this.#links.get(chosen.key);
      if (link === undefined) continue;
      const isHeardElsewhere = link.chosen.ipv6?.further.join() !== chosen.ipv6?.further.join();
      link.chosen = chosen;
      if (!link.isJoined || isHeardElsewhere) this.#join(link);
    }
  }

  /** The links that can be used now. */
  get links(): LinkInterface[] {
    return Array.from(this.#links.values(), ({ chosen, socket }) => ({ ...chosen, port: socket.local.port }));
  }

  /** Leaves and joins the group on one link: a membership can be lost without a sign (E12). */
  rejoin(key: string): void {
    const link = this.#links.get(key);
    if (link === undefined) return;
    if (link.chosen.family === "ipv4") this.#shared?.leave(this.mesh.group, link.chosen.address);
    this.#join(link);
  }

  /** Makes all sockets anew. */
  rebind(): void {
    const list = Array.from(this.#links.values(), (link) => link.chosen);
    this.close();
    this.follow(list);
  }

  /** Sends one datagram. Returns false when there is no link to send it from. */
  send(transmit: Transmit): boolean {
    const { to, link: key, bytes } = transmit;
    if (key !== null) {
      const link = this.#links.get(key);
      if (link === undefined) return false;
      if (to.kind === "unicast") link.socket.send(bytes, inZoneOf(link, to.endpoint));
      else {
        const host = to.kind === "broadcast" ? to.host : this.#groupOf(link);
        link.socket.send(bytes, { host, port: this.mesh.port });
      }
      return true;
    }
    if (to.kind !== "unicast") return false;
    // Behind a router: the routing table cannot be asked, so every link tries; copies are dropped by number.
    const family = to.endpoint.host.includes(":") ? "ipv6" : "ipv4";
    let isSent = false;
    for (const link of this.#links.values()) {
      if (link.chosen.loopback || link.chosen.family !== family) continue;
      link.socket.send(bytes, inZoneOf(link, to.endpoint));
      isSent = true;
    }
    return isSent;
  }

  /** Closes everything. */
  close(): void {
    for (const key of [...this.#links.keys()]) this.#close(key);
    this.#failures.clear();
    this.#shared?.close();
    this.#shared = null;
  }

  #groupOf({ chosen }: LinkSocket): string {
    return chosen.ipv6 === undefined ? this.mesh.group : `${this.mesh.group6}%${chosen.ipv6.zone}`;
  }

  #bindShared(): void {
    try {
      this.#shared = this.datagrams.bind(
        { host: "0.0.0.0", port: this.mesh.port, shared: true },
        this.handlers,
      );
      this.sharedProblem = null;
      for (const link of this.#links.values()) link.isJoined = false;
    } catch (thrown) {
      this.sharedProblem = toHanaError(thrown, "network-unusable", `UDP port ${this.mesh.port}`);
    }
  }

  #open(chosen: ChosenInterface): void {
    try {
      const options = { host: chosen.address, port: 0, egress: chosen.address };
      const socket = this.datagrams.bind(options, this.handlers);
      this.#links.set(chosen.key, { chosen, socket, isJoined: false, ears: [] });
      this.#failures.delete(chosen.key);
    } catch (thrown) {
      this.#noteFailure(chosen, thrown);
    }
  }

  #join(link: LinkSocket): void {
    if (!this.listens) return;
    try {
      if (link.chosen.ipv6 !== undefined) this.#bindEars(link, link.chosen.ipv6);
      else if (this.#shared !== null) this.#shared.join(this.mesh.group, link.chosen.address);
      else return;
      link.isJoined = true;
      this.#failures.delete(link.chosen.key);
    } catch (thrown) {
      link.isJoined = false;
      this.#noteFailure(link.chosen, thrown);
    }
  }

  #bindEars(link: LinkSocket, ipv6: NonNullable<ChosenInterface["ipv6"]>): void {
    for (const ear of link.ears) ear.close();
    link.ears = [];
    const hosts = [
      this.#groupOf(link),
      link.chosen.address,
      ...ipv6.further.map((each) => `${each}%${ipv6.zone}`),
    ];
    for (const host of hosts) {
      link.ears.push(this.datagrams.bind({ host, port: this.mesh.port, shared: true }, this.handlers));
    }
    link.ears[0]?.join(this.mesh.group6, link.chosen.address);
  }

  #noteFailure(chosen: ChosenInterface, thrown: unknown): void {
    const count = (this.#failures.get(chosen.key) ?? 0) + 1;
    this.#failures.set(chosen.key, count);
    if (chosen.family === "ipv6" && count < QUIET_ATTEMPTS) return;
    this.linkProblems.set(chosen.name, toHanaError(thrown, "network-unusable", `interface ${chosen.name}`));
  }

  #close(key: string): void {
    const link = this.#links.get(key);
    this.#links.delete(key);
    if (link === undefined) return;
    if (link.isJoined && link.chosen.family === "ipv4") {
      this.#shared?.leave(this.mesh.group, link.chosen.address);
    }
    for (const ear of link.ears) ear.close();
    link.socket.close();
  }
}

/** A link-local address without a zone means the link that it is sent from. */
function inZoneOf({ chosen }: LinkSocket, to: IpEndpoint): IpEndpoint {
  if (chosen.ipv6 === undefined || !needsZone(to.host) || to.host.includes("%")) return to;
  return { host: `${to.host}%${chosen.ipv6.zone}`, port: to.port };
}
