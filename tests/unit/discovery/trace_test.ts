// What a trace shows of datagrams that were taken, refused, or are not hana's; and pings by one way.

import { assert, assertEquals, assertExists } from "@std/assert";
import type { Incarnation, NodeId } from "../../../lib/base/mod.ts";
import {
  DiscoveryService,
  type Path,
  readHeader,
  REFUSAL_TEXTS,
  type ServiceOptions,
  type TraceEntry,
} from "../../../lib/discovery/mod.ts";
import { type SimulatedHost, SimulatedWorld } from "../../../lib/platform/simulated/mod.ts";
import { DatagramAuthenticator, MeshKey, MeshKeyRing, openMeshKeyRing } from "../../../lib/security/mod.ts";
import { idOf, MS, SECOND } from "./mesh.ts";

const ring = new MeshKeyRing(new MeshKey(new Uint8Array(32).fill(7)), null);

function serviceOn(
  host: SimulatedHost,
  number: number,
  options: Partial<ServiceOptions> = {},
): DiscoveryService {
  return new DiscoveryService(host.platform, {
    id: idOf(number) as NodeId,
    incarnation: number as Incarnation,
    role: "daemon",
    record: { name: `n${number}`, version: "0.1.0" },
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

/** A node, and an observer beside it whose datagrams are traced from the beginning. */
async function traced(seed: number, options: Partial<ServiceOptions> = {}) {
  const world = new SimulatedWorld({ seed });
  const node = serviceOn(hostOf(world, 1), 1, options);
  const observer = serviceOn(hostOf(world, 2), 2, { role: "observer", listens: true });
  const entries: TraceEntry[] = [];
  const stop = observer.trace((entry) => entries.push(entry));
  await Promise.all([node.start(), observer.start()]);
  return { world, node, observer, entries, stop };
}

Deno.test("a trace shows what came and went, decoded, and why a part of it was ignored", async () => {
  const { world, observer, entries, stop } = await traced(1);
  void observer.query({ quietUs: 200 * MS, timeoutUs: SECOND });
  await world.runFor(3 * SECOND);
  const announced = entries.filter((entry) => entry.message?.kind === "announce");
  const taken = announced.find((entry) => entry.refusal === null);
  assertExists(taken);
  assertEquals(taken.direction, "in");
  assertEquals([taken.link?.name, taken.peer?.host, taken.key], ["eth0", "10.0.0.1", "primary"]);
  assert(taken.message?.kind === "announce" && taken.message.record.name === "n1");
  // The other copy of what went by two ways.
  assert(announced.some((entry) => entry.refusal === "duplicate" && entry.path !== taken.path));
  const asked = entries.filter((entry) => entry.direction === "out" && entry.header?.kind === "query");
  assert(asked.some((entry) => entry.path === "multicast" && entry.peer === null && entry.isSent));
  assert(asked.some((entry) => entry.path === "broadcast" && entry.peer?.host === "10.0.0.255"));
  assert(entries.some((entry) => entry.refusal === "own-echo" && entry.header?.id === observer.options.id));
  assert(entries.some((entry) => entry.message?.kind === "offer" && entry.path === "unicast"));
  for (const { atUs, size, head } of entries) {
    assert(atUs <= world.nowUs && size > 0);
    assertEquals(head, "");
  }
  // Nothing more once nobody listens.
  stop();
  const before = entries.length;
  await world.runFor(3 * SECOND);
  assertEquals(entries.length, before);
});

Deno.test("of a datagram with another key a trace shows what its header claims, and no more", async () => {
  const { world, entries } = await traced(2, { seal: new DatagramAuthenticator(openMeshKeyRing()) });
  await world.runFor(2 * SECOND);
  const foreign = entries.filter((entry) => entry.refusal === "foreign");
  assert(foreign.length > 0);
  for (const entry of foreign) {
    assertEquals([entry.header?.id, entry.header?.keyTag, entry.message, entry.key], [
      idOf(1),
      0,
      null,
      null,
    ]);
    assert(entry.head.startsWith("6843"));
  }
});

Deno.test("of what is not hana's a trace shows the first bytes", async () => {
  const { world, entries } = await traced(3);
  const stranger = hostOf(world, 3);
  const nothing = { onDatagram: () => {}, onError: () => {} };
  const socket = stranger.platform.datagrams.bind({ host: "10.0.0.3", port: 0 }, nothing);
  socket.send(new TextEncoder().encode("M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900"), {
    host: "10.0.0.255",
    port: 47_676,
  });
  socket.send(new Uint8Array([1, 2, 3]), { host: "10.0.0.255", port: 47_676 });
  await world.runFor(SECOND);
  const strange = entries.filter((entry) => entry.refusal === "not-hana");
  assertEquals(strange.map((entry) => [entry.head, entry.size, entry.header, entry.path]), [
    ["4d2d534541524348202a20485454502f312e310d0a484f53", 47, null, null],
    ["010203", 3, null, null],
  ]);
  assertEquals(readHeader(new Uint8Array(0)), null);
});

Deno.test("a ping by one way goes that way alone, and its answer says so", async () => {
  const { world, observer, entries } = await traced(4);
  await world.runFor(SECOND);
  const link = observer.interfaces.find(({ loopback }) => !loopback);
  assertExists(link);
  const target = observer.registry.get(idOf(1) as NodeId);
  assertExists(target);
  const ways = {
    unicast: { kind: "unicast", endpoint: target.from },
    multicast: { kind: "multicast" },
    broadcast: { kind: "broadcast", host: "10.0.0.255" },
  } as const;
  for (const [number, way] of (["unicast", "multicast", "broadcast"] as const).entries()) {
    entries.length = 0;
    const nonce = observer.probe(link.key, ways[way], target.record.id, 1_200);
    assertExists(nonce);
    await world.runFor(50 * MS);
    const sent = entries.filter((entry) => entry.message?.kind === "ping" && entry.direction === "out");
    assertEquals(sent.map((entry) => [entry.path, entry.size]), [[way as Path, 1_200]]);
    const answers = entries.filter((entry) => entry.message?.kind === "ack" && entry.message.echo === nonce);
    assert(answers.every((entry) => entry.message?.kind === "ack" && entry.message.heardBy === number));
    // Whoever asks all may not be reachable otherwise.
    const came = new Set(answers.map((entry) => entry.path));
    assertEquals(came, new Set(way === "unicast" ? ["unicast"] : ["unicast", "multicast", "broadcast"]));
  }
  assertEquals(observer.probe("no such link", { kind: "multicast" }, null), null);
});

Deno.test("a ping fills any size from its own up to the largest datagram", async () => {
  const { world, observer, entries } = await traced(5);
  await world.runFor(SECOND);
  const link = observer.interfaces.find(({ loopback }) => !loopback);
  assertExists(link);
  let base = 0;
  for (const size of [0, 100, 101, 130, 300, 350, 357, 358, 359, 360, 361, 362, 600, 1_199, 1_200]) {
    entries.length = 0;
    const to = { kind: "unicast", endpoint: { host: "10.0.0.1", port: 47_676 } } as const;
    assertExists(observer.probe(link.key, to, null, size));
    const [ping] = entries;
    assertExists(ping);
    if (size === 0) base = ping.size;
    // A filling takes four bytes at least.
    const isFilled = ping.size <= size && ping.size >= size - 1;
    assert(isFilled || (ping.size === base && size <= base + 4), `${ping.size} of ${size}`);
    assertEquals(ping.message?.kind, "ping");
    await world.runFor(20 * MS);
  }
});

Deno.test("every refusal has its words", () => {
  for (const text of Object.values(REFUSAL_TEXTS)) assert(text.length > 3 && !/[A-Z]/.test(text.charAt(0)));
});
