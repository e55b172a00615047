// Endpoints: where a node can be reached, as URLs.
// Decides which URLs are endpoints at all, which of them leave by which interface, and which of a peer's we believe.
// Never dials and never resolves names.

import type { IpFamily } from "../platform/mod.ts";
import { withoutZone } from "../platform/mod.ts";
import { isInIpv6Network, isIpv6 } from "./ipv6.ts";
import { isIpLiteral, isLinkLocalHost, isLoopbackHost, isSameSubnet, isWildcardHost } from "./address.ts";

/** Kinds of endpoint; the index is the number on the wire, so the order never changes. */
export const ENDPOINT_KINDS = ["tcp", "udp", "unix", "pipe"] as const;

/** What an endpoint speaks. */
export type EndpointKind = typeof ENDPOINT_KINDS[number];

/** Where a node can be reached. */
export interface Endpoint {
  readonly kind: EndpointKind;
  /** A URL: `tcp://10.0.0.2:51234`, `unix:///run/user/1000/hana/node.sock`, `pipe://hana-1`. */
  readonly address: string;
  /** The owner's interface, for its own use; never sent, so peers' endpoints have none. */
  readonly interface?: string;
}

/** Endpoints of one record; what is over is left out, own interface first. */
export const MAX_ENDPOINTS = 16;

/** Bytes of one URL behind `kind://`: a Unix socket path has 104 at most. */
export const MAX_ADDRESS_BYTES = 108;

/** What an IPv6 link has besides. */
export interface LinkIpv6 {
  /** The zone that link-local addresses carry here. */
  readonly zone: string;
  /**
   * Whether the interface has an IPv4 link as well, so that this one carries announcements, questions and goodbyes,
   * and beats only for those who are heard nowhere else.
   */
  readonly isSecondary: boolean;
  /** Networks on the link besides fe80::/10, as `fd00::/64`. */
  readonly networks: readonly string[];
  /** Stable addresses besides the link-local one, by which streams may come. */
  readonly further: readonly string[];
}

/** One usable address of this machine, with the socket that sends from it. */
export interface LinkInterface {
  /** Changes when the interface was made anew, so that memberships and start announcements follow. */
  readonly key: string;
  readonly name: string;
  readonly family: IpFamily;
  /** The address that it sends from; for IPv6 the link-local one, with its zone. */
  readonly address: string;
  readonly prefix: number;
  /** The subnet's broadcast address, null where there is none (point-to-point, loopback). */
  readonly broadcast: string | null;
  readonly loopback: boolean;
  /** Port of the socket that sends here and receives answers; 0 while the system has not told. */
  readonly port: number;
  /** Given exactly where the family is IPv6. */
  readonly ipv6?: LinkIpv6;
}

/** Whether `host` is on the link: in its subnet, in its zone, or in one of its networks. */
export function isOnLink(link: Omit<LinkInterface, "port">, host: string): boolean {
  if (link.family === "ipv4") return isSameSubnet(link.address, host, link.prefix);
  if (link.ipv6 === undefined) return false;
  if (isLinkLocalHost(host)) return host.endsWith(`%${link.ipv6.zone}`);
  return link.ipv6.networks.some((network) => {
    const [member = "", prefix] = network.split("/");
    return isInIpv6Network(host, member, Number(prefix));
  });
}

/** Host and port of a `tcp` or `udp` endpoint, else null. */
export function hostOf(endpoint: Endpoint): { host: string; port: number } | null {
  if (endpoint.kind !== "tcp" && endpoint.kind !== "udp") return null;
  return splitHostPort(endpoint.address.slice(endpoint.kind.length + 3));
}

/** Takes `10.0.0.2:80` or `[fe80::1]:80` apart; null unless the host is an IP literal and the port 1 to 65535. */
export function splitHostPort(text: string): { host: string; port: number } | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):([1-9][0-9]{0,4})$/.exec(text);
  if (match === null) return null;
  const host = match[1] ?? match[2] ?? "";
  const port = Number(match[3]);
  return isIpLiteral(host) && port <= 65_535 ? { host, port } : null;
}

/** The URL of a host and a port. */
export function hostUrl(kind: EndpointKind, host: string, port: number): string {
  return host.includes(":") ? `${kind}://[${host}]:${port}` : `${kind}://${host}:${port}`;
}

/** Whether `address` is a URL of this kind that can be dialled without asking anybody. */
export function isEndpointAddress(kind: EndpointKind, address: string): boolean {
  const scheme = `${kind}://`;
  if (!address.startsWith(scheme)) return false;
  const rest = address.slice(scheme.length);
  // Printable ASCII and whatever else a path holds, but nothing that moves a terminal's cursor.
  // deno-lint-ignore no-control-regex
  if (rest.length === 0 || rest.length > MAX_ADDRESS_BYTES || /[\u0000-\u001f\u007f-\u009f]/.test(rest)) {
    return false;
  }
  if (kind === "unix") return rest.startsWith("/");
  if (kind === "pipe") return /^[A-Za-z0-9_.-]+$/.test(rest);
  return splitHostPort(rest) !== null;
}

/** Reads a URL as an endpoint; null when it is none. */
export function parseEndpoint(address: string): Endpoint | null {
  const kind = ENDPOINT_KINDS.find((each) => address.startsWith(`${each}://`));
  return kind !== undefined && isEndpointAddress(kind, address) ? { kind, address } : null;
}

/** Whether an endpoint means something on this machine alone. */
export function isMachineLocal(endpoint: Endpoint): boolean {
  if (endpoint.kind === "unix" || endpoint.kind === "pipe") return true;
  const at = hostOf(endpoint);
  return at !== null && isLoopbackHost(at.host);
}

/**
 * The endpoints that a datagram leaving by `link` carries: those of that link first, then those of other links that
 * a router could reach. Loopback, Unix and pipe endpoints leave by loopback alone and link-local ones by their own
 * link alone, so that nobody learns of an address that is useless to him (discovery research 6.3).
 * A wildcard endpoint stands for one a link: `tcp://0.0.0.0:1` for those of IPv4, `tcp://[::]:1` for all.
 * Zones mean something on their own machine alone and are left out; whoever hears of the address adds his.
 */
export function endpointsForLink(
  own: readonly Endpoint[],
  link: LinkInterface,
  links: readonly LinkInterface[],
): Endpoint[] {
  const expanded: { endpoint: Endpoint; link: LinkInterface | null }[] = [];
  for (const each of links) {
    if (each.port !== 0) {
      expanded.push({
        endpoint: { kind: "udp", address: hostUrl("udp", withoutZone(each.address), each.port) },
        link: each,
      });
    }
  }
  for (const endpoint of own) {
    const at = hostOf(endpoint);
    if (at !== null && isWildcardHost(at.host)) {
      for (const each of links) {
        if (each.family === "ipv6" && at.host !== "::") continue;
        for (const host of [each.address, ...each.ipv6?.further ?? []]) {
          const address = hostUrl(endpoint.kind, withoutZone(host), at.port);
          expanded.push({ endpoint: { kind: endpoint.kind, address }, link: each });
        }
      }
    } else {
      const home = at === null ? null : links.find((each) => each.address === at.host) ?? null;
      const address = at === null ? endpoint.address : hostUrl(endpoint.kind, withoutZone(at.host), at.port);
      expanded.push({ endpoint: { kind: endpoint.kind, address }, link: home });
    }
  }
  const first: Endpoint[] = [];
  const second: Endpoint[] = [];
  for (const { endpoint, link: home } of expanded) {
    const at = hostOf(endpoint);
    if (isMachineLocal(endpoint)) {
      if (link.loopback) first.push(endpoint);
    } else if (home !== null && home.key === link.key) {
      first.push(endpoint);
    } else if (at !== null && !isLinkLocalHost(at.host)) {
      second.push(endpoint);
    }
  }
  // Streams before datagrams: a reader that stops early then still has something to dial.
  const byKind = (a: Endpoint, b: Endpoint) => rankOfKind(a.kind) - rankOfKind(b.kind);
  return [...first.sort(byKind), ...second.sort(byKind)].slice(0, MAX_ENDPOINTS);
}

function rankOfKind(kind: EndpointKind): number {
  return kind === "unix" || kind === "pipe" ? 0 : kind === "tcp" ? 1 : 2;
}

/**
 * Those endpoints of a peer that may be believed: a peer on another machine must not send us to a socket of our own
 * machine, nor to a wildcard. A link-local IPv6 address gets the zone of the link that it was heard on, whatever zone
 * its owner or a relay gave it, and is of no use where it was heard elsewhere.
 * @param zone that of the link, null where it has none
 */
export function believedEndpoints(
  endpoints: readonly Endpoint[],
  heardOnLoopback: boolean,
  zone: string | null = null,
): Endpoint[] {
  const believed: Endpoint[] = [];
  for (const endpoint of endpoints) {
    const at = hostOf(endpoint);
    if (at !== null && isWildcardHost(at.host)) continue;
    if (!heardOnLoopback && isMachineLocal(endpoint)) continue;
    if (at === null || !isIpv6(at.host)) {
      believed.push(endpoint);
      continue;
    }
    const host = withoutZone(at.host);
    if (!isLinkLocalHost(host)) {
      believed.push({ ...endpoint, address: hostUrl(endpoint.kind, host, at.port) });
    } else if (zone !== null) {
      believed.push({ ...endpoint, address: hostUrl(endpoint.kind, `${host}%${zone}`, at.port) });
    }
  }
  return believed;
}

/**
 * Where a relay heard a node, as we can use it: a link-local IPv6 address in the zone of the link that the relay was
 * heard on. Null for what is no address, and for a link-local one that comes from elsewhere.
 */
export function relayedSource(text: string, zone: string | null): { host: string; port: number } | null {
  const at = splitHostPort(text);
  if (at === null || !isIpv6(at.host)) return at;
  const host = withoutZone(at.host);
  if (!isLinkLocalHost(host)) return { host, port: at.port };
  return zone === null ? null : { host: `${host}%${zone}`, port: at.port };
}

/** The union of both lists, best first for us: same machine, same subnet, the rest; at most {@linkcode MAX_ENDPOINTS}. */
export function mergeEndpoints(
  known: readonly Endpoint[],
  heard: readonly Endpoint[],
  links: readonly LinkInterface[],
): Endpoint[] {
  const all = new Map<string, Endpoint>();
  for (const endpoint of known) all.set(endpoint.address, endpoint);
  for (const endpoint of heard) if (!all.has(endpoint.address)) all.set(endpoint.address, endpoint);
  const rank = (endpoint: Endpoint): number => {
    if (endpoint.kind === "unix" || endpoint.kind === "pipe") return 0;
    const at = hostOf(endpoint);
    if (at === null) return 5;
    const near = links.some((link) => !link.loopback && isOnLink(link, at.host));
    // Both families reach the same machine; the shorter address is the one that people read.
    const family = isIpv6(at.host) ? 0.1 : 0;
    return (near ? 1 : isLoopbackHost(at.host) ? 2 : 3) + rankOfKind(endpoint.kind) / 4 + family;
  };
  return [...all.values()].sort((a, b) => rank(a) - rank(b)).slice(0, MAX_ENDPOINTS);
}

/** One address of our own, as {@linkcode sameMachine} compares it. */
export interface OwnAddress {
  readonly address: string;
  readonly loopback: boolean;
}

/**
 * Whether a record's node runs on this machine: one of its hosts is one of our own addresses that are not loopback;
 * or it has loopback addresses alone and so have we.
 */
export function sameMachine(
  record: { readonly endpoints: readonly Endpoint[] },
  ownInterfaces: readonly OwnAddress[],
): boolean {
  const own = new Set<string>();
  for (const each of ownInterfaces) if (!each.loopback) own.add(withoutZone(each.address));
  const hosts = record.endpoints.map(hostOf).filter((at) => at !== null).map((at) => withoutZone(at.host));
  if (hosts.some((host) => own.has(host))) return true;
  return own.size === 0 && hosts.length > 0 && hosts.every(isLoopbackHost);
}
