// What clients leave to be written when they go, and what subsystems that begin are called.

import { assert, assertEquals } from "@std/assert";
import { type LeaveEntry, MAX_LEAVES } from "../../../../lib/state/messages/mod.ts";
import { type LinkNumber, MAX_LEAVE_OPERATIONS } from "../../../../lib/state/holding/mod.ts";
import type { ParameterDefinition, PathId } from "../../../../lib/state/model/mod.ts";
import { isRefusal } from "../../../../lib/state/schema/mod.ts";
import { Bench, helloOf, parameter, peerOf } from "./support.ts";
import { Desk, Stage } from "./stage.ts";

function define(stage: Stage, path: string, fields: Partial<ParameterDefinition> = {}): PathId {
  const defined = stage.host.define(stage.nowUs, parameter(path, fields));
  assert(!isRefusal(defined));
  return defined.id;
}

/** Two clients at a host with two paths. */
function setting(): { stage: Stage; a: Desk; b: Desk; hue: PathId; size: PathId } {
  const stage = new Stage();
  const [hue, size] = [define(stage, "aurora/hue"), define(stage, "aurora/size")];
  const [a, b] = [new Desk(1), new Desk(2)];
  stage.connect(a);
  stage.connect(b);
  stage.run(200_000);
  return { stage, a, b, hue, size };
}

Deno.test("what a client left is written at its loss in its own name, and when its time is over in nobody's", () => {
  const { stage, a, b, hue, size } = setting();
  a.replica.set(stage.nowUs, hue, 1);
  a.replica.set(stage.nowUs, size, 1);
  assertEquals(
    a.replica.onLeave(stage.nowUs, [
      { at: "loss", id: hue, value: 2 },
      { at: "expiry", id: hue, value: 3 },
      { at: "loss", id: size, value: null, priority: 0 },
    ]),
    "taken",
  );
  stage.run(200_000);
  assertEquals([b.replica.hostValueOf(hue), b.replica.hostValueOf(size)], [1, 1]);
  stage.cut(a);
  stage.run(200_000);
  assertEquals([b.replica.hostValueOf(hue), b.replica.holderOf(hue)], [2, a.replica.client]);
  assertEquals([b.replica.hostValueOf(size), b.replica.holderOf(size)], [1, 0]);
  stage.run(61_000_000);
  assertEquals([b.replica.hostValueOf(hue), b.replica.holderOf(hue)], [3, 0]);
});

Deno.test("a clean leave does all that was left at once, also where the client itself stood higher", () => {
  const { stage, a, b, hue } = setting();
  a.replica.set(stage.nowUs, hue, 1, { priority: 180 });
  a.replica.onLeave(stage.nowUs, [{ at: "expiry", id: hue, value: 9 }]);
  stage.run(200_000);
  assertEquals(b.replica.hostValueOf(hue), 1);
  a.replica.leave(stage.nowUs);
  stage.run(200_000);
  assertEquals([b.replica.hostValueOf(hue), b.replica.holderOf(hue)], [9, 0]);
});

Deno.test("what was left last counts; nothing is written over who stands higher or owns the object by then", () => {
  const { stage, a, b, hue, size } = setting();
  a.replica.onLeave(stage.nowUs, [{ at: "loss", id: hue, value: 2 }, { at: "expiry", id: size, value: 2 }]);
  stage.run(100_000);
  a.replica.onLeave(stage.nowUs, [{ at: "loss", id: size, value: 4 }, { at: "expiry", id: hue, value: 4 }]);
  stage.run(100_000);
  b.replica.set(stage.nowUs, hue, 7, { priority: 150 });
  const nobody = { state: "free", owner: 0, generation: 0, leftUs: 0 } as const;
  b.replica.request(stage.nowUs, {
    kind: "own",
    term: 1,
    action: "request",
    request: 1,
    other: 0 as never,
    objects: [{ ...nobody, id: size, owner: 0 as never }],
    text: "",
  });
  stage.run(100_000);
  assertEquals(stage.host.holding.ownership.size, 1);
  stage.cut(a);
  stage.run(70_000_000);
  assertEquals([b.replica.hostValueOf(hue), b.replica.hostValueOf(size)], [7, 0]);
});

Deno.test("what is left is said again to who comes back, and to the next host by path", () => {
  const { stage, a, b, hue } = setting();
  a.replica.onLeave(stage.nowUs, [{ at: "loss", id: hue, value: 2 }]);
  stage.run(200_000);
  stage.cut(a);
  stage.run(200_000);
  assertEquals(b.replica.hostValueOf(hue), 2);
  stage.connect(a);
  stage.run(200_000);
  b.replica.set(stage.nowUs, hue, 5);
  stage.run(200_000);
  stage.cut(a);
  stage.run(200_000);
  assertEquals(b.replica.hostValueOf(hue), 2);
  stage.connect(a);
  const standby = stage.understudy();
  stage.run(200_000);
  stage.failOver(standby);
  stage.run(500_000);
  const rows = stage.host.holding.clients.rows();
  assertEquals(rows.find(({ number }) => number === a.replica.client)?.operations.length, 1);
  b.replica.set(stage.nowUs, hue, 6);
  stage.run(200_000);
  stage.cut(a);
  stage.run(200_000);
  assertEquals(b.replica.hostValueOf(hue), 2);
});

Deno.test("what a client cannot leave it is told at once", () => {
  const { stage, a, hue } = setting();
  const away = new Desk(3);
  assertEquals(away.replica.onLeave(stage.nowUs, []), "not-joined");
  const wish = { at: "loss", id: hue, value: 1 } as const;
  assertEquals(a.replica.onLeave(stage.nowUs, [{ ...wish, priority: 201 }]), "priority");
  assertEquals(a.replica.onLeave(stage.nowUs, Array.from({ length: 65 }, () => wish)), "full");
  assert(isRefusal(a.replica.onLeave(stage.nowUs, [wish, { ...wish, value: "x" }])));
  assert(isRefusal(a.replica.onLeave(stage.nowUs, [{ ...wish, id: 99 as PathId }])));
  // The path goes while the words are on their way.
  assertEquals(a.replica.onLeave(stage.nowUs, [wish]), "taken");
  stage.run(stage.latencyUs - 1);
  stage.host.retire(stage.nowUs, hue);
  const told: unknown[] = [];
  for (let rounds = 0; rounds < 20; rounds++) {
    stage.run(1_000);
    for (let event = a.replica.pollEvent(); event !== null; event = a.replica.pollEvent()) {
      if (event.kind === "leave-refused") told.push([event.path, event.code]);
    }
  }
  assertEquals([told.length, stage.host.counters.refusedLeaves], [1, 1]);
  assertEquals((told[0] as unknown[])[1], "unknown-path");
});

Deno.test("a host keeps of what is left what it may, and a client that says it too often is not heard", () => {
  assertEquals(MAX_LEAVES, MAX_LEAVE_OPERATIONS);
  const bench = new Bench();
  const id = 1 as PathId;
  bench.host.define(bench.nowUs, parameter("aurora/hue", { max: 10 }));
  const leave = (link: number, ...operations: LeaveEntry[]) =>
    bench.say(link, { kind: "leave", term: 1, operations });
  const codes = () => bench.drain().flatMap(({ message }) => message.kind === "nack" ? [message.code] : []);
  bench.join(1);
  const good: LeaveEntry = { at: "loss", id, priority: 100, type: "f32", value: 1 };
  leave(
    1,
    good,
    { ...good, id: 2 as PathId },
    { ...good, type: "i32" },
    { ...good, value: 11 },
    { ...good, priority: 201 },
    { ...good, priority: 0, type: "gone", value: null },
  );
  assertEquals(codes(), ["unknown-path", "type", "range", "role"]);
  assertEquals(bench.host.holding.clients.rows()[0]?.operations.map(({ priority }) => priority), [100, 0]);
  for (let time = 0; time < 60; time++) leave(1, good);
  assert(codes().every((code) => code === "rate"));
  assert(bench.host.counters.refusedLeaves > 4);
  bench.host.handleJoined(bench.nowUs, 2 as LinkNumber, peerOf(2, "viewer"));
  bench.say(2, helloOf());
  bench.drain();
  leave(2, good);
  assertEquals(codes(), ["role"]);
  assertEquals(bench.host.holding.clients.rows()[1]?.operations, []);
});

Deno.test("a subsystem that begins later is known by name before anything is in it", () => {
  const { stage, a, b } = setting();
  const early = stage.host.document.book.subsystems.size;
  // An empty one: its only path goes at once.
  const id = define(stage, "rain/speed", { subsystem: "rain" });
  stage.host.retire(stage.nowUs, id);
  define(stage, "snow/speed", { subsystem: "snow" });
  stage.run(2_000);
  for (const { replica } of [a, b]) {
    const names = replica.book?.subsystems;
    const [rain, snow] = [names?.numberOf("rain"), names?.numberOf("snow")];
    assertEquals([rain, snow], [early, early + 1] as never);
    assert(replica.world?.syncs.has(early as never) && replica.world.syncs.has(early + 1 as never));
  }
  stage.run(3_000_000);
  assert(a.replica.isSynced && b.replica.isSynced);
  assertEquals(stage.host.counters.resyncs, 0);
  // Who comes afterwards has it in the plan.
  const c = new Desk(3);
  stage.connect(c);
  stage.run(200_000);
  assertEquals(c.replica.book?.subsystems.numberOf("rain") as number, early);
});
