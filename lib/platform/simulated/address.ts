// Questions about IP addresses that routing asks; the answers are kept, since a world asks the same ones for ever.

import ipaddr from "ipaddr.js";
import { withoutZone } from "../zone.ts";

/** All hosts of the link. */
export const LIMITED_BROADCAST = "255.255.255.255";

/** Addresses of a world are few; past this the table starts again. */
const MAX_KNOWN = 65536;
const known = new Map<string, Known>();

interface Known {
  readonly address: ipaddr.IPv4 | ipaddr.IPv6 | null;
  readonly isLoopback: boolean;
  readonly isMulticast: boolean;
}

function lookUp(text: string): Known {
  let found = known.get(text);
  if (found === undefined) {
    if (known.size >= MAX_KNOWN) known.clear();
    const bare = withoutZone(text);
    const address = ipaddr.isValid(bare) ? ipaddr.parse(bare) : null;
    const range = address?.range();
    found = { address, isLoopback: range === "loopback", isMulticast: range === "multicast" };
    known.set(text, found);
  }
  return found;
}

/** The shortest text of an IPv6 address (RFC 5952), as systems tell it. */
export function compressed(text: string): string {
  return ipaddr.IPv6.parse(text).toRFC5952String();
}

/** Whether `text` is a literal IP address. */
export function isAddress(text: string): boolean {
  return lookUp(text).address !== null;
}

/** Whether the address is of IPv6. */
export function isIpv6(text: string): boolean {
  return text.includes(":");
}

/** Whether a socket bound to it takes every address of its family. */
export function isWildcard(text: string): boolean {
  return text === "0.0.0.0" || text === "::";
}

/** Whether the address names this machine only. */
export function isLoopback(text: string): boolean {
  return lookUp(text).isLoopback;
}

/** Whether the address is a multicast group. */
export function isMulticast(text: string): boolean {
  return lookUp(text).isMulticast;
}

/** Whether `address` is in the network of `prefix` bits that `member` is in. */
export function isInNetwork(address: string, member: string, prefix: number): boolean {
  const a = lookUp(address).address;
  const b = lookUp(member).address;
  if (a === null || b === null || a.kind() !== b.kind()) return false;
  return a.match(b, prefix);
}

/** The broadcast address of a network; null for IPv6, loopback and networks too small to have one (RFC 3021). */
export function broadcastOf(member: string, prefix: number): string | null {
  if (isIpv6(member) || prefix > 30 || isLoopback(member)) return null;
  return ipaddr.IPv4.broadcastAddressFromCIDR(`${member}/${prefix}`).toString();
}
