// Which addresses of a node to try, best first.
// Decides: the same machine by its local socket, then interfaces of a subnet that we are in, then the rest.
// Never dials (connector.ts).

import { isLinkLocalHost } from "../discovery/mod.ts";
import { type NetworkInterface, withoutZone } from "../platform/mod.ts";
import { type Address, parseAddress } from "../transport/mod.ts";

/** Which kinds of path a caller wants: the best stream, one of a kind, or `udp`, datagrams without a stream. */
export type PathKind = "auto" | "unix" | "pipe" | "tcp" | "udp";

/** Addresses to try, in order, each once. Endpoints that cannot be read or dialled are left out. */
export function candidatePaths(
  endpoints: readonly { readonly kind: string; readonly address: string }[],
  own: readonly NetworkInterface[],
  kind: PathKind = "auto",
): Address[] {
  const ranked: { address: Address; rank: number }[] = [];
  const seen = new Set<string>();
  for (const endpoint of endpoints) {
    if (seen.has(endpoint.address)) continue;
    seen.add(endpoint.address);
    const address = readAddress(endpoint.address);
    if (address === null) continue;
    if (kind === "auto" || address.kind === kind) ranked.push({ address, rank: rankOf(address, own) });
    // Nodes take datagrams on the port number of their TCP listener, by IPv4 (node_lanes.ts).
    else if (kind === "udp" && address.kind === "tcp" && !address.host.includes(":")) {
      ranked.push({ address: { ...address, kind }, rank: rankOf(address, own) });
    }
  }
  ranked.sort((a, b) => a.rank - b.rank);
  return ranked.map((entry) => entry.address);
}

function readAddress(text: string): Address | null {
  try {
    const address = parseAddress(text);
    return address.kind === "udp" || address.kind === "mem" ? null : address;
  } catch {
    return null;
  }
}

function rankOf(address: Address, own: readonly NetworkInterface[]): number {
  if (address.kind === "unix" || address.kind === "pipe") return 0;
  if (address.kind !== "tcp") return 9;
  const { host } = address;
  if (own.some((nic) => !nic.loopback && nic.address === withoutZone(host))) return 1;
  if (own.some((nic) => !nic.loopback && isSameSubnet(nic, host))) return 2;
  return isLoopback(host) ? 4 : 3;
}

function isLoopback(host: string): boolean {
  return host.startsWith("127.") || host === "::1";
}

function isSameSubnet(nic: NetworkInterface, host: string): boolean {
  // A link-local address with a zone is on that link, whatever its subnet.
  if (nic.family === "ipv6") return isLinkLocalHost(host) && host.endsWith(`%${nic.name}`);
  const a = ipv4Bits(nic.address);
  const b = ipv4Bits(host);
  if (a === null || b === null) return false;
  const mask = nic.prefix === 0 ? 0 : (0xffff_ffff << (32 - nic.prefix)) >>> 0;
  return ((a & mask) >>> 0) === ((b & mask) >>> 0);
}

function ipv4Bits(text: string): number | null {
  const parts = text.split(".").map(Number);
  if (parts.length !== 4 || !parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255)) {
    return null;
  }
  return parts.reduce((bits, part) => bits * 256 + part, 0);
}
