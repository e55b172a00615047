// Addresses as URLs: unix:///run/…/node.sock, pipe://name, tcp://host:port, udp://host:port, mem://name.
// Decides how an address is written and read; never whether somebody lives there.

import { HanaError } from "../base/mod.ts";

/** Where a node can be reached. */
export type Address =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "pipe"; readonly name: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "udp"; readonly host: string; readonly port: number }
  | { readonly kind: "mem"; readonly name: string };

const SCHEME = /^([a-z]+):\/\/(.*)$/s;
const NAME = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * Reads an address. Throws `usage` with an example when it cannot be one.
 * @param text a URL of one of the five kinds; an absolute path is taken for `unix:`
 */
export function parseAddress(text: string): Address {
  if (text.startsWith("/")) return { kind: "unix", path: text };
  const match = SCHEME.exec(text);
  if (match === null) throw malformed(text, "it has no scheme", `tcp://${text}`);
  const [, scheme = "", rest = ""] = match;
  switch (scheme) {
    case "unix":
      if (!rest.startsWith("/")) {
        throw malformed(text, "a Unix socket needs an absolute path", "unix:///run/user/1000/hana/node.sock");
      }
      return { kind: "unix", path: rest };
    case "pipe":
    case "mem":
      if (!NAME.test(rest)) {
        throw malformed(text, "a name has 1 to 128 letters, digits, dots, dashes", `${scheme}://node-1`);
      }
      return { kind: scheme, name: rest };
    case "tcp":
    case "udp": {
      const endpoint = splitHostPort(rest);
      if (endpoint === null || endpoint.port === null) {
        throw malformed(text, "it needs a host and a port", `${scheme}://10.0.0.2:47677`);
      }
      return { kind: scheme, host: endpoint.host, port: endpoint.port };
    }
    default:
      throw malformed(text, `there is no scheme ${scheme}`, "tcp://10.0.0.2:47677");
  }
}

/** Writes an address; {@linkcode parseAddress} reads it back. */
export function formatAddress(address: Address): string {
  switch (address.kind) {
    case "unix":
      return `unix://${address.path}`;
    case "pipe":
    case "mem":
      return `${address.kind}://${address.name}`;
    case "tcp":
    case "udp":
      return `${address.kind}://${formatHostPort(address.host, address.port)}`;
  }
}

/** `10.0.0.2:80`, `[fe80::1%3]:80`. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Splits `host`, `host:port`, `[v6]:port` and bare IPv6. Null when it is none of them.
 * @returns the port as null where none is given
 */
export function splitHostPort(text: string): { host: string; port: number | null } | null {
  const bracketed = /^\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\](?::(\d{1,5}))?$/.exec(text);
  const plain = bracketed ?? /^([^\s:/[\]]+)(?::(\d{1,5}))?$/.exec(text);
  if (plain === null) {
    // Two colons at least, so that a port with a digit too many does not make an address of IPv6.
    return /^(?=.*:.*:)[0-9A-Fa-f:.]+(%[\w.-]+)?$/.test(text) ? { host: text, port: null } : null;
  }
  const host = plain[1] ?? "";
  if (plain[2] === undefined) return { host, port: null };
  const port = Number(plain[2]);
  return port <= 65_535 ? { host, port } : null;
}

function malformed(text: string, why: string, example: string): HanaError {
  return new HanaError("usage", {
    what: `address ${JSON.stringify(text)} cannot be read`,
    why,
    hint: `write it like ${example}`,
  });
}
