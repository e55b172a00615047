// Who holds an access key asks and is answered, and can say nothing that any node believes.

import { assert, assertEquals } from "@std/assert";
import type { Incarnation, NodeId } from "../../../lib/base/mod.ts";
import { createBodyCodec, encodeDatagram, meshTagOf, type Message } from "../../../lib/discovery/mod.ts";
import { AccessKeyRing, DatagramAuthenticator } from "../../../lib/security/mod.ts";
import { SAMPLES } from "../../support/discovery_vector_messages.ts";
import { testKey, testRing } from "../security/support.ts";
import { question } from "./samples.ts";
import { idOf, MS, SECOND, TestMesh, type TestNode } from "./mesh.ts";

const codec = createBodyCodec();
const BOOT = "0102030405060708";
const LAPTOP = { host: "10.0.0.66", port: 6_666 };
const GUEST = new DatagramAuthenticator(
  new AccessKeyRing(testKey(1).accessKey({ name: "anna", level: "operator", expiresS: null })),
);
const member = (): DatagramAuthenticator => new DatagramAuthenticator(testRing(1));
let numbers = 0;

function say(message: Message, id: NodeId = idOf(66), incarnation = 9_000_000, seq = ++numbers): Uint8Array {
  const header = { path: "unicast", id, incarnation: incarnation as Incarnation, seq, sentMs: 10 } as const;
  return encodeDatagram(header, message, meshTagOf(""), codec, GUEST);
}

function meshOf(count: number): { mesh: TestMesh; nodes: TestNode[] } {
  const mesh = new TestMesh();
  const nodes = Array.from({ length: count }, () => mesh.start({ seal: member() }));
  mesh.run(5 * SECOND);
  mesh.isRecording = true;
  return { mesh, nodes };
}

function answersTo(mesh: TestMesh, host: string): number {
  return mesh.crossings.filter(({ transmit: { to } }) => to.kind === "unicast" && to.endpoint.host === host)
    .length;
}

Deno.test("a guest gets the whole list of a small and of a large mesh, and is met by nobody", () => {
  for (const count of [3, 60]) {
    const { mesh, nodes } = meshOf(count);
    const tool = mesh.start({ name: "tool", role: "observer", seal: GUEST, options: { trust: GUEST.trust } });
    tool.core.query(mesh.nowUs, 500 * MS);
    mesh.run(2 * SECOND);
    assertEquals(tool.sees.length, count);
    for (const node of nodes) {
      assertEquals(node.sees.length, count - 1);
      assertEquals(node.stateOf(tool), "unknown");
    }
  }
});

function listOf(node: TestNode): unknown {
  return node.core.registry.snapshot().map(({ record, state, from, relayed }) => ({
    record,
    state,
    from,
    relayed,
  }));
}

Deno.test("whatever a guest says in the name of a node, nobody believes a word and the node is heard as before", () => {
  const { mesh, nodes } = meshOf(3);
  const [a, b] = nodes as [TestNode, TestNode];
  const before = listOf(a);
  const life = a.core.registry.get(b.id)?.record.incarnation ?? 0;
  const refused = { ...a.core.counters.refused };
  const kinds = new Set<string>();
  for (const { message } of SAMPLES) {
    kinds.add(message.kind);
    // In its present life with a number that would swallow all that follow, and in a later life.
    mesh.inject(a, say(message, b.id, life, 0xffff_fff0), LAPTOP);
    mesh.inject(a, say(message, b.id, life + 1_000, 1), LAPTOP);
  }
  assert(kinds.size > 15, `${kinds.size} kinds`);
  mesh.run(20 * SECOND);
  const after = listOf(a);
  assertEquals(after, before);
  assertEquals([a.stateOf(b), b.stateOf(a)], ["alive", "alive"]);
  assert(a.core.counters.refused["not-allowed"] >= refused["not-allowed"] + 2 * (kinds.size - 3));
  for (const kind of ["lost", "left", "id-conflict"] as const) {
    assertEquals(a.events.some((event) => event.kind === kind), false);
  }
});

Deno.test("a guest under a node's own id troubles it no more than any other", () => {
  const { mesh, nodes } = meshOf(2);
  const [a] = nodes as [TestNode];
  for (const { message } of SAMPLES) mesh.inject(a, say(message, a.id, 9e9), LAPTOP);
  mesh.run(5 * SECOND);
  assertEquals(a.events.filter(({ kind }) => kind === "id-conflict"), []);
  assertEquals(nodes.map((node) => node.sees.length), [1, 1]);
});

Deno.test("a guest is answered within bounds, only on a link, and its pings only for whom they mean", () => {
  const { mesh, nodes } = meshOf(2);
  const [a] = nodes as [TestNode];
  const ask = (nonce: number): Message => ({
    kind: "query",
    bootNonce: BOOT,
    question: question({ nonce: nonce.toString(16).padStart(16, "0") }),
    target: a.id.slice(0, 16),
  });
  for (let i = 0; i < 100; i++) mesh.inject(a, say(ask(i)), LAPTOP);
  mesh.run(SECOND / 2);
  assertEquals(answersTo(mesh, LAPTOP.host), 5);
  const far = { host: "172.16.0.9", port: 6_666 };
  const before = a.core.counters.refused["off-link"];
  mesh.inject(a, say(ask(1_000)), far);
  mesh.run(SECOND);
  assertEquals([a.core.counters.refused["off-link"] - before, answersTo(mesh, far.host)], [1, 0]);

  mesh.crossings.length = 0;
  const ping = (target: string | null): Message => ({
    kind: "ping",
    bootNonce: BOOT,
    nonce: "ab".repeat(8),
    target,
    observer: false,
  });
  for (const target of [null, a.id.slice(0, 16), "77".repeat(8)]) mesh.inject(a, say(ping(target)), LAPTOP);
  mesh.run(10 * MS);
  assertEquals(answersTo(mesh, LAPTOP.host), 2);
  // Nobody asks who that was, as would be asked of a member that nobody has announced.
  mesh.run(2 * SECOND);
  assertEquals(answersTo(mesh, LAPTOP.host), 2);
});

Deno.test("an observer of the mesh answers no guest, and a guest none", () => {
  const { mesh } = meshOf(2);
  const tools = [member(), GUEST].map((seal) =>
    mesh.start({ role: "observer", seal, options: { trust: seal.trust } })
  );
  mesh.run(SECOND);
  mesh.crossings.length = 0;
  const ask = say({ kind: "query", bootNonce: BOOT, question: question(), target: null });
  for (const tool of tools) mesh.inject(tool, ask, LAPTOP);
  mesh.run(SECOND);
  assertEquals(answersTo(mesh, LAPTOP.host), 0);
});
