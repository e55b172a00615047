// Network interfaces of simulated hosts and the way out of a host.
// Decides which interface a packet leaves by and whose address is whose. Never looks into a frame.

import { HanaError } from "../../base/mod.ts";
import { broadcastOf, isInNetwork, isIpv6, isLoopback } from "./address.ts";
import type { NetworkInterface } from "../mod.ts";
import type { Frame } from "./frame.ts";
import type { Link, Traffic } from "./link.ts";

/** An address on an interface. */
export interface InterfaceAddress {
  readonly address: string;
  readonly prefix: number;
}

/** What the cable of an interface leads to: others, and the way to them. A `Segment` is one. */
export interface Cable {
  readonly name: string;
  readonly mtuBytes: number;
  /** The interfaces on it, in the order in which they came. */
  readonly attached: readonly SimulatedInterface[];
  /** The direction of the last frame that {@linkcode planUs} found a delay for. */
  readonly lastLink: Link | null;
  /** Plugs an interface in. */
  attach(added: SimulatedInterface): void;
  /** Unplugs it for good. */
  detach(removed: SimulatedInterface): void;
  /** The interface that answers for an address; null when nobody does. */
  ownerOf(address: string): SimulatedInterface | null;
  /** Whether frames of one host can reach the other now, as far as the network goes. */
  canReach(fromHost: string, toHost: string): boolean;
  /** Microseconds until a frame of `bytes` arrives, or why it does not: `LOST`, `CUT`, or `HELD`. */
  planUs(from: SimulatedInterface, to: SimulatedInterface, bytes: number, traffic: Traffic): number;
  /** Keeps a frame that was `HELD`; `go` hears when it arrives after all, or that it is lost. */
  hold(
    from: SimulatedInterface,
    to: SimulatedInterface,
    bytes: number,
    traffic: Traffic,
    go: (delayUs: number) => void,
  ): void;
}

/** Who takes the datagrams that arrive at a host; its `DatagramPorts` do. */
export interface FrameReceiver {
  /** A frame arrives at an interface of this host. */
  deliver(at: SimulatedInterface, frame: Frame): void;
}

/** One network interface of a simulated host. */
export class SimulatedInterface {
  readonly name: string;
  readonly hostName: string;
  /** Where its cable ends; null for loopback. */
  readonly segment: Cable | null;
  readonly index: number;
  /** False while its cable is out. Memberships survive that (discovery research E10). */
  up = true;
  /** False while its host has no power. */
  powered = true;
  /** The host's own view of its interfaces. */
  readonly network: HostNetwork;
  /** Its place among all interfaces that were ever plugged into its segment; −1 for none. */
  slot = -1;
  /** The directions to others, by their slots: the segment's, kept here so that it finds them at once. */
  readonly links: Link[] = [];
  /** True while its host is cut off from everybody. */
  isolated = false;
  /** The share of multicast and broadcast from and to its host that is lost. */
  groupLoss = 0;
  /** False once removed; memberships go with it (E12). */
  present = true;
  /** Groups joined here, with how many sockets did. */
  readonly #groups = new Map<string, number>();
  /** The group that was asked for last and is heard: every frame to a group asks. */
  #heardGroup: string | null = null;
  #addresses: readonly InterfaceAddress[] = [];
  #broadcasts: readonly string[] = [];

  constructor(
    network: HostNetwork,
    name: string,
    index: number,
    segment: Cable | null,
    addresses: readonly InterfaceAddress[],
  ) {
    this.network = network;
    this.hostName = network.hostName;
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
    this.#heardGroup = null;
  }

  /** Whether anybody on this host listens to the group here. */
  hears(group: string): boolean {
    if (group === this.#heardGroup) return true;
    if (!this.#groups.has(group)) return false;
    this.#heardGroup = group;
    return true;
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
  /** Who takes the datagrams that arrive; set by the one who does. */
  datagrams: FrameReceiver | null = null;
  /** Where multicast of an unbound socket leaves; null is a machine without a default route. */
  defaultInterface: string | null;
  readonly #interfaces: SimulatedInterface[] = [];
  #nextIndex = 1;
  #powered = true;
  #isolations = 0;
  #groupLoss = 0;

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
  add(name: string, segment: Cable | null, addresses: readonly InterfaceAddress[]): SimulatedInterface {
    if (this.find(name) !== null) {
      throw new HanaError("conflict", {
        what: `interface ${name} of ${this.hostName}`,
        why: "is there already",
      });
    }
    const added = new SimulatedInterface(this, name, this.#nextIndex++, segment, addresses);
    added.powered = this.#powered;
    added.isolated = this.#isolations > 0;
    added.groupLoss = this.#groupLoss;
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
    this.#powered = powered;
    for (const each of this.#interfaces) each.powered = powered;
  }

  /** Whether nothing gets out or in. */
  get isolated(): boolean {
    return this.#isolations > 0;
  }

  /** Cuts the host off, or undoes one such cut: they add up. */
  isolate(on: boolean): void {
    this.#isolations = Math.max(0, this.#isolations + (on ? 1 : -1));
    for (const each of this.#interfaces) each.isolated = this.#isolations > 0;
  }

  /** Sets the share of multicast and broadcast that is lost. */
  setGroupLoss(share: number): void {
    this.#groupLoss = share;
    for (const each of this.#interfaces) each.groupLoss = share;
  }
}
