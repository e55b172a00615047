// The small parts: addresses, endpoints, limiters, interfaces, seeds, registry.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError, type Incarnation, type Role } from "../../../lib/base/mod.ts";
import {
  chooseInterfaces,
  type Endpoint,
  hostOf,
  isIpLiteral,
  isSameSubnet,
  type NodeRecord,
  parseEndpoint,
  parseIpv4,
  parseSeed,
  sameMachine,
  splitHostPort,
} from "../../../lib/discovery/mod.ts";
import { SourceLimiter, TokenBucket } from "../../../lib/discovery/limiter.ts";
import { Life } from "../../../lib/discovery/lives.ts";
import { rankOf } from "../../../lib/discovery/offers.ts";
import { Peer } from "../../../lib/discovery/peer.ts";
import { Registry, type RegistryDelta } from "../../../lib/discovery/registry.ts";
import type { NetworkInterface } from "../../../lib/platform/mod.ts";
import { idOf, SECOND } from "./mesh.ts";

Deno.test("property: IPv4 literals are read, and nothing else is", () => {
  fc.assert(fc.property(fc.ipV4(), (text) => assert(parseIpv4(text) >= 0)));
  for (
    const text of ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.x", "::1", "a.b.c.d", "1.2.3.-4"]
  ) {
    assertEquals(parseIpv4(text), -1);
  }
  assertEquals(parseIpv4("255.255.255.255"), 2 ** 32 - 1);
});

Deno.test("subnets hold what they should", () => {
  assert(isSameSubnet("10.0.0.1", "10.0.0.254", 24));
  assert(!isSameSubnet("10.0.0.1", "10.0.1.1", 24));
  assert(isSameSubnet("10.0.0.1", "10.0.1.1", 23));
  assert(isSameSubnet("192.168.0.1", "10.0.0.1", 0));
  assert(!isSameSubnet("10.0.0.1", "10.0.0.2", 32));
  assert(!isSameSubnet("fe80::1", "fe80::1", 24));
});

Deno.test("endpoints are URLs of literal addresses", () => {
  assertEquals(parseEndpoint("tcp://10.0.0.2:51234"), { kind: "tcp", address: "tcp://10.0.0.2:51234" });
  assertEquals(hostOf({ kind: "tcp", address: "tcp://[fe80::1%3]:80" }), { host: "fe80::1%3", port: 80 });
  assertEquals(splitHostPort("10.0.0.2:51234"), { host: "10.0.0.2", port: 51_234 });
  for (
    const bad of ["tcp://host:1", "tcp://10.0.0.1", "http://10.0.0.1:1", "unix://x", "tcp://10.0.0.1:99999"]
  ) {
    assertEquals(parseEndpoint(bad), null);
  }
  assert(!isIpLiteral("localhost"));
});

Deno.test("a node runs on this machine when it names one of our addresses, loopback alone among the lonely", () => {
  const record = (...addresses: string[]) => ({
    endpoints: addresses.map((address): Endpoint => ({ kind: "tcp", address })),
  });
  const own = [{ address: "10.0.0.1", loopback: false }, { address: "127.0.0.1", loopback: true }];
  assert(sameMachine(record("tcp://10.0.0.1:1"), own));
  assert(!sameMachine(record("tcp://10.0.0.2:1"), own));
  assert(!sameMachine(record("tcp://127.0.0.1:1"), own));
  assert(sameMachine(record("tcp://127.0.0.1:1"), own.slice(1)));
  assert(!sameMachine(record("tcp://127.0.0.1:1", "tcp://10.0.0.2:1"), own.slice(1)));
  assert(!sameMachine(record(), own.slice(1)));
});

Deno.test("property: a bucket never gives more than its burst and its rate", () => {
  fc.assert(fc.property(fc.array(fc.nat(50_000), { maxLength: 300 }), (gaps) => {
    const bucket = new TokenBucket(10, 5, 0);
    let nowUs = 0;
    let given = 0;
    for (const gap of gaps) {
      nowUs += gap;
      if (bucket.canTake(nowUs)) given++;
    }
    assert(given <= 5 + 10 * nowUs / SECOND + 1e-6);
  }));
});

Deno.test("a source limiter holds one source back and not the next, and never holds more than its bound", () => {
  const limiter = new SourceLimiter(1, 2, 3);
  assertEquals(["a", "a", "a", "b"].map((source) => limiter.canTake(0, source)), [true, true, false, true]);
  for (let i = 0; i < 100; i++) limiter.canTake(0, `s${i}`);
  assertEquals(limiter.size, 3);
});

Deno.test("ranks spread evenly over the mesh", () => {
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    counts[rankOf(idOf(i), "aa".repeat(8), 10)] = 1 + (counts[rankOf(idOf(i), "aa".repeat(8), 10)] ?? 0);
  }
  for (const count of counts) assert(count > 850 && count < 1_150, `${counts}`);
});

function interfaceOf(
  name: string,
  address: string,
  changes: Partial<NetworkInterface> = {},
): NetworkInterface {
  return {
    name,
    family: "ipv4",
    address,
    prefix: 24,
    mac: "02:00:00:00:00:01",
    loopback: false,
    broadcast: "10.0.0.255",
    scopeId: null,
    ...changes,
  };
}

Deno.test("containers and tunnels are no show network, unless they are named", () => {
  const list = [
    interfaceOf("lo", "127.0.0.1", { loopback: true }),
    interfaceOf("eth0", "10.0.0.1"),
    interfaceOf("docker0", "172.17.0.1"),
    interfaceOf("veth12ab", "10.9.0.1"),
    interfaceOf("utun3", "100.64.0.1"),
    interfaceOf("wlan0", "10.0.1.1"),
    interfaceOf("wlan0", "fe80::1", { family: "ipv6" }),
  ];
  const names = (only: string[] | null) => chooseInterfaces(list, { only }).map((each) => each.name);
  assertEquals(names(null), ["eth0", "wlan0", "lo"]);
  assertEquals(names(["docker0"]), ["docker0", "lo"]);
  assertEquals(names(["10.9.0.1"]), ["veth12ab", "lo"]);
  assertEquals(names([]), ["lo"]);
  const many = Array.from({ length: 100 }, (_, i) => interfaceOf(`eth${i}`, `10.0.${i}.1`));
  assertEquals(chooseInterfaces(many, { only: null }).length, 8);
});

Deno.test("seeds are literal addresses, with or without a port", () => {
  assertEquals(parseSeed("10.0.0.7", 5), { host: "10.0.0.7", port: 5 });
  assertEquals(parseSeed("udp://10.0.0.7:9", 5), { host: "10.0.0.7", port: 9 });
  for (const bad of ["stage-left", "10.0.0.7:0", "", "10.0.0.7:x"]) {
    assertThrows(() => parseSeed(bad, 5), HanaError, "peer address");
  }
});

function peerOf(number: number, name: string, nowUs = 0, role: Role = "daemon"): Peer {
  const record: NodeRecord = {
    id: idOf(number),
    incarnation: 1 as Incarnation,
    stateVersion: 1,
    name,
    role,
    version: "1",
    endpoints: [],
    capabilities: {},
    resources: {},
    tags: {},
  };
  const life = new Life(record.id, record.incarnation, "00");
  return new Peer(record, life, nowUs, SECOND, null, { host: "10.0.0.1", port: 1 });
}

Deno.test("the registry finds by name, by id, by the start of an id", () => {
  const registry = new Registry("keyed", 10);
  const [a, b, c] = [peerOf(0xaaaa0001, "wall"), peerOf(0xaaaa0002, "wall"), peerOf(0xbbbb0001, "aaaa")];
  for (const peer of [a, b, c]) registry.insert(0, peer);
  const found = (text: string) => registry.lookup(text).map((entry) => entry.record.id);
  assertEquals(found("wall"), [a.id, b.id]);
  a.state = "dead";
  assertEquals(found("wall"), [b.id]);
  assertEquals(found("aaaa"), [c.id]);
  assertEquals(found("AAAA0002"), [b.id]);
  assertEquals(found(a.id), [a.id]);
  assertEquals(found("bbb"), []);
  assertEquals(found("nothing"), []);
});

Deno.test("listeners get every change once and in order, also what a listener causes", () => {
  const registry = new Registry("keyed", 10);
  const first: RegistryDelta[] = [];
  const second: number[] = [];
  registry.subscribe((delta) => {
    first.push(delta);
    if (delta.op === "add") registry.changed(1, peer);
  });
  const stop = registry.subscribe((delta) => second.push(delta.revision));
  const peer = peerOf(1, "a");
  registry.insert(0, peer);
  registry.remove(2, peer);
  assertEquals(first.map((delta) => delta.op), ["add", "update", "remove"]);
  assertEquals(second, [1, 2, 3]);
  stop();
  registry.insert(3, peer);
  assertEquals(second, [1, 2, 3]);
  assertEquals(registry.revision, 5);
});

Deno.test("a full registry forgets the left, then the dead, and never the living", () => {
  const registry = new Registry("keyed", 3);
  const [alive, dead, left] = [peerOf(1, "alive"), peerOf(2, "dead"), peerOf(3, "left")];
  for (const peer of [alive, dead, left]) registry.insert(0, peer);
  dead.state = "dead";
  left.state = "left";
  assert(registry.insert(1, peerOf(4, "d")));
  assertEquals(registry.get(left.id), null);
  assert(registry.insert(1, peerOf(5, "e")));
  assertEquals(registry.get(dead.id), null);
  assert(!registry.canInsert());
  assert(!registry.insert(1, peerOf(6, "f")));
  assertEquals(registry.snapshot().map((entry) => entry.record.name), ["alive", "d", "e"]);
  // A node that only another one lists has shown nothing yet.
  const relayed = registry.peer(idOf(5));
  assert(relayed !== undefined);
  relayed.isRelayed = true;
  assert(registry.insert(1, peerOf(7, "g")));
  assertEquals(registry.snapshot().map((entry) => entry.record.name), ["alive", "d", "g"]);
});

Deno.test("the last places of a registry are for apps, those before them for daemons", () => {
  const registry = new Registry("keyed", 128);
  const insert = (number: number, role: Role) => registry.insert(0, peerOf(number, `n${number}`, 0, role));
  let number = 0;
  while (insert(++number, "visualization"));
  assertEquals(registry.size, 126);
  while (insert(++number, "daemon"));
  assertEquals(registry.size, 127);
  assert(insert(++number, "app"));
  assert(!insert(++number, "app"));
  assertEquals(registry.size, 128);
});
