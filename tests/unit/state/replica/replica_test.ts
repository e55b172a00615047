// The client side of shared state against a plain model of its host.

import { assert, assertEquals } from "@std/assert";
import type { StateMessage } from "../../../../lib/state/messages/mod.ts";
import type { ClientNumber, PathId, Version } from "../../../../lib/state/model/mod.ts";
import { BOOK, parameter, PARAMS } from "./model_host.ts";
import { fill, type Rig, type Seat, standardRig } from "./rig.ts";

const SECOND = 1_000_000;

function joined(): { rig: Rig; seat: Seat } {
  const rig = standardRig();
  const seat = rig.join("desk");
  assert(rig.run(SECOND, () => seat.replica.isSynced));
  return { rig, seat };
}

Deno.test("a joiner has everything, and says that it is synced only then", () => {
  const rig = standardRig();
  const seat = rig.join("desk");
  assert(!seat.replica.isSynced);
  assert(rig.run(SECOND, () => seat.replica.isSynced));
  assertEquals(seat.replica.missing(), []);
  assertEquals(seat.of("joined").map(({ resumed }) => resumed), [false]);
  assertEquals(seat.of("ready").length, 1);
  assertEquals(seat.of("subsystem").map(({ name }) => name), ["dict", "params"]);
  assertEquals(rig.shown(seat, "wall/place"), [0, 0, 0]);
  assertEquals(rig.shown(seat, "wall/mode"), "day");
  assertEquals(seat.replica.counters.resyncs, 0);
});

Deno.test("an own value is seen at once, by the others soon, and never goes back and forth", () => {
  const { rig, seat } = joined();
  const other = rig.join("other");
  assert(rig.run(SECOND, () => other.replica.isSynced));
  const seen: unknown[] = [];
  for (let i = 1; i <= 30; i++) {
    rig.set(seat, "wall/f1", i);
    assertEquals(rig.shown(seat, "wall/f1"), i);
    rig.run(10_000, () => {
      seen.push(rig.shown(seat, "wall/f1"));
      return false;
    });
  }
  rig.run(SECOND, () => {
    seen.push(rig.shown(seat, "wall/f1"));
    return false;
  });
  const numbers = seen as number[];
  assert(numbers.every((value, i) => i === 0 || value >= (numbers[i - 1] ?? 0)), "flickers");
  assertEquals(rig.shown(other, "wall/f1"), 30);
  assertEquals(seat.replica.pendingWrites, 0);
  assert(seat.replica.isSynced && other.replica.isSynced);
  assertEquals(other.replica.holderOf(rig.idOf("wall/f1")), seat.replica.client);
});

Deno.test("an acknowledgement that comes before its effect does not make the old value flash", () => {
  const { rig, seat } = joined();
  rig.set(seat, "wall/f1", 5);
  rig.inject(seat, {
    kind: "patch",
    term: 1,
    subsystem: BOOK,
    base: rig.host.versionOf(BOOK),
    version: rig.host.versionOf(BOOK),
    ack: { sequence: 1 as never, single: false },
    nonce: null,
    digest: null,
    entries: [],
  });
  assertEquals(seat.replica.pendingWrites, 0);
  assertEquals(rig.shown(seat, "wall/f1"), 5);
  rig.run(SECOND);
  assertEquals(rig.shown(seat, "wall/f1"), 5);
});

Deno.test("a refused value goes back to the host's, with the reason", () => {
  const { rig, seat } = joined();
  rig.set(seat, "wall/f2", 7);
  rig.host.put(rig.idOf("wall/f2"), 3, 99, 150);
  rig.run(SECOND);
  assertEquals(rig.shown(seat, "wall/f2"), 3);
  const reasons = seat.of("dropped").map(({ reason }) => reason);
  assert(reasons.length === 1 && (reasons[0] === "shadowed" || reasons[0] === "takeover"), String(reasons));
  // Known to be shadowed: the host's word is awaited rather than shown and taken back.
  rig.set(seat, "wall/f2", 8);
  assertEquals(rig.shown(seat, "wall/f2"), 3);
  rig.run(SECOND);
  assertEquals(rig.shown(seat, "wall/f2"), 3);
});

Deno.test("a takeover with a higher priority ends an own value that is still on its way", () => {
  const { rig, seat } = joined();
  rig.weather = { loss: 0, duplicates: 0, delayUs: 200_000, jitterUs: 0 };
  rig.host.put(rig.idOf("wall/f3"), 1, 77, 180);
  rig.run(150_000);
  rig.set(seat, "wall/f3", 9);
  assertEquals(rig.shown(seat, "wall/f3"), 9);
  rig.run(120_000);
  assertEquals(rig.shown(seat, "wall/f3"), 1);
  assertEquals(seat.of("dropped").map(({ reason, holder, priority }) => [reason, holder, priority]), [
    ["takeover", 77, 180],
  ]);
});

Deno.test("a control turns amber after two seconds without the host's word, and back", () => {
  const { rig, seat } = joined();
  rig.isHostMute = true;
  rig.set(seat, "wall/f1", 4);
  rig.run(1_900_000);
  assertEquals(seat.of("amber"), []);
  rig.run(200_000);
  assertEquals(seat.of("amber").map(({ isWaiting }) => isWaiting), [true]);
  assert(seat.replica.isAmber(rig.idOf("wall/f1")));
  assert(seat.replica.missing().some(({ what }) => what === "acknowledgement"));
  rig.isHostMute = false;
  rig.run(6 * SECOND);
  assertEquals(seat.of("amber").map(({ isWaiting }) => isWaiting), [true, false]);
  assertEquals(rig.shown(seat, "wall/f1"), 4);
});

Deno.test("after a break it goes on as the same client, sends what is missing and is applied once", () => {
  const { rig, seat } = joined();
  const { client } = seat.replica;
  rig.set(seat, "wall/f1", 1);
  rig.run(5_000); // the host has it, its answer never arrives
  rig.cut(seat);
  assertEquals(seat.replica.missing()[0], { what: "connection" });
  for (let i = 0; i < 100; i++) rig.set(seat, "wall/f4", i);
  rig.host.put(rig.idOf("wall/f5"), 55, 9, 100);
  rig.run(30 * SECOND);
  assertEquals(rig.shown(seat, "wall/f4"), 99);
  rig.connect(seat);
  assert(rig.run(SECOND, () => seat.replica.isSynced));
  assertEquals(seat.replica.client, client);
  assertEquals(seat.of("joined").map(({ resumed }) => resumed), [false, true]);
  const row = rig.host.clients[0];
  assertEquals(row?.taken, row?.taken.map((_, i) => i + 1));
  assertEquals(rig.host.entries.get(rig.idOf("wall/f4"))?.value, 99);
  assertEquals(rig.shown(seat, "wall/f5"), 55);
  // The difference came, not everything.
  assertEquals(seat.replica.counters.snapshots, 2);
});

Deno.test("a snapshot cut off in the middle changes nothing, and the next connection brings it whole", () => {
  for (const place of [1, 2, 5, 9, 13, 20, 27]) {
    const rig = standardRig();
    rig.host.chunkSize = 1;
    const seat = rig.join("late");
    assert(rig.run(SECOND, () => seat.replica.state === "joined"));
    let letters = 0;
    rig.run(SECOND, () => letters++ === place);
    assert(!seat.replica.isSynced);
    rig.cut(seat);
    // All or nothing of a subsystem.
    const { world } = seat.replica;
    assertEquals(world?.syncs.get(PARAMS)?.copy.size, 0);
    assert([0, 14].includes(world?.syncs.get(BOOK)?.copy.size ?? -1));
    rig.connect(seat);
    assert(rig.run(SECOND, () => seat.replica.isSynced));
    assertEquals(seat.replica.counters.resyncs, 0);
  }
});

Deno.test("a snapshot that loses a chunk is asked for again", () => {
  const { rig, seat } = joined();
  const chunks = rig.host.chunks(PARAMS, null);
  const before = seat.replica.counters.snapshots;
  for (const chunk of chunks.slice(0, -1)) rig.inject(seat, chunk);
  assertEquals(seat.replica.counters.snapshots, before);
  rig.run(3 * SECOND);
  assertEquals(rig.host.resyncs.map(({ reason }) => reason), ["behind"]);
  assert(seat.replica.isSynced);
});

Deno.test("a gap waits fifty milliseconds for the missing patch, and asks only then", () => {
  const { rig, seat } = joined();
  const { host } = rig;
  const base = host.versionOf(PARAMS);
  const id = rig.idOf("wall/f1");
  const patch = (from: number, to: number, value: number): StateMessage => ({
    kind: "patch",
    term: 1,
    subsystem: PARAMS,
    base: base + from as Version,
    version: base + to as Version,
    ack: null,
    nonce: null,
    digest: null,
    entries: [{ id, type: "f32", value, winner: { holder: 3 as ClientNumber, priority: 100 } }],
  });
  rig.isHostMute = true;
  host.onResync = () => false;
  rig.inject(seat, patch(1, 2, 20));
  assertEquals(rig.shown(seat, "wall/f1"), 0);
  rig.run(40_000);
  rig.inject(seat, patch(0, 1, 10));
  assertEquals(rig.shown(seat, "wall/f1"), 20);
  rig.run(SECOND);
  assertEquals(host.resyncs, []);
  rig.inject(seat, patch(3, 4, 40));
  rig.run(48_000);
  assertEquals(host.resyncs, []);
  rig.run(10_000);
  assertEquals(host.resyncs.map(({ reason, have }) => [reason, have - base]), [["gap", 2]]);
  assertEquals(rig.shown(seat, "wall/f1"), 20);
});

Deno.test("questions without an answer become rarer, then ask for everything, then for a new connection", () => {
  const { rig, seat } = joined();
  const { host } = rig;
  seat.reconnects = false;
  const times: number[] = [];
  host.onResync = () => {
    times.push(rig.nowUs);
    return false;
  };
  rig.isHostMute = true;
  rig.inject(seat, {
    kind: "patch",
    term: 1,
    subsystem: PARAMS,
    base: 500 as Version,
    version: 501 as Version,
    ack: null,
    nonce: null,
    digest: null,
    entries: [],
  });
  rig.run(14 * SECOND, () => seat.of("reconnect").length > 0);
  assertEquals(host.resyncs.length, 5);
  assertEquals(host.resyncs.map(({ have }) => have === 0), [false, false, true, true, true]);
  assertEquals(new Set(host.resyncs.map(({ nonce }) => nonce)).size, 5);
  const pauses = times.slice(1).map((atUs, i) => atUs - (times[i] ?? 0));
  assert(pauses.every((pause, i) => pause >= 200_000 && (i === 0 || pause >= (pauses[i - 1] ?? 0))));
  assert((pauses.at(-1) ?? 0) >= 1_500_000, `${pauses}`);
  assertEquals(seat.of("reconnect").map(({ reason }) => reason), ["resync"]);
  assertEquals(seat.replica.state, "away");
});

Deno.test("a bit that flips in memory is found by the digest and repaired", () => {
  const { rig, seat } = joined();
  rig.set(seat, "wall/f6", 12);
  rig.run(2 * SECOND);
  const id = rig.idOf("wall/f6");
  const { world } = seat.replica;
  assert(world !== null);
  world.slots.numbers[id] = 13;
  assert(rig.run(3 * SECOND, () => seat.of("repaired").length > 0));
  assertEquals(seat.replica.hostValueOf(id), 12);
  assertEquals(seat.of("repaired").map(({ subsystem, entries }) => [subsystem, entries]), [[PARAMS, 1]]);
  assertEquals(seat.of("differs").length, 1);
  assertEquals(rig.host.resyncs.map(({ reason, have, buckets }) => [reason, have, buckets.length]), [
    ["digest", 0, 16],
  ]);
  rig.run(SECOND);
  assert(seat.replica.isSynced);
});

Deno.test("a new host's state takes the place of the old one at once, and own writes go on there", () => {
  const { rig, seat } = joined();
  rig.set(seat, "wall/f1", 1);
  rig.run(SECOND);
  const old = rig.host;
  rig.cut(seat);
  rig.set(seat, "wall/f2", 22);
  const host = rig.newHost(2, "b");
  host.declare(parameter("wall/first"));
  fill(host, true);
  const [row] = old.clients;
  assert(row !== undefined);
  host.clients.push({ ...row, base: new Map(), isConnected: false });
  host.put(host.book.idOf("wall/f1"), 1, row.number, 100);
  rig.host = host;
  const generation = seat.replica.generation;
  rig.connect(seat);
  const shown = new Set<unknown>();
  assert(rig.run(SECOND, () => {
    shown.add(rig.shown(seat, "wall/f1"));
    shown.add(rig.shown(seat, "wall/f2"));
    return seat.replica.isSynced;
  }));
  assertEquals([...shown].sort(), [1, 22], "something else was shown in between");
  assertEquals(seat.replica.epoch?.term, 2);
  assertEquals(seat.replica.generation, generation + 1);
  assertEquals(host.entries.get(host.book.idOf("wall/f2"))?.value, 22);
  assertEquals(host.clients[0]?.taken.at(-1), host.clients[0]?.sequence);
});

Deno.test("hosts of an older term are not listened to, and two of one term raise the alarm", () => {
  const { rig, seat } = joined();
  const patch: StateMessage = {
    kind: "patch",
    term: 0,
    subsystem: PARAMS,
    base: rig.host.versionOf(PARAMS),
    version: rig.host.versionOf(PARAMS) + 1 as Version,
    ack: null,
    nonce: null,
    digest: null,
    entries: [{ id: 1 as PathId, type: "f32", value: 99, winner: null }],
  };
  rig.inject(seat, patch);
  assertEquals(seat.replica.counters.olderTerms, 1);
  assertEquals(rig.shown(seat, "wall/f0"), 0);
  const twin = rig.newHost(1, "b");
  fill(twin);
  twin.put(1 as PathId, 42, 5, 100);
  rig.cut(seat);
  rig.host = twin;
  rig.connect(seat);
  rig.run(SECOND);
  assertEquals(seat.replica.state, "refused");
  assertEquals(seat.of("alarm").map(({ alarm }) => alarm), ["two-hosts"]);
  assertEquals(rig.shown(seat, "wall/f0"), 0);
  assertEquals(seat.replica.missing()[0], { what: "host" });
});

Deno.test("a host that falls silent is in doubt after 7.5 s and given up after 15 s", () => {
  const { rig, seat } = joined();
  seat.reconnects = false;
  rig.run(SECOND);
  rig.isHostMute = true;
  rig.run(8_600_000);
  assertEquals(seat.of("silent").map(({ isSilent }) => isSilent), [true]);
  assert(!seat.replica.isSynced);
  assertEquals(seat.of("reconnect"), []);
  rig.run(7_500_000);
  assertEquals(seat.of("reconnect").map(({ reason }) => reason), ["silence"]);
  assertEquals(rig.shown(seat, "wall/f0"), 0);
});

Deno.test("a process that slept does not take its own sleep for the host's silence", () => {
  const { rig, seat } = joined();
  const { replica } = seat;
  rig.nowUs += 60 * SECOND;
  replica.handleDeadline(rig.nowUs);
  rig.collect(seat);
  assertEquals(seat.of("reconnect"), []);
  assertEquals(replica.counters.slept, 1);
  rig.run(2 * SECOND);
  assert(replica.isSynced);
});

Deno.test("a transaction is told done, refused, or unknown when the host forgot who asked", () => {
  const { rig, seat } = joined();
  const { replica } = seat;
  const made = replica.transaction(rig.nowUs, { definitions: [parameter("wall/new", { default: 3 })] });
  rig.collect(seat);
  rig.run(SECOND);
  assertEquals(rig.shown(seat, "wall/new"), 3);
  const guard = { on: "subsystem", subsystem: PARAMS, version: 1 as Version } as const;
  const refused = replica.transaction(rig.nowUs, { guards: [guard] });
  rig.collect(seat);
  rig.run(SECOND);
  rig.isHostMute = true;
  const lost = replica.transaction(rig.nowUs, { definitions: [parameter("wall/newer")] });
  rig.collect(seat);
  rig.run(10_000);
  rig.cut(seat);
  rig.isHostMute = false;
  for (const client of rig.host.clients) client.token = "forgotten";
  rig.connect(seat);
  rig.run(SECOND);
  assertEquals(seat.of("transaction").map(({ handle, outcome, code }) => [handle, outcome, code]), [
    [made, "done", null],
    [refused, "refused", "version"],
    [lost, "unknown", null],
  ]);
});

Deno.test("a frame reads numbers and what changed since the last one", () => {
  const { rig, seat } = joined();
  const { values } = seat.replica;
  assert(values !== null);
  const changed = new Uint32Array(64);
  let frame = values.beginFrame(rig.nowUs);
  assertEquals(values.changedSince(frame, changed), 0);
  rig.host.put(rig.idOf("wall/f7"), 0.5, 9, 100);
  rig.host.put(rig.idOf("wall/place"), [1, 2, 3], 9, 100);
  rig.run(SECOND);
  const count = values.changedSince(frame, changed);
  assertEquals([...changed.subarray(0, count)].sort((a, b) => a - b), [
    rig.idOf("wall/f7"),
    rig.idOf("wall/place"),
  ]);
  frame = values.beginFrame(rig.nowUs);
  assertEquals(values.changedSince(frame, changed), 0);
  assertEquals(values.numberOf(rig.idOf("wall/f7")), 0.5);
  const place = new Float32Array(4);
  assert(values.copyParts(rig.idOf("wall/place"), place, 1));
  assertEquals([...place], [0, 1, 2, 3]);
  assert(Number.isNaN(values.numberOf(rig.idOf("wall/name"))));
});

Deno.test("a momentary claim is refreshed until it is released", () => {
  const { rig, seat } = joined();
  const id = rig.idOf("wall/f8");
  assertEquals(seat.replica.set(rig.nowUs, id, 1, { momentary: true }), "taken");
  rig.collect(seat);
  rig.run(5 * SECOND);
  const taken = rig.host.clients[0]?.taken.length ?? 0;
  assert(taken >= 5 && taken <= 7, `${taken} messages`);
  assertEquals(seat.replica.release(rig.nowUs, id), "taken");
  rig.collect(seat);
  rig.run(5 * SECOND);
  assertEquals(rig.host.clients[0]?.taken.length, taken + 1);
  assertEquals(rig.host.entries.get(id)?.holder, 0);
});

Deno.test("a host that answers no hello is given up for another connection", () => {
  const rig = standardRig();
  rig.isHostMute = true;
  const seat = rig.join("desk");
  seat.reconnects = false;
  rig.run(11 * SECOND);
  assertEquals(seat.of("reconnect"), []);
  rig.run(2 * SECOND);
  assertEquals(seat.of("reconnect").map(({ reason }) => reason), ["unanswered"]);
});

Deno.test("a host that counts more of this client's writes than there were gets the rest under new numbers", () => {
  const { rig, seat } = joined();
  const [row] = rig.host.clients;
  assert(row !== undefined);
  rig.set(seat, "wall/f1", 1);
  rig.run(SECOND);
  row.sequence = 40;
  rig.set(seat, "wall/f1", 2);
  rig.run(3 * SECOND);
  assertEquals(rig.host.entries.get(rig.idOf("wall/f1"))?.value, 2);
  assertEquals(row.taken, [1, 41]);
  assertEquals(seat.replica.counters.writesRenumbered, 1);
  assert(seat.replica.isSynced);
});

Deno.test("a change of writer fades, an own move does not", () => {
  const rig = standardRig();
  rig.host.declare(parameter("wall/soft", { fadeUs: SECOND }));
  const seat = rig.join("desk");
  assert(rig.run(SECOND, () => seat.replica.isSynced));
  rig.set(seat, "wall/soft", 1);
  assertEquals(rig.shown(seat, "wall/soft"), 1);
  rig.run(SECOND);
  const id = rig.idOf("wall/soft");
  rig.host.put(id, 3, 9, 150);
  const { values, book } = seat.replica;
  assert(values !== null && book !== null);
  assert(rig.run(SECOND, () => seat.replica.holderOf(id) === 9));
  const startUs = rig.nowUs;
  const changed = new Uint32Array(8);
  const frame = values.beginFrame(startUs);
  assertEquals(values.numberOf(id), 1);
  values.beginFrame(startUs + SECOND / 2);
  assertEquals(values.numberOf(id), 2);
  assertEquals(changed[values.changedSince(frame, changed) - 1], id);
  values.beginFrame(startUs + SECOND);
  assertEquals(values.numberOf(id), 3);
  const still = values.beginFrame(startUs + 2 * SECOND);
  assertEquals(values.changedSince(still, changed), 0);
});

Deno.test("each frame names what changed in it, and patches are acknowledged together", () => {
  const { rig, seat } = joined();
  const { values } = seat.replica;
  assert(values !== null);
  const changed = new Uint32Array(16);
  values.beginFrame(rig.nowUs);
  const version = rig.host.versionOf(PARAMS);
  const ids = Array.from({ length: 10 }, (_, i) => rig.idOf(`wall/f${i}`)).sort((a, b) => a - b);
  for (let i = 1; i <= 1_000; i++) {
    seat.replica.handleMessage(rig.nowUs, {
      kind: "patch",
      term: 1,
      subsystem: PARAMS,
      base: version + i - 1 as Version,
      version: version + i as Version,
      ack: null,
      nonce: null,
      digest: null,
      entries: ids.map((id) => ({ id, type: "f32", value: i, winner: null })),
    });
    const frame = values.frame;
    values.beginFrame(rig.nowUs);
    assertEquals(values.changedSince(frame, changed), 10);
    // However many came, one acknowledgement.
    rig.nowUs += 30;
  }
  rig.nowUs += 10_000;
  seat.replica.handleDeadline(rig.nowUs);
  assertEquals(seat.replica.poll()?.kind, "ack");
  assertEquals(seat.replica.poll(), null);
});
