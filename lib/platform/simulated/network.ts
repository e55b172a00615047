// Segments (one switched network each), interfaces and what joins them.
// Decides who on a segment can hear whom, and when a frame arrives. Never looks into a frame.

import { HanaError } from "../../base/mod.ts";
import { broadcastOf, isInNetwork, isIpv6, isLoopback } from "./address.ts";
import type { Engine } from "./engine.ts";
import { Link, type LinkModel, LOST, UniformLink, type UniformLinkOptions } from "./link.ts";
import type { NetworkInterface } from "../mod.ts";

/** Settings of a segment. */
export interface SegmentOptions extends UniformLinkOptions {
  /** The largest IP packet; a datagram with its 28 bytes of headers must fit. */
  readonly mtuBytes?: number;
  /** Decides delay and loss instead of the uniform model. */
  readonly model?: LinkModel;
}

const ETHERNET_MTU_BYTES = 1500;

/** An address on an interface. */
export interface InterfaceAddress {
  readonly address: string;
  readonly prefix: number;
}

/** One network interface of a simulated host. */
export class SimulatedInterface {
  readonly name: string;
  readonly hostName: string;
  /** Where its cable ends; null for loopback. */
  readonly segment: Segment | null;
  readonly index: number;
  /** False while its cable is out. Memberships survive that (discovery research E10). */
  up = true;
  /** False while its host has no power. */
  powered = true;
  /** False once removed; memberships go with it (E12). */
  present = true;
  /** Groups joined here, with how many sockets did. */
  readonly #groups = new Map<string, number>();
  #addresses: readonly InterfaceAddress[] = [];
  #broadcasts: readonly string[] = [];

  constructor(
    hostName: string,
    name: string,
    index: number,
    segment: Segment | null,
    addresses: readonly InterfaceAddress[],
  ) {
    this.hostName = hostName;
    this.name = name;
    this.index = index;
    this.segment = segment;
    this.setAddresses(addresses);
  }

  /** Its addresses, the first one first. */
  get addresses(): readonly InterfaceAddress[] {
    return this.#addresses;
  }

  /** Gives it other addresses. */
  setAddresses(addresses: readonly InterfaceAddress[]): void {
    this.#addresses = [...addresses];
    this.#broadcasts = addresses.flatMap(({ address, prefix }) => broadcastOf(address, prefix) ?? []);
  }

  /** Whether frames pass. */
  get usable(): boolean {
    return this.up && this.powered && this.present;
  }

  /** Whether the address is one of its own. */
  owns(address: string): boolean {
    for (const own of this.#addresses) if (own.address === address) return true;
    return false;
  }

  /** Whether the address is the broadcast address of one of its networks. */
  isBroadcast(address: string): boolean {
    if (this.segment === null) return address === "127.255.255.255";
    return this.#broadcasts.includes(address);
  }

  /** Its first address of the family of `like`; null when it has none. */
  addressLike(like: string): string | null {
    return this.addresses.find((own) => isIpv6(own.address) === isIpv6(like))?.address ?? null;
  }

  /** One socket more listens to the group. */
  joinGroup(group: string): void {
    this.#groups.set(group, (this.#groups.get(group) ?? 0) + 1);
  }

  /** One socket less. */
  leaveGroup(group: string): void {
    const left = (this.#groups.get(group) ?? 0) - 1;
    if (left > 0) this.#groups.set(group, left);
    else this.#groups.delete(group);
  }

  /** Whether anybody on this host listens to the group here. */
  hears(group: string): boolean {
    return this.#groups.has(group);
  }

  /** The addresses as the platform lists them. */
  list(): NetworkInterface[] {
    return this.addresses.map((own) => ({
      name: this.name,
      family: isIpv6(own.address) ? "ipv6" : "ipv4",
      address: own.address,
      prefix: own.prefix,
      mac: this.segment === null ? "00:00:00:00:00:00" : this.#mac(),
      loopback: isLoopback(own.address),
      broadcast: broadcastOf(own.address, own.prefix),
      scopeId: own.address.startsWith("fe80:") ? this.index : null,
    }));
  }

  // Locally administered, made of the host's name, so that hosts differ and runs do not.
  #mac(): string {
    let hash = 0x811c9dc5;
    for (let i = 0; i < this.hostName.length; i++) {
      hash = Math.imul(hash ^ this.hostName.charCodeAt(i), 0x01000193) >>> 0;
    }
    const parts = [0x02, hash >>> 24, (hash >>> 16) & 255, (hash >>> 8) & 255, hash & 255, this.index & 255];
    return parts.map((part) => part.toString(16).padStart(2, "0")).join(":");
  }
}

/** One switched network. */
export class Segment {
  readonly name: string;
  readonly mtuBytes: number;
  /** Decides delay and loss; may be replaced while the world runs. */
  model: LinkModel;
  readonly #engine: Engine;
  readonly #attached: SimulatedInterface[] = [];
  readonly #links = new Map<string, Map<string, Link>>();
  readonly #cuts = new Map<string, Set<string>>();

  constructor(engine: Engine, name: string, options: SegmentOptions = {}) {
    this.#engine = engine;
    this.name = name;
    this.mtuBytes = options.mtuBytes ?? ETHERNET_MTU_BYTES;
    this.model = options.model ?? new UniformLink(options);
  }

  /** The interfaces on it, in the order in which they came. */
  get attached(): readonly SimulatedInterface[] {
    return this.#attached;
  }

  /** Plugs an interface in. */
  attach(added: SimulatedInterface): void {
    this.#attached.push(added);
  }

  /** Unplugs it for good. */
  detach(removed: SimulatedInterface): void {
    const at = this.#attached.indexOf(removed);
    if (at >= 0) this.#attached.splice(at, 1);
  }

  /** The interface that answers for an address; null when nobody does. */
  ownerOf(address: string): SimulatedInterface | null {
    for (const attached of this.#attached) if (attached.usable && attached.owns(address)) return attached;
    return null;
  }

  /** From now on nothing gets from one host to the other; the way back stays as it is. */
  cut(fromHost: string, toHost: string): void {
    let targets = this.#cuts.get(fromHost);
    if (targets === undefined) this.#cuts.set(fromHost, targets = new Set());
    targets.add(toHost);
  }

  /** Undoes {@linkcode cut}. */
  heal(fromHost: string, toHost: string): void {
    this.#cuts.get(fromHost)?.delete(toHost);
  }

  /** Cuts every pair of a host in one group and a host in another, both ways. */
  partition(...groups: ReadonlyArray<readonly string[]>): void {
    groups.forEach((group, index) => {
      for (const other of groups.slice(index + 1)) {
        for (const a of group) {
          for (const b of other) {
            this.cut(a, b);
            this.cut(b, a);
          }
        }
      }
    });
  }

  /** Undoes every cut. */
  healAll(): void {
    this.#cuts.clear();
  }

  /** Whether frames of one host can reach the other. */
  canReach(fromHost: string, toHost: string): boolean {
    return this.#cuts.get(fromHost)?.has(toHost) !== true;
  }

  /** Microseconds until a frame of `bytes` arrives, or `LOST`. */
  planUs(from: SimulatedInterface, to: SimulatedInterface, bytes: number, group: boolean): number {
    if (!from.usable || !to.usable || !this.canReach(from.hostName, to.hostName)) return LOST;
    return this.model.planUs(this.#link(from.hostName, to.hostName), bytes, this.#engine.nowUs, group);
  }

  #link(from: string, to: string): Link {
    let links = this.#links.get(from);
    if (links === undefined) this.#links.set(from, links = new Map());
    let link = links.get(to);
    if (link === undefined) links.set(to, link = new Link(this.name, from, to, this.#engine.random));
    return link;
  }
}

/** How traffic to an address leaves a host. */
export interface Route {
  readonly out: SimulatedInterface;
  /** The sender's address, unless its socket is bound to another. */
  readonly source: string;
  /** Who is at the other end now; the same as `out` on the own host, null when nobody is. */
  readonly target: SimulatedInterface | null;
}

/** The interfaces of one host and the way out. */
export class HostNetwork {
  readonly hostName: string;
  readonly loopback: SimulatedInterface;
  /** Where multicast of an unbound socket leaves; null is a machine without a default route. */
  defaultInterface: string | null;
  readonly #interfaces: SimulatedInterface[] = [];
  #nextIndex = 1;

  constructor(hostName: string, defaultInterface: string | null) {
    this.hostName = hostName;
    this.defaultInterface = defaultInterface;
    this.loopback = this.add("lo", null, [{ address: "127.0.0.1", prefix: 8 }, {
      address: "::1",
      prefix: 128,
    }]);
  }

  /** All interfaces, loopback first. */
  get interfaces(): readonly SimulatedInterface[] {
    return this.#interfaces;
  }

  /** Adds an interface. Throws `conflict` for a name that is taken. */
  add(name: string, segment: Segment | null, addresses: readonly InterfaceAddress[]): SimulatedInterface {
    if (this.find(name) !== null) {
      throw new HanaError("conflict", {
        what: `interface ${name} of ${this.hostName}`,
        why: "is there already",
      });
    }
    const added = new SimulatedInterface(this.hostName, name, this.#nextIndex++, segment, addresses);
    added.powered = this.#interfaces[0]?.powered ?? true;
    this.#interfaces.push(added);
    segment?.attach(added);
    return added;
  }

  /** Removes an interface; false when there is none of this name. */
  remove(name: string): boolean {
    const removed = this.find(name);
    if (removed === null) return false;
    removed.present = false;
    removed.segment?.detach(removed);
    this.#interfaces.splice(this.#interfaces.indexOf(removed), 1);
    return true;
  }

  /** The interface of this name. */
  find(name: string): SimulatedInterface | null {
    return this.#interfaces.find((candidate) => candidate.name === name) ?? null;
  }

  /** The interface that has this address, whether frames pass or not. */
  owner(address: string): SimulatedInterface | null {
    for (const candidate of this.#interfaces) if (candidate.owns(address)) return candidate;
    return isLoopback(address) ? this.loopback : null;
  }

  /** The way to a host; null when there is none. */
  route(to: string): Route | null {
    const own = this.owner(to);
    if (own !== null) {
      // Traffic to an own address never touches the cable, so a pulled cable does not matter.
      return { out: this.loopback, source: to, target: this.loopback };
    }
    for (const out of this.#interfaces) {
      if (!out.usable || out.segment === null) continue;
      for (const { address, prefix } of out.addresses) {
        if (isInNetwork(to, address, prefix)) {
          return { out, source: address, target: out.segment.ownerOf(to) };
        }
      }
    }
    return null;
  }

  /** Where multicast and broadcast leave for a socket bound to `source`; null when nowhere. */
  groupInterface(source: string, wildcard: boolean): SimulatedInterface | null {
    if (!wildcard) {
      const bound = this.owner(source);
      return bound !== null && bound.usable ? bound : null;
    }
    const found = this.defaultInterface === null ? null : this.find(this.defaultInterface);
    return found !== null && found.usable ? found : null;
  }

  /** Cuts or restores power. */
  setPower(powered: boolean): void {
    for (const each of this.#interfaces) each.powered = powered;
  }
}
