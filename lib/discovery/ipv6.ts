// IPv6 literals: their one text, and which network holds one.
// Decides nothing about peers and never resolves a name. Zones (`fe80::1%eth0`) are kept, and mean nothing here.

import ipaddr from "ipaddr.js";
import { splitZone, withoutZone } from "../platform/mod.ts";

/** Addresses that were read before: every datagram asks, and a network has few. At the bound it starts again. */
const KNOWN = new Map<string, ipaddr.IPv6 | null>();
const MAX_KNOWN = 4_096;
/** The longest text of an address without its zone. */
const MAX_LITERAL = 45;

function read(text: string): ipaddr.IPv6 | null {
  if (text.length > MAX_LITERAL || !text.includes(":")) return null;
  let value = KNOWN.get(text);
  if (value === undefined) {
    value = ipaddr.IPv6.isValid(text) ? ipaddr.IPv6.parse(text) : null;
    if (KNOWN.size >= MAX_KNOWN) KNOWN.clear();
    KNOWN.set(text, value);
  }
  return value;
}

/** Whether `host` is an IPv6 literal, with or without a zone of letters, digits, dots and dashes. */
export function isIpv6(host: string): boolean {
  const { address, zone } = splitZone(host);
  return (zone === null || /^[0-9A-Za-z_.-]{1,15}$/.test(zone)) && read(address) !== null;
}

/** The text that systems tell (RFC 5952), zone kept; what is no IPv6 literal stays as it is. */
export function canonicalHost(host: string): string {
  const { address, zone } = splitZone(host);
  const value = read(address);
  if (value === null) return host;
  return zone === null ? value.toRFC5952String() : `${value.toRFC5952String()}%${zone}`;
}

/** Whether `host` lies in the network of `prefix` bits that holds `member`. */
export function isInIpv6Network(host: string, member: string, prefix: number): boolean {
  const a = read(withoutZone(host));
  const b = read(withoutZone(member));
  return a !== null && b !== null && a.match(b, prefix);
}

/**
 * Whether an address will stay: its interface part was made of the hardware address (RFC 4291 appendix A), or given by
 * hand or by DHCP, which shows in leading zeros. Others may be temporary (RFC 8981) and rotate; no system tells.
 * @param mac the hardware address of its interface
 */
export function isStableAddress(address: string, mac: string): boolean {
  const value = read(address);
  if (value === null) return false;
  const [, , , , a = 0, b = 0, c = 0, d = 0] = value.parts;
  if (a === 0 && b === 0) return true;
  const octets = mac.split(":").map((part) => parseInt(part, 16));
  if (octets.length !== 6 || octets.some(Number.isNaN)) return false;
  const [m0 = 0, m1 = 0, m2 = 0, m3 = 0, m4 = 0, m5 = 0] = octets;
  return a === ((m0 ^ 2) << 8 | m1) && b === (m2 << 8 | 0xff) && c === (0xfe00 | m3) && d === (m4 << 8 | m5);
}

/** The network of an address, as `fd00::/64`. */
export function networkOf(address: string, prefix: number): string {
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address}/${prefix}`).toRFC5952String()}/${prefix}`;
}
