// Silence, crashes, restarts, goodbyes, pauses.

import { assert, assertEquals } from "@std/assert";
import { beatPeriodUs } from "../../../lib/discovery/mod.ts";
import { MS, SECOND, TestMesh, type TestNode } from "./mesh.ts";

function pair(seed = 1): { mesh: TestMesh; a: TestNode; b: TestNode } {
  const mesh = new TestMesh(seed);
  const a = mesh.start({ name: "a" });
  const b = mesh.start({ name: "b", number: 2 });
  mesh.run(3 * SECOND);
  assertEquals(a.stateOf(b), "alive");
  return { mesh, a, b };
}

Deno.test("the crashed one of two is suspect after 3.3 beats, asked again and again, and dead two seconds later", () => {
  const { mesh, a, b } = pair();
  mesh.crash(b);
  const suspectUs = mesh.runUntil(() => a.stateOf(b) === "suspect", 5 * SECOND);
  assert(suspectUs > 2 * SECOND && suspectUs <= 3_400 * MS, `suspect after ${suspectUs} µs`);
  mesh.isRecording = true;
  const deadUs = suspectUs + mesh.runUntil(() => a.stateOf(b) === "dead", 5 * SECOND);
  assert(deadUs > 3_900 * MS && deadUs <= 5_500 * MS, `dead after ${deadUs} µs`);
  assert(deadUs - suspectUs >= 2 * SECOND, `suspect for ${deadUs - suspectUs} µs`);
  const asked = mesh.crossings.filter((crossing) =>
    crossing.sender === a && crossing.transmit.to.kind === "unicast"
  );
  assert(asked.length >= 4, "the suspect was asked by unicast");
  assertEquals(a.events.map((event) => event.kind), ["added", "suspected", "lost"]);
  assertEquals(a.sees, []);
});

Deno.test("a node whose multicast is lost but who answers is cleared and stays", () => {
  const { mesh, a, b } = pair();
  mesh.canPass = (from, _to, transmit) => from !== b || transmit.to.kind === "unicast";
  mesh.runUntil(() => a.happened("suspected").length > 0, 5 * SECOND);
  mesh.run(60 * SECOND);
  assertEquals(a.stateOf(b), "alive");
  assertEquals(a.happened("lost"), []);
  assert(a.happened("cleared").length > 0);
});

Deno.test("a node without any link back is heard and asked by multicast, and stays", () => {
  const { mesh, a, b } = pair();
  mesh.canPass = (_from, _to, transmit) => transmit.to.kind !== "unicast";
  const late = mesh.start({ name: "late" });
  mesh.runUntil(() => late.sees.length === 2 && a.sees.length === 2, 3 * SECOND);
  mesh.run(30 * SECOND);
  assertEquals(a.stateOf(b), "alive");
});

Deno.test("30 % loss kills nobody in five minutes", () => {
  const mesh = new TestMesh(3);
  const nodes = Array.from({ length: 8 }, () => mesh.start());
  mesh.run(3 * SECOND);
  mesh.loss = 0.3;
  mesh.run(300 * SECOND);
  for (const node of nodes) assertEquals(node.happened("lost").length, 0);
});

Deno.test("a cable that is pulled for 20 s makes the node dead, and alive again within two beats", () => {
  const { mesh, a, b } = pair();
  mesh.canPass = () => false;
  mesh.run(20 * SECOND);
  assertEquals([a.stateOf(b), b.stateOf(a)], ["dead", "dead"]);
  mesh.canPass = () => true;
  mesh.runUntil(() => a.stateOf(b) === "alive" && b.stateOf(a) === "alive", 2_200 * MS);
  assertEquals(a.happened("returned").length, 1);
  assertEquals(a.deltas.map((delta) => delta.op), ["add", "update", "update", "update"]);
});

Deno.test("a mesh cut in halves heals by unicast even when multicast stays dead", () => {
  const mesh = new TestMesh();
  const [a, b] = [mesh.start({ name: "a" }), mesh.start({ name: "b" })];
  mesh.run(3 * SECOND);
  mesh.canPass = () => false;
  mesh.run(20 * SECOND);
  mesh.canPass = (_from, _to, transmit) => transmit.to.kind === "unicast";
  mesh.runUntil(() => a.sees.length === 1 && b.sees.length === 1, 60 * SECOND);
});

Deno.test("a node restarted within 200 ms is seen as restarted, never as lost", () => {
  const { mesh, a, b } = pair();
  mesh.crash(b);
  mesh.run(200 * MS);
  const again = mesh.start({ name: "b", number: 2 });
  mesh.runUntil(() => a.happened("restarted").length === 1, 100 * MS);
  assertEquals(again.id, b.id);
  assertEquals(a.sees, ["b"]);
  assertEquals(a.happened("lost"), []);
  mesh.run(30 * SECOND);
  assertEquals(a.sees, ["b"]);
  assertEquals(a.core.registry.size, 1);
});

Deno.test("a node restarted with another address is one node at the new address", () => {
  const { mesh, a, b } = pair();
  mesh.crash(b);
  const again = mesh.start({ name: "b", number: 2, addresses: ["10.0.0.77"] });
  mesh.runUntil(() => a.happened("restarted").length === 1, 100 * MS);
  const entry = a.core.registry.get(again.id);
  assertEquals(entry?.from.host, "10.0.0.77");
  assertEquals(entry?.record.endpoints.every((endpoint) => endpoint.address.includes("10.0.0.77")), true);
  assertEquals(a.core.registry.size, 1);
});

Deno.test("a restart with a lower incarnation waits until the old one is silent, then is accepted", () => {
  const { mesh, a, b } = pair();
  mesh.crash(b);
  // The clock was set back a year and the last incarnation could not be read.
  const again = mesh.start({ name: "b", number: 2, incarnation: 500 });
  mesh.run(SECOND);
  assertEquals(a.core.registry.get(b.id)?.record.incarnation, b.core.record.incarnation);
  assert(a.core.counters.refused["old-incarnation"] > 0);
  mesh.runUntil(() => a.core.registry.get(again.id)?.record.incarnation === 500, 6 * SECOND);
  assertEquals(a.stateOf(again), "alive");
});

Deno.test("a restart after a goodbye is accepted at once, even with a lower incarnation", () => {
  const { mesh, a, b } = pair();
  b.core.leave(mesh.nowUs, "update");
  mesh.run(400 * MS);
  assertEquals(a.stateOf(b), "left");
  const again = mesh.start({ name: "b", number: 2, incarnation: 501 });
  mesh.runUntil(() => a.stateOf(again) === "alive", 100 * MS);
});

Deno.test("a goodbye is seen within 2 ms and said three times", () => {
  const { mesh, a, b } = pair();
  mesh.isRecording = true;
  const startUs = mesh.nowUs;
  b.core.leave(mesh.nowUs, "quit");
  assert(mesh.runUntil(() => a.stateOf(b) === "left", 50 * MS) < 2 * MS);
  mesh.run(2 * SECOND);
  const times = mesh.crossings
    .filter((crossing) => crossing.sender === b && crossing.transmit.to.kind === "multicast")
    .map((crossing) => (crossing.atUs - startUs) / MS);
  assertEquals(times, [0, 100, 300]);
  assertEquals(b.happened("goodbye-sent").length, 1);
  assertEquals(b.core.pollTimeout(), null);
  assertEquals(a.happened("left").length, 1);
  assertEquals(a.happened("lost"), []);
});

Deno.test("a goodbye whose first two copies are lost arrives with the third", () => {
  const { mesh, a, b } = pair();
  mesh.canPass = (from) => from !== b;
  b.core.leave(mesh.nowUs, "quit");
  mesh.run(200 * MS);
  mesh.canPass = () => true;
  mesh.runUntil(() => a.stateOf(b) === "left", 200 * MS);
});

Deno.test("a goodbye that is lost altogether ends in death by silence", () => {
  const { mesh, a, b } = pair();
  mesh.canPass = (from) => from !== b;
  b.core.leave(mesh.nowUs, "quit");
  mesh.runUntil(() => a.stateOf(b) === "dead", 6 * SECOND);
});

Deno.test("a beat that comes after the goodbye changes nothing", () => {
  const { mesh, a, b } = pair();
  // b's next beat is held back on the way.
  mesh.isRecording = true;
  mesh.canPass = (from) => from !== b;
  mesh.run(1_200 * MS);
  const late = mesh.crossings.filter((crossing) => crossing.sender === b).at(-1);
  mesh.canPass = () => true;
  b.core.leave(mesh.nowUs, "quit");
  mesh.run(400 * MS);
  assert(late !== undefined);
  mesh.inject(a, late.transmit.bytes, late.from);
  mesh.run(5 * SECOND);
  assertEquals(a.stateOf(b), "left");
  assertEquals(a.core.counters.refused["after-goodbye"] > 0, true);
});

Deno.test("a beat after a goodbye for sleep is asked about, and without an answer changes nothing", () => {
  const { mesh, a, b } = pair();
  mesh.isRecording = true;
  mesh.canPass = (from) => from !== b;
  mesh.run(1_200 * MS);
  const late = mesh.crossings.filter((crossing) => crossing.sender === b).at(-1);
  mesh.canPass = () => true;
  b.core.leave(mesh.nowUs, "sleep");
  mesh.run(400 * MS);
  assertEquals(a.happened("left"), [{ kind: "left", id: b.id, reason: "sleep" }]);
  assert(late !== undefined);
  mesh.crossings.length = 0;
  mesh.inject(a, late.transmit.bytes, late.from);
  mesh.run(10 * MS);
  assertEquals(mesh.crossings.filter((crossing) => crossing.transmit.to.kind === "unicast").length, 1);
  mesh.run(3 * SECOND);
  assertEquals(a.stateOf(b), "left");
});

Deno.test("the left are forgotten after 10 minutes and the dead after an hour", () => {
  const { mesh, a, b } = pair();
  const c = mesh.start({ name: "c", number: 3 });
  mesh.run(3 * SECOND);
  b.core.leave(mesh.nowUs, "quit");
  mesh.crash(c);
  mesh.run(590 * SECOND);
  assertEquals([a.stateOf(b), a.stateOf(c)], ["left", "dead"]);
  mesh.run(20 * SECOND);
  assertEquals([a.stateOf(b), a.stateOf(c)], ["unknown", "dead"]);
  mesh.run(3_000 * SECOND);
  assertEquals(a.stateOf(c), "unknown");
  assertEquals(a.deltas.filter((delta) => delta.op === "remove").length, 2);
});

Deno.test("a node that was paused for 10 s kills nobody when it goes on", () => {
  const mesh = new TestMesh();
  const nodes = Array.from({ length: 5 }, () => mesh.start());
  mesh.run(3 * SECOND);
  const [paused] = nodes;
  assert(paused !== undefined);
  paused.isPaused = true;
  mesh.run(10 * SECOND);
  for (const other of nodes.slice(1)) assertEquals(other.stateOf(paused), "dead");
  paused.resume();
  mesh.run(30 * SECOND);
  assertEquals(paused.happened("lost"), []);
  assertEquals(paused.happened("stalled").length, 1);
  for (const other of nodes.slice(1)) assertEquals(other.stateOf(paused), "alive");
});

Deno.test("a node that was paused is told so even when its timer comes first", () => {
  const { mesh, a, b } = pair();
  a.isPaused = true;
  mesh.run(30 * SECOND);
  a.core.handleTimeout(mesh.nowUs);
  a.resume();
  mesh.run(10 * SECOND);
  assertEquals(a.happened("lost"), []);
  assertEquals(a.stateOf(b), "alive");
});

Deno.test("the mesh is counted as large as it is, and smaller once most have left", () => {
  const mesh = new TestMesh();
  const nodes = Array.from({ length: 20 }, () => mesh.start());
  mesh.run(3 * SECOND);
  for (const node of nodes) assertEquals(node.core.meshSize, 20);
  for (const node of nodes.slice(5)) node.core.leave(mesh.nowUs, "quit");
  mesh.run(3 * SECOND);
  for (const node of nodes.slice(0, 5)) assertEquals(node.core.meshSize, 5);
});

Deno.test("the beat period grows with the mesh: 100 beats a second altogether, from 1 s to 10 s", () => {
  assertEquals([1, 100, 150, 500, 1_000, 5_000].map(beatPeriodUs), [
    SECOND,
    SECOND,
    1.5 * SECOND,
    5 * SECOND,
    10 * SECOND,
    10 * SECOND,
  ]);
});

Deno.test("ping measures the way there and back, and is lost after a second", () => {
  const { mesh, a, b } = pair();
  const token = a.core.ping(mesh.nowUs, b.id);
  mesh.run(10 * MS);
  const [pong] = a.happened("pong");
  assert(pong?.kind === "pong" && pong.token === token);
  assert(pong.rttUs >= 400 && pong.rttUs <= 1_000, `${pong.rttUs} µs`);
  mesh.crash(b);
  const lost = a.core.ping(mesh.nowUs, { host: "10.0.0.3", port: 50_002 });
  mesh.run(1_100 * MS);
  assertEquals(a.happened("ping-lost"), [{ kind: "ping-lost", token: lost }]);
});
