// Addresses with a zone, as the system's own calls want them.
// Decides how a zone is written on this system; never asks a resolver.

import { needsZone, splitZone } from "../zone.ts";
import type { NetworkInterfaces } from "../mod.ts";

/**
 * The address for the system: a zone only where the address needs one (`getaddrinfo` refuses it elsewhere), and on
 * Windows as a number, since names of interfaces are none of its resolver's business.
 */
export function systemHost(host: string, interfaces: NetworkInterfaces): string {
  const { address, zone } = splitZone(host);
  if (zone === null) return host;
  if (!needsZone(address)) return address;
  if (Deno.build.os !== "windows" || /^[0-9]+$/.test(zone)) return host;
  const found = interfaces.list().find((each) => each.name === zone && each.scopeId !== null);
  return found === undefined ? host : `${address}%${found.scopeId}`;
}
