// IPv6 on real machines: link-local sockets, meshes without IPv4 and with both.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { eventually } from "../support/captured_process.ts";
import { environmentOf } from "../support/cli.ts";
import { liveTest } from "../support/live.ts";
import { HanaUser } from "../support/hana_process.ts";
import type { Machine, TestNetwork } from "../support/namespaces.ts";
import { ZONE_SENTENCES } from "../unit/platform/conformance_zones.ts";
import { shareKey } from "./stage.ts";

/** A machine looks for interfaces every two seconds, and waits until something new has settled. */
const TAKEN_UP_MS = 12_000;

const ZONES_PROGRAM = new URL("./programs/zones.ts", import.meta.url).pathname;

/** Waits until the system has found out that nobody else has its link-local addresses (RFC 4862 section 5.4). */
async function settled(...machines: readonly Machine[]): Promise<void> {
  for (const machine of machines) {
    await eventually(`${machine.name} may use its addresses`, async () => {
      const { stdout } = await machine.run("ip", ["-6", "address", "show", "tentative"]);
      return stdout.trim() === "" ? true : null;
    });
  }
}

liveTest("on a real machine with two interfaces all sentences on link-local IPv6 hold", async (network) => {
  network.addSegment("left");
  network.addSegment("right");
  const segments = ["left", "right"].map((segment) => ({ segment, address: null }));
  const machine = network.addMachine("a", { segments });
  await settled(machine);
  const flags = ["run", "--quiet", "--no-check", "--unstable-net", "--allow-all", ZONES_PROGRAM];
  const { home } = new HanaUser(machine);
  const ran = await machine.run(Deno.execPath(), flags, { env: environmentOf(home) });
  assertEquals(ran.stderr, "");
  assertEquals(ran.stdout.trim().split("\n"), Object.keys(ZONE_SENTENCES));
});

/** Machines on one segment called `stage`, with IPv4 or without, and a user each. */
async function stageOf(
  network: TestNetwork,
  machines: Readonly<Record<string, string | null>>,
): Promise<HanaUser[]> {
  network.addSegment("stage");
  const users = Object.entries(machines).map(([name, address]) =>
    new HanaUser(network.addMachine(name, { segments: [{ segment: "stage", address }] }))
  );
  await settled(...users.map((user) => user.machine));
  await shareKey(...users);
  return users;
}

liveTest("machines without IPv4 find each other, ping by UDP and TCP, and say goodbye", async (network) => {
  const [a, b] = await stageOf(network, { a: null, b: null }) as [HanaUser, HanaUser];
  const [, nodeB] = await Promise.all([a.serve(), b.serve()]);
  assertEquals(nodeB.process.stderr.includes("no network interface"), false, nodeB.process.stderr);
  const found = await a.discover("--expect", "a,b", "--timeout", "5s");
  assertEquals(found.code, 0, found.stderr);
  const listed = found.document.nodes.find(({ name }) => name === "b");
  assertEquals(listed?.interface, "eth0");
  assert((listed?.rttMs ?? 0) > 0, "a datagram went there and back");
  // Every address that is of use here is link-local, with our own zone.
  const kinds = listed?.endpoints.map(({ kind, address }) => {
    assertMatch(address, /^(tcp|udp):\/\/\[fe80::[0-9a-f:]+%eth0\]:\d+$/);
    return kind;
  });
  assertEquals(kinds?.sort(), ["tcp", "udp"]);
  for (const [user, other] of [[a, "b"], [b, "a"]] as const) {
    const { code, stderr, document } = await user.ping(other, "-c", "3");
    assertEquals(code, 0, stderr);
    assertMatch(document.targets[0]?.path ?? "", /^(tcp|udp):\/\/\[fe80::[0-9a-f:]+%eth0\]:\d+$/);
    assertEquals(document.targets[0]?.received, 3);
  }
  const watch = await a.watch();
  await watch.untilState("b", "alive");
  await nodeB.stop();
  await watch.untilState("b", "left");
});

liveTest("a machine with both families is the middle of one with IPv4 and one with IPv6", async (network) => {
  const [both, old, modern] = await stageOf(network, {
    both: "10.77.1.1/24",
    old: "10.77.1.2/24",
    modern: null,
  }) as [HanaUser, HanaUser, HanaUser];
  await Promise.all([both.serve(), old.serve(), modern.serve()]);
  const found = await both.discover("--expect", "both,old,modern", "--timeout", "5s");
  assertEquals(found.code, 0, found.stderr);
  const pings = await both.ping("old", "modern");
  assertEquals(pings.code, 0, pings.stderr);
  const paths = new Map(pings.document.targets.map(({ node, path }) => [node, path ?? ""]));
  assertMatch(paths.get("old") ?? "", /^(tcp|udp):\/\/10\.77\.1\.2:/);
  assertMatch(paths.get("modern") ?? "", /^(tcp|udp):\/\/\[fe80::/);
  const back = await modern.ping("both", "old");
  assertEquals(back.code, 0, back.stderr);
});

liveTest(
  "a machine that gets IPv4 while it runs keeps its nodes, and an adapter that is made anew is heard again",
  async (network) => {
    const [a, b] = await stageOf(network, { a: null, b: null }) as [HanaUser, HanaUser];
    await Promise.all([a.serve(), b.serve()]);
    const watch = await a.watch();
    const before = await watch.untilState("b", "alive");
    b.machine.removeInterface("stage");
    b.machine.recreateInterface("stage");
    await settled(b.machine);
    const back = await watch.until("b to be heard again", () => {
      const node = watch.nodes.get("b");
      return node?.state === "alive" ? node : null;
    }, TAKEN_UP_MS);
    assertEquals(back.incarnation, before.incarnation);
    await eventually("a ping", async () => (await a.ping("b")).code === 0 ? true : null);
    b.machine.setAddress("stage", "10.77.1.2/24");
    a.machine.setAddress("stage", "10.77.1.1/24");
    await watch.until("the new address", () => {
      const node = watch.nodes.get("b");
      return node?.endpoints.some(({ address }) => address.startsWith("tcp://10.77.1.2:")) ? node : null;
    }, TAKEN_UP_MS);
    const states = watch.lines.flatMap((line) => line.op !== "sync" && line.name === "b" ? [line.state] : []);
    assertEquals(states.includes("dead"), false, states.join());
    // Which of the two families answers first is the network's business: the new one must.
    const { document } = await a.ping("b", "--path", "all");
    const answered = document.targets.filter(({ received }) => received > 0).map(({ path }) => path ?? "");
    assert(answered.some((path) => path.startsWith("tcp://10.77.1.2:")), answered.join());
  },
);
