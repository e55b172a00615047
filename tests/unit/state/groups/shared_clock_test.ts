// The shared clock: whatever the ways and the clocks do, the truth lies within what it says of itself.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { SharedClock } from "../../../../lib/state/groups/mod.ts";
import { SkewedClock } from "./stage.ts";

/** How one question travelled, in microseconds. */
interface Trip {
  readonly outUs: number;
  readonly heldUs: number;
  readonly backUs: number;
  /** Until the clock is read after it. */
  readonly restUs: number;
}

/** Carries one question to the host and back; the true time after it. */
function exchange(
  clock: SharedClock,
  own: SkewedClock,
  host: SkewedClock,
  fromUs: number,
  trip: Trip,
): number {
  const deadline = clock.deadline();
  assert(deadline !== null);
  const askUs = Math.max(fromUs, own.whenIs(deadline.atUs));
  const question = clock.poll(own.at(askUs));
  assert(question !== null);
  const receivedUs = host.at(askUs + trip.outUs);
  const sentUs = host.at(askUs + trip.outUs + trip.heldUs);
  const backUs = askUs + trip.outUs + trip.heldUs + trip.backUs;
  clock.handleAnswer(own.at(backUs), question, receivedUs, sentUs);
  return backUs;
}

const TRIP = fc.record({
  outUs: fc.integer({ min: 1, max: 200_000 }),
  heldUs: fc.integer({ min: 0, max: 50_000 }),
  backUs: fc.integer({ min: 1, max: 200_000 }),
  restUs: fc.integer({ min: 0, max: 3_000_000 }),
});
const CLOCK = fc.record({
  offsetUs: fc.integer({ min: 0, max: 1_000_000_000_000 }),
  ppm: fc.double({ min: -50, max: 50, noNaN: true }),
});

Deno.test("however unequal the ways and the clocks, the host's time is within the uncertainty that is stated", () => {
  fc.assert(
    fc.property(CLOCK, CLOCK, fc.array(TRIP, { minLength: 1, maxLength: 20 }), (mine, its, trips) => {
      const own = new SkewedClock(mine.offsetUs, mine.ppm);
      const host = new SkewedClock(its.offsetUs, its.ppm);
      const clock = new SharedClock();
      let trueUs = 1_000_000;
      clock.follow(own.at(trueUs));
      assertEquals([clock.isKnown, clock.uncertaintyUs(0), clock.toShared(0, 0)], [false, null, null]);
      for (const trip of trips) {
        trueUs = exchange(clock, own, host, trueUs, trip) + trip.restUs;
        const nowUs = own.at(trueUs);
        const shared = clock.toShared(nowUs, nowUs);
        const uncertaintyUs = clock.uncertaintyUs(nowUs);
        assert(shared !== null && uncertaintyUs !== null);
        const wrongUs = Math.abs(shared - host.at(trueUs));
        assert(wrongUs <= uncertaintyUs + 2, `${wrongUs} µs off, ${uncertaintyUs} stated`);
      }
      assertEquals(clock.counters.jumps, 0);
    }),
    { numRuns: 500 },
  );
});

Deno.test("the uncertainty is no more than half of the last round trip, and grows with 100 µs a second", () => {
  fc.assert(
    fc.property(CLOCK, CLOCK, fc.array(TRIP, { minLength: 1, maxLength: 12 }), (mine, its, trips) => {
      const own = new SkewedClock(mine.offsetUs, mine.ppm);
      const host = new SkewedClock(its.offsetUs, its.ppm);
      const clock = new SharedClock();
      let trueUs = 1_000_000;
      clock.follow(own.at(trueUs));
      for (const trip of trips) trueUs = exchange(clock, own, host, trueUs, trip);
      const last = trips.at(-1);
      assert(last !== undefined);
      const nowUs = own.at(trueUs);
      const now = clock.uncertaintyUs(nowUs) ?? Infinity;
      const wayUs = last.outUs + last.backUs + last.heldUs;
      // The grain of the stamps, and the drift of the two clocks while the question was away.
      assert(now <= (last.outUs + last.backUs) / 2 + 6 + wayUs * 300e-6, `${now} of ${wayUs}`);
      const later = clock.uncertaintyUs(nowUs + 10_000_000) ?? 0;
      assert(later >= now && later <= now + 1_001);
    }),
  );
});

Deno.test("a clock that jumps is noticed, and right again with the first answer after it", () => {
  fc.assert(
    fc.property(
      CLOCK,
      CLOCK,
      fc.array(TRIP, { minLength: 1, maxLength: 9 }),
      fc.array(TRIP, { minLength: 8, maxLength: 12 }),
      fc.integer({ min: 1, max: 3_600_000_000 }),
      fc.boolean(),
      (mine, its, before, after, jumpUs, isHost) => {
        const own = new SkewedClock(mine.offsetUs, mine.ppm);
        const host = new SkewedClock(its.offsetUs, its.ppm);
        const clock = new SharedClock();
        let trueUs = 1_000_000;
        clock.follow(own.at(trueUs));
        for (const trip of before) trueUs = exchange(clock, own, host, trueUs, trip);
        (isHost ? host : own).jump(jumpUs);
        let answers = 0;
        for (const trip of after) {
          trueUs = exchange(clock, own, host, trueUs, trip);
          answers++;
          const nowUs = own.at(trueUs);
          const wrongUs = Math.abs((clock.toShared(nowUs, nowUs) ?? Infinity) - host.at(trueUs));
          const uncertaintyUs = clock.uncertaintyUs(nowUs) ?? 0;
          // A jump that is smaller than what is not known anyway shows up later: after eight answers all before it is forgotten.
          const isSeen = jumpUs > 1_000_000 || answers >= 8;
          assert(!isSeen || wrongUs <= uncertaintyUs + 2, `${wrongUs} µs off, ${uncertaintyUs} stated`);
        }
        if (jumpUs > 1_000_000) assertEquals(clock.counters.jumps, 1);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("answers that come too late, twice, or cannot be true say nothing", () => {
  const clock = new SharedClock();
  clock.follow(1_000);
  const first = clock.poll(1_000);
  assert(first !== null);
  assertEquals(clock.poll(1_000), null);
  assertEquals(clock.deadline()?.reason, "unanswered");
  // Given up after a second, and asked again.
  assertEquals(clock.poll(1_001_000), null);
  const second = clock.poll(1_051_000);
  assert(second !== null);
  assertEquals(clock.handleAnswer(1_060_000, first, 5, 5), "late");
  assertEquals(clock.handleAnswer(1_061_000, second, 9, 8), "impossible");
  const third = clock.poll(1_111_000);
  assert(third !== null);
  assertEquals(clock.handleAnswer(1_111_100, third, 0, 9_000), "impossible");
  assertEquals(clock.isKnown, false);
  const fourth = clock.poll(1_200_000);
  assert(fourth !== null);
  assertEquals(clock.handleAnswer(1_200_100, fourth, 50, 60), "taken");
  assertEquals(clock.handleAnswer(1_200_200, fourth, 50, 60), "late");
  assertEquals(clock.rttUs, 90);
  assertEquals(clock.counters, { asked: 4, taken: 1, late: 2, impossible: 2, unanswered: 1, jumps: 0 });
});

Deno.test("the host's own time is exact, and another host's is not known before its first answer", () => {
  const clock = new SharedClock();
  clock.lead();
  assertEquals([clock.uncertaintyUs(5), clock.toShared(5, 7), clock.toOwn(5, 7)], [0, 7, 7]);
  assertEquals(clock.deadline(), null);
  clock.follow(10);
  assertEquals([clock.uncertaintyUs(10), clock.toOwn(10, 7)], [null, null]);
});
