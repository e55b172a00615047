// IPv6 on simulated machines: link-local alone, beside IPv4, across a mesh of both; what leaves by which interface.

import { assert, assertEquals } from "@std/assert";
import type { Incarnation, NodeId } from "../../../lib/base/mod.ts";
import { DiscoveryService, type RegistryEntry, type ServiceOptions } from "../../../lib/discovery/mod.ts";
import { type Platform, splitZone } from "../../../lib/platform/mod.ts";
import {
  type InterfaceOptions,
  type SimulatedHost,
  SimulatedWorld,
} from "../../../lib/platform/simulated/mod.ts";
import { DatagramAuthenticator, MeshKey, MeshKeyRing } from "../../../lib/security/mod.ts";
import {
  believedEndpoints,
  endpointsForLink,
  isOnLink,
  relayedSource,
} from "../../../lib/discovery/endpoint.ts";
import { Links } from "../../../lib/discovery/links.ts";
import { parseSeed } from "../../../lib/discovery/mod.ts";
import { idOf, ipv6LinkOf, linkOf, MS, SECOND } from "./mesh.ts";

const ring = new MeshKeyRing(new MeshKey(new Uint8Array(32).fill(7)), null);
type Family = NonNullable<InterfaceOptions["family"]>;

/** A world of machines with a node each. */
class Stage {
  readonly world = new SimulatedWorld({ seed: 6 });
  #made = 0;

  /** A machine on `lan` at 10.0.0.N. */
  machine(family: Family, changes: Partial<InterfaceOptions> = {}): SimulatedHost {
    const number = ++this.#made;
    const eth0 = {
      name: "eth0",
      segment: "lan",
      address: `10.0.0.${number}`,
      prefix: 24,
      family,
      ...changes,
    };
    return this.world.createHost({ name: `host-${number}`, interfaces: [eth0] });
  }

  /** A node on a machine. */
  node(name: string, platform: Platform, options: Partial<ServiceOptions> = {}): DiscoveryService {
    return new DiscoveryService(platform, {
      id: idOf(++this.#made) as NodeId,
      incarnation: platform.clock.wallMs() as Incarnation,
      role: "daemon",
      record: {
        name,
        version: "0.1.0",
        endpoints: [{ kind: "tcp", address: "tcp://[::]:4000" }],
      },
      seal: new DatagramAuthenticator(ring),
      ...options,
    });
  }

  /** Starts nodes and lets so much time pass. */
  async start(us: number, ...nodes: DiscoveryService[]): Promise<void> {
    for (const node of nodes) void node.start();
    await this.world.runFor(us);
  }
}

const sees = (service: DiscoveryService) =>
  service.registry.snapshot().filter(({ state }) => state === "alive").map(({ record }) => record.name)
    .sort();

function entryOf(service: DiscoveryService, name: string): RegistryEntry {
  const found = service.registry.snapshot().find(({ record }) => record.name === name);
  assert(found !== undefined, `${name} is known`);
  return found;
}

const addresses = (service: DiscoveryService, name: string) =>
  entryOf(service, name).record.endpoints.map(({ address }) => address);

function linkLocalOf(host: SimulatedHost, name = "eth0"): string {
  const found = host.platform.interfaces.list().find((each) => each.name === name && each.scopeId !== null);
  assert(found !== undefined);
  return found.address;
}

/** Datagrams that a host hands to its network, by address family. */
function countSent(world: SimulatedWorld, host: SimulatedHost): { ipv4: number; ipv6: number } {
  const counts = { ipv4: 0, ipv6: 0 };
  const { datagramPorts } = host;
  const send = datagramPorts.send.bind(datagramPorts);
  datagramPorts.send = (socket, bytes, to) => {
    counts[to.host.includes(":") ? "ipv6" : "ipv4"]++;
    return send(socket, bytes, to);
  };
  assert(world.nowUs >= 0);
  return counts;
}

Deno.test("machines without IPv4 find each other within 100 ms, stay, and say goodbye", async () => {
  const stage = new Stage();
  const hosts = ["a", "b", "c"].map(() => stage.machine("ipv6"));
  const nodes = hosts.map((host, index) => stage.node("abc"[index] ?? "", host.platform));
  const [a, b, c] = nodes as [DiscoveryService, DiscoveryService, DiscoveryService];
  await stage.start(100 * MS, a, b, c);
  assertEquals(nodes.map(sees), [["b", "c"], ["a", "c"], ["a", "b"]]);
  await stage.world.runFor(30 * SECOND);
  assertEquals(nodes.map(sees), [["b", "c"], ["a", "c"], ["a", "b"]]);
  assertEquals(nodes.flatMap(({ problems }) => problems), []);
  const entry = entryOf(a, "b");
  assert(entry.paths.includes("multicast"));
  assertEquals(entry.from.host, `${linkLocalOf(hosts[1] as SimulatedHost)}%eth0`);
  let rttUs = -1;
  void a.ping(entry.record.id).then((us) => rttUs = us);
  await stage.world.runFor(100 * MS);
  assert(rttUs > 0, "b answers a ping");
  void c.stop();
  await stage.world.runFor(50 * MS);
  assertEquals(sees(a), ["b"]);
});

Deno.test("a link-local endpoint has the zone of whoever reads it, wherever its owner's cable is", async () => {
  const stage = new Stage();
  const [one, two] = [stage.machine("ipv6"), stage.machine("ipv6", { name: "enp3s0" })];
  const [a, b] = [stage.node("a", one.platform), stage.node("b", two.platform)];
  await stage.start(SECOND, a, b);
  assertEquals(addresses(a, "b")[0], `tcp://[${linkLocalOf(two, "enp3s0")}%eth0]:4000`);
  assertEquals(addresses(b, "a")[0], `tcp://[${linkLocalOf(one)}%enp3s0]:4000`);
});

Deno.test("of two interfaces each tells its own link-local address alone", async () => {
  const stage = new Stage();
  const middle = stage.machine("both");
  middle.addInterface({ name: "eth1", segment: "other", address: "10.0.5.1", prefix: 24, family: "both" });
  const [left, right] = [
    stage.machine("ipv6"),
    stage.machine("ipv6", { segment: "other", address: "10.0.5.2" }),
  ];
  const nodes = [
    stage.node("middle", middle.platform),
    stage.node("left", left.platform),
    stage.node("right", right.platform),
  ];
  await stage.start(5 * SECOND, ...nodes);
  const [m, l, r] = nodes as [DiscoveryService, DiscoveryService, DiscoveryService];
  assertEquals([sees(m), sees(l), sees(r)], [["left", "right"], ["middle"], ["middle"]]);
  const linkLocal = (node: DiscoveryService) =>
    new Set(addresses(node, "middle").flatMap((address) => /fe80[^%\]]*/.exec(address)?.[0] ?? []));
  assertEquals(linkLocal(l), new Set([linkLocalOf(middle, "eth0")]));
  assertEquals(linkLocal(r), new Set([linkLocalOf(middle, "eth1")]));
});

Deno.test("machines with both families and with either one make a mesh in which each sees whom it can reach", async () => {
  const stage = new Stage();
  const [both, other, old, modern] = [
    stage.node("both", stage.machine("both").platform),
    stage.node("other", stage.machine("both").platform),
    stage.node("old", stage.machine("ipv4").platform),
    stage.node("modern", stage.machine("ipv6").platform),
  ];
  await stage.start(10 * SECOND, both, other, old, modern);
  const check = () => {
    assertEquals(sees(both), ["modern", "old", "other"]);
    assertEquals(sees(other), ["both", "modern", "old"]);
    assertEquals(sees(old), ["both", "other"]);
    assertEquals(sees(modern), ["both", "other"]);
  };
  check();
  await stage.world.runFor(60 * SECOND);
  check();
  for (const node of [both, other, old, modern]) assertEquals(node.problems, []);
});

Deno.test("with IPv4 on the interface beats leave by IPv4 alone, until somebody has IPv6 alone", async () => {
  const stage = new Stage();
  const [one, two] = [stage.machine("both"), stage.machine("both")];
  const [a, b] = [stage.node("a", one.platform), stage.node("b", two.platform)];
  const counts = countSent(stage.world, one);
  await stage.start(10 * SECOND, a, b);
  assert(counts.ipv6 > 0, "announcements leave by both");
  const before = { ...counts };
  await stage.world.runFor(30 * SECOND);
  assertEquals(counts.ipv6, before.ipv6);
  assert(counts.ipv4 - before.ipv4 >= 25);
  assertEquals(entryOf(a, "b").from.host, "10.0.0.2");
  const modern = stage.node("modern", stage.machine("ipv6").platform);
  await stage.start(20 * SECOND, modern);
  assertEquals([sees(a), sees(b), sees(modern)], [["b", "modern"], ["a", "modern"], ["a", "b"]]);
  assert(counts.ipv6 - before.ipv6 >= 15);
  void modern.stop();
  await stage.world.runFor(10 * SECOND);
  const after = counts.ipv6;
  await stage.world.runFor(30 * SECOND);
  assertEquals(counts.ipv6, after);
});

Deno.test("machines whose IPv4 addresses are of different networks meet by IPv6 on the same cable", async () => {
  const stage = new Stage();
  const [one, two] = [
    stage.machine("both", { address: "192.168.1.10" }),
    stage.machine("both", { address: "10.0.0.10" }),
  ];
  const [a, b] = [stage.node("a", one.platform), stage.node("b", two.platform)];
  await stage.start(30 * SECOND, a, b);
  assertEquals([sees(a), sees(b)], [["b"], ["a"]]);
  assertEquals(addresses(a, "b")[0], `tcp://[${linkLocalOf(two)}%eth0]:4000`);
});

Deno.test("addresses that rotate change nothing and are told to nobody; a stable one is", async () => {
  const stage = new Stage();
  const [one, two] = [stage.machine("ipv6"), stage.machine("ipv6")];
  const stable = { address: "fd00::5", prefix: 64 };
  const temporary = (n: number) => ({
    address: `fd00::${(0x1a2b + n).toString(16)}:c3d4:e5f6:${n}`,
    prefix: 64,
  });
  one.setAddresses("eth0", [stable, temporary(1)]);
  const [a, b] = [stage.node("a", one.platform), stage.node("b", two.platform)];
  await stage.start(5 * SECOND, a, b);
  const linkLocal = linkLocalOf(one);
  const tcp = () => addresses(b, "a").filter((address) => address.startsWith("tcp:"));
  const expected = [`tcp://[${linkLocal}%eth0]:4000`, "tcp://[fd00::5]:4000"];
  assertEquals(tcp(), expected);
  const [version, sent] = [entryOf(b, "a").record.stateVersion, countSent(stage.world, one)];
  for (let n = 2; n <= 12; n++) {
    one.setAddresses("eth0", [stable, temporary(n), temporary(n - 1)]);
    await stage.world.runFor(5 * SECOND);
  }
  assertEquals(tcp(), expected);
  assertEquals(entryOf(b, "a").record.stateVersion, version);
  // Beats for 55 s and nothing else.
  assert(sent.ipv6 >= 50 && sent.ipv6 <= 65, `${sent.ipv6}`);
  assertEquals(sees(b), ["a"]);
});

Deno.test("an interface that is made anew is heard again by IPv6", async () => {
  const stage = new Stage();
  const [one, two] = [stage.machine("ipv6"), stage.machine("ipv6")];
  const [a, b] = [stage.node("a", one.platform), stage.node("b", two.platform)];
  await stage.start(5 * SECOND, a, b);
  two.recreateInterface("eth0");
  await stage.world.runFor(10 * SECOND);
  assertEquals([sees(a), sees(b)], [["b"], ["a"]]);
  assert(entryOf(b, "a").paths.includes("multicast"));
});

Deno.test("a seed is asked by link-local address where multicast does not work, with or without its zone", async () => {
  for (const zone of ["%eth0", ""]) {
    const stage = new Stage();
    const [one, two] = [stage.machine("ipv6"), stage.machine("ipv6")];
    one.setGroupLoss(1);
    two.setGroupLoss(1);
    const a = stage.node("a", one.platform);
    const b = stage.node("b", two.platform, { seeds: [`[${linkLocalOf(one)}${zone}]:47676`] });
    await stage.start(30 * SECOND, a, b);
    assertEquals([sees(a), sees(b)], [["b"], ["a"]], zone);
  }
});

Deno.test("two nodes of one machine without IPv4 share the group and see each other and everybody", async () => {
  const stage = new Stage();
  const [one, two] = [stage.machine("ipv6"), stage.machine("ipv6")];
  const nodes = [
    stage.node("a", one.platform),
    stage.node("b", one.createProcess().platform),
    stage.node("c", two.platform),
  ];
  await stage.start(2 * SECOND, ...nodes);
  assertEquals(nodes.map(sees), [["b", "c"], ["a", "c"], ["a", "b"]]);
});

Deno.test("meshes of different groups keep apart on IPv6 too", async () => {
  const stage = new Stage();
  const a = stage.node("a", stage.machine("ipv6").platform);
  const b = stage.node("b", stage.machine("ipv6").platform, { group: "239.255.76.87" });
  const c = stage.node("c", stage.machine("ipv6").platform, { group: "239.255.76.87" });
  await stage.start(5 * SECOND, a, b, c);
  assertEquals([sees(a), sees(b), sees(c)], [[], ["c"], ["b"]]);
});

Deno.test("the zone of a sender is that of our own link", async () => {
  const stage = new Stage();
  const [one, two] = [stage.machine("ipv6"), stage.machine("ipv6", { name: "left" })];
  const [a, b] = [stage.node("a", one.platform), stage.node("b", two.platform)];
  await stage.start(SECOND, a, b);
  assertEquals(splitZone(entryOf(b, "a").from.host).zone, "left");
  assertEquals(entryOf(b, "a").interface, "left");
});

// --- the parts ---------------------------------------------------------------------------------------------------

const tcp = (host: string) => ({ kind: "tcp", address: `tcp://[${host}]:4000` }) as const;

Deno.test("what a peer says of link-local addresses is read in the zone in which it was heard, or not at all", () => {
  const said = [tcp("fe80::5"), tcp("fe80::6%enp3s0"), tcp("fd00::5"), tcp("::1"), tcp("::")];
  assertEquals(believedEndpoints(said, false, "eth0"), [
    tcp("fe80::5%eth0"),
    tcp("fe80::6%eth0"),
    tcp("fd00::5"),
  ]);
  assertEquals(believedEndpoints(said, false, null), [tcp("fd00::5")]);
  assertEquals(relayedSource("[fe80::5%wlan7]:9", "eth0"), { host: "fe80::5%eth0", port: 9 });
  assertEquals(relayedSource("[fe80::5%wlan7]:9", null), null);
  assertEquals(relayedSource("[fd00::5]:9", null), { host: "fd00::5", port: 9 });
  assertEquals(relayedSource("10.0.0.1:9", "eth0"), { host: "10.0.0.1", port: 9 });
});

Deno.test("each link carries its own link-local address, and of others what a router reaches", () => {
  const links = [
    linkOf("eth0", "10.0.0.1", 11),
    ipv6LinkOf("eth0", "fe80::1", 12, { isSecondary: true, further: ["fd00::1"] }),
    ipv6LinkOf("eth1", "fe80::2", 13),
  ];
  const own = [{ kind: "tcp", address: "tcp://[::]:4000" } as const];
  const leaving = links.map((link) => endpointsForLink(own, link, links).map(({ address }) => address));
  assertEquals(leaving[0], ["tcp://10.0.0.1:4000", "udp://10.0.0.1:11", "tcp://[fd00::1]:4000"]);
  assertEquals(leaving[1], [
    "tcp://[fe80::1]:4000",
    "tcp://[fd00::1]:4000",
    "udp://[fe80::1]:12",
    "tcp://10.0.0.1:4000",
    "udp://10.0.0.1:11",
  ]);
  assertEquals(leaving[2]?.slice(0, 2), ["tcp://[fe80::2]:4000", "udp://[fe80::2]:13"]);
  assert(!leaving[2]?.some((address) => address.includes("fe80::1]")));
  // A listener on IPv4 alone has no IPv6 endpoint.
  const [ipv4] = endpointsForLink(
    [{ kind: "tcp", address: "tcp://0.0.0.0:4000" }],
    ipv6LinkOf("eth1", "fe80::2", 13),
    links,
  );
  assertEquals(ipv4?.address, "udp://[fe80::2]:13");
});

Deno.test("an address belongs to the link of its zone, to the only one without a zone, or to a network on a link", () => {
  const links = new Links();
  links.replace(0, [
    linkOf("eth0", "10.0.0.1", 1),
    ipv6LinkOf("eth0", "fe80::1", 2, { networks: ["fd00::/64"] }),
  ]);
  const nameOf = (host: string) => links.linkOf(host)?.facts.address ?? null;
  assertEquals(nameOf("fe80::9%eth0"), "fe80::1%eth0");
  assertEquals(nameOf("fe80::9"), "fe80::1%eth0");
  assertEquals(nameOf("fe80::9%eth1"), null);
  assertEquals([nameOf("fd00::77"), nameOf("fd00:0:0:1::77")], ["fe80::1%eth0", null]);
  links.replace(1, [ipv6LinkOf("eth0", "fe80::1", 2), ipv6LinkOf("eth1", "fe80::2", 3)]);
  assertEquals([nameOf("fe80::9"), nameOf("fe80::2"), nameOf("fe80::9%eth1")], [
    null,
    "fe80::2%eth1",
    "fe80::2%eth1",
  ]);
  assert(isOnLink(ipv6LinkOf("eth0", "fe80::1", 2), "fe80::9%eth0"));
  assert(!isOnLink(ipv6LinkOf("eth0", "fe80::1", 2), "10.0.0.1"));
});

Deno.test("seeds are IPv6 literals as well, in the one text that systems tell", () => {
  assertEquals(parseSeed("fe80::7%eth0", 5), { host: "fe80::7%eth0", port: 5 });
  assertEquals(parseSeed("[FE80:0::7%eth0]:9", 5), { host: "fe80::7%eth0", port: 9 });
  assertEquals(parseSeed("udp://[fd00:0:0:0::7]", 5), { host: "fd00::7", port: 5 });
});
