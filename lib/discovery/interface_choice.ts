// Which of the machine's interfaces carry discovery, and which seeds can be asked.
// Decides from names and addresses alone, because the system tells neither "up" nor "multicast" (discovery research 3).

import { HanaError } from "../base/mod.ts";
import type { IpEndpoint, NetworkInterface } from "../platform/mod.ts";
import { parseIpv4 } from "./address.ts";
import { type LinkInterface, splitHostPort } from "./endpoint.ts";

/** Links at most, the machine's own loopback not counted; more are containers, not networks. */
export const MAX_LINKS = 8;

/**
 * Names of interfaces that are no show network: containers, virtual machines, tunnels, Apple's peer-to-peer radio.
 * Any of them can still be asked for by name.
 */
export const IGNORED_INTERFACES: readonly RegExp[] = [
  /^(veth|docker|br-|virbr|cni|flannel|podman|lxc|vmnet)/i,
  /^vEthernet/i,
  /^(utun|awdl|llw|tailscale|zt|wg|tun|tap)/i,
];

/** How interfaces are chosen. */
export interface InterfaceChoice {
  /** Names or addresses; null for all that are not ignored. Loopback is always used. */
  readonly only: readonly string[] | null;
}

/** An interface that will be used; the port comes with its socket. */
export type ChosenInterface = Omit<LinkInterface, "port">;

/** The IPv4 interfaces to use, loopback last, in the machine's order. */
export function chooseInterfaces(
  list: readonly NetworkInterface[],
  choice: InterfaceChoice,
): ChosenInterface[] {
  const chosen: ChosenInterface[] = [];
  let loopback: ChosenInterface | null = null;
  for (const each of list) {
    if (each.family !== "ipv4") continue;
    if (each.loopback) {
      loopback ??= toChosen(each);
      continue;
    }
    const isWanted = choice.only === null
      ? !IGNORED_INTERFACES.some((pattern) => pattern.test(each.name))
      : choice.only.includes(each.name) || choice.only.includes(each.address);
    if (isWanted && chosen.length < MAX_LINKS) chosen.push(toChosen(each));
  }
  if (loopback !== null) chosen.push(loopback);
  return chosen;
}

/** What of `wanted` names no interface of the list, by name or by address. */
export function missingInterfaces(list: readonly NetworkInterface[], wanted: readonly string[]): string[] {
  return wanted.filter((text) => !list.some(({ name, address }) => name === text || address === text));
}

function toChosen(each: NetworkInterface): ChosenInterface {
  const { name, address, prefix, loopback } = each;
  return {
    // The hardware address is part of it: an interface that was made anew has lost its memberships.
    key: `${name}|${each.mac}|${address}/${prefix}`,
    name,
    address,
    prefix,
    // Point-to-point networks (RFC 3021) have no broadcast address.
    broadcast: loopback || prefix > 30 ? null : each.broadcast,
    loopback,
  };
}

/** Reads `10.0.0.7`, `10.0.0.7:47676` or `udp://10.0.0.7:47676`. Throws `config` for anything else, names included. */
export function parseSeed(text: string, defaultPort: number): IpEndpoint {
  const bare = text.trim().replace(/^udp:\/\//, "");
  if (parseIpv4(bare) >= 0) return { host: bare, port: defaultPort };
  const at = splitHostPort(bare);
  if (at !== null && parseIpv4(at.host) >= 0) return at;
  throw new HanaError("config", {
    what: `peer address ${JSON.stringify(text)}`,
    why:
      "is no IPv4 address with or without a port; names are not looked up, since a show network has no DNS",
    hint: "give the address, as in --peer 10.0.0.7",
  });
}
