// Interfaces that are many, on one network, or all gone.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { HanaUser } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import { shareKey, stageOf } from "./stage.ts";

/** Suspicion, questions to others and the verdict. */
const VERDICT_MS = 15_000;
/** A machine looks for interfaces every two seconds and waits until something new has settled. */
const TAKEN_UP_MS = 10_000;

liveTest("two interfaces on one network make one node of each, and either may go", async (network) => {
  network.addSegment("stage");
  const [a, b] = ["a", "b"].map((name, index) => {
    const machine = network.addMachine(name, {
      segments: [{ segment: "stage", address: `10.77.1.${index + 1}/24` }],
    });
    return new HanaUser(machine);
  }) as [HanaUser, HanaUser];
  network.connect(b.machine, { segment: "stage", address: "10.77.1.12/24", place: "second" });
  await shareKey(a, b);
  await Promise.all([a.serve(), b.serve()]);
  const found = await a.discover("--expect", "a,b", "--timeout", "5s");
  assertEquals(found.code, 0, found.stderr);
  assertEquals(found.document.nodes.map(({ name }) => name).sort(), ["a", "b"]);
  const watch = await a.watch();
  await watch.untilState("b", "alive");
  b.machine.removeInterface("stage");
  await watch.until("b to be known by the other address alone", () => {
    const node = watch.nodes.get("b");
    const hosts = node?.endpoints.flatMap(({ address }) => /^tcp:\/\/([\d.]+):/.exec(address)?.[1] ?? []);
    return hosts?.join() === "10.77.1.12" ? true : null;
  }, TAKEN_UP_MS);
  assertEquals((await a.ping("b")).code, 0);
  const states = watch.lines.flatMap((line) => line.op !== "sync" && line.name === "b" ? [line.state] : []);
  assert(!states.includes("dead"), states.join());
});

liveTest(
  "with all interfaces gone the nodes of one machine keep each other, and find the rest when one is back",
  async (network) => {
    const [crew, far] = stageOf(network, "crew", "far");
    const guest = new HanaUser(crew.machine, "guest");
    await shareKey(crew, guest, far);
    const [one] = await Promise.all([
      crew.serve("--name", "one"),
      guest.serve("--name", "two"),
      far.serve("--name", "far"),
    ]);
    const [watch, fromAfar] = await Promise.all([crew.watch(), far.watch()]);
    for (const name of ["two", "far"]) await watch.untilState(name, "alive");
    await fromAfar.untilState("one", "alive");
    crew.machine.removeInterface("stage");
    // Everybody fell silent at once, so that far may think it is cut off itself.
    await fromAfar.until("one to be missed", () => {
      const state = fromAfar.nodes.get("one")?.state;
      return state !== undefined && state !== "alive" && state !== "suspect" ? state : null;
    }, VERDICT_MS);
    assertEquals((await crew.ping("two")).code, 0);
    assert(one.process.isRunning);
    crew.machine.recreateInterface("stage");
    await fromAfar.untilState("one", "alive", TAKEN_UP_MS);
    await fromAfar.untilState("two", "alive", TAKEN_UP_MS);
    await watch.untilState("far", "alive", TAKEN_UP_MS);
    assertEquals((await crew.ping("far", "two")).code, 0);
    const states = watch.lines.flatMap((line) =>
      line.op !== "sync" && line.name === "two" ? [line.state] : []
    );
    assertEquals(states.includes("dead"), false, states.join());
  },
);

liveTest("interfaces of containers that come and go are none of a node's business", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  const [nodeA] = await Promise.all([a.serve(), b.serve()]);
  const watch = await b.watch();
  const before = await watch.untilState("a", "alive");
  const script =
    'i=0; while [ $i -lt 50 ]; do ip link add "veth$i" type veth peer name "br-$i" && ip addr add "172.17.$i.1/24" ' +
    'dev "veth$i" && ip link set "veth$i" up; [ $i -lt 5 ] || ip link del "veth$((i - 5))"; i=$((i + 1)); done';
  const ran = await a.machine.run("sh", ["-c", script]);
  assertEquals([ran.code, ran.stderr], [0, ""]);
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  const { document } = await b.discover("--expect", "a");
  const listed = document.nodes.find(({ name }) => name === "a");
  assertEquals(listed?.endpoints.some(({ address }) => address.includes("172.17.")), false);
  assertEquals(listed?.incarnation, before.incarnation);
  assertEquals(nodeA.process.stderr.includes("veth"), false);
  assertStringIncludes((await a.ping("b")).document.targets[0]?.path ?? "", "10.77.1.2");
});
