// How the addresses of a machine's interfaces are ordered and written, for URLs that people read.

import type { NetworkInterface } from "../platform/mod.ts";

/** IPv4 first: the shorter address is the one that people read. The order is stable within a family. */
export function byFamily(a: NetworkInterface, b: NetworkInterface): number {
  return (a.family === "ipv6" ? 1 : 0) - (b.family === "ipv6" ? 1 : 0);
}

/** The address of an interface, in its zone where it has one. */
export function hostOf({ address, name, scopeId }: NetworkInterface): string {
  if (scopeId === null) return address;
  return `${address}%${/^[0-9A-Za-z_.-]{1,15}$/.test(name) ? name : scopeId}`;
}
