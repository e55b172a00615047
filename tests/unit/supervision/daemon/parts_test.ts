// The parts of a supervisor by themselves: order of needs, answers that are kept, the gate, the store.

import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../../lib/base/mod.ts";
import { SimulatedWorld } from "../../../../lib/platform/simulated/mod.ts";
import { Gate } from "../../../../lib/supervision/daemon/gate.ts";
import { findCycle, inOrder, type NeedsOf } from "../../../../lib/supervision/daemon/needs.ts";
import { OpLog } from "../../../../lib/supervision/daemon/op_log.ts";
import { Store } from "../../../../lib/supervision/daemon/store.ts";

const HOUR = 3_600_000_000;

function store(): {
  world: SimulatedWorld;
  store: Store;
  reopen: () => Store;
  host: ReturnType<SimulatedWorld["createHost"]>;
} {
  const world = new SimulatedWorld({ seed: 3 });
  const host = world.createHost({ name: "stage" });
  const open = () => Store.open(host.platform, "/tmp/programs.db");
  let current = open();
  const reopen = () => {
    current.close();
    return current = open();
  };
  return { world, host, store: current, reopen };
}

Deno.test("an order of needs puts what is needed first, and a cycle is found exactly where there is no such order", () => {
  const graph = fc.dictionary(
    fc.constantFrom("a", "b", "c", "d", "e", "f"),
    fc.array(fc.constantFrom("a", "b", "c", "d", "e", "f", "unknown"), { maxLength: 3 }),
    { noNullPrototype: true },
  );
  fc.assert(fc.property(graph, (programs) => {
    const needs: NeedsOf = new Map(
      Object.entries(programs).map(([name, others]) => [
        name,
        Object.fromEntries(others.map((other) => [other, "ready" as const])),
      ]),
    );
    const order = inOrder(needs);
    assertEquals([...order].sort(), [...needs.keys()].sort());
    const isInOrder = [...needs].every(([name, of]) =>
      Object.keys(of).every((other) => !needs.has(other) || order.indexOf(other) < order.indexOf(name))
    );
    const cycle = findCycle(needs);
    assertEquals(cycle === null, isInOrder);
    if (cycle === null) return;
    assertEquals(cycle[0], cycle.at(-1));
    for (let at = 1; at < cycle.length; at++) {
      assert((cycle[at] ?? "") in (needs.get(cycle[at - 1] ?? "") ?? {}));
    }
  }));
});

Deno.test("an answer is replayed for a day and no longer, and of many the oldest is forgotten first", async () => {
  const { world, host, store: kept } = store();
  const { clock } = host.platform;
  const ops = new OpLog(kept, clock, 3, 24 * HOUR);
  let count = 0;
  const ask = (op: string) => ops.once(op, "same", () => Promise.resolve({ count: ++count }));
  assertEquals(await ask("op-00000001"), { count: 1, replayed: false });
  assertEquals(await ask("op-00000001"), { count: 1, replayed: true });
  for (const op of ["op-00000002", "op-00000003", "op-00000004"]) await ask(op);
  assertEquals([ops.size, kept.list("op").length], [3, 3]);
  assertEquals(await ask("op-00000001"), { count: 5, replayed: false });
  await world.runFor(25 * HOUR);
  assertEquals(await ask("op-00000001"), { count: 6, replayed: false });
  for (const bad of ["short", "with space", "x".repeat(65), "semi;colon"]) {
    await assertRejects(() => ask(bad), HanaError);
  }
});

Deno.test("a demand that fails is not kept as answered, and two at once are one", async () => {
  const { host, store: kept } = store();
  const ops = new OpLog(kept, host.platform.clock, 10, HOUR);
  let calls = 0;
  const failing = () => {
    calls++;
    return Promise.reject(new HanaError("not-found", { what: "nothing" }));
  };
  await assertRejects(() => ops.once("op-00000001", "d", failing), HanaError);
  await assertRejects(() => ops.once("op-00000001", "d", failing), HanaError);
  assertEquals(calls, 2);
  const slow = Promise.withResolvers<{ n: number }>();
  const work = () => {
    calls++;
    return slow.promise;
  };
  const both = [ops.once("op-00000002", "d", work), ops.once("op-00000002", "d", work)];
  slow.resolve({ n: 1 });
  assertEquals((await Promise.all(both)).map(({ replayed }) => replayed), [false, true]);
  assertEquals(calls, 3);
});

Deno.test("answers that an earlier daemon gave are known, even if the wall clock has gone back a year", async () => {
  const { host, store: kept, reopen } = store();
  const { clock } = host.platform;
  await new OpLog(kept, clock, 10, 24 * HOUR).once("op-00000001", "d", () => Promise.resolve({ n: 1 }));
  host.clocks.wallOffsetMs -= 365 * 24 * 3_600_000;
  const again = new OpLog(reopen(), clock, 10, 24 * HOUR);
  assertEquals((await again.once("op-00000001", "d", () => Promise.resolve({ n: 2 }))).n, 1);
});

Deno.test("a gate lets so many through at once, and the others in order", async () => {
  const gate = new Gate(2);
  const order: number[] = [];
  let inside = 0;
  let most = 0;
  const doors = Array.from({ length: 6 }, () => Promise.withResolvers<void>());
  const all = doors.map((door, at) =>
    gate.pass(async () => {
      order.push(at);
      most = Math.max(most, ++inside);
      await door.promise;
      inside--;
      if (at === 3) throw new Error("one of them fails");
    }).catch(() => {})
  );
  for (const door of doors) {
    await Promise.resolve();
    door.resolve();
  }
  await Promise.all(all);
  assertEquals(order, [0, 1, 2, 3, 4, 5]);
  assertEquals(most, 2);
});

Deno.test("what a disk refused is written with the next that it takes, and events go before wishes when there is no room", () => {
  const { host, store: kept, reopen } = store();
  const problems: boolean[] = [];
  kept.onProblem = (problem) => problems.push(problem !== null);
  host.disk.refuse = (operation) => operation === "write" ? "no space left" : null;
  for (let at = 0; at < 5_000; at++) {
    const changes = [{ table: "event", key: String(at).padStart(8, "0"), value: "x" }];
    assertEquals(kept.commit(changes, "relaxed"), false);
  }
  assertEquals(kept.commit([{ table: "program", key: "aurora", value: "wish" }], "synced"), false);
  assert(kept.counters.dropped > 900);
  host.disk.refuse = null;
  assertEquals(kept.commit([{ table: "op", key: "op-1", value: "{}" }], "synced"), true);
  assertEquals(problems, [true, false]);
  const again = reopen();
  assertEquals(again.list("program"), [{ key: "aurora", value: "wish" }]);
  assertEquals(again.list("event").length <= 4_096, true);
});

Deno.test("what a full disk refused is written when it can be, though nothing else is to be written", async () => {
  const { world, host, store: kept, reopen } = store();
  host.disk.limitBytes = host.disk.usedBytes;
  const row = { table: "instance", key: "viz", value: "x".repeat(10_000) };
  assertEquals(kept.commit([row], "relaxed"), false);
  host.disk.limitBytes = null;
  assert(await world.runUntilTrue(() => kept.problem === null, world.nowUs + 5_000_000), "tried again");
  assertEquals(reopen().list("instance"), [{ key: "viz", value: row.value }]);
});
