// The service on real sockets. Loopback only, on a port of its own, so that nothing leaves the machine.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { HanaError, type Incarnation, type NodeId, toHex } from "../../../lib/base/mod.ts";
import { DiscoveryService, type RegistryEntry, type ServiceOptions } from "../../../lib/discovery/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { createMeshKey, DatagramAuthenticator, MeshKeyRing } from "../../../lib/security/mod.ts";

const platform = denoPlatform();
const random = platform.random.stream("discovery service test");
const ring = new MeshKeyRing(createMeshKey(random, "test", 0), null);

/** A port outside the range from which the system gives ports away; another one for every test. */
function somePort(): number {
  return 20_000 + random.u32() % 10_000;
}

function makeService(name: string, port: number, options: Partial<ServiceOptions> = {}): DiscoveryService {
  return new DiscoveryService(platform, {
    id: toHex(random.fill(new Uint8Array(16))) as NodeId,
    incarnation: platform.clock.wallMs() as Incarnation,
    role: "daemon",
    record: {
      name,
      version: "0.1.0",
      endpoints: [
        { kind: "tcp", address: "tcp://0.0.0.0:4000" },
        { kind: "unix", address: "unix:///run/hana/node.sock" },
      ],
    },
    seal: new DatagramAuthenticator(ring),
    port,
    interfaces: [],
    ...options,
  });
}

/** The entry of `name`, once it is in one of these states. */
function entryOf(
  service: DiscoveryService,
  name: string,
  states: readonly RegistryEntry["state"][] = ["alive"],
): Promise<RegistryEntry> {
  return new Promise((resolve) => {
    const stop = service.registry.subscribe(look);
    function look(): void {
      const entry = service.registry.lookup(name)[0];
      if (entry === undefined || !states.includes(entry.state)) return;
      stop();
      resolve(entry);
    }
    look();
  });
}

Deno.test("two services on one machine see each other, ping each other, and say goodbye", async () => {
  const port = somePort();
  const a = makeService("a", port);
  const b = makeService("b", port);
  await a.start();
  await b.start();
  const [seenByA] = await Promise.all([entryOf(a, "b"), entryOf(b, "a")]);
  assertEquals(seenByA.interface, a.interfaces[0]?.name);
  assertEquals(seenByA.trust, "keyed");
  assertEquals(seenByA.record.endpoints.map((endpoint) => endpoint.address), [
    "unix:///run/hana/node.sock",
    "tcp://127.0.0.1:4000",
    `udp://127.0.0.1:${b.interfaces[0]?.port}`,
  ]);
  const rttUs = await a.ping(seenByA.record.id);
  assert(rttUs > 0 && rttUs < 1_000_000);
  b.updateRecord({ tags: { wall: "north" } });
  await new Promise<void>((resolve) => {
    const stop = a.registry.subscribe(({ entry }) => {
      if (entry.record.tags.wall !== "north") return;
      stop();
      resolve();
    });
  });
  const left = entryOf(a, "b", ["left"]);
  await b.stop();
  assertEquals((await left).state, "left");
  await a.stop();
  assertEquals(a.counters.dropped["no-link"], 0);
});

Deno.test("an observer that hears no multicast lists the services within its time and is not listed", async () => {
  const port = somePort();
  const services = ["a", "b", "c"].map((name) => makeService(name, port));
  for (const service of services) await service.start();
  const tool = makeService("tool", port, { role: "observer" });
  await tool.start();
  const answers = await tool.query({ quietUs: 100_000, timeoutUs: 3_000_000 });
  assertEquals(answers, 3);
  assertEquals(tool.registry.snapshot().map((entry) => entry.record.name).sort(), ["a", "b", "c"]);
  await tool.stop();
  for (const service of services) {
    assertEquals(service.registry.lookup("tool"), []);
    await service.stop();
  }
});

Deno.test("services of different keys stay blind to each other and know that somebody is there", async () => {
  const port = somePort();
  const other = new MeshKeyRing(createMeshKey(random, "other", 0), null);
  const a = makeService("a", port);
  const b = makeService("b", port, { seal: new DatagramAuthenticator(other) });
  const foreign = new Promise<void>((resolve) => a.onEvent((event) => event.kind === "foreign" && resolve()));
  await a.start();
  await b.start();
  await foreign;
  assertEquals([a.registry.size, b.registry.size], [0, 0]);
  await Promise.all([a.stop(), b.stop()]);
});

Deno.test("a foreign program on the port does not end a service: it says so and is found by asking", async () => {
  const port = somePort();
  const foreign = platform.datagrams.bind({ host: "0.0.0.0", port }, { onDatagram() {}, onError() {} });
  const a = makeService("a", port);
  const b = makeService("b", port);
  await a.start();
  await b.start();
  const problem = a.problems.find((each) => each.error.code === "address-in-use");
  assert(problem?.error.hint?.includes("--discovery-port"), String(problem?.error.hint));
  // Once the port is free the next look at the interfaces takes it.
  foreign.close();
  await Promise.all([entryOf(a, "b"), entryOf(b, "a")]);
  assertEquals(a.problems.filter((each) => each.error.code === "address-in-use"), []);
  await Promise.all([a.stop(), b.stop()]);
});

Deno.test("a seed that is named finds a service that hears no multicast of ours", async () => {
  const port = somePort();
  const b = makeService("b", port);
  await b.start();
  // Another group: nothing but unicast joins the two.
  const a = makeService("a", port + 10_000, { group: "239.255.76.87", seeds: [`127.0.0.1:${port}`] });
  await a.start();
  await Promise.all([entryOf(a, "b"), entryOf(b, "a")]);
  await Promise.all([a.stop(), b.stop()]);
});

Deno.test("an address where nobody is does not answer a ping", async () => {
  const a = makeService("a", somePort());
  await a.start();
  const error = await assertRejects(() => a.ping({ host: "127.0.0.1", port: 9 }), HanaError);
  assertEquals(error.code, "timeout");
  const unknown = await assertRejects(() => a.ping("00".repeat(16) as NodeId), HanaError);
  assertEquals(unknown.code, "not-found");
  await a.stop();
});

Deno.test("a service that is stopped cancels what waits, sends nothing more, and may be stopped twice", async () => {
  const a = makeService("a", somePort());
  await a.start();
  const ping = assertRejects(() => a.ping({ host: "127.0.0.1", port: 9 }), HanaError);
  await a.stop();
  assertEquals((await ping).code, "cancelled");
  await a.stop();
  const sent = a.counters.sent;
  assertEquals(await a.query({ quietUs: 1, timeoutUs: 1 }), 0);
  assertEquals(a.counters.sent, sent);
});

Deno.test("a service that was never started stops at once", async () => {
  const a = makeService("a", somePort());
  await a.stop();
  assertEquals(a.counters.sent, 0);
});
