// What a replica takes, leaves and asks, message by message.

import { assert, assertEquals } from "@std/assert";
import type { PatchMessage, StateMessage, WireEntry } from "../../../../lib/state/messages/mod.ts";
import type { ClientNumber, PathId, Version } from "../../../../lib/state/model/mod.ts";
import { PARAMS } from "./model_host.ts";
import { type Rig, type Seat, standardRig } from "./rig.ts";

const SECOND = 1_000_000;

function joined(): { rig: Rig; seat: Seat } {
  const rig = standardRig();
  const seat = rig.join("desk");
  assert(rig.run(SECOND, () => seat.replica.isSynced));
  rig.run(100_000);
  return { rig, seat };
}

/** A patch that follows what `rig`'s host has by `from`, and goes on to `to`. */
function patch(rig: Rig, from: number, to: number, entries: readonly WireEntry[]): PatchMessage {
  const base = rig.host.versionOf(PARAMS);
  return {
    kind: "patch",
    term: 1,
    subsystem: PARAMS,
    base: base + from as Version,
    version: base + to as Version,
    ack: null,
    nonce: null,
    digest: null,
    entries,
  };
}

function fader(id: PathId, value: number, holder: number | null): WireEntry {
  const winner = holder === null ? null : { holder: holder as ClientNumber, priority: 100 };
  return { id, type: "f32", value, winner };
}

Deno.test("a beat that announces more than is here makes it ask after 100 ms", () => {
  const { rig, seat } = joined();
  rig.isHostMute = true;
  rig.host.put(rig.idOf("wall/f1"), 5, 9, 100);
  const version = rig.host.versionOf(PARAMS);
  rig.inject(seat, {
    kind: "beat",
    epoch: rig.host.epoch,
    nowUs: rig.nowUs,
    state: "synced",
    ack: null,
    versions: [{ subsystem: PARAMS, version, digest: null }],
  });
  assertEquals(seat.replica.missing(), [{ what: "changes", subsystem: "params" }]);
  rig.run(95_000);
  assertEquals(rig.host.resyncs, []);
  rig.run(20_000);
  assertEquals(rig.host.resyncs.map(({ reason, have }) => [reason, have]), [["behind", version - 1]]);
});

Deno.test("an entry that the host does not have is gone after the repair", () => {
  const { rig, seat } = joined();
  rig.inject(seat, patch(rig, 0, 1, [fader(777 as PathId, 1, 3)]));
  assertEquals(seat.replica.hostValueOf(777 as PathId), 1);
  rig.host.put(rig.idOf("wall/f1"), 5, 9, 100);
  rig.run(4 * SECOND);
  assertEquals(seat.of("repaired").map(({ entries }) => entries), [2]);
  assertEquals(seat.replica.hostValueOf(777 as PathId), null);
  assertEquals(rig.shown(seat, "wall/f1"), 5);
  assert(seat.replica.isSynced);
});

Deno.test("the answer to a question that another one followed is left", () => {
  const { rig, seat } = joined();
  rig.host.put(rig.idOf("wall/f1"), 5, 9, 100);
  for (const chunk of rig.host.chunks(PARAMS, 4_711)) rig.inject(seat, chunk);
  assertEquals(seat.replica.counters.lateAnswers, 4);
  assertEquals(rig.shown(seat, "wall/f1"), 0);
});

Deno.test("an entry without a winner keeps the one that it has, and in a snapshot it has none", () => {
  const { rig, seat } = joined();
  const id = rig.idOf("wall/f1");
  rig.inject(seat, patch(rig, 0, 1, [fader(id, 1, 3)]));
  rig.inject(seat, patch(rig, 1, 2, [fader(id, 2, null)]));
  assertEquals([seat.replica.holderOf(id), seat.replica.priorityOf(id)], [3, 100]);
  for (let i = 0; i < 3; i++) rig.host.put(id, 2, 0, 0);
  for (const chunk of rig.host.chunks(PARAMS, null)) rig.inject(seat, chunk);
  assertEquals([seat.replica.holderOf(id), seat.replica.priorityOf(id)], [0, 0]);
});

Deno.test("a patch that comes twice is acknowledged again and changes nothing", () => {
  const { rig, seat } = joined();
  const { replica } = seat;
  const once = patch(rig, 0, 1, [fader(rig.idOf("wall/f1"), 1, 3)]);
  const say = (): StateMessage["kind"][] => {
    const kinds: StateMessage["kind"][] = [];
    rig.nowUs += 20_000;
    replica.handleDeadline(rig.nowUs);
    for (let next = replica.poll(); next !== null; next = replica.poll()) kinds.push(next.kind);
    return kinds;
  };
  rig.inject(seat, once);
  assertEquals(say(), ["ack"]);
  rig.inject(seat, patch(rig, 1, 2, [fader(rig.idOf("wall/f1"), 2, 3)]));
  assertEquals(say(), ["ack"]);
  rig.inject(seat, once);
  assertEquals(rig.shown(seat, "wall/f1"), 2);
  assertEquals(replica.counters.duplicates, 1);
  assertEquals(say(), ["ack"]);
  // A bare acknowledgement is no change, and needs no answer.
  rig.inject(seat, patch(rig, 2, 2, []));
  assertEquals(say(), []);
});

Deno.test("a client that the host forgot does not let old moves jump onto the wall", () => {
  const { rig, seat } = joined();
  rig.cut(seat);
  rig.set(seat, "wall/f1", 1);
  rig.run(15 * SECOND);
  rig.set(seat, "wall/f2", 2);
  rig.run(2 * SECOND);
  for (const client of rig.host.clients) client.token = "forgotten";
  rig.connect(seat);
  assert(rig.run(SECOND, () => seat.replica.isSynced));
  assertEquals(seat.of("joined").map(({ resumed }) => resumed), [false, false]);
  assertEquals([rig.shown(seat, "wall/f1"), rig.shown(seat, "wall/f2")], [0, 2]);
  assertEquals(seat.of("dropped").map(({ path, reason }) => [path, reason]), [["wall/f1", "stale"]]);
});

Deno.test("a write that cannot stand is refused here, and nothing goes out", () => {
  const { rig, seat } = joined();
  const { replica } = seat;
  const code = (answer: unknown) => typeof answer === "string" ? answer : (answer as { code: string }).code;
  assertEquals(code(replica.set(rig.nowUs, 9_999 as PathId, 1)), "unknown-path");
  assertEquals(code(replica.set(rig.nowUs, rig.idOf("wall/f1"), "much")), "wrong-type");
  assertEquals(code(replica.set(rig.nowUs, rig.idOf("wall/f1"), NaN)), "not-finite");
  assertEquals(code(replica.set(rig.nowUs, rig.idOf("wall/mode"), "dusk")), "unknown-word");
  for (const priority of [0, 201, 1.5, NaN]) {
    assertEquals(replica.set(rig.nowUs, rig.idOf("wall/f1"), 1, { priority }), "priority");
  }
  assertEquals(code(replica.release(rig.nowUs, 9_999 as PathId)), "unknown-path");
  assertEquals(replica.poll(), null);
  assertEquals(replica.pendingWrites, 0);
});

Deno.test("a thousand moves within a tenth of a second are a handful of messages", () => {
  const { rig, seat } = joined();
  for (let i = 1; i <= 1_000; i++) {
    rig.set(seat, "wall/f1", i);
    rig.run(100);
  }
  rig.run(SECOND);
  const taken = rig.host.clients[0]?.taken.length ?? 0;
  assert(taken >= 3 && taken <= 5, `${taken}`);
  assertEquals(rig.host.entries.get(rig.idOf("wall/f1"))?.value, 1_000);
});

Deno.test("whoever leaves says so, after what was written", () => {
  const { rig, seat } = joined();
  rig.set(seat, "wall/f1", 2);
  rig.set(seat, "wall/f1", 3);
  seat.replica.leave(rig.nowUs);
  rig.collect(seat);
  rig.run(100_000);
  assertEquals(rig.host.entries.get(rig.idOf("wall/f1"))?.value, 3);
  assertEquals(rig.host.clients[0]?.isConnected, false);
  assertEquals([seat.replica.state, seat.replica.token], ["away", null]);
});
