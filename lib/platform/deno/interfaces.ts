// The machine's network interfaces, brought into one form and order on every system.
// Decides prefix, broadcast address and loopback from what the runtime lists; never decides which interfaces
// are worth using (lib/discovery does).

import ipaddr from "ipaddr.js";
import type { NetworkInterface, NetworkInterfaces } from "../mod.ts";

/** One entry as the runtime lists it. */
export type ListedInterface = Deno.NetworkInterfaceInfo;

/** The broadcast address of an IPv4 subnet; null for loopback and for subnets too small to have one (RFC 3021). */
function broadcastOf(address: ipaddr.IPv4, prefix: number): string | null {
  if (prefix > 30 || address.range() === "loopback") return null;
  return ipaddr.IPv4.broadcastAddressFromCIDR(`${address.toString()}/${prefix}`).toString();
}

function prefixOf(listed: ListedInterface): number {
  const slash = listed.cidr.lastIndexOf("/");
  const prefix = Number(listed.cidr.slice(slash + 1));
  if (slash >= 0 && Number.isInteger(prefix)) return prefix;
  return ipaddr.parse(listed.netmask).prefixLengthFromSubnetMask() ?? (listed.family === "IPv4" ? 32 : 128);
}

/** Brings one listed entry into hana's form. */
export function toNetworkInterface(listed: ListedInterface): NetworkInterface {
  const address = ipaddr.parse(listed.address);
  const prefix = prefixOf(listed);
  const v4 = address instanceof ipaddr.IPv4;
  const scopeId = typeof listed.scopeid === "number" && listed.scopeid !== 0 ? listed.scopeid : null;
  return {
    name: listed.name,
    family: v4 ? "ipv4" : "ipv6",
    address: listed.address,
    prefix,
    mac: listed.mac,
    loopback: address.range() === "loopback",
    broadcast: v4 ? broadcastOf(address, prefix) : null,
    scopeId: v4 ? null : scopeId,
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** By name, then IPv4 before IPv6, then by address text: equal lists read equal, whatever order the system gave. */
export function compareInterfaces(a: NetworkInterface, b: NetworkInterface): number {
  return compareText(a.name, b.name) || compareText(a.family, b.family) || compareText(a.address, b.address);
}

/** Lists what the runtime lists. */
export class DenoInterfaces implements NetworkInterfaces {
  list(): NetworkInterface[] {
    return Deno.networkInterfaces().map(toNetworkInterface).sort(compareInterfaces);
  }
}
