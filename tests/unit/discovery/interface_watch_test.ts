// What comes, goes, flaps and is too much among the interfaces of a machine.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Incarnation, NodeId } from "../../../lib/base/mod.ts";
import { DiscoveryService, type ServiceOptions } from "../../../lib/discovery/mod.ts";
import { InterfaceWatch, LOOK_US, SETTLE_US } from "../../../lib/discovery/interface_watch.ts";
import { isStableAddress } from "../../../lib/discovery/ipv6.ts";
import type { NetworkInterface, Platform } from "../../../lib/platform/mod.ts";
import { type SimulatedHost, SimulatedWorld } from "../../../lib/platform/simulated/mod.ts";
import { DatagramAuthenticator, MeshKey, MeshKeyRing } from "../../../lib/security/mod.ts";
import { idOf, MS, SECOND } from "./mesh.ts";

function ipv4(name: string, address: string, loopback = false): NetworkInterface {
  return {
    name,
    family: "ipv4",
    address,
    prefix: 24,
    mac: "02:00:00:00:00:01",
    loopback,
    broadcast: loopback ? null : address.replace(/\d+$/, "255"),
    scopeId: null,
  };
}

function ipv6(name: string, address: string, scopeId: number | null): NetworkInterface {
  return { ...ipv4(name, address), family: "ipv6", prefix: 64, broadcast: null, scopeId };
}

const LOOPBACK = ipv4("lo", "127.0.0.1", true);
const ETH0 = ipv4("eth0", "10.0.0.1");
const ETH1 = ipv4("eth1", "10.0.1.1");

/** A watch, and what it uses as text. */
function watching(): (nowUs: number, ...list: NetworkInterface[]) => string[] {
  const watch = new InterfaceWatch({ only: null });
  return (nowUs, ...list) => watch.handleList(nowUs, list).map(({ address }) => address);
}

Deno.test("what is there at the start is used at once", () => {
  const look = watching();
  assertEquals(look(0, LOOPBACK, ETH0, ETH1), ["10.0.0.1", "10.0.1.1", "127.0.0.1"]);
});

Deno.test("an address that is new must have been there for a second, one that is gone is gone at once", () => {
  const watch = new InterfaceWatch({ only: null });
  const look = (nowUs: number, ...list: NetworkInterface[]) =>
    watch.handleList(nowUs, list).map(({ address }) => address);
  look(0, ETH0);
  assertEquals(look(2 * SECOND, ETH0, ETH1), ["10.0.0.1"]);
  assertEquals(watch.nextUs(), 2 * SECOND + LOOK_US);
  assertEquals(look(2 * SECOND + SETTLE_US, ETH0, ETH1), ["10.0.0.1", "10.0.1.1"]);
  assertEquals(watch.nextUs(), null);
  assertEquals(look(4 * SECOND, ETH0), ["10.0.0.1"]);
});

Deno.test("a machine without any network takes the first at once, but not one that has just gone away", () => {
  const look = watching();
  assertEquals(look(0, LOOPBACK), ["127.0.0.1"]);
  assertEquals(look(2 * SECOND, LOOPBACK, ETH0), ["10.0.0.1", "127.0.0.1"]);
  // DHCP gives another address: nothing else works, so it is used at once.
  assertEquals(look(4 * SECOND, LOOPBACK, ipv4("eth0", "10.0.0.9")), ["10.0.0.9", "127.0.0.1"]);
  assertEquals(look(6 * SECOND, LOOPBACK), ["127.0.0.1"]);
  assertEquals(look(7 * SECOND, LOOPBACK, ipv4("eth0", "10.0.0.9")), ["127.0.0.1"]);
  assertEquals(look(8 * SECOND, LOOPBACK, ipv4("eth0", "10.0.0.9")), ["10.0.0.9", "127.0.0.1"]);
});

Deno.test("property: an address that never stays for a second is never used, however often it comes", () => {
  const steps = fc.array(fc.record({ afterUs: fc.integer({ min: 1, max: SETTLE_US - 1 }) }), {
    maxLength: 60,
  });
  fc.assert(fc.property(steps, (gaps) => {
    const look = watching();
    look(0, ETH0);
    let nowUs = 0;
    let isThere = false;
    for (const { afterUs } of gaps) {
      nowUs += afterUs;
      isThere = !isThere;
      assertEquals(look(nowUs, ETH0, ...isThere ? [ETH1] : []), ["10.0.0.1"]);
    }
  }));
});

Deno.test("an interface under another index is another interface, for both families", () => {
  const watch = new InterfaceWatch({ only: null });
  const keys = (nowUs: number, ...list: NetworkInterface[]) =>
    watch.handleList(nowUs, list).map(({ key }) => key);
  const before = keys(0, ETH0, ipv6("eth0", "fe80::1", 4));
  assertEquals(keys(2 * SECOND, ETH0, ipv6("eth0", "fe80::1", 4)), before);
  // The link-local address may be away for a moment; that alone says nothing.
  assertEquals(keys(4 * SECOND, ETH0), before.slice(0, 1));
  keys(6 * SECOND, ETH0, ipv6("eth0", "fe80::1", 5));
  const after = keys(8 * SECOND, ETH0, ipv6("eth0", "fe80::1", 5));
  assertEquals(after.length, 2);
  assert(after.every((key) => !before.includes(key)), after.join());
});

Deno.test("IPv6 is used by its link-local address, and what rotates beside it is left alone", () => {
  const watch = new InterfaceWatch({ only: null });
  const mac = "02:00:00:00:00:01";
  const [stable, byMac, temporary] = ["fd00::7", "fd00::ff:fe00:1", "fd00::1a2b:3c4d:5e6f:7081"];
  assertEquals([stable, byMac, temporary].map((each) => isStableAddress(each, mac)), [true, true, false]);
  const list = [
    ipv6("eth0", temporary, null),
    ipv6("eth0", stable, null),
    ipv6("eth0", byMac, null),
    ipv6("eth0", "fe80::ff:fe00:1", 2),
  ];
  const [link, ...others] = watch.handleList(0, list);
  assertEquals(others, []);
  assertEquals(link?.address, "fe80::ff:fe00:1%eth0");
  const facts = { zone: "eth0", isSecondary: false, networks: ["fd00::/64"], further: ["fd00::7", byMac] };
  assertEquals(link?.ipv6, facts);
  const [rotated] = watch.handleList(SECOND, list.slice(1));
  assertEquals(rotated, link);
  assertEquals(watch.handleList(2 * SECOND, [ETH0, ...list]).map(({ ipv6 }) => ipv6?.isSecondary), [true]);
});

Deno.test("eight interfaces are used with both families, the others are named", () => {
  const watch = new InterfaceWatch({ only: null });
  const list = Array.from({ length: 12 }, (_, at) => [
    ipv4(`eth${at}`, `10.0.${at}.1`),
    ipv6(`eth${at}`, `fe80::${at + 1}`, at + 1),
  ]).flat();
  assertEquals(watch.handleList(0, list).length, 16);
  assertEquals(watch.left, ["eth8", "eth9", "eth10", "eth11"]);
});

// --- on simulated machines ---------------------------------------------------------------------------------------

const ring = new MeshKeyRing(new MeshKey(new Uint8Array(32).fill(7)), null);
let made = 0;

function nodeOn(platform: Platform, name: string, options: Partial<ServiceOptions> = {}): DiscoveryService {
  return new DiscoveryService(platform, {
    id: idOf(++made) as NodeId,
    incarnation: platform.clock.wallMs() as Incarnation,
    role: "daemon",
    record: { name, version: "0.1.0" },
    seal: new DatagramAuthenticator(ring),
    ...options,
  });
}

function hostOf(world: SimulatedWorld, number: number): SimulatedHost {
  return world.createHost({
    name: `host-${number}`,
    interfaces: [{ name: "eth0", segment: "lan", address: `10.0.0.${number}`, prefix: 24 }],
  });
}

const sees = (service: DiscoveryService) =>
  service.registry.snapshot().filter(({ state }) => state === "alive").map(({ record }) => record.name)
    .sort();

Deno.test("a hundred interfaces of containers that come and go cost nothing", async () => {
  const world = new SimulatedWorld({ seed: 48 });
  const [one, two] = [hostOf(world, 1), hostOf(world, 2)];
  const [a, b] = [nodeOn(one.platform, "a"), nodeOn(two.platform, "b")];
  for (const node of [a, b]) void node.start();
  await world.runFor(5 * SECOND);
  const [version, sent] = [a.record.stateVersion, a.counters.sent];
  for (let at = 0; at < 100; at++) {
    const name = ["veth", "docker", "br-"][at % 3] + at.toString(16);
    one.addInterface({ name, segment: `${name}-net`, address: `172.17.${at}.1`, prefix: 24, family: "both" });
    if (at >= 10) one.removeInterface(["veth", "docker", "br-"][(at - 10) % 3] + (at - 10).toString(16));
    await world.runFor(300 * MS);
  }
  assertEquals(a.record.stateVersion, version);
  assertEquals(a.interfaces.map(({ name }) => name), ["eth0", "lo"]);
  // Beats of 30 s on two links, one in eight by broadcast as well, and what measuring costs.
  assert(a.counters.sent - sent < 100, `${a.counters.sent - sent}`);
  assertEquals([sees(a), sees(b), a.problems], [["b"], ["a"], []]);
});

Deno.test("an address that flaps starts nothing, and is used once it stays", async () => {
  const world = new SimulatedWorld({ seed: 43 });
  const [one, two] = [hostOf(world, 1), hostOf(world, 2)];
  const [a, b] = [nodeOn(one.platform, "a"), nodeOn(two.platform, "b")];
  for (const node of [a, b]) void node.start();
  await world.runFor(5 * SECOND);
  const version = a.record.stateVersion;
  const [own, flapping] = [{ address: "10.0.0.1", prefix: 24 }, { address: "10.9.0.1", prefix: 24 }];
  for (let i = 0; i < 40; i++) {
    one.setAddresses("eth0", [own, flapping]);
    await world.runFor(650 * MS);
    one.setAddresses("eth0", [own]);
    await world.runFor(470 * MS);
  }
  assertEquals(a.record.stateVersion, version);
  one.setAddresses("eth0", [own, flapping]);
  await world.runFor(4 * SECOND);
  assertEquals(a.interfaces.map(({ address }) => address).sort(), ["10.0.0.1", "10.9.0.1", "127.0.0.1"]);
  assertEquals(sees(b), ["a"]);
});

Deno.test("more than eight interfaces are a problem that is told, and named ones are used instead", async () => {
  const world = new SimulatedWorld({ seed: 8 });
  const host = hostOf(world, 1);
  for (let at = 1; at <= 9; at++) {
    host.addInterface({ name: `eth${at}`, segment: `lan${at}`, address: `10.0.${at}.1`, prefix: 24 });
  }
  const node = nodeOn(host.platform, "a");
  const chosen = nodeOn(host.createProcess().platform, "b", { interfaces: ["eth8", "eth9"] });
  for (const each of [node, chosen]) void each.start();
  await world.runFor(SECOND);
  assertEquals(node.interfaces.length, 9);
  assertEquals(node.problems.map(({ error }) => error.what), [
    "2 network interfaces are not used: eth8, eth9",
  ]);
  assertEquals(chosen.interfaces.map(({ name }) => name), ["eth8", "eth9", "lo"]);
  assertEquals(chosen.problems, []);
});

Deno.test("with all interfaces gone the nodes of one machine keep each other, and find the rest when one is back", async () => {
  const world = new SimulatedWorld({ seed: 47 });
  const [one, two] = [hostOf(world, 1), hostOf(world, 2)];
  const [a, b] = [nodeOn(one.platform, "a"), nodeOn(one.createProcess().platform, "b")];
  const far = nodeOn(two.platform, "far");
  for (const node of [a, b, far]) void node.start();
  await world.runFor(5 * SECOND);
  one.removeInterface("eth0");
  await world.runFor(30 * SECOND);
  assertEquals([sees(a), sees(b), sees(far)], [["b"], ["a"], []]);
  assertEquals(a.problems.map(({ error }) => error.what), ["no network interface"]);
  one.addInterface({ name: "eth0", segment: "lan", address: "10.0.0.1", prefix: 24 });
  const isWhole = () => sees(a).length === 2 && sees(b).length === 2 && sees(far).length === 2;
  assert(await world.runUntilTrue(isWhole, world.nowUs + 4 * SECOND));
});

Deno.test("two interfaces on one network make one entry of each node, and either may go", async () => {
  const world = new SimulatedWorld({ seed: 45 });
  const [one, two] = [hostOf(world, 1), hostOf(world, 2)];
  for (const [number, host] of [one, two].entries()) {
    host.addInterface({ name: "eth1", segment: "lan", address: `10.0.0.${number + 11}`, prefix: 24 });
  }
  const [a, b] = [nodeOn(one.platform, "a"), nodeOn(two.platform, "b")];
  for (const node of [a, b]) void node.start();
  await world.runFor(5 * SECOND);
  assertEquals([a.registry.size, b.registry.size], [1, 1]);
  for (const name of ["eth0", "eth1"]) {
    const revision = b.registry.snapshot().map(({ state }) => state);
    one.setInterfaceUp(name, false);
    await world.runFor(20 * SECOND);
    assertEquals([sees(a), sees(b)], [["b"], ["a"]], name);
    assertEquals(revision, ["alive"]);
    one.setInterfaceUp(name, true);
    await world.runFor(5 * SECOND);
  }
});

Deno.test("a switch that has forgotten our membership is told again, and broadcast goes on meanwhile", async () => {
  const world = new SimulatedWorld({ seed: 51 });
  const hosts = [1, 2, 3].map((number) => hostOf(world, number));
  const [a, b, c] = hosts.map((host, at) => nodeOn(host.platform, "abc"[at] ?? "")) as [
    DiscoveryService,
    DiscoveryService,
    DiscoveryService,
  ];
  const told: string[] = [];
  a.onEvent(({ kind }) => void (kind.startsWith("multicast-") && told.push(kind)));
  const lost: string[] = [];
  for (const node of [a, b, c]) node.onEvent(({ kind }) => void (kind === "lost" && lost.push(kind)));
  for (const node of [a, b, c]) void node.start();
  await world.runFor(60 * SECOND);
  assertEquals(told, []);
  hosts[0]?.setMulticast("eth0", "forgotten");
  assert(await world.runUntilTrue(() => told.length === 1, world.nowUs + 45 * SECOND));
  assert(await world.runUntilTrue(() => told.length === 2, world.nowUs + 10 * SECOND));
  assertEquals(told, ["multicast-degraded", "multicast-restored"]);
  assertEquals([a.problems, sees(a), lost], [[], ["b", "c"], []]);
  // One that forwards no multicast at all: a minute between two attempts, a problem that stays, and nobody is lost.
  hosts[0]?.setMulticast("eth0", "blocked");
  await world.runFor(200 * SECOND);
  assertEquals(told.slice(2), ["multicast-degraded", "multicast-degraded", "multicast-degraded"]);
  assertEquals([sees(a), sees(b), lost], [["b", "c"], ["a", "c"], []]);
  assertEquals(a.problems.map(({ interface: name }) => name), ["eth0"]);
  hosts[0]?.setMulticast("eth0", "forwarded");
  await world.runFor(10 * SECOND);
  assertEquals(told.at(-1), "multicast-restored");
  assertEquals(a.problems, []);
});

Deno.test("nodes whose switch forwards broadcast alone find each other and stay", async () => {
  const world = new SimulatedWorld({ seed: 52 });
  const hosts = [1, 2, 3].map((number) => hostOf(world, number));
  for (const host of hosts) host.setMulticast("eth0", "blocked");
  const nodes = hosts.map((host, at) => nodeOn(host.platform, "abc"[at] ?? ""));
  const lost: string[] = [];
  for (const node of nodes) {
    node.onEvent(({ kind }) => void (kind === "lost" && lost.push(kind)));
    void node.start();
  }
  await world.runFor(2 * SECOND);
  assertEquals(nodes.map(sees), [["b", "c"], ["a", "c"], ["a", "b"]]);
  await world.runFor(120 * SECOND);
  assertEquals([nodes.map(sees), lost], [[["b", "c"], ["a", "c"], ["a", "b"]], []]);
});
