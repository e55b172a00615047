// What much and much at once does: a flood of garbage during which a node joins and one dies, a mesh in which everybody
// changes at the same moment, and members that lie about how many there are.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError, type Incarnation, type NodeId } from "../../../lib/base/mod.ts";
import { createBodyCodec, encodeDatagram, meshTagOf, type Message } from "../../../lib/discovery/mod.ts";
import { createMeshKey, DatagramAuthenticator, MeshKeyRing } from "../../../lib/security/mod.ts";
import { announcement, heartbeat, NO_DIGEST, offer, question, recordOf } from "./samples.ts";
import { idOf, MS, SECOND, TestMesh, type TestNode, TestRandom, TestSeal } from "./mesh.ts";

const codec = createBodyCodec();
const BOOT = "0102030405060708";

function forge(message: Message, id: NodeId, seq: number, seal = new TestSeal(8)): Uint8Array {
  const header = { path: "multicast", id, incarnation: 9_000_000 as Incarnation, seq, sentMs: 10 } as const;
  return encodeDatagram(header, message, meshTagOf(""), codec, seal);
}

/** Every kind of garbage: no hana at all, signed by another key, altered, cut, too long. */
function garbage(random: TestRandom): Uint8Array[] {
  const foreign = forge(announcement(recordOf(idOf(60)), { bootNonce: BOOT }), idOf(60), 1);
  const beat = forge(heartbeat({ bootNonce: BOOT, peerCount: 2 ** 30 }), idOf(61), 2);
  const altered = beat.slice();
  altered[50] = (altered[50] ?? 0) ^ 4;
  const noise = Array.from({ length: 8 }, () => random.fill(new Uint8Array(1 + random.u32() % 1_400)));
  for (const bytes of noise.slice(4)) bytes.set([0x68, 0x43, 1].slice(0, bytes.length));
  return [foreign, beat, altered, foreign.subarray(0, 70), new Uint8Array(1_400), ...noise];
}

/** Runs for `seconds` while 10,000 pieces of garbage a second reach each of `victims`; until `isOver`, if that comes first. */
function flood(mesh: TestMesh, victims: readonly TestNode[], seconds: number, isOver: () => boolean): number {
  const pieces = garbage(new TestRandom(7));
  const startUs = mesh.nowUs;
  for (let ms = 0; ms < seconds * 1_000 && !isOver(); ms++) {
    for (const victim of victims) {
      for (let each = 0; each < 10; each++) {
        const bytes = pieces[(ms * 10 + each) % pieces.length] ?? new Uint8Array(0);
        mesh.inject(victim, bytes, { host: `10.0.0.${200 + (ms + each) % 40}`, port: 6_666 });
      }
    }
    mesh.run(MS);
  }
  return mesh.nowUs - startUs;
}

Deno.test("during 10,000 pieces of garbage a second a node joins and a crash is noticed as without", () => {
  const mesh = new TestMesh(3);
  // Real seals: what garbage costs is a part of it.
  const ring = new MeshKeyRing(createMeshKey(new TestRandom(5), "show", 0), null);
  const start = (name: string): TestNode => mesh.start({ name, seal: new DatagramAuthenticator(ring) });
  const nodes = Array.from({ length: 8 }, (_, index) => start(`node-${index}`));
  mesh.run(4 * SECOND);
  const [a, b, dying] = nodes;
  assert(a !== undefined && b !== undefined && dying !== undefined);
  flood(mesh, [a], 1, () => false);
  const late = start("late");
  const joinedUs = flood(mesh, [a, late], 2, () => a.sees.includes("late") && late.sees.length === 8);
  assert(joinedUs <= 200 * MS, `the newcomer knew all after ${joinedUs} µs`);
  mesh.crash(dying);
  const knownUs = flood(
    mesh,
    [a, late],
    8,
    () => [...nodes, late].every((node) => node === dying || node.stateOf(dying) === "dead"),
  );
  assert(knownUs <= 6 * SECOND, `all knew of the crash after ${knownUs} µs`);
  const living = nodes.filter((node) => node !== dying);
  for (const node of living) {
    assertEquals(node.sees.length, 7, node.core.options.record.name);
    assertEquals(node.happened("lost").length, 1);
    assertEquals(node.happened("isolated"), []);
  }
  const { refused, received } = a.core.counters;
  const named = refused.flood + refused["not-hana"] + refused.foreign + refused.oversize + refused.version +
    refused["other-mesh"] + refused.malformed;
  assert(received > 40_000 && named > received * 0.98, `${named} of ${received} refused`);
});

Deno.test("a source address that is made to look like a peer's costs that peer its voice, not its life", () => {
  const mesh = new TestMesh(4);
  const nodes = Array.from({ length: 5 }, (_, index) => mesh.start({ name: `node-${index}` }));
  mesh.run(4 * SECOND);
  const [victim, spoofed] = nodes;
  assert(victim !== undefined && spoofed !== undefined);
  const from = { host: spoofed.links[0]?.address ?? "", port: 4_444 };
  const pieces = garbage(new TestRandom(9));
  for (let ms = 0; ms < 20_000; ms++) {
    for (let each = 0; each < 10; each++) {
      mesh.inject(victim, pieces[(ms + each) % pieces.length] ?? new Uint8Array(0), from);
    }
    mesh.run(MS);
  }
  // It is out of reach for the victim at worst: others hear it and say so.
  assertEquals(victim.happened("lost"), []);
  for (const node of nodes.slice(2)) assertEquals(node.happened("suspected"), []);
  mesh.runUntil(() => victim.stateOf(spoofed) === "alive", 3 * SECOND);
});

Deno.test("when everybody changes in the same moment all know of it within five seconds, without a storm", () => {
  const mesh = new TestMesh(5);
  const nodes = Array.from({ length: 60 }, () => mesh.start());
  mesh.run(8 * SECOND);
  mesh.loss = 0.3;
  const before = sum(nodes, (node) => node.core.counters.sent);
  for (const node of nodes) node.core.updateRecord(mesh.nowUs, { tags: { cue: "opening" } });
  const isKnown = (): boolean =>
    nodes.every((node) =>
      node.core.registry.snapshot().every(({ record }) => record.tags["cue"] === "opening")
    );
  let knownUs = 0;
  for (; knownUs < 10 * SECOND && !isKnown(); knownUs += 100 * MS) mesh.run(100 * MS);
  assert(isKnown(), "some do not know it after 10 s");
  assert(knownUs <= 5 * SECOND, `known after ${knownUs} µs`);
  const sent = sum(nodes, (node) => node.core.counters.sent) - before;
  // Three announcements and five beats each, and questions for what was lost.
  assert(sent < 60 * 60, `${sent} datagrams`);
  assertEquals(nodes.flatMap((node) => node.happened("lost")), []);
  assertEquals(nodes.map((node) => node.core.counters.dropped["outbox"]).filter((count) => count > 0), []);
});

function sum(nodes: readonly TestNode[], of: (node: TestNode) => number): number {
  return nodes.reduce((total, node) => total + of(node), 0);
}

Deno.test("a member that offers a list of a million nodes is asked, and costs no more than its pages", () => {
  const mesh = new TestMesh(6);
  mesh.isRecording = true;
  const honest = Array.from({ length: 6 }, () => mesh.start());
  mesh.run(4 * SECOND);
  const joiner = mesh.start({ name: "joiner" });
  mesh.flush(joiner);
  // The liar is a member: it holds the key, and answers the very question of the newcomer.
  const liar = idOf(900);
  const asked = mesh.crossings.filter(({ sender }) => sender === joiner);
  mesh.run(50 * MS);
  const nonce = nonceOf([...asked, ...mesh.crossings.filter(({ sender }) => sender === joiner)]);
  assert(nonce !== null, "the newcomer asks");
  const lie = offer(recordOf(liar, { name: "liar" }), {
    bootNonce: BOOT,
    echo: nonce,
    peerCount: 1_000_000,
    digest: "ab".repeat(8),
    cookie: "cd".repeat(8),
  });
  const from = { host: "10.0.0.90", port: 7 };
  mesh.inject(joiner, forge(lie, liar, 1, new TestSeal(7)), from);
  const sentBefore = joiner.core.counters.sent;
  mesh.run(10 * SECOND);
  assertEquals(joiner.sees.filter((name) => name.startsWith("node-")).length, honest.length);
  assert(joiner.core.meshSize <= 2 * (honest.length + 2) + 64, `${joiner.core.meshSize} nodes are believed`);
  const toLiar = mesh.crossings.filter(({ sender, transmit }) =>
    sender === joiner && transmit.to.kind === "unicast" && transmit.to.endpoint.host === from.host
  );
  assert(toLiar.length <= 60, `the liar was asked ${toLiar.length} times`);
  assert(
    joiner.core.counters.sent - sentBefore <= 150,
    `${joiner.core.counters.sent - sentBefore} datagrams`,
  );
});

/** The nonce of the last question in these datagrams. */
function nonceOf(crossings: readonly { readonly transmit: { readonly bytes: Uint8Array } }[]): string | null {
  for (const { transmit: { bytes } } of [...crossings].reverse()) {
    const body = codec.decode(bytes.subarray(41, bytes.length - 16)) as Record<string, unknown>;
    const asked = body["q"] as { readonly n?: Uint8Array } | undefined;
    if (asked?.n instanceof Uint8Array) return hexOf(asked.n);
  }
  return null;
}

const hexOf = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

Deno.test("pages are given to nobody whose address has not been shown to be its own", () => {
  const mesh = new TestMesh(7);
  mesh.isRecording = true;
  const [a] = Array.from({ length: 4 }, () => mesh.start());
  assert(a !== undefined);
  mesh.run(4 * SECOND);
  const victim = { host: "10.0.0.77", port: 53 };
  const request: Message = {
    kind: "sync-request",
    bootNonce: BOOT,
    cookie: "00".repeat(8),
    nonce: "11".repeat(8),
    from: "0".repeat(16),
    until: null,
    known: new Uint8Array(0),
  };
  const query: Message = {
    kind: "query",
    bootNonce: BOOT,
    question: question({ digest: NO_DIGEST }),
    target: null,
  };
  for (let i = 0; i < 100; i++) {
    mesh.inject(a, forge(request, idOf(950), 2 * i + 1, new TestSeal(7)), victim);
    mesh.inject(a, forge(query, idOf(950), 2 * i + 2, new TestSeal(7)), victim);
    mesh.run(10 * MS);
  }
  mesh.run(SECOND);
  let bytes = 0;
  for (const { transmit } of mesh.crossings) {
    if (transmit.to.kind === "unicast" && transmit.to.endpoint.host === victim.host) {
      bytes += transmit.bytes.length;
    }
  }
  assertEquals(a.core.counters.refused["not-allowed"], 100);
  // 100 questions of 80 bytes: five offers a second to one address, and never a page.
  assert(bytes <= 20 * 400, `${bytes} bytes went to an address that asked for nothing`);
});

/** Maps in maps, so many in all. */
function nested(levels: number): Record<string, unknown> {
  return levels === 1 ? { end: 1 } : { next: nested(levels - 1) };
}

Deno.test("what one node may announce another can list, however deep it nests; what is deeper is refused", () => {
  const mesh = new TestMesh(8);
  const [deep] = Array.from(
    { length: 6 },
    (_, index) =>
      mesh.start({
        options: { record: { name: `n-${index}`, version: "1", capabilities: index === 0 ? nested(4) : {} } },
      }),
  );
  assert(deep !== undefined);
  mesh.run(3 * SECOND);
  // Its own beats and announcements are lost on the newcomer, which knows it from the lists of others alone.
  const late = mesh.start({ name: "late" });
  mesh.canPass = (from, to) => !(from === deep && to === late);
  mesh.run(SECOND);
  assertEquals(late.core.registry.get(deep.id)?.record.capabilities, nested(4));
  const deeper = announcement(recordOf(idOf(970), { capabilities: nested(5) }), { bootNonce: BOOT });
  mesh.inject(late, forge(deeper, idOf(970), 1, new TestSeal(7)), { host: "10.0.0.97", port: 7 });
  mesh.run(10 * MS);
  assertEquals(late.core.counters.refused.malformed, 1);
  assertThrows(
    () => deep.core.updateRecord(mesh.nowUs, { capabilities: nested(5) }),
    HanaError,
    "at most 4 levels",
  );
});
