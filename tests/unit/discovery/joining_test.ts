// How nodes find each other: starts, late joiners, loss, seeds, observers, several paths.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type DiscoveryEvent, KIND_NUMBERS } from "../../../lib/discovery/mod.ts";
import { linkOf, MS, PORT, SECOND, TestMesh, type TestNode } from "./mesh.ts";

function seesAll(nodes: readonly TestNode[]): boolean {
  return nodes.every((node) => node.sees.length === nodes.length - 1);
}

Deno.test("two nodes that start together see each other within 50 ms", () => {
  const mesh = new TestMesh();
  const a = mesh.start({ name: "a" });
  const b = mesh.start({ name: "b" });
  mesh.runUntil(() => seesAll([a, b]), 50 * MS);
  assertEquals(a.sees, ["b"]);
  assertEquals(b.sees, ["a"]);
  assertEquals(a.deltas.map((delta) => delta.op), ["add"]);
});

Deno.test("a quiet mesh stays as it is", () => {
  const mesh = new TestMesh();
  const nodes = Array.from({ length: 5 }, () => mesh.start());
  mesh.run(3 * SECOND);
  const revisions = nodes.map((node) => node.core.registry.revision);
  mesh.run(120 * SECOND);
  assertEquals(nodes.map((node) => node.core.registry.revision), revisions);
  assert(seesAll(nodes));
  // One beat a second and link, every eighth by broadcast too.
  const first = nodes[0]?.core.counters.sent ?? 0;
  assert(first > 120 && first < 220, `${first} datagrams in two minutes`);
});

Deno.test("a late joiner of a mesh of 60 knows all within 1.5 s, and all know it within 100 ms", () => {
  const mesh = new TestMesh();
  mesh.prefix = 16;
  const nodes = Array.from({ length: 59 }, () => mesh.start());
  mesh.runUntil(() => seesAll(nodes), 10 * SECOND);
  mesh.run(5 * SECOND);
  const joiner = mesh.start({ name: "late" });
  const knownUs = mesh.runUntil(() => nodes.every((node) => node.sees.includes("late")), 100 * MS);
  const knowsUs = knownUs + mesh.runUntil(() => joiner.sees.length === 59, 1_500 * MS - knownUs);
  assert(knowsUs >= knownUs);
});

Deno.test("with 30 % loss everybody still finds everybody", () => {
  const mesh = new TestMesh(5);
  mesh.loss = 0.3;
  const nodes = Array.from({ length: 12 }, () => mesh.start());
  mesh.runUntil(() => seesAll(nodes), 6 * SECOND);
});

Deno.test("property: whatever the loss and the seed, the registries agree once the network is quiet", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 2, max: 8 }), fc.double({ min: 0, max: 0.4, noNaN: true }), (
      seed,
      count,
      loss,
    ) => {
      const mesh = new TestMesh(seed);
      mesh.loss = loss;
      mesh.delayUs = 2 * MS;
      mesh.jitterUs = 20 * MS;
      const nodes = Array.from(
        { length: count },
        (_, i) => mesh.start({ name: i % 2 === 0 ? "same" : `n${i}` }),
      );
      mesh.run(4 * SECOND);
      nodes[0]?.core.updateRecord(mesh.nowUs, { tags: { place: "left" } });
      mesh.run(8 * SECOND);
      mesh.loss = 0;
      mesh.run(30 * SECOND);
      assert(seesAll(nodes));
      for (const node of nodes) {
        for (const other of nodes) {
          if (node === other) continue;
          const seen = node.core.registry.get(other.id)?.record;
          assertEquals(seen?.name, other.core.record.name);
          assertEquals(seen?.tags, other.core.record.tags);
          assertEquals(seen?.stateVersion, other.core.record.stateVersion);
        }
      }
      const names = new Set(nodes.map((node) => node.core.record.name));
      assertEquals(names.size, count);
    }),
    { numRuns: 25 },
  );
});

Deno.test("a record that changes reaches everybody, also the one who missed the announcements", () => {
  const mesh = new TestMesh();
  const [a, b, c] = [mesh.start({ name: "a" }), mesh.start({ name: "b" }), mesh.start({ name: "c" })];
  mesh.run(3 * SECOND);
  mesh.canPass = (from, to) => !(from === a && to === c);
  a.core.updateRecord(mesh.nowUs, { tags: { wall: "north" } });
  mesh.run(1_500 * MS);
  assertEquals(b.core.registry.get(a.id)?.record.tags, { wall: "north" });
  assertEquals(c.core.registry.get(a.id)?.record.tags, {});
  mesh.canPass = () => true;
  mesh.runUntil(() => c.core.registry.get(a.id)?.record.tags.wall === "north", 1_500 * MS);
  assertEquals(b.deltas.at(-1)?.op, "update");
});

Deno.test("many changes at once are told together", () => {
  const mesh = new TestMesh();
  const [a, b] = [mesh.start({ name: "a" }), mesh.start({ name: "b" })];
  mesh.run(3 * SECOND);
  const before = a.core.counters.sent;
  for (let i = 0; i < 100; i++) {
    a.core.updateRecord(mesh.nowUs, { tags: { load: String(i) } });
    mesh.run(5 * MS);
  }
  mesh.run(2 * SECOND);
  assertEquals(b.core.registry.get(a.id)?.record.tags, { load: "99" });
  assert(a.core.counters.sent - before < 30, `${a.core.counters.sent - before} datagrams for 100 changes`);
});

Deno.test("an observer gets the list without being listed", () => {
  const mesh = new TestMesh();
  const nodes = Array.from({ length: 6 }, () => mesh.start());
  mesh.run(3 * SECOND);
  const observer = mesh.start({ name: "tool", role: "observer" });
  const token = observer.core.query(mesh.nowUs, 50 * MS);
  const isDone = () => observer.happened("query-done").length === 1;
  const tookUs = mesh.runUntil(isDone, SECOND);
  assertEquals(observer.happened("query-done"), [
    { kind: "query-done", token, answers: 6 } as DiscoveryEvent,
  ]);
  assertEquals(observer.sees.length, 6);
  assert(tookUs < 150 * MS, `${tookUs} µs: all six say that there are six`);
  mesh.run(5 * SECOND);
  for (const node of nodes) assertEquals(node.sees.length, 5);
  assert(observer.core.registry.snapshot().every((entry) => entry.rttUs !== null));
});

Deno.test("an observer in an empty mesh is told so after three questions", () => {
  const mesh = new TestMesh();
  const observer = mesh.start({ name: "tool", role: "observer" });
  observer.core.query(mesh.nowUs, 100 * MS);
  const tookUs = mesh.runUntil(() => observer.happened("query-done").length === 1, SECOND);
  assertEquals(tookUs, 350 * MS);
  assertEquals(observer.core.counters.sent, 6); // three times, by multicast and by broadcast
});

Deno.test("an observer of a mesh of 60 that hears no multicast is answered by few, and knows all by their lists", () => {
  const mesh = new TestMesh();
  mesh.prefix = 16;
  const nodes = Array.from({ length: 60 }, () => mesh.start());
  mesh.run(5 * SECOND);
  assert(seesAll(nodes));
  mesh.canPass = (_from, to, transmit) =>
    to.core.options.role !== "observer" || transmit.to.kind === "unicast";
  const observer = mesh.start({ name: "tool", role: "observer" });
  mesh.isRecording = true;
  observer.core.query(mesh.nowUs, 200 * MS);
  mesh.run(95 * MS);
  assertEquals(observer.sees.length, 60);
  const offers = mesh.crossings.filter(({ transmit }) =>
    ((transmit.bytes[3] ?? 0) & 0x3f) === KIND_NUMBERS.offer
  );
  assert(offers.length >= 3 && offers.length <= 16, `${offers.length} of about eight`);
  mesh.runUntil(() => observer.happened("query-done").length === 1, 2 * SECOND);
  assertEquals(observer.sees.length, 60);
  // What stands in a list alone is asked, so that an observer says nobody is there who is not.
  assertEquals(observer.core.registry.snapshot().filter(({ relayed }) => relayed), []);
});

Deno.test("60 nodes that are switched on at once know each other within 350 ms, without a storm", () => {
  const mesh = new TestMesh();
  mesh.prefix = 16;
  const nodes = Array.from({ length: 60 }, () => mesh.start());
  mesh.run(350 * MS);
  assert(nodes.every((node) => node.core.registry.presentCount === 59));
  const sent = nodes.reduce((sum, node) => sum + node.core.counters.sent, 0);
  // A question and an answer a pair and side would be 7,080: the second announcements prove everybody at once.
  assert(sent < 60 * 60, `${sent} datagrams`);
});

Deno.test("100 nodes that are switched on within 2 s know each other within 5 s by less than 10,000 datagrams", () => {
  const mesh = new TestMesh();
  mesh.prefix = 16;
  const nodes: TestNode[] = [];
  for (let i = 0; i < 100; i++) {
    nodes.push(mesh.start());
    mesh.run(20 * MS);
  }
  mesh.runUntil(() => nodes.every((node) => node.core.registry.presentCount === 99), 3 * SECOND);
  const sent = nodes.reduce((sum, node) => sum + node.core.counters.sent, 0);
  assert(sent < 10_000, `${sent} datagrams`);
});

Deno.test("with multicast blocked broadcast does", () => {
  const mesh = new TestMesh();
  mesh.canPass = (_from, _to, transmit) => transmit.to.kind !== "multicast";
  const [a, b] = [mesh.start({ name: "a" }), mesh.start({ name: "b" })];
  mesh.runUntil(() => seesAll([a, b]), 100 * MS);
  mesh.run(60 * SECOND);
  assertEquals(a.happened("lost"), []);
  assertEquals(a.core.registry.get(b.id)?.paths, ["broadcast"]);
  assertEquals(a.happened("suspected").length, 0);
});

Deno.test("with multicast and broadcast blocked seeds do, and beats go by unicast", () => {
  const mesh = new TestMesh();
  mesh.canPass = (_from, _to, transmit) => transmit.to.kind === "unicast";
  const b = mesh.start({ name: "b", addresses: ["10.0.0.9"] });
  const a = mesh.start({ name: "a", options: { seeds: [{ host: "10.0.0.9", port: PORT }] } });
  mesh.runUntil(() => seesAll([a, b]), 200 * MS);
  mesh.run(120 * SECOND);
  assert(seesAll([a, b]));
  assertEquals(a.happened("lost").concat(b.happened("lost")), []);
  assertEquals(a.core.registry.get(b.id)?.paths, ["unicast"]);
});

Deno.test("a seed that starts later is found within 12 s", () => {
  const mesh = new TestMesh();
  mesh.canPass = (_from, _to, transmit) => transmit.to.kind === "unicast";
  const a = mesh.start({ name: "a", options: { seeds: [{ host: "10.0.0.9", port: PORT }] } });
  mesh.run(31 * SECOND);
  const b = mesh.start({ name: "b", addresses: ["10.0.0.9"] });
  mesh.runUntil(() => seesAll([a, b]), 12 * SECOND);
});

Deno.test("a seed behind a router is found, and finds us", () => {
  const mesh = new TestMesh();
  const b = mesh.start({ name: "b", addresses: ["10.9.9.9"] });
  const a = mesh.start({
    name: "a",
    addresses: ["10.0.0.1"],
    options: { seeds: [{ host: "10.9.9.9", port: PORT }] },
  });
  mesh.runUntil(() => seesAll([a, b]), 2 * SECOND);
  assertEquals(b.core.registry.get(a.id)?.interface, null);
  mesh.run(60 * SECOND);
  assert(seesAll([a, b]));
  assertEquals(a.happened("lost").concat(b.happened("lost")), []);
});

Deno.test("two processes on one machine with loopback alone see each other", () => {
  const mesh = new TestMesh();
  const a = mesh.start({ name: "a", addresses: ["127.0.0.1"] });
  const b = mesh.start({ name: "b", addresses: ["127.0.0.1"] });
  // The test network joins processes by their links: give both the same machine.
  mesh.canPass = () => true;
  a.setLinks([linkOf("lo", "127.0.0.1", 1001, 8), linkOf("eth0", "10.0.0.1", 1002)]);
  b.setLinks([linkOf("lo", "127.0.0.1", 1003, 8), linkOf("eth0", "10.0.0.1", 1004)]);
  mesh.runUntil(() => seesAll([a, b]), 100 * MS);
  mesh.run(30 * SECOND);
  assertEquals(a.happened("lost"), []);
  const addresses = a.core.registry.get(b.id)?.record.endpoints.map((endpoint) => endpoint.address).sort();
  assertEquals(addresses, ["udp://10.0.0.1:1004", "udp://127.0.0.1:1003"]);
});

Deno.test("the start takes at most 20 ms of jitter and says itself four times", () => {
  const mesh = new TestMesh();
  mesh.isRecording = true;
  const a = mesh.start();
  const startUs = mesh.nowUs;
  mesh.run(2_200 * MS);
  const times = mesh.crossings
    .filter((crossing) => crossing.sender === a && crossing.transmit.to.kind === "broadcast")
    .map((crossing) => Math.round((crossing.atUs - startUs) / MS));
  assertEquals(times.length, 4);
  const bounds = [[0, 20], [250, 320], [1_000, 1_120], [2_000, 2_120]];
  times.forEach((time, i) => {
    const [from = 0, to = 0] = bounds[i] ?? [];
    assert(time >= from && time <= to, `announcement ${i} at ${time} ms`);
  });
});
