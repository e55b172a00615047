// Network interfaces of simulated hosts and the way out of a host.
// Decides which interface a packet leaves by and whose address is whose. Never looks into a frame.

import { HanaError } from "../../base/mod.ts";
import { broadcastOf, compressed, isInNetwork, isIpv6, isLoopback } from "./address.ts";
import type { NetworkInterface } from "../mod.ts";
import { needsZone, splitZone } from "../zone.ts";
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
  /**
   * What the switch does with multicast for it, as one that snoops does: forwards it, has forgotten the memberships
   * until the next join reports one (E14), or forwards none whatever is joined. Broadcast passes in any case.
   */
  multicast: "forwarded" | "forgotten" | "blocked" = "forwarded";
  /** False once removed; memberships go with it (E12). */
  present = true;
  /** Groups joined here, with how many sockets did. */
  readonly #groups = new Map<string, number>();
  /** The group that was asked for last and is heard: every frame to a group asks. */
  #heardGroup: string | null = null;
  /** Its link-local address, which is made of the hardware address and stays; null without IPv6. */
  readonly linkLocal: string | null;
  #addresses: readonly InterfaceAddress[] = [];
  #broadcasts: readonly string[] = [];

  constructor(
    network: HostNetwork,
    name: string,
    index: number,
    segment: Cable | null,
    addresses: readonly InterfaceAddress[],
    hasLinkLocal = false,
  ) {
    this.network = network;
    this.hostName = network.hostName;
    this.name = name;
    this.index = index;
    this.segment = segment;
    this.linkLocal = hasLinkLocal ? linkLocalOf(this.#mac()) : null;
    this.setAddresses(addresses);
  }

  /** Its addresses, the first one first. */
  get addresses(): readonly InterfaceAddress[] {
    return this.#addresses;
  }

  /** Gives it other addresses; the link-local one stays. */
  setAddresses(addresses: readonly InterfaceAddress[]): void {
    const own = addresses.filter(({ address }) => address !== this.linkLocal);
    if (this.linkLocal !== null) own.push({ address: this.linkLocal, prefix: 64 });
    this.#addresses = own;
    this.#broadcasts = addresses.flatMap(({ address, prefix }) => broadcastOf(address, prefix) ?? []);
  }

  /** Whether frames pass. */
  get usable(): boolean {
    return this.up && this.powered && this.present;
  }

  /** Whether a zone is this interface, by name or by index. */
  isZone(zone: string): boolean {
    return zone === this.name || zone === `${this.index}`;
  }

  /** Whether the address, without a zone, is one of its own. */
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
    if (this.multicast === "forgotten") this.multicast = "forwarded";
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
    const host = hashOf(this.hostName);
    const parts = [0x02, host >>> 24, (host >>> 16) & 255, (host >>> 8) & 255, host & 255, this.index & 255];
    return parts.map((part) => part.toString(16).padStart(2, "0")).join(":");
  }
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}

/** The link-local address of a hardware address (RFC 4291 appendix A). */
function linkLocalOf(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(":").map((part) => parseInt(part, 16));
  const groups = [(a ^ 2) << 8 | b, c << 8 | 0xff, 0xfe << 8 | d, e << 8 | f];
  return compressed(`fe80:0:0:0:${groups.map((group) => group.toString(16)).join(":")}`);
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

  /** Adds an interface, with a link-local address if asked for. Throws `conflict` for a name that is taken. */
  add(
    name: string,
    segment: Cable | null,
    addresses: readonly InterfaceAddress[],
    hasLinkLocal = false,
  ): SimulatedInterface {
    if (this.find(name) !== null) {
      throw new HanaError("conflict", {
        what: `interface ${name} of ${this.hostName}`,
        why: "is there already",
      });
    }
    const added = new SimulatedInterface(this, name, this.#nextIndex++, segment, addresses, hasLinkLocal);
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

  /** The interface that has this address, in this zone if one is given, whether frames pass or not. */
  owner(address: string): SimulatedInterface | null {
    if (address.includes("%")) return this.#ownerInZone(address);
    for (const candidate of this.#interfaces) if (candidate.owns(address)) return candidate;
    return isLoopback(address) ? this.loopback : null;
  }

  #ownerInZone(host: string): SimulatedInterface | null {
    const { address, zone } = splitZone(host);
    return this.#interfaces.find((each) => zone !== null && each.isZone(zone) && each.owns(address)) ?? null;
  }

  /** The interface of this zone; null when there is none. */
  zone(zone: string): SimulatedInterface | null {
    return this.#interfaces.find((each) => each.isZone(zone)) ?? null;
  }

  /**
   * The way to a host; null when there is none, and for a link-local address without a zone.
   * @param bound the zone that the sender's socket is bound to
   */
  route(to: string, bound: string | null = null): Route | null {
    const own = this.owner(to);
    if (own !== null) {
      // Traffic to an own address never touches the cable, so a pulled cable does not matter.
      return { out: this.loopback, source: to, target: this.loopback };
    }
    const { address: target, zone } = splitZone(to);
    const via = zone ?? bound;
    const isZoned = needsZone(target);
    if (isZoned && via === null) return null;
    for (const out of this.#interfaces) {
      if (!out.usable || out.segment === null || (via !== null && !out.isZone(via))) continue;
      for (const { address, prefix } of out.addresses) {
        if (isInNetwork(target, address, prefix)) {
          const source = isZoned ? `${address}%${out.name}` : address;
          return { out, source, target: out.segment.ownerOf(target) };
        }
      }
    }
    return null;
  }

  /** Where multicast and broadcast leave for a socket bound to `source`; null when nowhere. */
  groupInterface(source: string, wildcard: boolean): SimulatedInterface | null {
    if (source.includes("%")) {
      const zoned = this.zone(splitZone(source).zone ?? "");
      return zoned !== null && zoned.usable ? zoned : null;
    }
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
