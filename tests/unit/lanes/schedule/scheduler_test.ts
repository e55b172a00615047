// Whose turn it is: strict tiers, shares by weight, floors beneath both.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Schedulable, Scheduler } from "../../../../lib/lanes/schedule/mod.ts";

const PACKET = 1_175;

class Source implements Schedulable {
  sent = 0;
  constructor(
    readonly id: number,
    readonly tier: number,
    readonly weight = 1,
    public waiting = Infinity,
  ) {}
  hasWork(): boolean {
    return this.waiting > 0;
  }
}

/** Fills one packet as a connection does; returns whose bytes are in it, in order. */
function fill(scheduler: Scheduler, nowUs = 0, room = PACKET): Source[] {
  const within: Source[] = [];
  while (room > 0) {
    const lane = scheduler.next(nowUs);
    if (!(lane instanceof Source)) break;
    const bytes = Math.min(room, lane.waiting, Math.max(1, scheduler.deficitOf(lane)));
    lane.waiting -= bytes;
    lane.sent += bytes;
    room -= bytes;
    scheduler.onSent(lane, bytes);
    within.push(lane);
  }
  return within;
}

function schedulerOf(...lanes: Source[]): Scheduler {
  const scheduler = new Scheduler();
  for (const lane of lanes) scheduler.add(lane);
  return scheduler;
}

Deno.test("nobody has work: nobody is chosen", () => {
  assertEquals(schedulerOf(new Source(0, 0, 1, 0), new Source(1, 3, 1, 0)).next(0), null);
  assertEquals(new Scheduler().next(0), null);
});

Deno.test("a lane of a higher tier goes before everything that waits below it", () => {
  const [high, low] = [new Source(1, 1, 1, 0), new Source(2, 3)];
  const scheduler = schedulerOf(low, high);
  for (let n = 0; n < 50; n++) fill(scheduler);
  high.waiting = 10 * PACKET;
  let ahead = 0;
  while (high.waiting > 0) if (fill(scheduler)[0] === low) ahead++;
  assert(ahead <= 1, `${ahead} packets of the lower tier went ahead of ten of the higher one`);
});

Deno.test("two lanes of one tier with weights 3 and 1 share 3 to 1", () => {
  const [three, one] = [new Source(1, 2, 3), new Source(2, 2, 1)];
  const scheduler = schedulerOf(three, one);
  for (let n = 0; n < 1_000; n++) fill(scheduler);
  assertAlmostEquals(three.sent / one.sent, 3, 0.15);
});

Deno.test("shares by weight hold for messages of every size", () => {
  const [three, one] = [new Source(1, 2, 3), new Source(2, 2, 1)];
  const scheduler = schedulerOf(three, one);
  for (let n = 0; n < 20_000; n++) {
    const lane = scheduler.next(0);
    if (!(lane instanceof Source)) throw new Error("somebody waits");
    const bytes = lane === three ? 64 : PACKET;
    lane.sent += bytes;
    scheduler.onSent(lane, bytes);
  }
  assertAlmostEquals(three.sent / one.sent, 3, 0.15);
});

Deno.test("each lower tier that waits has five per cent of the bytes of every 100 ms", () => {
  const lanes = [new Source(0, 1), new Source(1, 2), new Source(2, 3), new Source(3, 7)];
  const scheduler = schedulerOf(...lanes);
  // 100 ms of 4 MB/s are 340 packets.
  for (let window = 0; window < 20; window++) {
    const before = lanes.map((lane) => lane.sent);
    for (let n = 0; n < 340; n++) fill(scheduler, window * 100_000 + n * 294);
    const sent = lanes.map((lane, at) => lane.sent - (before[at] ?? 0));
    const total = sent.reduce((sum, bytes) => sum + bytes, 0);
    for (const bytes of sent.slice(1)) {
      assert(bytes >= 0.05 * total && bytes <= 0.065 * total, `${bytes} of ${total} bytes`);
    }
  }
});

Deno.test("a tier that waits again after silence has not saved up its floor", () => {
  const [high, low] = [new Source(1, 1), new Source(2, 3, 1, 0)];
  const scheduler = schedulerOf(high, low);
  for (let n = 0; n < 1_000; n++) fill(scheduler);
  low.waiting = Infinity;
  let packets = 0;
  for (let n = 0; n < 20; n++) if (fill(scheduler)[0] === low) packets++;
  assert(packets <= 2, `${packets} of 20 packets`);
});

Deno.test("tier 0 has at most half of the bytes while tier 1 waits, and all while it does not", () => {
  const [control, modulation] = [new Source(0, 0), new Source(1, 1)];
  const scheduler = schedulerOf(control, modulation);
  for (let n = 0; n < 1_000; n++) fill(scheduler);
  // Its floor gives tier 1 a little more than half.
  assertAlmostEquals(control.sent / (control.sent + modulation.sent), 0.475, 0.026);
  modulation.waiting = 0;
  const before = control.sent;
  for (let n = 0; n < 100; n++) fill(scheduler);
  assertEquals(control.sent - before, 100 * PACKET);
});

Deno.test("a lane that leaves in its turn hands it on, and one that joins waits for its own", () => {
  const [a, b, c] = [new Source(1, 2), new Source(2, 2), new Source(3, 2)];
  const scheduler = schedulerOf(a, b);
  assertEquals(fill(scheduler)[0], a);
  scheduler.remove(a);
  scheduler.remove(a);
  assertEquals(fill(scheduler)[0], b);
  scheduler.add(c);
  const seen = new Set([...fill(scheduler), ...fill(scheduler), ...fill(scheduler)]);
  assertEquals(seen, new Set([b, c]));
});

Deno.test("a lane in debt by many quanta does not make the choice long, nor stop it", () => {
  const [debtor, other] = [new Source(1, 2), new Source(2, 2)];
  const scheduler = schedulerOf(debtor, other);
  scheduler.next(0);
  scheduler.onSent(debtor, 16 * 1_024 * 1_024);
  assertEquals(scheduler.next(0), other);
  other.waiting = 0;
  assertEquals(scheduler.next(0), debtor, "alone it may go on");
});

Deno.test("deficits stay within one quantum whatever comes and goes", () => {
  const lane = fc.record({ tier: fc.integer({ min: 0, max: 7 }), weight: fc.integer({ min: 1, max: 255 }) });
  const step = fc.record({
    lane: fc.nat(7),
    waiting: fc.nat(20_000),
    packets: fc.integer({ min: 1, max: 20 }),
  });
  fc.assert(
    fc.property(
      fc.array(lane, { minLength: 1, maxLength: 8 }),
      fc.array(step, { maxLength: 40 }),
      (specs, steps) => {
        const lanes = specs.map(({ tier, weight }, id) => new Source(id, tier, weight, 0));
        const scheduler = schedulerOf(...lanes);
        for (const { lane, waiting, packets } of steps) {
          const chosen = lanes[lane % lanes.length];
          if (chosen !== undefined) chosen.waiting += waiting;
          for (let n = 0; n < packets; n++) {
            fill(scheduler);
            for (const each of lanes) {
              const deficit = scheduler.deficitOf(each);
              assert(deficit <= each.weight * PACKET && deficit > -PACKET, `${deficit}`);
            }
          }
        }
        for (let n = 0; n < 2_000 && scheduler.next(0) !== null; n++) fill(scheduler);
        assert(lanes.every(({ waiting }) => waiting === 0), "what waits is sent");
      },
    ),
  );
});

Deno.test("a choice costs the same however much waits", () => {
  const cost = (waiting: number): number => {
    const scheduler = schedulerOf(...Array.from({ length: 5 }, (_, id) => new Source(id, id, 1, waiting)));
    const lanes = 200_000;
    let best = Infinity;
    for (let round = 0; round < 5; round++) {
      const startMs = performance.now();
      for (let n = 0; n < lanes; n++) {
        const lane = scheduler.next(n);
        if (lane !== null) scheduler.onSent(lane, 100);
      }
      best = Math.min(best, (performance.now() - startMs) * 1e6 / lanes);
    }
    return best;
  };
  cost(1);
  const [few, many] = [cost(1), cost(1e12)];
  assert(many < 3 * few + 100 && many < 1_000, `${few.toFixed(0)} ns and ${many.toFixed(0)} ns`);
});

function assertAlmostEquals(actual: number, expected: number, within: number, message = ""): void {
  assert(Math.abs(actual - expected) <= within, `${actual} is not ${expected} ± ${within} ${message}`);
}
