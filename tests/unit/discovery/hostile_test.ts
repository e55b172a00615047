// Strangers, replays, forgeries, floods, insiders who lie.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Incarnation, NodeId } from "../../../lib/base/mod.ts";
import {
  createBodyCodec,
  encodeDatagram,
  KIND_NUMBERS,
  meshTagOf,
  type Message,
  type NodeRecord,
} from "../../../lib/discovery/mod.ts";
import {
  createMeshKey,
  DatagramAuthenticator,
  MeshKeyRing,
  openMeshKeyRing,
  rotate,
} from "../../../lib/security/mod.ts";
import { announcement, heartbeat, offer, question, recordOf } from "./samples.ts";
import { idOf, MS, SECOND, TestMesh, type TestNode, TestRandom, TestSeal } from "./mesh.ts";

const codec = createBodyCodec();
const BOOT = "0102030405060708";
const ATTACKER = { host: "10.0.0.66", port: 6_666 };
const random = new TestRandom(99);
const key = createMeshKey(random, "show", 0);
const otherKey = createMeshKey(random, "other", 0);

function forge(
  message: Message,
  id: NodeId,
  seq = 1,
  seal = new TestSeal(7),
  incarnation = 9_000_000,
): Uint8Array {
  const header = { path: "multicast", id, incarnation: incarnation as Incarnation, seq, sentMs: 10 } as const;
  return encodeDatagram(header, message, meshTagOf(""), codec, seal);
}

function announce(id: NodeId, changes: Partial<NodeRecord> = {}): Message {
  return announcement(recordOf(id, changes), { bootNonce: BOOT });
}

/** Bytes that went to the attacker's address. */
function bytesTo(mesh: TestMesh, host: string): number {
  let bytes = 0;
  for (const { transmit } of mesh.crossings) {
    if (transmit.to.kind === "unicast" && transmit.to.endpoint.host === host) bytes += transmit.bytes.length;
  }
  return bytes;
}

function pair(): { mesh: TestMesh; a: TestNode; b: TestNode } {
  const mesh = new TestMesh();
  const a = mesh.start({ name: "a" });
  const b = mesh.start({ name: "b" });
  mesh.run(3 * SECOND);
  mesh.isRecording = true;
  return { mesh, a, b };
}

Deno.test("meshes of different keys stay blind to each other, and say nothing to each other", () => {
  const mesh = new TestMesh();
  mesh.isRecording = true;
  const ring = new MeshKeyRing(key, null);
  const seals = [ring, ring, new MeshKeyRing(otherKey, null), openMeshKeyRing()].map((r) =>
    new DatagramAuthenticator(r)
  );
  const nodes = seals.map((seal) => mesh.start({ seal, options: { trust: seal.trust } }));
  mesh.run(65 * SECOND);
  assertEquals(nodes.map((node) => node.core.registry.size), [1, 1, 0, 0]);
  for (const node of nodes.slice(2)) {
    for (const link of node.links) assertEquals(bytesTo(mesh, link.address), 0);
    assert(node.core.counters.refused.foreign > 100);
    // Three strangers at most, told at once and once more after a minute.
    assertEquals(node.happened("foreign").length, 2);
  }
});

Deno.test("an open mesh works, and says that it is open", () => {
  const mesh = new TestMesh();
  const seal = new DatagramAuthenticator(openMeshKeyRing());
  const a = mesh.start({ seal, options: { trust: "open" } });
  mesh.start({ seal, options: { trust: "open" } });
  mesh.run(SECOND);
  assertEquals(a.core.registry.snapshot().map((entry) => entry.trust), ["open"]);
});

Deno.test("while a key is changed old and new see each other, and the old ones are counted", () => {
  const mesh = new TestMesh();
  const old = new MeshKeyRing(key, null);
  const a = mesh.start({ name: "a", seal: new DatagramAuthenticator(old) });
  const b = mesh.start({ name: "b", seal: new DatagramAuthenticator(rotate(old, otherKey)) });
  mesh.run(SECOND);
  // a cannot know the new key yet; b still hears it.
  assertEquals(a.sees, []);
  assert(b.core.counters.acceptedByPreviousKey > 0);
  const c = mesh.start({ name: "c", seal: new DatagramAuthenticator(rotate(old, otherKey)) });
  mesh.run(SECOND);
  assert(b.sees.includes("c") && c.sees.includes("b"));
});

Deno.test("meshes of different names pass each other by before any cryptography", () => {
  const mesh = new TestMesh();
  const a = mesh.start({ options: { meshName: "one" } });
  const b = mesh.start({ options: { meshName: "two" } });
  mesh.run(5 * SECOND);
  assertEquals([a.core.registry.size, b.core.registry.size], [0, 0]);
  assert(a.core.counters.refused["other-mesh"] > 0);
});

Deno.test("every recorded datagram that is played back after a second and after an hour changes nothing", () => {
  const mesh = new TestMesh();
  mesh.isRecording = true;
  const a = mesh.start({ name: "a" });
  const b = mesh.start({ name: "b" });
  const observer = mesh.start({ name: "tool", role: "observer" });
  observer.core.query(mesh.nowUs, 100 * MS);
  const gone = mesh.start({ name: "gone" });
  mesh.run(3 * SECOND);
  a.core.ping(mesh.nowUs, b.id);
  // A cut between two makes them ask the third.
  mesh.canPass = (from, to) => !(from === b && to === a);
  mesh.run(8 * SECOND);
  mesh.canPass = () => true;
  mesh.run(SECOND);
  gone.core.leave(mesh.nowUs, "quit");
  mesh.run(SECOND);
  const recorded = mesh.crossings.map((crossing) => crossing.transmit.bytes);
  const kinds = new Set(recorded.map((bytes) => (bytes[3] ?? 0) & 0x3f));
  const needed = [
    ...([
      "announce",
      "heartbeat",
      "query",
      "offer",
      "bye",
      "ping",
      "ack",
      "sync-request",
      "sync-page",
    ] as const),
    ...(["ping-request", "nack", "suspect", "vouch"] as const),
  ];
  assertEquals(needed.filter((kind) => !kinds.has(KIND_NUMBERS[kind])), [], "every class was recorded");
  for (const afterUs of [SECOND, 3_600 * SECOND]) {
    mesh.run(afterUs);
    const before = [a, b].map((node) => node.core.registry.revision);
    mesh.crossings.length = 0;
    // At a rate that the limiter lets through.
    for (const bytes of recorded) {
      for (const node of [a, b]) mesh.inject(node, bytes, ATTACKER);
      mesh.run(20 * MS);
    }
    mesh.run(SECOND);
    assertEquals([a, b].map((node) => node.core.registry.revision), before);
    assertEquals(bytesTo(mesh, ATTACKER.host), 0, "nobody answers the one who plays back");
  }
});

Deno.test("beats of a dead node that are played back do not bring it back, whoever hears them", () => {
  const { mesh, a, b } = pair();
  mesh.run(5 * SECOND);
  const recorded = mesh.crossings.filter((crossing) => crossing.sender === b).map((c) => c.transmit.bytes);
  mesh.crash(b);
  mesh.run(10 * SECOND);
  const late = mesh.start({ name: "late" });
  mesh.run(5 * SECOND);
  for (const bytes of recorded) {
    for (const node of [a, late]) mesh.inject(node, bytes, { host: "10.0.0.66", port: 6_666 });
  }
  mesh.run(5 * SECOND);
  assertEquals([a.stateOf(b), late.stateOf(b)], ["dead", "unknown"]);
  assert(bytesTo(mesh, ATTACKER.host) < 1_000, "three short questions at most");
});

Deno.test("a datagram that was held back for 11 s is asked about before it counts", () => {
  const { mesh, a, b } = pair();
  mesh.canPass = (from) => from !== b;
  mesh.run(1_100 * MS);
  const held = mesh.crossings.filter((crossing) => crossing.sender === b).at(-1);
  mesh.canPass = () => true;
  mesh.run(11 * SECOND);
  assert(held !== undefined);
  const heardUs = a.core.registry.get(b.id)?.lastHeardUs ?? 0;
  mesh.inject(a, held.transmit.bytes, ATTACKER);
  mesh.run(1);
  assertEquals(a.core.counters.refused.delayed, 1);
  assertEquals(a.core.registry.get(b.id)?.lastHeardUs, heardUs);
  assertEquals(a.core.registry.get(b.id)?.from.host, "10.0.0.3");
});

Deno.test("a goodbye without the key is nothing", () => {
  const { mesh, a, b } = pair();
  const bye: Message = { kind: "bye", bootNonce: BOOT, reason: "quit" };
  mesh.inject(a, forge(bye, b.id, 1_000, new TestSeal(8)), ATTACKER);
  mesh.run(10 * MS);
  assertEquals(a.stateOf(b), "alive");
  assertEquals(a.core.counters.refused.foreign, 1);
});

Deno.test("a goodbye for sleep that was overtaken is over, one that was not counts", () => {
  const { mesh, a, b } = pair();
  const bootNonce = bootNonceOf(mesh, b);
  const sleep: Message = { kind: "bye", bootNonce, reason: "sleep" };
  const from = a.core.registry.get(b.id)?.from ?? ATTACKER;
  const { incarnation } = b.core.options;
  mesh.inject(a, forge(heartbeat({ bootNonce }), b.id, 9_000, new TestSeal(7), incarnation), from);
  mesh.run(MS);
  mesh.inject(a, forge(sleep, b.id, 8_999, new TestSeal(7), incarnation), from);
  mesh.run(MS);
  assertEquals([a.stateOf(b), a.core.counters.refused.delayed > 0], ["alive", true]);
  mesh.inject(a, forge(sleep, b.id, 9_001, new TestSeal(7), incarnation), from);
  mesh.run(MS);
  assertEquals(a.stateOf(b), "left");
});

Deno.test("who does not know the nonce of a process cannot speak for it, key or not", () => {
  const { mesh, a, b } = pair();
  const bye: Message = { kind: "bye", bootNonce: BOOT, reason: "quit" };
  mesh.inject(a, forge(bye, b.id, 1_000, new TestSeal(7), b.core.options.incarnation), ATTACKER);
  mesh.run(10 * MS);
  assertEquals(a.stateOf(b), "alive");
  assertEquals(a.core.counters.refused["other-process"], 1);
});

Deno.test("a stranger gets nothing, whatever he sends", () => {
  const { mesh, a } = pair();
  const messages: Message[] = [
    { kind: "query", bootNonce: BOOT, question: question(), target: null },
    { kind: "query", bootNonce: BOOT, question: question(), target: a.id.slice(0, 16) },
    { kind: "ping", bootNonce: BOOT, nonce: "ff".repeat(8), target: null, observer: false },
    announcement(recordOf(idOf(50)), { bootNonce: BOOT, question: question() }),
  ];
  messages.forEach((message, i) =>
    mesh.inject(a, forge(message, idOf(50), i + 1, new TestSeal(8)), ATTACKER)
  );
  mesh.run(5 * SECOND);
  assertEquals(bytesTo(mesh, ATTACKER.host), 0);
});

Deno.test("a flood from one address costs that address its voice, and nobody else's", () => {
  const { mesh, a, b } = pair();
  const garbage = new Uint8Array(300);
  const nearly = forge(announce(idOf(60)), idOf(60), 1, new TestSeal(8));
  for (let i = 0; i < 10_000; i++) {
    mesh.inject(a, i % 2 === 0 ? garbage : nearly, ATTACKER);
    if (i % 100 === 0) mesh.run(10 * MS);
  }
  mesh.run(10 * MS);
  const { refused } = a.core.counters;
  assertEquals(refused["not-hana"], 5_000);
  assert(refused.flood > 4_000 && refused.foreign < 800, `${refused.flood} cheap, ${refused.foreign} dear`);
  assertEquals(a.stateOf(b), "alive");
  mesh.run(10 * SECOND);
  assertEquals(a.happened("suspected"), []);
});

Deno.test("1,000 invented nodes of an insider are not admitted, and the living stay", () => {
  const { mesh, a, b } = pair();
  for (let i = 0; i < 1_000; i++) {
    mesh.inject(a, forge(announce(idOf(10_000 + i)), idOf(10_000 + i)), {
      host: `10.0.0.${100 + i % 100}`,
      port: 7,
    });
    if (i % 50 === 0) mesh.run(50 * MS);
  }
  mesh.run(5 * SECOND);
  assertEquals(a.core.registry.size, 1);
  assertEquals(a.stateOf(b), "alive");
  const late = mesh.start({ name: "late" });
  mesh.runUntil(() => a.sees.includes("late") && late.sees.includes("a"), 3 * SECOND);
});

Deno.test("beyond the limit nodes are counted and told, and the admitted stay", () => {
  const mesh = new TestMesh();
  const a = mesh.start({ name: "a", options: { maxPeers: 5 } });
  const first = Array.from({ length: 5 }, () => mesh.start());
  mesh.run(3 * SECOND);
  const admitted = a.sees;
  for (let i = 0; i < 4; i++) mesh.start();
  mesh.run(30 * SECOND);
  assertEquals(a.sees, admitted);
  assertEquals(a.happened("peer-limit").length, 1);
  assertEquals(a.core.meshSize, 10);
  // The dead make room.
  const [dying] = first;
  assert(dying !== undefined);
  mesh.crash(dying);
  mesh.run(20 * SECOND);
  assertEquals(a.core.registry.size, 5);
  assertEquals(a.sees.length, 5);
});

Deno.test("a later version is told once a minute, an unknown kind is passed over", () => {
  const { mesh, a } = pair();
  const bytes = forge(announce(idOf(70)), idOf(70));
  const later = bytes.slice();
  later[2] = 2;
  for (let i = 0; i < 3; i++) mesh.inject(a, later, ATTACKER);
  const seal = new TestSeal(7);
  const unknown = bytes.slice();
  unknown[3] = (1 << 6) | 33;
  seal.sign(unknown, unknown.length - 16);
  mesh.inject(a, unknown, ATTACKER);
  mesh.run(MS);
  assertEquals(a.core.counters.refused.version, 3);
  assertEquals(a.core.counters.refused["unknown-kind"], 1);
  assertEquals(a.happened("incompatible"), [{ kind: "incompatible", version: 2, from: ATTACKER }]);
});

Deno.test("an open node believes nobody behind a router, a keyed one gives him no record", () => {
  const mesh = new TestMesh();
  mesh.isRecording = true;
  const keyed = mesh.start();
  const open = mesh.start({ options: { trust: "open" } });
  const far = { host: "192.168.7.7", port: 7 };
  const query: Message = { kind: "query", bootNonce: BOOT, question: question(), target: null };
  for (const node of [keyed, open]) mesh.inject(node, forge(query, idOf(80)), far);
  mesh.run(SECOND);
  assertEquals([keyed, open].map((node) => node.core.counters.refused["off-link"]), [1, 1]);
  assertEquals(bytesTo(mesh, far.host), 0);
});

Deno.test("endpoints that point back into our own machine are not believed", () => {
  const mesh = new TestMesh();
  const a = mesh.start({ name: "a" });
  const b = mesh.start({ name: "b", number: 90 });
  mesh.run(3 * SECOND);
  const endpoints = [
    { kind: "unix", address: "unix:///run/hana/node.sock" },
    { kind: "tcp", address: "tcp://127.0.0.1:22" },
    { kind: "tcp", address: "tcp://0.0.0.0:22" },
    { kind: "pipe", address: "pipe://hana" },
    { kind: "tcp", address: "tcp://10.0.0.91:4000" },
  ] as const;
  // b lies in its own name: its record is forged by whoever holds its nonce, which is b.
  const sent = mesh.crossings.length;
  assertEquals(sent, 0);
  const life = a.core.registry.get(b.id);
  assert(life !== null);
  const bootNonce = bootNonceOf(mesh, b);
  const lie = announcement({ ...life.record, stateVersion: 99, endpoints }, { bootNonce, peerCount: 2 });
  const bytes = encodeDatagram(
    { path: "multicast", id: b.id, incarnation: life.record.incarnation, seq: 5_000, sentMs: 3_000 },
    lie,
    meshTagOf(""),
    codec,
    new TestSeal(7),
  );
  mesh.inject(a, bytes, life.from);
  mesh.run(MS);
  assertEquals(a.core.registry.get(b.id)?.record.endpoints.map((e) => e.address), ["tcp://10.0.0.91:4000"]);
  assertEquals(a.core.counters.refused["bad-endpoint"], 1);
});

/** The process nonce of a node, read from its next beat. */
function bootNonceOf(mesh: TestMesh, node: TestNode): string {
  mesh.isRecording = true;
  mesh.run(1_200 * MS);
  const bytes = mesh.crossings.filter((crossing) => crossing.sender === node).at(-1)?.transmit.bytes;
  assert(bytes !== undefined);
  const body = codec.decode(bytes.subarray(41, bytes.length - 16)) as { b: Uint8Array };
  return [...body.b].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

Deno.test("an offer that nobody asked for, or for another's question, is refused", () => {
  const { mesh, a } = pair();
  mesh.inject(a, forge(offer(recordOf(idOf(95)), { bootNonce: BOOT }), idOf(95)), ATTACKER);
  mesh.run(SECOND);
  assertEquals(a.core.counters.refused["stale-nonce"], 1);
  assertEquals(a.core.registry.size, 1);
});

Deno.test("one liar cannot slow the mesh down, nor stop our timers", () => {
  const mesh = new TestMesh();
  const nodes = Array.from({ length: 4 }, () => mesh.start());
  const [a, liar] = nodes;
  assert(a !== undefined && liar !== undefined);
  mesh.run(3 * SECOND);
  const bootNonce = bootNonceOf(mesh, liar);
  const record = a.core.registry.get(liar.id)?.record;
  assert(record !== undefined);
  const beat = heartbeat({
    bootNonce,
    stateVersion: record.stateVersion,
    peerCount: 2 ** 40,
    beatMs: 2 ** 40,
  });
  const header = {
    path: "multicast",
    id: liar.id,
    incarnation: record.incarnation,
    seq: 9_000,
    sentMs: 4_300,
  } as const;
  mesh.inject(a, encodeDatagram(header, beat, meshTagOf(""), codec, new TestSeal(7)), {
    host: "10.0.0.3",
    port: 50_002,
  });
  mesh.run(MS);
  assertEquals(a.core.meshSize, 4);
  mesh.crash(liar);
  mesh.runUntil(() => a.stateOf(liar) === "dead", 110 * SECOND);
});

Deno.test("property: whatever bytes come, nothing throws, and the stranger gets nothing", () => {
  const { mesh, a } = pair();
  fc.assert(fc.property(fc.uint8Array({ maxLength: 1_400 }), fc.boolean(), (bytes, hasMagic) => {
    if (hasMagic) bytes.set([0x68, 0x43, 1].slice(0, bytes.length));
    mesh.crossings.length = 0;
    const refusal = a.core.handleDatagram(mesh.nowUs, bytes, ATTACKER);
    mesh.flush(a);
    assert(refusal !== null);
    assertEquals(bytesTo(mesh, ATTACKER.host), 0);
  }));
});
