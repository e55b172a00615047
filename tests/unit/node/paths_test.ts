import { assertEquals } from "@std/assert";
import type { NetworkInterface } from "../../../lib/platform/mod.ts";
import { candidatePaths, type PathKind } from "../../../lib/node/mod.ts";
import { formatAddress } from "../../../lib/transport/mod.ts";

function nic(name: string, address: string, prefix: number): NetworkInterface {
  return {
    name,
    family: address.includes(":") ? "ipv6" : "ipv4",
    address,
    prefix,
    mac: "02:00:00:00:00:01",
    loopback: name === "lo",
    broadcast: null,
    scopeId: null,
  };
}

const OWN = [nic("lo", "127.0.0.1", 8), nic("eth0", "10.0.0.1", 24), nic("eth1", "192.168.7.1", 30)];

function paths(addresses: string[], kind?: PathKind, own = OWN): string[] {
  const endpoints = addresses.map((address) => ({ kind: address.slice(0, 4), address }));
  return candidatePaths(endpoints, own, kind).map(formatAddress);
}

Deno.test("the own machine first, then subnets that we are in, then the rest, loopback last", () => {
  const best = [
    "unix:///run/x.sock",
    "tcp://10.0.0.1:7",
    "tcp://10.0.0.200:7",
    "tcp://172.16.0.1:7",
    "tcp://127.0.0.1:7",
  ];
  assertEquals(paths(best.toReversed()), best);
});

Deno.test("the prefix decides what a subnet is, down to one address and up to all", () => {
  assertEquals(paths(["tcp://192.168.7.4:7", "tcp://192.168.7.2:7"])[0], "tcp://192.168.7.2:7");
  const narrow = [nic("eth0", "10.0.0.1", 32)];
  assertEquals(paths(["tcp://10.9.9.9:7", "tcp://10.0.0.2:7"], "auto", narrow)[0], "tcp://10.9.9.9:7");
  const wide = [nic("eth0", "10.0.0.1", 0)];
  assertEquals(paths(["tcp://host:7", "tcp://200.0.0.2:7"], "auto", wide)[0], "tcp://200.0.0.2:7");
});

Deno.test("a caller may ask for one kind of path", () => {
  const all = ["tcp://10.0.0.2:7", "unix:///run/x.sock", "pipe://x"];
  assertEquals(paths(all, "tcp"), ["tcp://10.0.0.2:7"]);
  assertEquals(paths(all, "unix"), ["unix:///run/x.sock"]);
  assertEquals(paths(all, "pipe"), ["pipe://x"]);
});

Deno.test("what cannot be read or dialled is left out, what comes twice is tried once", () => {
  const twice = [
    "tcp://10.0.0.2:7",
    "tcp://10.0.0.2:7",
    "udp://10.0.0.2:7",
    "mem://x",
    "nonsense",
    "",
    "tcp://",
  ];
  assertEquals(paths(twice), ["tcp://10.0.0.2:7"]);
  assertEquals(paths([]), []);
});

Deno.test("datagrams are dialled at the number of the TCP port by IPv4, never at an endpoint of discovery", () => {
  const all = ["tcp://10.0.0.200:7", "tcp://[fe80::1%eth0]:7", "udp://10.0.0.200:9", "unix:///run/x.sock"];
  assertEquals(paths(all, "udp"), ["udp://10.0.0.200:7"]);
});
