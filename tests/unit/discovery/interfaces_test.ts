// Interfaces that come, go and change; what leaves by which of them.

import { assert, assertEquals } from "@std/assert";
import { linkOf, MS, SECOND, TestMesh } from "./mesh.ts";

const TCP = {
  record: {
    name: "x",
    version: "0.1.0",
    endpoints: [
      { kind: "tcp", address: "tcp://0.0.0.0:4000" } as const,
      { kind: "unix", address: "unix:///run/hana/node.sock" } as const,
    ],
  },
};

Deno.test("a node without any interface starts, and is found when one appears", () => {
  const mesh = new TestMesh();
  const a = mesh.start({ name: "a" });
  const b = mesh.start({ name: "b", addresses: [] });
  mesh.run(10 * SECOND);
  assertEquals(a.sees, []);
  b.setLinks([linkOf("eth0", "10.0.0.9", 999)]);
  mesh.runUntil(() => a.sees.length === 1 && b.sees.length === 1, 100 * MS);
});

Deno.test("with all interfaces gone processes of one machine keep each other", () => {
  const mesh = new TestMesh();
  const lo = (port: number) => linkOf("lo", "127.0.0.1", port, 8);
  const a = mesh.start({ name: "a", addresses: ["10.0.0.1"] });
  const b = mesh.start({ name: "b", addresses: ["10.0.0.1"] });
  const far = mesh.start({ name: "far", addresses: ["10.0.0.3"] });
  a.setLinks([linkOf("eth0", "10.0.0.1", 11), lo(12)]);
  b.setLinks([linkOf("eth0", "10.0.0.1", 21), lo(22)]);
  mesh.run(3 * SECOND);
  assertEquals(a.sees, ["b", "far"]);
  // From here on the two share nothing but loopback; the test network takes any two loopbacks for one machine then.
  mesh.isOneMachine = (x, y) => x !== far && y !== far;
  a.setLinks([lo(12)]);
  b.setLinks([lo(22)]);
  mesh.run(30 * SECOND);
  assertEquals(a.sees, ["b"]);
  // It may well live: we are the ones without a network.
  assertEquals(a.stateOf(far), "partitioned");
  assertEquals(a.happened("lost"), []);
  a.setLinks([linkOf("eth0", "10.0.0.1", 13), lo(12)]);
  mesh.runUntil(() => a.stateOf(far) === "alive" && far.stateOf(a) === "alive", 2 * SECOND);
});

Deno.test("an interface that is added brings its network along", () => {
  const mesh = new TestMesh();
  const a = mesh.start({ name: "a", addresses: ["10.0.0.1"] });
  const b = mesh.start({ name: "b", addresses: ["10.0.5.1"] });
  mesh.run(5 * SECOND);
  assertEquals(a.sees, []);
  a.setLinks([...a.links, linkOf("eth1", "10.0.5.2", 777)]);
  mesh.runUntil(() => a.sees.length === 1 && b.sees.length === 1, 100 * MS);
  assertEquals(a.core.registry.get(b.id)?.interface, "eth1");
});

Deno.test("an interface that goes away gives its nodes more time, and another one carries them", () => {
  const mesh = new TestMesh();
  const a = mesh.start({ name: "a", addresses: ["10.0.0.1", "10.0.5.1"] });
  const b = mesh.start({ name: "b", addresses: ["10.0.0.2", "10.0.5.2"] });
  mesh.run(5 * SECOND);
  const first = a.core.registry.get(b.id)?.interface;
  a.setLinks(a.links.filter((link) => link.name !== first));
  mesh.run(30 * SECOND);
  assertEquals(a.stateOf(b), "alive");
  assertEquals(a.happened("suspected"), []);
  assert(a.core.registry.get(b.id)?.interface !== first);
  assertEquals(a.core.registry.size, 1);
});

Deno.test("a node whose address changes is one node with the new address", () => {
  const mesh = new TestMesh();
  const a = mesh.start({ name: "a" });
  const b = mesh.start({ name: "b", addresses: ["10.0.0.20"] });
  mesh.run(3 * SECOND);
  b.setLinks([linkOf("eth0", "10.0.0.21", 600)]);
  mesh.runUntil(
    () => a.core.registry.get(b.id)?.record.endpoints[0]?.address === "udp://10.0.0.21:600",
    100 * MS,
  );
  mesh.run(10 * SECOND);
  assertEquals(a.core.registry.get(b.id)?.from.host, "10.0.0.21");
  assertEquals(a.happened("lost").concat(a.happened("restarted")), []);
});

Deno.test("an interface that was made anew starts anew", () => {
  const mesh = new TestMesh();
  mesh.isRecording = true;
  const a = mesh.start({ name: "a" });
  mesh.run(10 * SECOND);
  mesh.crossings.length = 0;
  const [link] = a.links;
  assert(link !== undefined);
  a.setLinks([{ ...link, key: `${link.key} again` }]);
  mesh.run(3 * SECOND);
  const announcements = mesh.crossings.filter((crossing) =>
    (crossing.transmit.bytes[3] ?? 0) === (2 << 6 | 1)
  );
  assertEquals(announcements.length, 4);
});

Deno.test("each network learns its own addresses first, and none that it cannot use", () => {
  const mesh = new TestMesh();
  const a = mesh.start({ name: "a", addresses: [], options: TCP });
  const inWhite = mesh.start({ name: "white", addresses: ["10.0.0.2"] });
  const inBlack = mesh.start({ name: "black", addresses: ["10.0.5.2"] });
  a.setLinks([
    linkOf("eth0", "10.0.0.1", 11),
    linkOf("eth1", "10.0.5.1", 12),
    linkOf("eth2", "169.254.7.7", 13, 16),
    linkOf("lo", "127.0.0.1", 14, 8),
  ]);
  mesh.run(3 * SECOND);
  const seenBy = (node: typeof a) => node.core.registry.get(a.id)?.record.endpoints.map((e) => e.address);
  assertEquals(seenBy(inWhite), [
    "tcp://10.0.0.1:4000",
    "udp://10.0.0.1:11",
    "tcp://10.0.5.1:4000",
    "udp://10.0.5.1:12",
  ]);
  assertEquals(seenBy(inBlack), [
    "tcp://10.0.5.1:4000",
    "udp://10.0.5.1:12",
    "tcp://10.0.0.1:4000",
    "udp://10.0.0.1:11",
  ]);
});

Deno.test("two interfaces on one subnet make one entry", () => {
  const mesh = new TestMesh();
  const a = mesh.start({ name: "a", addresses: ["10.0.0.1", "10.0.0.11"] });
  const b = mesh.start({ name: "b", addresses: ["10.0.0.2"] });
  mesh.run(30 * SECOND);
  assertEquals([a.core.registry.size, b.core.registry.size], [1, 1]);
  assertEquals(b.happened("updated"), []);
});

Deno.test("multicast that does not come back is told, again and again, and so is its return", () => {
  const mesh = new TestMesh();
  const a = mesh.start({ name: "a", options: { expectsEcho: true } });
  mesh.run(20 * SECOND);
  assertEquals(a.happened("echo-missing"), []);
  mesh.canPass = (from, to) => from !== to;
  mesh.run(12 * SECOND);
  assertEquals(a.happened("echo-missing").map((event) => "times" in event && event.times), [1, 2, 3]);
  mesh.canPass = () => true;
  mesh.runUntil(() => a.happened("echo-back").length === 1, 2 * SECOND);
  const missed = a.happened("echo-missing").length;
  mesh.run(20 * SECOND);
  assertEquals(a.happened("echo-missing").length, missed);
});
