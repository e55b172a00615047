// Being cut off oneself: deaf observers, halves, pauses, sleep; and finding together again.

import { assert, assertEquals } from "@std/assert";
import { Isolation, type Surroundings } from "../../../lib/discovery/isolation.ts";
import { MS, SECOND, TestMesh, type TestNode } from "./mesh.ts";

const AROUND: Surroundings = { silent: 0, heard: 100, isEchoLost: false, hasNetwork: true, beatUs: SECOND };

function meshOf(count: number, seed = 1, expectsEcho = false): { mesh: TestMesh; nodes: TestNode[] } {
  const mesh = new TestMesh(seed);
  const nodes = Array.from({ length: count }, () => mesh.start({ options: { expectsEcho } }));
  mesh.run(6 * SECOND);
  return { mesh, nodes };
}

function split(mesh: TestMesh, half: readonly TestNode[], alsoUnicast = true): void {
  mesh.canPass = (from, to, transmit) =>
    half.includes(from) === half.includes(to) || (!alsoUnicast && transmit.to.kind === "unicast");
}

function countOf(node: TestNode, state: string): number {
  return node.core.registry.snapshot().filter((entry) => entry.state === state).length;
}

Deno.test("more than a fifth silent at once, and more than three, means that it is us", () => {
  const cases: [silent: number, heard: number, isIsolated: boolean][] = [
    [20, 80, false],
    [21, 79, true],
    [10, 90, false],
    [3, 5, false],
    [4, 5, true],
    [1, 0, false],
  ];
  for (const [silent, heard, isIsolated] of cases) {
    const isolation = new Isolation();
    isolation.judge(0, { ...AROUND, silent, heard });
    assertEquals(isolation.isOn, isIsolated, `${silent} of ${silent + heard}`);
  }
});

Deno.test("nobody heard of several for a second means that it is us, nobody of one does not", () => {
  const isolation = new Isolation();
  const all = { ...AROUND, silent: 2, heard: 0 };
  assertEquals(isolation.judge(0, all), null);
  assertEquals(isolation.judge(0.9 * SECOND, all), null);
  // One of the two was heard after all: what was lost was a beat or two.
  assertEquals(isolation.judge(0.95 * SECOND, { ...AROUND, silent: 1, heard: 1 }), null);
  assertEquals(isolation.judge(1.5 * SECOND, all), null);
  assertEquals(isolation.judge(2.4 * SECOND, all), null);
  assertEquals(isolation.judge(2.5 * SECOND, all), "began");
  assertEquals(isolation.cause, "silence");
  assertEquals(new Isolation().judge(60 * SECOND, { ...AROUND, silent: 1, heard: 0 }), null);
});

Deno.test("our own multicast lost and one silent node mean that it is us", () => {
  const isolation = new Isolation();
  assertEquals(isolation.judge(0, { ...AROUND, isEchoLost: true }), null);
  assertEquals(isolation.judge(0, { ...AROUND, silent: 1, isEchoLost: true }), "began");
  assertEquals(isolation.cause, "echo");
});

Deno.test("isolation ends 2.5 beats after its cause, and after 15 s if somebody is heard and multicast comes back", () => {
  const isolation = new Isolation();
  isolation.judge(0, { ...AROUND, silent: 50, heard: 50 });
  assertEquals(isolation.judge(1 * SECOND, AROUND), null);
  assertEquals(isolation.judge(3.4 * SECOND, AROUND), null);
  assertEquals(isolation.judge(3.5 * SECOND, AROUND), "ended");
  isolation.judge(10 * SECOND, { ...AROUND, silent: 50, heard: 50 });
  assertEquals(isolation.judge(24.9 * SECOND, { ...AROUND, silent: 50, heard: 50 }), null);
  assertEquals(isolation.judge(25 * SECOND, { ...AROUND, silent: 50, heard: 50, isEchoLost: true }), null);
  assertEquals(isolation.judge(26 * SECOND, { ...AROUND, silent: 100, heard: 0 }), null);
  assertEquals(isolation.judge(27 * SECOND, { ...AROUND, silent: 99, heard: 1 }), "capped");
});

Deno.test("a deaf node declares nobody dead, shows all as partitioned, and is back within two beats", () => {
  const { mesh, nodes } = meshOf(10);
  const [deaf, ...others] = nodes;
  assert(deaf !== undefined);
  mesh.canPass = (_from, to) => to !== deaf;
  mesh.run(20 * SECOND);
  assertEquals(countOf(deaf, "partitioned"), 9);
  assertEquals(deaf.core.isIsolated, true);
  assertEquals(deaf.happened("isolated").length, 1);
  for (const other of others) assertEquals(other.stateOf(deaf), "alive");
  mesh.canPass = () => true;
  mesh.runUntil(() => countOf(deaf, "alive") === 9, 1_200 * MS);
  mesh.run(5 * SECOND);
  assertEquals(deaf.core.isIsolated, false);
  assertEquals(deaf.happened("rejoined").length, 1);
  assertEquals(deaf.happened("lost"), []);
});

Deno.test("one that died while we were deaf is dead soon after we hear again", () => {
  const { mesh, nodes } = meshOf(10);
  const [deaf, victim] = nodes;
  assert(deaf !== undefined && victim !== undefined);
  mesh.canPass = (_from, to) => to !== deaf;
  mesh.run(4 * SECOND);
  mesh.crash(victim);
  mesh.run(8 * SECOND);
  mesh.canPass = () => true;
  mesh.runUntil(() => deaf.stateOf(victim) === "dead", 6 * SECOND);
  assertEquals(countOf(deaf, "alive"), 8);
});

Deno.test("a tenth that crashes at once is dead within six seconds, and nobody takes himself for cut off", () => {
  const { mesh, nodes } = meshOf(40);
  const victims = nodes.slice(0, 4);
  for (const victim of victims) mesh.crash(victim);
  const others = nodes.slice(4);
  mesh.runUntil(() => others.every((each) => countOf(each, "dead") === 4), 6 * SECOND);
  for (const other of others) assertEquals(other.happened("isolated"), []);
});

Deno.test("a half that crashes at once is partitioned, and dead 75 s later", () => {
  const { mesh, nodes } = meshOf(12);
  for (const victim of nodes.slice(6)) mesh.crash(victim);
  const others = nodes.slice(0, 6);
  mesh.run(10 * SECOND);
  for (const other of others) assertEquals([countOf(other, "partitioned"), countOf(other, "alive")], [6, 5]);
  mesh.run(58 * SECOND);
  for (const other of others) assertEquals(countOf(other, "dead"), 0);
  mesh.run(14 * SECOND);
  for (const other of others) {
    assertEquals([countOf(other, "dead"), other.core.isIsolated], [6, false]);
  }
});

Deno.test("own multicast that is lost keeps us from judging others", () => {
  const { mesh, nodes } = meshOf(5, 1, true);
  const [a, b] = nodes;
  assert(a !== undefined && b !== undefined);
  // a's interface takes nothing in and lets nothing out; b alone crashes within the same moment.
  mesh.crash(b);
  mesh.canPass = (from, to) => from !== a && to !== a;
  mesh.run(10 * SECOND);
  assertEquals(a.happened("lost"), []);
  assertEquals(a.core.isIsolated, true);
});

for (
  const [name, us] of [["10 s", 10 * SECOND], ["60 s", 60 * SECOND], ["10 minutes", 600 * SECOND]] as const
) {
  Deno.test(`halves that were apart for ${name} see each other whole within two beats and a second`, () => {
    const { mesh, nodes } = meshOf(10);
    split(mesh, nodes.slice(0, 5));
    mesh.run(us);
    const isKnown = nodes.every((each) => countOf(each, "alive") === 4);
    assert(isKnown, "the partition was noticed");
    mesh.canPass = () => true;
    const healUs = mesh.runUntil(() => nodes.every((each) => countOf(each, "alive") === 9), 3_200 * MS);
    assert(healUs <= 3_200 * MS, `${healUs} µs`);
  });
}

Deno.test("a partition is noticed within six seconds", () => {
  const { mesh, nodes } = meshOf(10);
  split(mesh, nodes.slice(0, 5));
  mesh.runUntil(
    () => nodes.every((each) => countOf(each, "alive") === 4 && countOf(each, "suspect") === 0),
    6 * SECOND,
  );
});

Deno.test("three parts find together again after a minute", () => {
  const { mesh, nodes } = meshOf(9);
  mesh.canPass = (from, to) => nodes.indexOf(from) % 3 === nodes.indexOf(to) % 3;
  mesh.run(100 * SECOND);
  mesh.canPass = () => true;
  mesh.runUntil(() => nodes.every((each) => countOf(each, "alive") === 8), 3_200 * MS);
});

Deno.test("halves that only unicast joins again after a minute or an hour find together", () => {
  for (const us of [60 * SECOND, 3_700 * SECOND]) {
    const { mesh, nodes } = meshOf(4);
    const half = nodes.slice(0, 2);
    split(mesh, half);
    mesh.run(us);
    split(mesh, half, false);
    mesh.runUntil(() => nodes.every((each) => countOf(each, "alive") === 3), 240 * SECOND);
  }
});

Deno.test("two that were apart for 25 hours find together by unicast alone", () => {
  const { mesh, nodes } = meshOf(2);
  const half = nodes.slice(0, 1);
  split(mesh, half);
  mesh.run(25 * 3_600 * SECOND);
  for (const node of nodes) assertEquals(node.core.registry.size, 0);
  split(mesh, half, false);
  mesh.runUntil(() => nodes.every((each) => countOf(each, "alive") === 1), 240 * SECOND);
});

Deno.test("a link that is there for two seconds and gone for two kills nobody", () => {
  const { mesh, nodes } = meshOf(5);
  const [flapping] = nodes;
  assert(flapping !== undefined);
  mesh.canPass = (from, to) =>
    Math.floor(mesh.nowUs / (2 * SECOND)) % 2 === 0 || (from !== flapping && to !== flapping);
  mesh.run(120 * SECOND);
  for (const node of nodes) assertEquals(node.happened("lost"), []);
});

Deno.test("a node that was stopped for ten seconds judges nobody when it goes on, and says that it was cut off", () => {
  const { mesh, nodes } = meshOf(8);
  const [paused, ...others] = nodes;
  assert(paused !== undefined);
  paused.isPaused = true;
  mesh.run(10 * SECOND);
  paused.core.handleTimeout(mesh.nowUs);
  paused.resume();
  assertEquals(paused.core.isIsolated, true);
  mesh.run(10 * SECOND);
  assertEquals(paused.core.isIsolated, false);
  assertEquals(paused.happened("lost"), []);
  assertEquals(paused.happened("stalled").length, 1);
  for (const other of others) assertEquals(other.stateOf(paused), "alive");
});

Deno.test("after sleep a node is the same, tells how long it slept, and takes nobody for dead", () => {
  const { mesh, nodes } = meshOf(4);
  const [sleeper, ...others] = nodes;
  assert(sleeper !== undefined);
  // Its clock stands still while it sleeps: what others sent meanwhile is gone.
  mesh.canPass = (from, to) => from !== sleeper && to !== sleeper;
  const before = sleeper.core.record.incarnation;
  sleeper.isPaused = true;
  mesh.run(60 * SECOND);
  sleeper.isPaused = false;
  mesh.canPass = () => true;
  sleeper.core.handleResume(mesh.nowUs, 60_000);
  mesh.runUntil(() => others.every((each) => each.happened("resumed").length > 0), SECOND);
  mesh.run(10 * SECOND);
  assertEquals(sleeper.happened("lost"), []);
  for (const other of others) {
    assertEquals(other.happened("resumed"), [{ kind: "resumed", id: sleeper.id, asleepMs: 60_000 }]);
    assertEquals(other.happened("restarted"), []);
    assertEquals(other.core.registry.get(sleeper.id)?.record.incarnation, before);
    assertEquals(sleeper.stateOf(other), "alive");
  }
});

Deno.test("a machine without any network is the one that is cut off, however few it knew", () => {
  const mesh = new TestMesh();
  const a = mesh.start({ name: "a", addresses: ["10.0.0.2"] });
  const b = mesh.start({ name: "b", addresses: ["10.0.0.3", "127.0.0.1"] });
  mesh.run(3 * SECOND);
  b.setLinks(b.links.filter((link) => link.loopback));
  mesh.run(10 * SECOND);
  assertEquals([a.stateOf(b), b.stateOf(a)], ["dead", "partitioned"]);
  assert(b.core.isIsolated);
  mesh.run(120 * SECOND);
  assertEquals(b.stateOf(a), "partitioned");
});
