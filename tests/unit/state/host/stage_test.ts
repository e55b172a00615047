import { assert, assertEquals } from "@std/assert";
import type { PathId, Version } from "../../../../lib/state/model/mod.ts";
import { isRefusal } from "../../../../lib/state/schema/mod.ts";
import { Desk, Stage } from "./stage.ts";
import { parameter } from "./support.ts";

function define(stage: Stage, path: string, fields: Parameters<typeof parameter>[1] = {}): PathId {
  const defined = stage.host.define(stage.nowUs, parameter(path, fields));
  assert(!isRefusal(defined));
  return defined.id;
}

/** All that the copy of a client shows is what the host says, and it knows that. */
function assertEqualCopies(stage: Stage, desks: readonly Desk[] = stage.desks): void {
  const { book } = stage.host.document;
  assertEquals(stage.host.document.findStray(), null);
  for (const { number, replica } of desks) {
    assertEquals([number, replica.isSynced, replica.missing()], [number, true, []]);
    for (let id = 1 as PathId; id <= book.lastId; id++) {
      const entry = stage.host.document.entryOf(id);
      if (entry === null || entry.deleted) continue;
      assertEquals([number, id, replica.hostValueOf(id), replica.holderOf(id), replica.priorityOf(id)], [
        number,
        id,
        entry.value,
        entry.holder,
        entry.priority,
      ]);
    }
  }
}

Deno.test("what one client writes is shown by all within a round trip, and is acknowledged", () => {
  const stage = new Stage();
  const hue = define(stage, "aurora/hue");
  const [a, b] = [new Desk(1), new Desk(2)];
  stage.connect(a);
  stage.connect(b);
  stage.run(100_000);
  assertEquals([a.replica.state, b.replica.state], ["joined", "joined"]);
  assertEquals(a.replica.set(stage.nowUs, hue, 0.25), "taken");
  stage.run(2 * stage.latencyUs);
  assertEquals(b.replica.hostValueOf(hue), 0.25);
  stage.run(100_000);
  assertEquals(a.replica.pendingWrites, 0);
  assertEqualCopies(stage);
});

Deno.test("a client that stands still costs nothing but its own patches, and has everything when it goes on", () => {
  const stage = new Stage();
  const faders = Array.from({ length: 16 }, (_, at) => define(stage, `desk/fader-${at}`));
  const [a, b, slow] = [new Desk(1), new Desk(2), new Desk(3)];
  for (const desk of [a, b, slow]) stage.connect(desk);
  stage.run(200_000);
  slow.isStalled = true;
  for (let frame = 0; frame < 300; frame++) {
    for (const id of faders) a.replica.set(stage.nowUs, id, frame);
    stage.run(33_334);
  }
  const { skipped } = stage.host.counters;
  assert(skipped > 200, `${skipped} patches were skipped`);
  assert(slow.down.length < 40, `${slow.down.length} messages wait for the one that stands still`);
  stage.run(100_000);
  assertEqualCopies(stage, [a, b]);
  slow.isStalled = false;
  stage.run(600_000);
  assertEqualCopies(stage);
});

Deno.test("a client that comes back with its token gets the difference alone, and goes on where it was", () => {
  const stage = new Stage();
  const ids = Array.from({ length: 200 }, (_, at) => define(stage, `wall/object-${at}`));
  const [first = 0 as PathId, second = 0 as PathId] = ids;
  const [a, b] = [new Desk(1), new Desk(2)];
  stage.connect(a);
  stage.connect(b);
  stage.run(200_000);
  a.replica.set(stage.nowUs, first, 5);
  stage.run(200_000);
  const client = a.replica.client;
  stage.cut(a);
  b.replica.set(stage.nowUs, second, 7);
  stage.run(1_000_000);
  assertEquals(stage.host.document.entryOf(first)?.value, 5);
  const before = a.bytesDown;
  const { chunks } = stage.host.counters;
  stage.connect(a);
  stage.run(500_000);
  assertEquals([a.replica.client, stage.host.counters.resumed], [client, 1]);
  assertEquals(stage.host.counters.chunks, chunks);
  assert(a.bytesDown - before < 400, `${a.bytesDown - before} bytes for one path`);
  assertEqualCopies(stage);
});

Deno.test("writes are acknowledged when a standby has them, and survive the host", () => {
  const stage = new Stage();
  const hue = define(stage, "aurora/hue");
  const held = define(stage, "aurora/held");
  const [a, b] = [new Desk(1), new Desk(2)];
  stage.connect(a);
  stage.connect(b);
  const standby = stage.understudy();
  stage.run(200_000);
  b.replica.set(stage.nowUs, held, 3, { priority: 150 });
  a.replica.set(stage.nowUs, hue, 1);
  stage.run(200_000);
  assertEquals([a.replica.pendingWrites, a.replica.isSingle], [0, false]);

  standby.isStalled = true;
  a.replica.set(stage.nowUs, hue, 2);
  stage.run(500_000);
  assertEquals([a.replica.pendingWrites, b.replica.hostValueOf(hue)], [1, 2]);
  stage.failOver(standby);
  stage.run(1_500_000);
  // The write that was not acknowledged is written again, and takes effect once.
  assertEquals([stage.host.document.entryOf(hue)?.value, a.replica.pendingWrites], [2, 0]);
  assertEquals(stage.host.document.entryOf(held)?.value, 3);
  assertEquals(stage.host.document.entryOf(held)?.priority, 150);
  assertEqualCopies(stage);
});

Deno.test("a standby that does not answer holds acknowledgements back for a second, and no longer", () => {
  const stage = new Stage();
  const hue = define(stage, "aurora/hue");
  const a = new Desk(1);
  stage.connect(a);
  const standby = stage.understudy();
  stage.run(200_000);
  standby.isStalled = true;
  a.replica.set(stage.nowUs, hue, 2);
  stage.run(900_000);
  assertEquals(a.replica.pendingWrites, 1);
  stage.run(200_000);
  assertEquals([a.replica.pendingWrites, a.replica.isSingle, stage.host.counters.standbyLate], [0, true, 1]);
  standby.isStalled = false;
  stage.run(100_000);
  a.replica.set(stage.nowUs, hue, 3);
  stage.run(100_000);
  assertEquals([a.replica.pendingWrites, a.replica.isSingle], [0, false]);
});

Deno.test("what was acknowledged while no standby answered stays so for a client that comes back", () => {
  const stage = new Stage();
  const hue = define(stage, "aurora/hue");
  const a = new Desk(1);
  stage.connect(a);
  const standby = stage.understudy();
  stage.run(200_000);
  standby.isStalled = true;
  for (let value = 1; value <= 5; value++) {
    a.replica.set(stage.nowUs, hue, value);
    stage.run(400_000);
  }
  assertEquals([a.replica.pendingWrites, a.replica.isSingle], [0, true]);
  // The update on its way is of the first write; from now on acknowledgements wait for the standby again.
  standby.isStalled = false;
  stage.run(1_000);
  standby.isStalled = true;
  stage.cut(a);
  stage.connect(a);
  stage.run(50_000);
  // The standby is there again, and does not have what was acknowledged without it.
  assertEquals([stage.host.isSingle, a.replica.isSingle], [false, true]);
  a.replica.set(stage.nowUs, hue, 6);
  standby.isStalled = false;
  stage.run(300_000);
  assertEquals([stage.host.document.entryOf(hue)?.value, a.replica.pendingWrites], [6, 0]);
});

Deno.test("a client whose memory went wrong is repaired within seconds, and the host says where", () => {
  const stage = new Stage();
  const hue = define(stage, "aurora/hue");
  for (let at = 0; at < 40; at++) define(stage, `wall/object-${at}`);
  const [a, b] = [new Desk(1), new Desk(2)];
  stage.connect(a);
  stage.connect(b);
  stage.run(200_000);
  // A patch is lost between the host and b: what no lane should do.
  a.replica.set(stage.nowUs, hue, 1);
  stage.run(stage.latencyUs);
  assert(b.down.length > 0);
  b.down.length = 0;
  stage.run(3_000_000);
  assertEquals(b.replica.hostValueOf(hue), 1);
  assert(stage.host.counters.resyncs > 0);
  assertEqualCopies(stage);
});

Deno.test("a guarded path is as a client saw it, also where the patch that told of it told of later changes too", () => {
  const stage = new Stage();
  const [cue, other] = [define(stage, "cue/one"), define(stage, "cue/two")];
  const [a, b] = [new Desk(1), new Desk(2)];
  stage.connect(a);
  stage.connect(b);
  stage.run(100_000);
  stage.host.holding.privilege.handleAssignment(stage.nowUs, a.replica.client);
  const { generation } = stage.host.holding.privilege.standing(stage.nowUs);
  a.replica.set(stage.nowUs, cue, 1);
  a.replica.set(stage.nowUs, other, 1);
  stage.run(100_000);
  const version = a.replica.world?.slots.versionOf(cue) as Version;
  assert((stage.host.document.entryOf(cue)?.version ?? 0) < version);
  const put = (value: number) => {
    const entries = [{ id: other, type: "f32" as const, value, winner: null }];
    a.replica.transaction(stage.nowUs, { generation, guards: [{ on: "path", id: cue, version }], entries });
    stage.run(100_000);
    return stage.host.document.entryOf(other)?.value;
  };
  assertEquals(put(5), 5);
  b.replica.set(stage.nowUs, cue, 2);
  stage.run(100_000);
  assertEquals(put(6), 5);
});

Deno.test("a client that wants a part hears of that part alone, and knows when it has it", () => {
  const stage = new Stage();
  const mine = define(stage, "aurora/hue");
  const other = define(stage, "stars/size");
  const [a, b] = [new Desk(1), new Desk(2, [{ prefix: "aurora", rate: "fast", maxHz: 0 }])];
  stage.connect(a);
  stage.connect(b);
  stage.run(200_000);
  const before = b.bytesDown;
  for (let frame = 0; frame < 30; frame++) {
    a.replica.set(stage.nowUs, other, frame);
    stage.run(33_334);
  }
  assert(b.bytesDown - before < 100, `${b.bytesDown - before} bytes of what it does not want`);
  a.replica.set(stage.nowUs, mine, 4);
  stage.run(200_000);
  assertEquals([b.replica.hostValueOf(mine), b.replica.isSynced], [4, true]);
  assertEquals(stage.host.counters.resyncs, 0);
});

Deno.test("after 500 random events of many kinds all copies are equal, and nothing that was copied is lost", () => {
  for (let seed = 1; seed <= 40; seed++) play(seed);
});

/** Clients write, come, go, stall and are cut; the host fails over; then everything is still. */
function play(seed: number): void {
  let state = seed * 2_654_435_761 >>> 0;
  const draw = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  const stage = new Stage();
  const merges = ["latest", "highest", "sum", "lock"] as const;
  const losses = ["hold", "default", "fallback"] as const;
  for (let at = 0; at < 24; at++) {
    const subsystem = at % 3 === 0 ? "cues" : at % 7 === 0 ? "own" : "params";
    define(stage, `show-${at % 4}/p-${at}`, {
      subsystem,
      merge: merges[at % 4] ?? "latest",
      onLoss: losses[at % 3] ?? "hold",
      rate: at % 5 === 0 ? "slow" : "fast",
    });
  }
  const desks = Array.from({ length: 4 }, (_, at) => new Desk(at + 1));
  desks.push(new Desk(9, [{ prefix: "show-1", rate: "fast", maxHz: 20 }]));
  for (const desk of desks) stage.connect(desk);
  let standby = stage.understudy();
  let added = 0;
  for (let event = 0; event < 500; event++) {
    const desk = desks[draw(desks.length)];
    const id = 1 + draw(stage.host.document.book.lastId) as PathId;
    if (desk === undefined) continue;
    const kind = draw(100);
    if (kind < 60) {
      desk.replica.set(stage.nowUs, id, draw(50), { priority: 50 + 50 * draw(3), take: draw(2) === 0 });
    } else if (kind < 70) desk.replica.release(stage.nowUs, id);
    else if (kind < 74) desk.link === null ? stage.connect(desk) : stage.cut(desk);
    else if (kind < 80) desk.isStalled = !desk.isStalled;
    else if (kind < 83 && added < 20) define(stage, `show-1/more-${added++}`);
    else if (kind < 85) stage.host.retire(stage.nowUs, id);
    else if (kind < 86 && standby.copy.epoch !== null) {
      stage.failOver(standby);
      standby = stage.understudy();
    } else if (kind < 88) standby.isStalled = !standby.isStalled;
    stage.run(draw(40_000));
    assertEquals(stage.host.document.findStray(), null);
  }
  standby.isStalled = false;
  for (const desk of desks) {
    desk.isStalled = false;
    if (desk.link === null) stage.connect(desk);
  }
  stage.run(12_000_000);
  // Nothing was repaired by accident: every copy came to be right by the patches that it was sent.
  const { counters } = stage.host;
  assertEquals([seed, counters.resyncs, counters.rewinds, counters.differences, counters.outOfOrder], [
    seed,
    0,
    0,
    0,
    0,
  ]);
  assertEquals([seed, stage.reconnects], [seed, []]);
  assertEqualCopies(stage, desks.slice(0, 4));
  for (const { replica } of desks) {
    assertEquals([seed, replica.isSynced, replica.pendingWrites], [seed, true, 0]);
  }
}
