// Which of the machine's interfaces carry discovery, and which seeds can be asked.
// Decides from names and addresses alone, because the system tells neither "up" nor "multicast" (discovery research 3).
// Never looks at time: interface_watch.ts decides when a change counts.

import { HanaError } from "../base/mod.ts";
import type { IpEndpoint, NetworkInterface } from "../platform/mod.ts";
import { isLinkLocalHost, parseIpv4 } from "./address.ts";
import { type LinkInterface, splitHostPort } from "./endpoint.ts";
import { canonicalHost, isIpv6, isStableAddress, networkOf } from "./ipv6.ts";

/** Interfaces at most, the machine's own loopback not counted; more are containers, not networks. */
export const MAX_LINKS = 8;

/** Networks and further addresses of one IPv6 link that are kept. */
const MAX_NETWORKS = 8;
const MAX_FURTHER = 2;

/**
 * Names of interfaces that are no show network: containers, virtual machines, tunnels, Apple's peer-to-peer radio.
 * Any of them can still be asked for by name.
 */
export const IGNORED_INTERFACES: readonly RegExp[] = [
  /^(veth|docker|br-|virbr|cni|flannel|podman|lxc|vmnet)/i,
  /^vEthernet/i,
  /^(utun|awdl|llw|tailscale|zt|wg|tun|tap)/i,
];

/** How interfaces are chosen. */
export interface InterfaceChoice {
  /** Names or addresses; null for all that are not ignored. Loopback is always used. */
  readonly only: readonly string[] | null;
}

/** An interface that will be used; the port comes with its socket. */
export type ChosenInterface = Omit<LinkInterface, "port">;

/** What {@linkcode chooseLinks} found. */
export interface ChosenLinks {
  readonly links: ChosenInterface[];
  /** Names of interfaces that did not fit. */
  readonly left: string[];
}

/** The links to use: IPv4, then IPv6, each in the machine's order, loopback last. */
export function chooseInterfaces(
  list: readonly NetworkInterface[],
  choice: InterfaceChoice,
): ChosenInterface[] {
  return chooseLinks(list, choice).links;
}

/** The links to use, and what is left out because there are too many. */
export function chooseLinks(list: readonly NetworkInterface[], choice: InterfaceChoice): ChosenLinks {
  const names = new Set<string>();
  const left = new Set<string>();
  const links: ChosenInterface[] = [];
  const isWanted = ({ name, address, loopback }: NetworkInterface): boolean => {
    if (loopback) return false;
    if (choice.only === null) return !IGNORED_INTERFACES.some((pattern) => pattern.test(name));
    return choice.only.includes(name) || choice.only.includes(address);
  };
  const hasRoom = (name: string): boolean => {
    if (!names.has(name) && names.size >= MAX_LINKS) {
      left.add(name);
      return false;
    }
    names.add(name);
    return true;
  };
  for (const each of list) {
    // An interface may have several addresses; the bound holds for them as well.
    if (each.family !== "ipv4" || !isWanted(each) || !hasRoom(each.name)) continue;
    if (links.length < MAX_LINKS) links.push(toChosen(each));
  }
  const withIpv4 = new Set(links.map((link) => link.name));
  const withIpv6 = new Set<string>();
  for (const each of list) {
    // Every interface that speaks IPv6 has a link-local address (RFC 4291 section 2.1), and only that one has a scope.
    if (each.family !== "ipv6" || each.scopeId === null || withIpv6.has(each.name)) continue;
    if (!isLinkLocalHost(each.address) || !isWanted(each) || !hasRoom(each.name)) continue;
    withIpv6.add(each.name);
    links.push(toChosenIpv6(each, each.scopeId, list, withIpv4.has(each.name)));
  }
  const loopback = list.find((each) => each.family === "ipv4" && each.loopback);
  if (loopback !== undefined) links.push(toChosen(loopback));
  return { links, left: [...left] };
}

/** What of `wanted` names no interface of the list, by name or by address. */
export function missingInterfaces(list: readonly NetworkInterface[], wanted: readonly string[]): string[] {
  return wanted.filter((text) => !list.some(({ name, address }) => name === text || address === text));
}

function toChosen(each: NetworkInterface): ChosenInterface {
  const { name, address, prefix, loopback } = each;
  return {
    // The hardware address is part of it: an interface that was made anew has lost its memberships.
    key: `${name}|${each.mac}|${address}/${prefix}`,
    name,
    family: "ipv4",
    address,
    prefix,
    // Point-to-point networks (RFC 3021) have no broadcast address.
    broadcast: loopback || prefix > 30 ? null : each.broadcast,
    loopback,
  };
}

/** Other addresses of the interface come and go (RFC 8981) and change nothing but what is on the link. */
function toChosenIpv6(
  each: NetworkInterface,
  scopeId: number,
  list: readonly NetworkInterface[],
  isSecondary: boolean,
): ChosenInterface {
  const { name, mac } = each;
  // A zone stands in URLs; a name that cannot is replaced by its number.
  const zone = /^[0-9A-Za-z_.-]{1,15}$/.test(name) ? name : `${scopeId}`;
  const address = canonicalHost(each.address);
  const others = list.filter((other) =>
    other.name === name && other.family === "ipv6" && !isLinkLocalHost(other.address)
  );
  const networks = new Set(others.map((other) => networkOf(other.address, other.prefix)));
  const further = others.map((other) => canonicalHost(other.address)).filter((text) =>
    isStableAddress(text, mac)
  );
  return {
    key: `${name}|${mac}|ipv6|${address}%${scopeId}`,
    name,
    family: "ipv6",
    address: `${address}%${zone}`,
    prefix: each.prefix,
    broadcast: null,
    loopback: false,
    ipv6: {
      zone,
      isSecondary,
      networks: [...networks].sort().slice(0, MAX_NETWORKS),
      further: [...new Set(further)].sort().slice(0, MAX_FURTHER),
    },
  };
}

/**
 * Reads `10.0.0.7`, `10.0.0.7:47676`, `fe80::7%eth0`, `[fe80::7%eth0]:47676`, each with `udp://` or without.
 * Throws `config` for anything else, names included.
 */
export function parseSeed(text: string, defaultPort: number): IpEndpoint {
  const bare = text.trim().replace(/^udp:\/\//, "");
  const host = /^\[([^\]]*)\]$/.exec(bare)?.[1] ?? bare;
  if (parseIpv4(host) >= 0 || isIpv6(host)) return { host: canonicalHost(host), port: defaultPort };
  const at = splitHostPort(bare);
  if (at !== null) return { host: canonicalHost(at.host), port: at.port };
  throw new HanaError("config", {
    what: `peer address ${JSON.stringify(text)}`,
    why: "is no IP address with or without a port; names are not looked up, since a show network has no DNS",
    hint: "give the address, as in --peer 10.0.0.7",
  });
}
