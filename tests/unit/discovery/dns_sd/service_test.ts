// DNS-SD on simulated machines: sockets, links that come and go, other programs on the port.

import { assert, assertEquals } from "@std/assert";
import {
  type Advertisement,
  type DnsSdEvent,
  type DnsSdOptions,
  DnsSdService,
  Echoes,
  encodeText,
  MDNS_GROUP,
  MessageWriter,
  TYPE,
} from "../../../../lib/discovery/dns_sd/mod.ts";
import { chooseInterfaces } from "../../../../lib/discovery/mod.ts";
import type { Platform } from "../../../../lib/platform/mod.ts";
import { type SimulatedHost, SimulatedWorld } from "../../../../lib/platform/simulated/mod.ts";
import { MS, question, SECOND } from "./bench.ts";

function advertisementOf(instance: string): Advertisement {
  const text = encodeText({ txtvers: "1", name: instance });
  return {
    instance,
    host: `${instance}-00`,
    services: [{ type: "_osc._udp", subtypes: [], port: 9000, text }],
  };
}

function hostOf(world: SimulatedWorld, number: number, segment = "lan"): SimulatedHost {
  return world.createHost({
    name: `host-${number}`,
    interfaces: [{ name: "eth0", segment, address: `10.0.0.${number}`, prefix: 24 }],
  });
}

function start(
  platform: Platform,
  advertisement: Advertisement | null,
  options: Partial<DnsSdOptions> = {},
): { service: DnsSdService; events: string[] } {
  const service = new DnsSdService(platform, {
    links: () =>
      chooseInterfaces(platform.interfaces.list(), { only: null }).map((link) => ({ ...link, port: 1 })),
    types: ["_osc._udp"],
    ...options,
  });
  const events: string[] = [];
  service.onEvent((event: DnsSdEvent) => {
    if ("op" in event) events.push(`${event.op} ${event.service.instance} ${event.service.addresses.join()}`);
    else events.push(event.kind);
  });
  if (advertisement !== null) service.advertise(advertisement);
  service.start();
  return { service, events };
}

Deno.test("machines find each other's services, hear updates, and goodbyes within two seconds", async () => {
  const world = new SimulatedWorld({ seed: 1 });
  const a = start(hostOf(world, 1).platform, advertisementOf("desk"));
  const b = start(hostOf(world, 2).platform, advertisementOf("rack"));
  await world.runFor(1_100 * MS);
  assert(a.events.includes("added rack 10.0.0.2"), a.events.join());
  assert(b.events.includes("added desk 10.0.0.1"), b.events.join());
  const text = encodeText({ txtvers: "1", name: "new" });
  b.service.advertise({
    ...advertisementOf("rack"),
    services: [{ type: "_osc._udp", subtypes: [], port: 9000, text }],
  });
  await world.runFor(10 * MS);
  assertEquals(a.service.services.find(({ instance }) => instance === "rack")?.text.name, "new");
  const gone = b.service.stop();
  await world.runFor(1_100 * MS);
  await gone;
  assert(a.events.includes("removed rack 10.0.0.2"), a.events.join());
  assertEquals(a.service.counters.conflicts, 0);
  assert(a.service.counters.ignored.own > 0, "its own copies come back and are dropped");
});

Deno.test("a newcomer learns of fifty services within half a second", async () => {
  const world = new SimulatedWorld({ seed: 3 });
  const others = Array.from(
    { length: 50 },
    (_, i) => start(hostOf(world, i + 1).platform, advertisementOf(`n${i}`)),
  );
  await world.runFor(30 * SECOND);
  const late = start(hostOf(world, 99).platform, null);
  await world.runFor(500 * MS);
  assertEquals(late.events.filter((text) => text.startsWith("added")).length, 50);
  for (const { service } of others) assertEquals(service.counters.conflicts, 0);
});

Deno.test("thirty services stay listed for ten minutes, and one question of one machine serves them all", async () => {
  const world = new SimulatedWorld({ seed: 13 });
  const all = Array.from(
    { length: 30 },
    (_, i) => start(hostOf(world, i + 1).platform, advertisementOf(`n${i}`)),
  );
  await world.runFor(10 * SECOND);
  const sent = () => all.reduce((sum, { service }) => sum + service.counters.sent, 0);
  const before = sent();
  await world.runFor(600 * SECOND);
  for (const { events, service } of all) {
    assertEquals(events.filter((text) => !text.startsWith("added")), []);
    assertEquals(service.counters.silentRecords, 0);
  }
  // Two records a service are asked for and answered every 96 s at least: 30 × 2 × 2 × 6, and little more.
  assert(sent() - before < 1_000, `${sent() - before} messages`);
});

Deno.test("two machines of one name: one of them becomes (2), and both are seen", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = new SimulatedWorld({ seed });
    const a = start(hostOf(world, 1).platform, advertisementOf("desk"));
    const b = start(hostOf(world, 2).platform, advertisementOf("desk"));
    const c = start(hostOf(world, 3).platform, null);
    await world.runFor(5 * SECOND);
    assertEquals([a.service.instance, b.service.instance].sort(), ["desk", "desk (2)"], `seed ${seed}`);
    assertEquals(c.service.services.map(({ instance }) => instance).sort(), ["desk", "desk (2)"]);
  }
});

Deno.test("a program that holds port 5353 alone is told, and does not stop us when it ends", async () => {
  const world = new SimulatedWorld({ seed: 5 });
  const host = hostOf(world, 1);
  const foreign = host.createProcess().platform.datagrams.bind({ host: "0.0.0.0", port: 5353 }, {
    onDatagram: () => {},
    onError: () => {},
  });
  const a = start(host.platform, advertisementOf("desk"));
  const b = start(hostOf(world, 2).platform, null);
  await world.runFor(5 * SECOND);
  assertEquals(a.service.problems.map(({ error }) => [error.what, error.code]), [
    ["mdns-unavailable", "address-in-use"],
  ]);
  assertEquals(b.events, []);
  foreign.close();
  await world.runFor(4 * SECOND);
  assertEquals(a.service.problems, []);
  assertEquals(b.events, ["added desk 10.0.0.1"]);
});

Deno.test("two programs of one machine share the port and see each other", async () => {
  const world = new SimulatedWorld({ seed: 6 });
  const host = hostOf(world, 1);
  const a = start(host.platform, advertisementOf("desk"));
  const b = start(host.createProcess().platform, advertisementOf("rack"));
  await world.runFor(2 * SECOND);
  assert(a.events.includes("added rack 10.0.0.1") && b.events.includes("added desk 10.0.0.1"));
});

Deno.test("an interface that comes is used, one that goes takes its services along, a new address is told", async () => {
  const world = new SimulatedWorld({ seed: 7 });
  const lonely = world.createHost({ name: "lonely" });
  const a = start(lonely.platform, advertisementOf("desk"));
  const b = start(hostOf(world, 2).platform, advertisementOf("rack"));
  await world.runFor(5 * SECOND);
  assertEquals([a.events, a.service.problems], [[], []]);
  lonely.addInterface({ name: "eth0", segment: "lan", address: "10.0.0.9", prefix: 24 });
  await world.runFor(4 * SECOND);
  assertEquals(a.events.filter((text) => text.includes("rack")), ["added rack 10.0.0.2"]);
  assert(b.events.includes("added desk 10.0.0.9"));
  lonely.setAddresses("eth0", [{ address: "10.0.0.19", prefix: 24 }]);
  await world.runFor(6 * SECOND);
  assertEquals(b.service.services.find(({ instance }) => instance === "desk")?.addresses, ["10.0.0.19"]);
  lonely.removeInterface("eth0");
  await world.runFor(3 * SECOND);
  assertEquals(a.service.services, []);
  assertEquals(a.service.problems, []);
});

Deno.test("an interface that was made anew without a sign is joined again within ten seconds", async () => {
  const world = new SimulatedWorld({ seed: 8 });
  const host = hostOf(world, 1);
  const a = start(host.platform, null);
  const b = start(hostOf(world, 2).platform, null);
  await world.runFor(5 * SECOND);
  host.recreateInterface("eth0");
  await world.runFor(11 * SECOND);
  b.service.advertise(advertisementOf("rack"));
  await world.runFor(2 * SECOND);
  assertEquals(a.events, ["added rack 10.0.0.2"]);
});

Deno.test("nothing from outside our subnets is looked at or answered, by unicast or otherwise", async () => {
  const world = new SimulatedWorld({ seed: 9 });
  const a = start(hostOf(world, 1).platform, advertisementOf("desk"));
  const stranger = world.createHost({
    name: "stranger",
    interfaces: [{ name: "eth0", segment: "lan", address: "172.16.0.1", prefix: 12 }],
  });
  await world.runFor(5 * SECOND);
  const heard: number[] = [];
  const socket = stranger.platform.datagrams.bind({ host: "172.16.0.1", port: 4444, egress: "172.16.0.1" }, {
    onDatagram: (bytes) => heard.push(bytes.length),
    onError: () => {},
  });
  const writer = new MessageWriter({ isResponse: false });
  writer.canAddQuestion(question("_osc._udp.local", TYPE.ptr));
  const before = a.service.counters.sent;
  socket.send(writer.finish(), { host: MDNS_GROUP, port: 5353 });
  await world.runFor(2 * SECOND);
  assertEquals(a.service.counters.ignored["off-link"], 1);
  assertEquals([heard, a.service.counters.sent - before], [[], 0]);
});

Deno.test("a tool on the link that is no mDNS host gets its answer by unicast", async () => {
  const world = new SimulatedWorld({ seed: 10 });
  start(hostOf(world, 1).platform, advertisementOf("desk"));
  const tool = hostOf(world, 2);
  await world.runFor(5 * SECOND);
  const heard: string[] = [];
  const socket = tool.platform.datagrams.bind({ host: "10.0.0.2", port: 4444, egress: "10.0.0.2" }, {
    onDatagram: (_bytes, from) => heard.push(`${from.host}:${from.port}`),
    onError: () => {},
  });
  const writer = new MessageWriter({ isResponse: false, id: 7 });
  writer.canAddQuestion(question("_osc._udp.local", TYPE.ptr));
  socket.send(writer.finish(), { host: MDNS_GROUP, port: 5353 });
  await world.runFor(SECOND);
  assertEquals(heard, ["10.0.0.1:5353"]);
});

Deno.test("a flood of garbage costs a counter", async () => {
  const world = new SimulatedWorld({ seed: 11 });
  const a = start(hostOf(world, 1).platform, advertisementOf("desk"));
  const b = start(hostOf(world, 2).platform, null);
  const attacker = hostOf(world, 66);
  const socket = attacker.platform.datagrams.bind(
    { host: "10.0.0.66", port: 5353, egress: "10.0.0.66", shared: true },
    { onDatagram: () => {}, onError: () => {} },
  );
  const garbage = Uint8Array.from({ length: 200 }, (_, i) => i * 7);
  for (let i = 0; i < 3_000; i++) {
    world.at(i * MS, () => socket.send(garbage, { host: MDNS_GROUP, port: 5353 }));
  }
  await world.runFor(4 * SECOND);
  assertEquals(b.events, ["added desk 10.0.0.1"]);
  const { ignored, refused } = a.service.counters;
  assert(ignored.flood > 1_500, `${ignored.flood}`);
  assertEquals(Object.values(refused).reduce((sum, count) => sum + count, 0) + ignored.flood, 3_000);
});

Deno.test("a machine that slept announces and asks anew", async () => {
  const world = new SimulatedWorld({ seed: 12 });
  const host = hostOf(world, 1);
  const a = start(host.platform, advertisementOf("desk"));
  await world.runFor(20 * SECOND);
  const before = a.service.counters.sent;
  host.changeClock({ kind: "step", ms: 60_000 });
  await world.runFor(5 * SECOND);
  // Three probes, two announcements, a question or more.
  assert(a.service.counters.sent - before >= 6, `${a.service.counters.sent - before}`);
});

Deno.test("a copy of our own is dropped once for each time it was sent, and a stranger's is not", () => {
  const echoes = new Echoes();
  const bytes = Uint8Array.from([1, 2, 3]);
  echoes.noteSent(0, bytes);
  echoes.noteSent(0, bytes);
  assertEquals([echoes.take(1, bytes), echoes.take(1, bytes), echoes.take(1, bytes)], [true, true, false]);
  assertEquals(echoes.take(1, Uint8Array.from([1, 2, 4])), false);
  echoes.noteSent(0, bytes);
  assertEquals(echoes.take(3 * SECOND, bytes), false);
});
