// Nodes that find each other by DNS-SD alone, and what an announcement of anybody's is worth.

import { assert, assertEquals } from "@std/assert";
import { DnsSdService, encodeText, HANA_TCP, HANA_UDP } from "../../../lib/discovery/mod.ts";
import type { Node } from "../../../lib/node/mod.ts";
import { MeshKey, MeshKeyRing } from "../../../lib/security/mod.ts";
import type { SimulatedHost } from "../../../lib/platform/simulated/mod.ts";
import { Park } from "./support.ts";

const SECOND = 1_000_000;

const alive = (node: Node): string[] =>
  node.nodes().filter(({ self, state }) => !self && state === "alive").map(({ name }) => name).sort();

/** Announces a service as any program may. */
function announce(
  host: SimulatedHost,
  port: number,
  text: Record<string, string>,
  instance = "from afar",
): DnsSdService {
  const { platform } = host;
  const service = new DnsSdService(platform, {
    links: () =>
      platform.interfaces.list().map(({ name, address, prefix, loopback }) => ({
        key: name,
        name,
        address,
        prefix,
        loopback,
        port: 1,
      })),
  });
  service.advertise({
    instance,
    host: instance.replace(/[^a-z0-9]+/g, "-"),
    services: [{ type: HANA_UDP, subtypes: [], port, text: encodeText(text) }],
  });
  service.start();
  return service;
}

Deno.test("nodes that share neither port nor group of discovery find each other by DNS-SD and stay", async () => {
  const park = new Park();
  const a = await park.start(park.host("a").platform, { name: "a", discovery: { port: 47_676 } });
  const b = await park.start(park.host("b").platform, {
    name: "b",
    discovery: { port: 40_000, group: "239.1.2.3" },
  });
  await park.until(() => alive(a).includes("b") && alive(b).includes("a"), "both see each other");
  assert(park.world.nowUs < 2 * SECOND, `${park.world.nowUs}`);
  await park.world.runFor(120 * SECOND);
  assertEquals([alive(a), alive(b)], [["b"], ["a"]]);
  const gone = b.stop();
  await park.settle(gone);
  await park.world.runFor(SECOND);
  assertEquals(alive(a), []);
  await park.settle(a.stop());
  assertEquals(park.crashes, []);
});

Deno.test("without DNS-SD they do not", async () => {
  const park = new Park();
  const a = await park.start(park.host("a").platform, { name: "a", discovery: { dnsSd: false } });
  const b = await park.start(park.host("b").platform, { name: "b", discovery: { port: 40_000 } });
  await park.world.runFor(10 * SECOND);
  assertEquals([alive(a), alive(b)], [[], []]);
  assertEquals(a.dnsSd, null);
});

Deno.test("a node is announced with what finds and tells it, and with nothing that is secret", async () => {
  const park = new Park();
  const key = new MeshKey(new Uint8Array(32).fill(7));
  const a = await park.start(park.host("a").platform, {
    name: "stage.left",
    role: "app",
    keys: new MeshKeyRing(key, null),
    discovery: {},
  });
  const b = await park.start(park.host("b").platform, { name: "b", discovery: {} });
  await park.until(
    () => b.dnsSd?.services.some(({ instance }) => instance === "stage.left") === true,
    "seen",
  );
  await park.world.runFor(SECOND);
  const service = b.dnsSd?.services.find(({ instance }) => instance === "stage.left");
  assertEquals(service?.type, HANA_UDP);
  assertEquals(service?.host, `stage-left-${a.id.slice(0, 4)}.local`);
  assertEquals(service?.addresses, ["10.0.0.1"]);
  assertEquals(service?.port, a.discovery?.interfaces.find(({ loopback }) => !loopback)?.port);
  const { st, ...text } = service?.text ?? {};
  assert(Number(st) >= 1);
  assertEquals(text, {
    txtvers: "1",
    id: a.id,
    r: "app",
    v: "0.1.0",
    inc: String(a.incarnation),
    auth: "1",
  });
  assertEquals(HANA_TCP, "_hana._tcp");
});

Deno.test("an announcement alone makes no node: without an answer nobody is listed, and nobody is asked for ever", async () => {
  const park = new Park();
  const a = await park.start(park.host("a").platform, { name: "a", discovery: {} });
  const liar = park.host("liar");
  const heardUs: number[] = [];
  liar.platform.datagrams.bind({ host: "0.0.0.0", port: 6_666 }, {
    onDatagram: () => heardUs.push(park.world.nowUs),
    onError: () => {},
  });
  announce(liar, 6_666, { txtvers: "1", id: "00112233445566778899aabbccddeeff", r: "app" });
  await park.world.runFor(40 * SECOND);
  assertEquals(alive(a), []);
  assertEquals(heardUs.length, 6);
  await park.world.runFor(300 * SECOND);
  assertEquals(heardUs.length, 6);
});

Deno.test("a liar that announces forty nodes of one machine moves us to little", async () => {
  const park = new Park();
  const a = await park.start(park.host("a").platform, { name: "a", discovery: {} });
  const liar = park.host("liar");
  let heard = 0;
  for (let port = 6_000; port < 6_040; port++) {
    liar.platform.datagrams.bind({ host: "0.0.0.0", port }, { onDatagram: () => heard++, onError: () => {} });
    announce(liar, port, { txtvers: "1" }, `liar ${port}`);
  }
  await park.world.runFor(120 * SECOND);
  assert(a.dnsSd !== null && a.dnsSd.services.length >= 40);
  assertEquals(heard, 8 * 6);
  assertEquals(a.discovery?.counters.dropped.hints, 32);
});

Deno.test("a node that another program announces by its mesh port is asked there and found", async () => {
  const park = new Park();
  const a = await park.start(park.host("a").platform, { name: "a", discovery: {} });
  const far = park.host("far");
  const b = await park.start(far.platform, {
    name: "far",
    discovery: { port: 40_000, group: "239.9.9.9", dnsSd: false },
  });
  announce(park.host("notice-board"), 1, {}).stop().catch(() => {});
  const board = announce(far, 40_000, {});
  await park.until(() => alive(a).includes("far") && alive(b).includes("a"), "found");
  await park.settle(board.stop());
});

Deno.test("a node of another key that is announced is asked in vain, and learns nothing", async () => {
  const park = new Park();
  const ring = (byte: number) => new MeshKeyRing(new MeshKey(new Uint8Array(32).fill(byte)), null);
  const a = await park.start(park.host("a").platform, { name: "a", keys: ring(1), discovery: {} });
  const b = await park.start(park.host("b").platform, {
    name: "b",
    keys: ring(2),
    discovery: { port: 40_000 },
  });
  await park.world.runFor(40 * SECOND);
  assertEquals([alive(a), alive(b)], [[], []]);
  assert(
    a.dnsSd?.services.some(({ instance }) => instance === "b") === true,
    "and yet it is seen to be there",
  );
});

Deno.test("a name that the mesh takes away goes by DNS-SD too", async () => {
  const park = new Park();
  const a = await park.start(park.host("a").platform, { name: "twin", discovery: {} });
  const b = await park.start(park.host("b").platform, { name: "twin", discovery: {} });
  const c = await park.start(park.host("c").platform, { name: "c", discovery: {} });
  const seen = () =>
    c.dnsSd?.services.map(({ instance }) => instance).filter((name) => name !== "c").sort().join();
  await park.until(() => seen() === "twin,twin-2", `both are seen: ${seen()}`);
  await park.world.runFor(5 * SECOND);
  assertEquals([a.dnsSd?.instance, b.dnsSd?.instance].sort(), ["twin", "twin-2"]);
});
