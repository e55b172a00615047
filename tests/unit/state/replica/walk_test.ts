// Random walks: connections that lose, double and reorder, breaks, new hosts, hosts of old, broken memory.
// Whatever happened, at rest every copy is the host's, and every write took effect once (research 2.13: I1, I4 to I6, I11).

import { assert, assertEquals } from "@std/assert";
import type { PathId } from "../../../../lib/state/model/mod.ts";
import { type ModelHost, PARAMS } from "./model_host.ts";
import { CALM, fill, Rig, type Seat } from "./rig.ts";

const SECOND = 1_000_000;
const WALKS = 150;
const STEPS = 40;

interface Walk {
  readonly rig: Rig;
  /** What each seat wrote last, where nobody else writes. */
  readonly wishes: Map<Seat, number>;
  readonly old: ModelHost[];
}

function step({ rig, wishes, old }: Walk): void {
  const { random, seats } = rig;
  const seat = seats[Math.floor(random() * seats.length)];
  assert(seat !== undefined);
  const { replica } = seat;
  const dice = random();
  if (dice < 0.5) {
    const id = replica.book?.idOf(`wall/f${seats.indexOf(seat)}`) ?? 0;
    const wish = Math.floor(random() * 1_000);
    if (id !== 0 && replica.set(rig.nowUs, id, wish) === "taken") wishes.set(seat, wish);
    const shared = replica.book?.idOf("wall/f9") ?? 0;
    if (shared !== 0) replica.set(rig.nowUs, shared, wish, { priority: 90 + Math.floor(random() * 3) * 10 });
    rig.collect(seat);
  } else if (dice < 0.6) {
    if (seat.isUp) rig.cut(seat);
    else rig.connect(seat);
  } else if (dice < 0.65) failOver(rig, old);
  else if (dice < 0.75) flipBit(rig, seat);
  else if (dice < 0.85) {
    const id = 1 + Math.floor(random() * 10) as PathId;
    const path = rig.host.book.pathOf(id) ?? "";
    if (/f[5-8]$/.test(path)) rig.host.put(id, Math.floor(random() * 100), 0, 0);
  } else if (dice < 0.9 && seat.isUp) {
    // A host that does not know that it is none any more.
    const zombie = old.at(-1);
    const id = 1 as PathId;
    if (zombie === undefined) return;
    rig.inject(seat, {
      kind: "patch",
      term: zombie.term,
      subsystem: PARAMS,
      base: replica.world?.syncs.get(PARAMS)?.have ?? zombie.versionOf(PARAMS),
      version: zombie.versionOf(PARAMS) + 1_000 as never,
      ack: { sequence: 1_000 as never, single: false },
      nonce: null,
      digest: null,
      entries: [{ id, type: "f32", value: -1, winner: null }],
    });
  }
}

/** Another host goes on with what the last one had; paths have other numbers there. */
function failOver(rig: Rig, old: ModelHost[]): void {
  const from = rig.host;
  const to = rig.newHost(from.term + 1, "abcdef"[from.term % 6] ?? "a");
  fill(to, from.term % 2 === 1);
  for (const client of from.clients) {
    to.clients.push({ ...client, base: new Map(), isConnected: false, taken: [...client.taken] });
  }
  for (const [id, { value, holder, priority }] of from.entries) {
    to.put(to.book.idOf(from.book.pathOf(id) ?? ""), value, holder, priority);
  }
  old.push(from);
  rig.host = to;
  for (const seat of rig.seats) {
    if (!seat.isUp) continue;
    rig.cut(seat);
    rig.connect(seat);
  }
}

function flipBit(rig: Rig, { replica }: Seat): void {
  const id = replica.book?.idOf(`wall/f${Math.floor(rig.random() * 10)}`) ?? 0;
  const { world } = replica;
  if (world === null || !world.slots.isPresent(id as PathId)) return;
  world.slots.numbers[id] = Math.fround((world.slots.numbers[id] ?? 0) + 1 + rig.random());
}

function rest({ rig, wishes }: Walk, seed: number): void {
  rig.weather = CALM;
  for (const seat of rig.seats) if (!seat.isUp) rig.connect(seat);
  const areSynced = (): boolean => rig.seats.every(({ replica }) => replica.isSynced);
  rig.run(40 * SECOND, areSynced);
  // Memory that broke a moment ago is looked at with the next beats.
  rig.run(5 * SECOND);
  assert(
    rig.run(20 * SECOND, areSynced),
    `seed ${seed}: ${JSON.stringify(rig.seats.map((seat) => seat.replica.missing()))}`,
  );
  const { host } = rig;
  for (const seat of rig.seats) {
    const { replica } = seat;
    assertEquals(replica.epoch, host.epoch, `seed ${seed}`);
    for (const [id, entry] of host.entries) {
      const path = host.book.pathOf(id) ?? "";
      assertEquals(replica.book?.idOf(path), id, `seed ${seed}, ${path}`);
      assertEquals(replica.hostValueOf(id), entry.value, `seed ${seed}, ${path}`);
      assertEquals(replica.values?.valueOf(id), entry.value, `seed ${seed}, ${path} as shown`);
      assertEquals([replica.holderOf(id), replica.priorityOf(id)], [entry.holder, entry.priority]);
    }
    assertEquals(replica.pendingWrites, 0);
    const wish = wishes.get(seat);
    if (wish !== undefined) {
      assertEquals(
        host.entries.get(rig.idOf(`wall/f${rig.seats.indexOf(seat)}`))?.value,
        wish,
        `seed ${seed}: a write was lost`,
      );
    }
  }
  for (const { taken } of host.clients) assertEquals(taken, taken.map((_, i) => i + 1), `seed ${seed}`);
}

function walk(seed: number, isOrdered: boolean): Rig {
  const rig = new Rig(seed);
  fill(rig.host);
  const trip: Walk = { rig, wishes: new Map(), old: [] };
  for (const name of ["desk", "wall", "phone"]) rig.join(name);
  rig.weather = isOrdered ? CALM : {
    loss: rig.random() * 0.25,
    duplicates: rig.random() * 0.1,
    delayUs: 5_000,
    jitterUs: Math.floor(rig.random() * 60_000),
  };
  const terms = new Map(rig.seats.map((seat) => [seat, 0]));
  for (let i = 0; i < STEPS; i++) {
    step(trip);
    rig.run(Math.floor(rig.random() * 300_000));
    for (const seat of rig.seats) {
      const term = seat.replica.epoch?.term ?? 0;
      assert((terms.get(seat) ?? 0) <= term, `seed ${seed}: an older host was followed`);
      terms.set(seat, term);
    }
  }
  rest(trip, seed);
  return rig;
}

Deno.test("on connections that keep their promises every walk ends with equal copies", () => {
  for (let seed = 1; seed <= WALKS; seed++) walk(seed, true);
});

Deno.test("on connections that lose, double and reorder every walk ends with equal copies", () => {
  let [gaps, repairs, memory, resent, duplicates] = [0, 0, 0, 0, 0];
  for (let seed = 1; seed <= WALKS; seed++) {
    for (const { replica: { counters } } of walk(seed, false).seats) {
      gaps += counters.gaps;
      repairs += counters.repairs;
      memory += counters.memoryErrors;
      resent += counters.writesResent;
      duplicates += counters.duplicates;
    }
  }
  // The walks have met what they are for.
  assert(gaps > 100 && repairs > 50 && memory > 50 && resent > 100 && duplicates > 100);
});
