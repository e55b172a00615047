// The list of nodes as users watch it, and what machines tell: nodes that ship, in a simulated park.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import type { Node, NodeDelta, NodeEvent, NodeWatch } from "../../../lib/node/mod.ts";
import type { MachineLoad } from "../../../lib/platform/mod.ts";
import { Park } from "./support.ts";

const DISCOVERY = { discovery: {} } as const;

/** Reads a watch all the time and keeps what it says. */
function reading(watch: NodeWatch): { told: NodeDelta[]; texts: () => string[]; isDone: () => boolean } {
  const told: NodeDelta[] = [];
  let isDone = false;
  void (async () => {
    for await (const delta of watch) told.push(delta);
    isDone = true;
  })();
  const texts = (): string[] =>
    told.map((delta) =>
      delta.op === "sync"
        ? `sync ${delta.count}`
        : `${delta.op} ${delta.node.name} ${delta.node.state}${
          delta.event === undefined ? "" : ` ${delta.event.kind}`
        }`
    );
  return { told, texts, isDone: () => isDone };
}

async function two(park: Park): Promise<[Node, Node]> {
  const a = await park.start(park.host("alfa").platform, DISCOVERY);
  const b = await park.start(park.host("bravo").platform, DISCOVERY);
  await park.until(() => a.nodes().length === 2 && b.nodes().length === 2, "both are known");
  return [a, b];
}

Deno.test("a watch tells the nodes that are there, that these are all, and then who comes and goes and why", async () => {
  const park = new Park();
  const [a, b] = await two(park);
  const watch = a.watch();
  const { told, texts, isDone } = reading(watch);
  await park.until(() => texts().includes("sync 2"), "the snapshot is told");
  assertEquals(texts().slice(0, 3), ["add alfa alive", "add bravo alive", "sync 2"]);
  const c = await park.start(park.host("charlie").platform, DISCOVERY);
  await park.until(() => texts().includes("add charlie alive"), "who comes is told");
  await park.settle(b.stop());
  await park.until(() => texts().includes("update bravo left left"), "who goes is told, with the reason");
  const revisions = told.map((delta) => delta.revision);
  assertEquals(revisions, revisions.toSorted((x, y) => x - y));
  await park.settle(watch.return());
  assertEquals([isDone(), a.statistics().watches], [true, { open: 0, coalesced: 0 }]);
  for (const node of [a, c]) await park.settle(node.stop());
  assertEquals(park.crashes, []);
});

Deno.test("a restart carries its lives, by iterator and by callback alike", async () => {
  const park = new Park();
  const a = await park.start(park.host("alfa").platform, DISCOVERY);
  const host = park.host("bravo");
  const first = await park.start(host.platform, DISCOVERY);
  await park.until(() => a.nodes().length === 2, "bravo is known");
  const { texts, told } = reading(a.watch());
  const called: (NodeEvent | undefined)[] = [];
  const stop = a.watchNodes((_op, _node, event) => called.push(event));
  const second = await park.start(host.restartProcess(), DISCOVERY);
  await park.until(() => texts().includes("update bravo alive restarted"), "the restart is told");
  const expected = { kind: "restarted", was: first.incarnation, now: second.incarnation } as const;
  const delta = told.find((each) => each.op === "update" && each.event?.kind === "restarted");
  assert(delta?.op === "update");
  assertEquals([delta.event, called.find((event) => event?.kind === "restarted")], [expected, expected]);
  stop();
  for (const node of [a, second]) await park.settle(node.stop());
});

Deno.test("a reader that sleeps finds one change a node, and that counted", async () => {
  const park = new Park();
  const [a, b] = await two(park);
  const watch = a.watch();
  for (let i = 0; i < 3; i++) await park.settle(watch.next());
  const revision = a.discovery?.registry.revision ?? 0;
  for (let i = 1; i <= 5; i++) {
    b.discovery?.updateRecord({ tags: { look: `${i}` } });
    await park.world.runFor(1_000_000);
  }
  assert((a.discovery?.registry.revision ?? 0) >= revision + 5);
  const next = await park.settle(watch.next());
  assert(next.done !== true && next.value.op === "update");
  assertEquals(next.value.node.tags, { look: "5" });
  assert(watch.coalesced >= 4);
  // Nothing else waits: the next one comes with the next change.
  let isTold = false;
  void watch.next().then(() => isTold = true);
  await park.world.runFor(2_000_000);
  assertEquals(isTold, false);
  b.discovery?.updateRecord({ tags: {} });
  await park.until(() => isTold, "the next change is told");
  await park.settle(watch.return());
  assertEquals((a.statistics().watches as { coalesced: number }).coalesced, watch.coalesced);
  for (const node of [a, b]) await park.settle(node.stop());
});

Deno.test("a watch ends by its signal, when its node stops, and at once when either was before", async () => {
  const park = new Park();
  const [a, b] = await two(park);
  const abort = new AbortController();
  const aborted = reading(a.watch({ signal: abort.signal }));
  const stopped = reading(a.watch());
  await park.until(() => stopped.texts().includes("sync 2"), "both watch");
  abort.abort();
  await park.until(aborted.isDone, "the signal ends it");
  assertEquals(stopped.isDone(), false);
  await park.settle(a.stop());
  await park.until(stopped.isDone, "the end of the node ends it");
  assertEquals(await park.settle(b.watch({ signal: abort.signal }).next()), { done: true, value: undefined });
  const unused = b.watch();
  assertEquals(b.statistics().watches, { open: 0, coalesced: 0 });
  await park.settle(unused.return());
  assertEquals(await park.settle(unused.next()), { done: true, value: undefined });
  await park.settle(b.stop());
});

Deno.test("a node that is renamed says so of itself, and others say so of it", async () => {
  const park = new Park();
  const a = await park.start(park.host("alfa").platform, DISCOVERY);
  const own = await park.start(park.host("bravo").platform, { ...DISCOVERY, name: "stage" });
  await park.until(() => a.nodes().length === 2, "both are known");
  const later = await park.start(park.host("charlie").platform, { ...DISCOVERY, name: "stage" });
  const self = reading(later.watch());
  const other = reading(a.watch());
  await park.until(() => self.texts().includes("update stage-2 alive renamed"), "it says so of itself");
  await park.until(
    () => other.texts().some((text) => /(add|update) stage-2 alive/.test(text)),
    "others see the new name",
  );
  for (const node of [a, own, later]) await park.settle(node.stop());
});

Deno.test("what a machine has comes with its record, its load with the beats, and both can be asked for", async () => {
  const park = new Park();
  const a = await park.start(park.host("alfa").platform, DISCOVERY);
  const host = park.host("bravo");
  host.hardware.facts = { cpu: { cores: 8 }, gpus: [{ vendor: "amd", vramMb: 8192 }] };
  const load: MachineLoad = { cpuPercent: 20, gpus: [{ busyPercent: 90, vramFreeMb: 6000 }] };
  host.hardware.load = load;
  const b = await park.start(host.platform, { ...DISCOVERY, resources: { gpu: { 0: { name: "mine" } } } });
  const names = (...capabilities: string[]): string[] => a.select({ capabilities }).map((node) => node.name);
  await park.until(() => names("gpu.vramMb>=8000").includes("bravo"), "what it has is known");
  await park.until(
    () => names("free.vramMb>=5GB", "load.cpu<50").includes("bravo"),
    "how busy it is is known",
  );
  const seen = a.nodes().find((node) => node.name === "bravo");
  assertEquals([seen?.resources, seen?.load], [
    {
      cpu: { cores: 8 },
      gpu: { count: 1, vramMb: 8192, list: [{ vendor: "amd", vramMb: 8192, name: "mine" }] },
    },
    { cpuPercent: 20, gpuPercent: 90, memoryFreeMb: null, vramFreeMb: 6000 },
  ]);
  assertEquals([b.view().resources, b.view().load], [seen?.resources, seen?.load]);
  // A projector is plugged in, and somebody renders.
  host.hardware.facts = { ...host.hardware.facts, displays: [{ width: 3840, height: 2160 }] };
  host.hardware.load = { ...load, gpus: [{ busyPercent: 95, vramFreeMb: 1000 }] };
  await park.until(() => names("display.width>=3840").includes("bravo"), "the display is known");
  await park.until(() => names("free.vramMb<2GB").includes("bravo"), "the memory is known to be taken");
  assertThrows(() => a.select({ capabilities: ["free.disk>1"] }), HanaError, "nothing is known of free.disk");
  for (const node of [a, b]) await park.settle(node.stop());
  assertEquals([host.hardware.openReaders, park.crashes], [0, []]);
});

Deno.test("what was read and does not fit beside what the owner says is left out and counted", async () => {
  const park = new Park();
  const host = park.host("alfa");
  host.hardware.facts = { cpu: { cores: 8 } };
  const resources = Object.fromEntries(Array.from({ length: 64 }, (_, at) => [`r${at}`, at]));
  const node = await park.start(host.platform, { ...DISCOVERY, resources });
  await park.world.runFor(2_000_000);
  assertEquals([node.view().resources, node.statistics().machine], [resources, { factsRefused: 1 }]);
  await park.settle(node.stop());
  assertEquals(park.crashes, []);
});

Deno.test("a machine that tells nothing is asked once, and one that must not be read is not asked", async () => {
  const park = new Park();
  const silent = await park.start(park.host("alfa").platform, DISCOVERY);
  const host = park.host("bravo");
  host.hardware.facts = { cpu: { cores: 8 } };
  host.hardware.load = { cpuPercent: 1 };
  const off = await park.start(host.platform, { ...DISCOVERY, readsHardware: false, resources: { dmx: 4 } });
  await park.world.runFor(10_000_000);
  assertEquals([silent.view().resources, silent.view().load], [{}, null]);
  assertEquals([off.view().resources, off.view().load, host.hardware.openReaders], [{ dmx: 4 }, null, 0]);
  for (const node of [silent, off]) await park.settle(node.stop());
});
