// Cables that are pulled, interfaces that come and go, machines on two networks.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { HanaUser, type PingTarget, tcpHosts } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import { shareKey, stageOf } from "./stage.ts";

/** Suspicion comes after 3.4 beats of silence, the verdict after 5; a beat is 1.1 s at most in a mesh this small. */
const VERDICT_MS = 12_000;
/** A machine looks for interfaces every two seconds. */
const TAKEN_UP_MS = 8_000;

liveTest("a machine on two segments is known and reached on each by its address there", async (network) => {
  network.addSegment("control");
  network.addSegment("video");
  const middle = new HanaUser(network.addMachine("middle", {
    segments: [{ segment: "control", address: "10.77.1.1/24" }, {
      segment: "video",
      address: "10.77.2.1/24",
    }],
  }));
  const desk = new HanaUser(
    network.addMachine("desk", { segments: [{ segment: "control", address: "10.77.1.2/24" }] }),
  );
  const wall = new HanaUser(
    network.addMachine("wall", { segments: [{ segment: "video", address: "10.77.2.2/24" }] }),
  );
  await shareKey(middle, desk, wall);
  await Promise.all([middle.serve(), desk.serve(), wall.serve()]);

  const all = await middle.discover("--expect", "middle,desk,wall");
  assertEquals(all.code, 0, all.stderr);
  const interfaces = new Map(all.document.nodes.map((node) => [node.name, node.interface]));
  assertEquals([interfaces.get("desk"), interfaces.get("wall")], ["eth0", "eth1"]);
  for (const [user, address] of [[desk, "10.77.1.1"], [wall, "10.77.2.1"]] as const) {
    const { document } = await user.discover("--expect", "middle");
    // A machine that is on neither of our segments is none of ours.
    assertEquals(document.nodes.map(({ name }) => name).sort(), [user.machine.name, "middle"].sort());
    const listed = document.nodes.find(({ name }) => name === "middle");
    const addresses = listed?.endpoints.filter(({ kind }) => kind === "tcp").map(({ address }) => address) ??
      [];
    // Its address on the other segment comes behind: with a router between them it is a way as well.
    assertMatch(addresses[0] ?? "", new RegExp(`^tcp://${address.replaceAll(".", "\\.")}:`));
    // What is of use on that machine alone is not told to others, nor a link-local address on another link.
    const useless = listed?.endpoints.filter(({ address }) => /^unix:|127\.0\.0\.1/.test(address));
    assertEquals(useless, []);
    const zoned = addresses.flatMap((url) => /\[(fe80.*)\]/.exec(url)?.[1] ?? []);
    assert(zoned.every((host) => host.endsWith("%eth0")), zoned.join());
    assert(new Set(zoned).size <= 1, zoned.join());
    const { code, document: pinged } = await user.ping("middle");
    assertEquals(code, 0);
    assertMatch(pinged.targets[0]?.path ?? "", new RegExp(`^(tcp|udp)://${address.replaceAll(".", "\\.")}:`));
  }
  const both = await middle.ping("desk", "wall");
  assertEquals(both.code, 0, both.stderr);
});

liveTest(
  "a pulled cable makes a node suspect, then dead; put back, it lives on as it was",
  async (network) => {
    const [a, b, c] = stageOf(network, "a", "b", "c");
    await shareKey(a, b, c);
    const [, nodeB] = await Promise.all([a.serve(), b.serve(), c.serve()]);
    const [onA, onB] = await Promise.all([a.watch(), b.watch()]);
    const before = await onA.untilState("b", "alive");
    await onA.untilState("c", "alive");
    await onB.untilState("a", "alive");

    b.machine.pullCable("stage");
    await onA.untilState("b", "suspect", VERDICT_MS);
    await onA.untilState("b", "dead", VERDICT_MS);
    // Who has lost everybody is the one that is cut off, and says so.
    await onB.untilState("a", "partitioned", VERDICT_MS);
    assert(nodeB.process.isRunning);
    assertEquals((await b.discover()).code, 0);
    const gone = await a.run(["discover", "--expect", "3", "--timeout", "300ms"]);
    assertEquals(gone.code, 3);

    b.machine.plugCable("stage");
    const after = await onA.untilState("b", "alive", VERDICT_MS);
    await onB.untilState("a", "alive", VERDICT_MS);
    assertEquals([after.id, after.incarnation], [before.id, before.incarnation]);
    assertEquals((await a.ping("b")).code, 0);
    assertEquals((await b.ping("a")).code, 0);
    // Nobody else was troubled.
    const states = onA.lines.flatMap((line) => line.op !== "sync" && line.name === "c" ? [line.state] : []);
    assertEquals(new Set(states), new Set(["alive"]));
  },
);

liveTest("a node that starts without a network says so, and is found once there is one", async (network) => {
  const [a] = stageOf(network, "a");
  const lonely = new HanaUser(network.addMachine("lonely"));
  await shareKey(a, lonely);
  const [, node] = await Promise.all([a.serve(), lonely.serve()]);
  assertStringIncludes(node.process.stderr, "no network interface");
  assertEquals((await lonely.ping("lonely")).code, 0);
  const watch = await a.watch();
  network.connect(lonely.machine, { segment: "stage", address: "10.77.1.9/24" });
  const found = await watch.untilState("lonely", "alive", TAKEN_UP_MS);
  assertEquals(tcpHosts(found), ["10.77.1.9"]);
  assertEquals((await a.ping("lonely")).code, 0);
  const back = await lonely.discover("--expect", "a", "--timeout", "5s");
  assertEquals(back.code, 0, back.stderr);
});

liveTest(
  "an interface that is taken away and comes back is taken up again, on both sides",
  async (network) => {
    const [a, b] = stageOf(network, "a", "b");
    await shareKey(a, b);
    const [, nodeB] = await Promise.all([a.serve(), b.serve()]);
    const [onA, onB] = await Promise.all([a.watch(), b.watch()]);
    await onA.untilState("b", "alive");
    await onB.untilState("a", "alive");
    b.machine.removeInterface("stage");
    await onA.untilState("b", "dead", VERDICT_MS);
    await onB.untilState("a", "partitioned", VERDICT_MS);
    assert(nodeB.process.isRunning);
    b.machine.recreateInterface("stage");
    // Hearing again takes a second look: memberships die with the interface.
    await Promise.all([onA.untilState("b", "alive", VERDICT_MS), onB.untilState("a", "alive", VERDICT_MS)]);
    assertEquals((await a.ping("b")).code, 0);
    assertEquals((await b.ping("a")).code, 0);
  },
);

liveTest("a machine that gets another address is found under it", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  await Promise.all([a.serve(), b.serve()]);
  const watch = await a.watch();
  const before = await watch.untilState("b", "alive");
  assertEquals(tcpHosts(before), ["10.77.1.2"]);
  b.machine.setAddress("stage", "10.77.1.77/24");
  const after = await watch.until("the new address", () => {
    const node = watch.nodes.get("b");
    return node !== undefined && tcpHosts(node).join() === "10.77.1.77" ? node : null;
  }, TAKEN_UP_MS);
  assertEquals(after.incarnation, before.incarnation);
  const { code, document } = await a.ping("b");
  assertEquals(code, 0);
  assertMatch(document.targets[0]?.path ?? "", /^(tcp|udp):\/\/10\.77\.1\.77:/);
});

liveTest("one of two cables may be pulled: the node stays alive, pings take the other", async (network) => {
  network.addSegment("control");
  network.addSegment("video");
  const segments = new Map([["10.77.1.2", "control"], ["10.77.2.2", "video"]]);
  const [a, b] = ["a", "b"].map((name, index) =>
    new HanaUser(network.addMachine(name, {
      segments: [
        { segment: "control", address: `10.77.1.${index + 1}/24` },
        { segment: "video", address: `10.77.2.${index + 1}/24` },
      ],
    }))
  ) as [HanaUser, HanaUser];
  const code = await a.createMesh();
  await b.joinMesh(code);
  await Promise.all([a.serve(), b.serve()]);
  const watch = await a.watch();
  await watch.untilState("b", "alive");
  const hosts = (
    targets: readonly PingTarget[],
  ): string[] => [
    ...new Set(
      targets.flatMap(({ path, lane }) =>
        lane === "discovery" ? [] : /^(?:tcp|udp):..([\d.]+):/.exec(path ?? "")?.[1] ?? []
      ),
    ),
  ];
  const every = await a.ping("b", "--path", "all", "-c", "2");
  assertEquals(every.code, 0, every.stderr);
  assertEquals(hosts(every.document.targets).sort(), [...segments.keys()]);

  // The cable that is used now, and somebody to whom it is the only way.
  const [host = ""] = hosts((await a.ping("b")).document.targets);
  const segment = segments.get(host) ?? "";
  const address = segment === "control" ? "10.77.1.3/24" : "10.77.2.3/24";
  const c = new HanaUser(network.addMachine("c", { segments: [{ segment, address }] }));
  await c.joinMesh(code);
  await c.serve();
  const onC = await c.watch();
  await onC.untilState("b", "alive");

  b.machine.pullCable(segment);
  const auto = await a.ping("b", "--timeout", "2s");
  assertEquals(auto.code, 0, auto.stderr);
  assertEquals(hosts(auto.document.targets), [...segments.keys()].filter((other) => other !== host));
  const compared = await a.ping("b", "--path", "all", "-c", "2", "--timeout", "500ms");
  assertEquals(compared.code, 3, compared.stderr);
  assertStringIncludes(compared.stderr, host);
  // It cannot be reached from there, but it lives: its other neighbour hears it, and says so.
  await onC.untilState("b", "unreachable", VERDICT_MS);
  const states = watch.lines.flatMap((line) => line.op !== "sync" && line.name === "b" ? [line.state] : []);
  assertEquals(new Set(states), new Set(["alive"]));
});
