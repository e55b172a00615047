// The service on simulated machines: several hosts, cables, interfaces that come and go.

import { assert, assertEquals } from "@std/assert";
import type { Incarnation, NodeId } from "../../../lib/base/mod.ts";
import { DiscoveryService, type ServiceOptions } from "../../../lib/discovery/mod.ts";
import type { Platform } from "../../../lib/platform/mod.ts";
import { type SimulatedHost, SimulatedWorld } from "../../../lib/platform/simulated/mod.ts";
import { DatagramAuthenticator, MeshKey, MeshKeyRing } from "../../../lib/security/mod.ts";
import { idOf, MS, SECOND } from "./mesh.ts";

const ring = new MeshKeyRing(new MeshKey(new Uint8Array(32).fill(7)), null);
let made = 0;

function makeService(
  platform: Platform,
  name: string,
  options: Partial<ServiceOptions> = {},
): DiscoveryService {
  return new DiscoveryService(platform, {
    id: idOf(++made) as NodeId,
    incarnation: platform.clock.wallMs() as Incarnation,
    role: "daemon",
    record: { name, version: "0.1.0" },
    seal: new DatagramAuthenticator(ring),
    ...options,
  });
}

function hostOf(world: SimulatedWorld, number: number, segment = "lan"): SimulatedHost {
  return world.createHost({
    name: `host-${number}`,
    interfaces: [{ name: "eth0", segment, address: `10.0.0.${number}`, prefix: 24 }],
  });
}

const sees = (service: DiscoveryService) =>
  service.registry.snapshot().filter((entry) => entry.state === "alive").map((entry) => entry.record.name)
    .sort();

Deno.test("services on five machines see each other within 100 ms", async () => {
  const world = new SimulatedWorld({ seed: 1 });
  const services = [1, 2, 3, 4, 5].map((number) => makeService(hostOf(world, number).platform, `n${number}`));
  for (const service of services) void service.start();
  const all = () => services.every((service) => sees(service).length === 4);
  assert(await world.runUntilTrue(all, world.nowUs + 100 * MS));
  await world.runFor(30 * SECOND);
  assert(all());
  for (const service of services) assertEquals(service.problems, []);
});

Deno.test("a cable that is pulled makes a node lost, and putting it back brings it back", async () => {
  const world = new SimulatedWorld({ seed: 2 });
  const [one, two] = [hostOf(world, 1), hostOf(world, 2)];
  const [a, b] = [makeService(one.platform, "a"), makeService(two.platform, "b")];
  await Promise.all([a.start(), b.start()]);
  await world.runFor(3 * SECOND);
  two.setInterfaceUp("eth0", false);
  await world.runFor(8 * SECOND);
  assertEquals([sees(a), sees(b)], [[], []]);
  two.setInterfaceUp("eth0", true);
  assert(
    await world.runUntilTrue(() => sees(a).length === 1 && sees(b).length === 1, world.nowUs + 5 * SECOND),
  );
});

Deno.test("a record of any size up to 16 KiB reaches the others whole, and a node says when its own is larger", async () => {
  const world = new SimulatedWorld({ seed: 5 });
  const seen = makeService(hostOf(world, 99).platform, "seen");
  await seen.start();
  let number = 0;
  for (const bytes of [900, 1_020, 1_035, 1_050, 1_065, 1_080, 1_095, 1_110, 1_500, 5_000, 16_000, 17_000]) {
    const record = { name: "n", version: "0.1.0", capabilities: { text: "x".repeat(bytes) } };
    const service = makeService(hostOf(world, ++number).platform, "n", { record });
    await service.start();
    await world.runFor(3 * SECOND);
    service.updateRecord({ tags: { changed: "yes" } });
    await world.runFor(3 * SECOND);
    const entry = seen.registry.get(service.record.id);
    const isTooLarge = bytes > 16_384;
    assertEquals(
      service.problems.map(({ error }) => error.code),
      isTooLarge ? ["config"] : [],
      `${bytes} bytes`,
    );
    assertEquals(entry?.record.more === true, isTooLarge, `${bytes} bytes`);
    if (!isTooLarge) assertEquals(entry?.record.capabilities, record.capabilities);
    if (!isTooLarge) assertEquals(entry?.record.tags, { changed: "yes" });
    const stopped = service.stop();
    await world.runFor(SECOND);
    await stopped;
  }
});

Deno.test("an interface that was asked for and is not there is named, with those that are", async () => {
  const world = new SimulatedWorld({ seed: 4 });
  const host = hostOf(world, 1);
  const a = makeService(host.platform, "a", { interfaces: ["eth0", "eht1", "10.0.0.7"] });
  await a.start();
  await world.runFor(SECOND);
  const told = a.problems.map(({ interface: name, error }) => [name, error.code, error.why?.split(";")[0]]);
  assertEquals(told, [
    ["eht1", "network-unusable", "there are eth0"],
    ["10.0.0.7", "network-unusable", "there are eth0"],
  ]);
  host.addInterface({ name: "eht1", segment: "lan", address: "10.0.0.7", prefix: 24 });
  await world.runFor(3 * SECOND);
  assertEquals(a.problems, []);
});

Deno.test("a machine without an interface says so, and is found within 3 s of getting one", async () => {
  const world = new SimulatedWorld({ seed: 3 });
  const lonely = world.createHost({ name: "lonely" });
  const a = makeService(lonely.platform, "a");
  const b = makeService(hostOf(world, 2).platform, "b");
  await Promise.all([a.start(), b.start()]);
  await world.runFor(10 * SECOND);
  assertEquals(a.problems.map((problem) => problem.error.code), ["network-unusable"]);
  lonely.addInterface({ name: "eth0", segment: "lan", address: "10.0.0.9", prefix: 24 });
  assert(
    await world.runUntilTrue(() => sees(a).length === 1 && sees(b).length === 1, world.nowUs + 3 * SECOND),
  );
  assertEquals(a.problems, []);
});

Deno.test("an interface that is deleted and made anew under the same name is joined again", async () => {
  const world = new SimulatedWorld({ seed: 4 });
  const [one, two] = [hostOf(world, 1), hostOf(world, 2)];
  const [a, b] = [makeService(one.platform, "a"), makeService(two.platform, "b")];
  await Promise.all([a.start(), b.start()]);
  await world.runFor(5 * SECOND);
  two.removeInterface("eth0");
  two.addInterface({ name: "eth0", segment: "lan", address: "10.0.0.2", prefix: 24 });
  await world.runFor(20 * SECOND);
  assertEquals([sees(a), sees(b)], [["b"], ["a"]]);
  // What b hears comes by multicast again.
  assert(b.registry.snapshot()[0]?.paths.includes("multicast"));
});

Deno.test("an address that DHCP changes is followed", async () => {
  const world = new SimulatedWorld({ seed: 5 });
  const [one, two] = [hostOf(world, 1), hostOf(world, 2)];
  const [a, b] = [makeService(one.platform, "a"), makeService(two.platform, "b")];
  await Promise.all([a.start(), b.start()]);
  await world.runFor(5 * SECOND);
  two.setAddresses("eth0", [{ address: "10.0.0.200", prefix: 24 }]);
  await world.runFor(5 * SECOND);
  const entry = a.registry.lookup("b")[0];
  assertEquals(entry?.from.host, "10.0.0.200");
  assertEquals(entry?.state, "alive");
});

Deno.test("two services on one machine share the port and see the same mesh", async () => {
  const world = new SimulatedWorld({ seed: 6 });
  const one = hostOf(world, 1);
  const a = makeService(one.platform, "a");
  const b = makeService(one.createProcess().platform, "b");
  const c = makeService(hostOf(world, 2).platform, "c");
  for (const service of [a, b, c]) void service.start();
  await world.runFor(SECOND);
  assertEquals([sees(a), sees(b), sees(c)], [["b", "c"], ["a", "c"], ["a", "b"]]);
});

Deno.test("a wall clock that is set back a year changes nothing", async () => {
  const world = new SimulatedWorld({ seed: 7 });
  const [one, two] = [hostOf(world, 1), hostOf(world, 2)];
  const [a, b] = [makeService(one.platform, "a"), makeService(two.platform, "b")];
  await Promise.all([a.start(), b.start()]);
  await world.runFor(5 * SECOND);
  const revisions = [a.registry.revision, b.registry.revision];
  two.clocks.wallOffsetMs -= 365 * 86_400_000;
  await world.runFor(30 * SECOND);
  assertEquals([a.registry.revision, b.registry.revision], revisions);
});

Deno.test("goodbye reaches the others, and the machine's sockets are closed", async () => {
  const world = new SimulatedWorld({ seed: 8 });
  const [a, b] = [makeService(hostOf(world, 1).platform, "a"), makeService(hostOf(world, 2).platform, "b")];
  await Promise.all([a.start(), b.start()]);
  await world.runFor(3 * SECOND);
  let isStopped = false;
  void b.stop().then(() => isStopped = true);
  await world.runFor(50 * MS);
  assertEquals(a.registry.lookup("b")[0]?.state, "left");
  await world.runFor(300 * MS);
  assert(isStopped);
  assertEquals(b.interfaces, []);
});

Deno.test("a query that waits ends with the service", async () => {
  const world = new SimulatedWorld({ seed: 10 });
  const a = makeService(hostOf(world, 1).platform, "a");
  await a.start();
  let answers = -1;
  void a.query({ quietUs: 60 * SECOND, timeoutUs: 60 * SECOND }).then((count) => answers = count);
  await world.runFor(SECOND);
  assertEquals(answers, -1);
  void a.stop();
  await world.runFor(SECOND);
  assertEquals(answers, 0);
});

Deno.test("the same seed gives the same run", async () => {
  const digests: string[] = [];
  for (let i = 0; i < 2; i++) {
    made = 100;
    const world = new SimulatedWorld({ seed: 9 });
    for (const number of [1, 2, 3]) void makeService(hostOf(world, number).platform, `n${number}`).start();
    await world.runFor(10 * SECOND);
    digests.push(world.eventDigest());
  }
  assertEquals(digests[0], digests[1]);
});
