// Switches that keep multicast or broadcast to themselves.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { eventually } from "../support/captured_process.ts";
import { HanaUser } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import type { Machine, TestNetwork } from "../support/namespaces.ts";
import { shareKey } from "./stage.ts";

const GROUP = "239.255.76.86";
/** Told after 30 s, looked at every five. */
const DEGRADED_MS = 45_000;

async function stageOf(network: TestNetwork, snoops: boolean, ...names: string[]): Promise<HanaUser[]> {
  network.addSegment("stage", snoops);
  const users = names.map((name, index) => {
    // Without IPv6, which would be a way round.
    const stage = { segment: "stage", address: `10.77.1.${index + 1}/24`, ipv6: false };
    return new HanaUser(network.addMachine(name, { segments: [stage] }));
  });
  await shareKey(...users);
  return users;
}

/** Lets a machine say its memberships within half a second, and not within ten. */
async function reportOnce(machine: Machine): Promise<void> {
  const path = "/proc/sys/net/ipv4/conf/eth0/igmpv";
  const command = `for v in 2 3; do echo 500 > ${path}"$v"_unsolicited_report_interval; done`;
  assertEquals((await machine.run("sh", ["-c", command])).code, 0);
}

liveTest(
  "a switch that forgets a membership is told of it again, and nobody is lost meanwhile",
  async (network) => {
    const [a, b] = await stageOf(network, true, "a", "b") as [HanaUser, HanaUser];
    await Promise.all([a, b].map(({ machine }) => reportOnce(machine)));
    const [nodeA] = await Promise.all([a.serve(), b.serve()]);
    const watch = await a.watch();
    await watch.untilState("b", "alive");
    const isKnown = (user: HanaUser): boolean => user.machine.isGroupKnown("stage", GROUP);
    await eventually("the switch knows both", () => Promise.resolve(isKnown(a) && isKnown(b) ? true : null));
    // A report is said again for safety, so it takes more than one removal.
    const untilMs = performance.now() + 3_000;
    while (performance.now() < untilMs) {
      if (isKnown(a)) a.machine.forgetGroup("stage", GROUP);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assertEquals([isKnown(a), isKnown(b)], [false, true]);
    await nodeA.process.until(
      "the warning",
      ({ stderr }) => stderr.includes("multicast of others on eth0") ? true : null,
      DEGRADED_MS,
    );
    await eventually("the membership is back", () => Promise.resolve(isKnown(a) ? true : null));
    const states = watch.lines.flatMap((line) => line.op !== "sync" && line.name === "b" ? [line.state] : []);
    assertEquals(states.includes("dead"), false, states.join());
    assertEquals((await a.ping("b")).code, 0);
  },
);

liveTest(
  "nodes behind a switch that hands out no multicast find each other by broadcast",
  async (network) => {
    const [a, b, c] = await stageOf(network, false, "a", "b", "c") as [HanaUser, HanaUser, HanaUser];
    for (const { machine } of [a, b, c]) machine.setFlooding("stage", { multicast: false, broadcast: true });
    await Promise.all([a.serve(), b.serve(), c.serve()]);
    const watch = await a.watch();
    const found = await a.discover("--expect", "a,b,c", "--timeout", "5s");
    assertEquals(found.code, 0, found.stderr);
    // Long enough for a node that is heard by every eighth beat alone to be given up.
    await new Promise((resolve) => setTimeout(resolve, 15_000));
    const states = new Set(watch.lines.flatMap((line) => line.op === "sync" ? [] : [line.state]));
    assert(!states.has("dead"), [...states].join());
    assertEquals((await b.ping("a", "c")).code, 0);
  },
);

liveTest("nodes that get neither multicast nor broadcast find each other by address", async (network) => {
  const [a, b] = await stageOf(network, false, "a", "b") as [HanaUser, HanaUser];
  for (const { machine } of [a, b]) machine.setFlooding("stage", { multicast: false, broadcast: false });
  a.machine.knowEachOther(b.machine, "stage");
  await a.serve();
  await b.serve("--peer", "10.77.1.1");
  for (const user of [a, b]) {
    const found = await user.discover("--expect", "a,b", "--timeout", "10s");
    assertEquals(found.code, 0, found.stderr);
  }
  const watch = await a.watch();
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const states = new Set(watch.lines.flatMap((line) => line.op === "sync" ? [] : [line.state]));
  assert(!states.has("dead"), [...states].join());
  const { code, stderr, document } = await a.ping("b");
  assertEquals(code, 0, stderr);
  assertStringIncludes(document.targets[0]?.path ?? "", "10.77.1.2");
});
