// Scoped IPv6 addresses (RFC 4007): `fe80::1%eth0` is an address and the zone in which it means something.
// Decides which addresses need a zone and how one is written; never which interface a zone is.

/** An address and its zone, which is an interface by name or by index. */
export interface ZonedAddress {
  readonly address: string;
  readonly zone: string | null;
}

/** Takes `fe80::1%eth0` apart. */
export function splitZone(host: string): ZonedAddress {
  const percent = host.indexOf("%");
  return percent < 0
    ? { address: host, zone: null }
    : { address: host.slice(0, percent), zone: host.slice(percent + 1) };
}

/** The address without its zone. */
export function withoutZone(host: string): string {
  const percent = host.indexOf("%");
  return percent < 0 ? host : host.slice(0, percent);
}

/**
 * Whether an address means something on one link alone, so that it wants a zone: link-local unicast, and multicast of
 * interface-local or link-local scope (RFC 4007 section 4, RFC 4291 section 2.7).
 */
export function needsZone(host: string): boolean {
  return /^(fe[89ab][0-9a-f]:|ff[0-9a-f][12]:)/i.test(host);
}
