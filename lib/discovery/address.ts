// IPv4 literals as numbers: which subnet holds an address; and of both families what is loopback, what stays on its
// link (ipv6.ts reads the other literals). Decides nothing about peers. Never resolves a name: a show has no DNS, and a name costs a resolver thread a packet.

import { isIpv6 } from "./ipv6.ts";

/** Addresses that were read before: a network has few, and every record names some. At the bound it starts again. */
const KNOWN = new Map<string, number>();
const MAX_KNOWN = 4_096;
/** Longer than any dotted literal: not worth remembering. */
const MAX_LITERAL = 15;

/** The address as an unsigned 32-bit number, or −1 when `text` is no dotted IPv4 literal. */
export function parseIpv4(text: string): number {
  if (text.length > MAX_LITERAL) return -1;
  let value = KNOWN.get(text);
  if (value === undefined) {
    value = readIpv4(text);
    if (KNOWN.size >= MAX_KNOWN) KNOWN.clear();
    KNOWN.set(text, value);
  }
  return value;
}

function readIpv4(text: string): number {
  const parts = text.split(".");
  if (parts.length !== 4) return -1;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part)) return -1;
    const octet = Number(part);
    if (octet > 255) return -1;
    value = value * 256 + octet;
  }
  return value;
}

/** Whether both addresses lie in one network of `prefix` bits. Anything but IPv4 is in none. */
export function isSameSubnet(a: string, b: string, prefix: number): boolean {
  const left = parseIpv4(a);
  const right = parseIpv4(b);
  if (left < 0 || right < 0) return false;
  const size = 2 ** (32 - prefix);
  return Math.floor(left / size) === Math.floor(right / size);
}

/** Whether `host` is an address of the machine itself (127/8, `::1`). */
export function isLoopbackHost(host: string): boolean {
  return host === "::1" || (host.startsWith("127.") && parseIpv4(host) >= 0);
}

/** Whether `host` means something on its own link alone (169.254/16, fe80::/10). */
export function isLinkLocalHost(host: string): boolean {
  return host.startsWith("169.254.") || /^fe[89ab][0-9a-f]:/i.test(host);
}

/** Whether `host` stands for "every address" (`0.0.0.0`, `::`). */
export function isWildcardHost(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** Whether `host` is an IP literal, so that using it never asks a resolver. */
export function isIpLiteral(host: string): boolean {
  return parseIpv4(host) >= 0 || isIpv6(host);
}
