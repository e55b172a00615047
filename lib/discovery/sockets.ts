// The sockets of discovery: one that hears everybody on the shared port, and one a link that sends and hears answers.
// Decides how they follow the interfaces; a wildcard socket never sends and a link's socket never shares its port,
// because the system gives unicast on a shared port to one process only (discovery research 3, E1 to E8).
// Never dies of the network: what cannot be bound or joined is told, and tried again.

import { type HanaError, toHanaError } from "../base/mod.ts";
import type { Datagrams, DatagramSocket, IpEndpoint } from "../platform/mod.ts";
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
  /** Multicast group. */
  readonly group: string;
  /** UDP port of group, broadcast and seeds. */
  readonly port: number;
}

/** A link with its socket. */
interface LinkSocket {
  readonly chosen: ChosenInterface;
  readonly socket: DatagramSocket;
  isJoined: boolean;
}

/** All sockets of one discovery service. */
export class DiscoverySockets {
  readonly #links = new Map<string, LinkSocket>();
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

  /** Follows the interfaces: closes, binds, joins. What failed before is tried again. */
  follow(list: readonly ChosenInterface[]): void {
    if (this.listens && this.#shared === null) this.#bindShared();
    const wanted = new Map(list.map((chosen) => [chosen.key, chosen]));
    this.linkProblems.clear();
    for (const key of [...this.#links.keys()]) if (!wanted.has(key)) this.#close(key);
    for (const chosen of list) {
      if (!this.#links.has(chosen.key)) this.#open(chosen);
      const link = this.#links.get(chosen.key);
      if (link !== undefined && !link.isJoined) this.#join(link);
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
    this.#shared?.leave(this.mesh.group, link.chosen.address);
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
    const endpoint = to.kind === "unicast"
      ? to.endpoint
      : { host: to.kind === "broadcast" ? to.host : this.mesh.group, port: this.mesh.port };
    if (key !== null) {
      const link = this.#links.get(key);
      link?.socket.send(bytes, endpoint);
      return link !== undefined;
    }
    // Behind a router: the routing table cannot be asked, so every link tries; copies are dropped by number.
    let isSent = false;
    for (const link of this.#links.values()) {
      if (link.chosen.loopback) continue;
      link.socket.send(bytes, endpoint);
      isSent = true;
    }
    return isSent;
  }

  /** Closes everything. */
  close(): void {
    for (const key of [...this.#links.keys()]) this.#close(key);
    this.#shared?.close();
    this.#shared = null;
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
      this.#links.set(chosen.key, { chosen, socket, isJoined: false });
    } catch (thrown) {
      this.linkProblems.set(chosen.name, toHanaError(thrown, "network-unusable", `interface ${chosen.name}`));
    }
  }

  #join(link: LinkSocket): void {
    if (this.#shared === null) return;
    try {
      this.#shared.join(this.mesh.group, link.chosen.address);
      link.isJoined = true;
    } catch (thrown) {
      link.isJoined = false;
      this.linkProblems.set(
        link.chosen.name,
        toHanaError(thrown, "network-unusable", `interface ${link.chosen.name}`),
      );
    }
  }

  #close(key: string): void {
    const link = this.#links.get(key);
    this.#links.delete(key);
    if (link === undefined) return;
    if (link.isJoined) this.#shared?.leave(this.mesh.group, link.chosen.address);
    link.socket.close();
  }
}
