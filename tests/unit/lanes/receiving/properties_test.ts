// Receiving as a whole: what arrives in any order is delivered as its kind promises, and nothing that a peer sends
// costs more than was allowed.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { CloseCode, LANE_KINDS, type LaneKind } from "../../../../lib/lanes/mod.ts";
import { partialCost } from "../../../../lib/lanes/receiving/reassembly.ts";
import { messageOf, smallBudget, TestLane } from "./recorder.ts";

interface Piece {
  readonly index: number;
  readonly offset: number;
  readonly end: number;
}

interface Plan {
  readonly firstNumber: number;
  readonly lengths: readonly number[];
  readonly keys: readonly number[];
  readonly pieces: readonly Piece[];
}

/** Messages, each cut twice in different ways, pieces repeated and dropped, and all of it shuffled. */
function plans(messages: number): fc.Arbitrary<Plan> {
  const length = fc.oneof(
    fc.nat(30),
    fc.integer({ min: 2, max: 3000 }),
    fc.constantFrom(0, 1, 2, 1150, 1151),
  );
  const message = fc.record({
    length,
    key: fc.constantFrom(-1, 0, 2 ** 30 - 1),
    cuts: fc.array(fc.nat(2999), { maxLength: 5 }),
    otherCuts: fc.array(fc.nat(2999), { maxLength: 3 }),
    copies: fc.array(fc.nat(2), { minLength: 12, maxLength: 12 }),
  });
  return fc.tuple(
    fc.constantFrom(0, 65_530, 2 ** 31 - 3, 2 ** 32 - 100, 2 ** 32 - 3),
    fc.array(message, { minLength: 1, maxLength: messages, size: "max" }),
    fc.array(fc.nat(2 ** 30), { minLength: 400, maxLength: 400 }),
  ).map(([firstNumber, list, shuffle]) => {
    const pieces: Piece[] = [];
    list.forEach(({ length, cuts, otherCuts, copies }, index) => {
      const slices = [...cut(length, cuts), ...cut(length, otherCuts)];
      slices.forEach(([offset, end], at) => {
        for (let copy = 0; copy < (copies[at % copies.length] ?? 1); copy++) {
          pieces.push({ index, offset, end });
        }
      });
    });
    for (let i = pieces.length - 1; i > 0; i--) {
      const j = (shuffle[i % shuffle.length] ?? 0) % (i + 1);
      const [a, b] = [pieces[i], pieces[j]];
      if (a !== undefined && b !== undefined) [pieces[i], pieces[j]] = [b, a];
    }
    return {
      firstNumber,
      lengths: list.map(({ length }) => length),
      keys: list.map(({ key }) => key),
      pieces,
    };
  });
}

function cut(length: number, cuts: readonly number[]): [number, number][] {
  const edges = [0, ...cuts.map((at) => at % (length + 1)), length].toSorted((a, b) => a - b);
  const slices: [number, number][] = [];
  for (let i = 1; i < edges.length; i++) {
    const [from = 0, to = 0] = [edges[i - 1], edges[i]];
    if (to > from) slices.push([from, to]);
  }
  return slices.length === 0 ? [[0, 0]] : slices;
}

/** Feeds a plan; calls `onWhole` with each message at the moment when its last byte has come, once. */
function feed(test: TestLane, plan: Plan, keyed: boolean, onWhole: (index: number) => void): Set<number> {
  const missing = plan.lengths.map((length) => new Set(Array.from({ length }, (_, i) => i)));
  const whole = new Set<number>();
  for (const { index, offset, end } of plan.pieces) {
    const number = plan.firstNumber + index;
    const length = plan.lengths[index] ?? 0;
    const key = keyed ? plan.keys[index] ?? -1 : -1;
    const bytes = messageOf(number, length);
    const isWhole = end - offset === length;
    const left = missing[index];
    assert(left !== undefined);
    for (let i = offset; i < end; i++) left.delete(i);
    const code = isWhole ? test.whole(number, bytes, key) : test.piece(number, bytes, offset, end, key);
    assertEquals(code, 0);
    if (left.size === 0 && !whole.has(index)) {
      whole.add(index);
      onWhole(index);
    }
  }
  return whole;
}

function assertIdentical(test: TestLane, plan: Plan): void {
  for (const { number, bytes } of test.sink.received) {
    assertEquals(bytes, messageOf(number, plan.lengths[number - plan.firstNumber] ?? -1));
  }
}

Deno.test("reliable-unordered: exactly the messages whose bytes all came, once, when the last byte comes", () => {
  fc.assert(
    fc.property(plans(20), (plan) => {
      const test = new TestLane("reliable-unordered", { firstNumber: plan.firstNumber });
      const expected: number[] = [];
      feed(test, plan, false, (index) => {
        expected.push(plan.firstNumber + index);
        assertEquals(test.sink.numbers, expected);
      });
      assertEquals(test.sink.numbers, expected);
      assertIdentical(test, plan);
      const last = plan.firstNumber + plan.lengths.length - 1;
      assertEquals(test.skip(last), 0);
      assertEquals(test.stats.skipped, plan.lengths.length - expected.length);
      assertEquals(test.lane.messageLimit, last + 1 + 16_384);
      assertEquals(test.budget.heldBytes, 0);
    }),
    { numRuns: 300 },
  );
});

Deno.test("reliable-ordered: exactly the run of whole messages, and after a skip all that are whole, in order", () => {
  fc.assert(
    fc.property(plans(20), fc.boolean(), (plan, isPaused) => {
      const test = new TestLane("reliable-ordered", { firstNumber: plan.firstNumber });
      if (isPaused) test.lane.pause();
      const ready = new Set<number>();
      const whole = feed(test, plan, false, (index) => {
        ready.add(index);
        let run = 0;
        while (ready.has(run)) run++;
        if (!isPaused) assertEquals(test.sink.received.length, run);
      });
      const last = plan.firstNumber + plan.lengths.length - 1;
      assertEquals(test.skip(last), 0);
      test.lane.resume();
      const expected = [...whole].toSorted((a, b) => a - b).map((index) => plan.firstNumber + index);
      assertEquals(test.sink.numbers, expected);
      assertEquals(test.stats.skipped, plan.lengths.length - expected.length);
      assertIdentical(test, plan);
      assertEquals(test.budget.heldBytes, 0);
    }),
    { numRuns: 300 },
  );
});

Deno.test("unreliable-sequenced: each whole message that is newer than what its key had, when its last byte comes", () => {
  fc.assert(
    fc.property(plans(8), (plan) => {
      const test = new TestLane("unreliable-sequenced", { firstNumber: plan.firstNumber });
      const newest = new Map<number, number>();
      const expected: number[] = [];
      feed(test, plan, true, (index) => {
        const key = plan.keys[index] ?? -1;
        if (index > (newest.get(key) ?? -1)) {
          newest.set(key, index);
          expected.push(plan.firstNumber + index);
        }
        assertEquals(test.sink.numbers, expected);
      });
      assertEquals(test.sink.numbers, expected);
      assertIdentical(test, plan);
      test.closeEmpty();
    }),
    { numRuns: 300 },
  );
});

Deno.test("unreliable-unordered: each fragmented message whose bytes all came, once", () => {
  fc.assert(
    fc.property(plans(8), (plan) => {
      const test = new TestLane("unreliable-unordered", { firstNumber: plan.firstNumber });
      // Whole messages travel in one packet, and packets come once: that is for the packet's own number to see.
      const fragments = plan.pieces.filter(({ index, offset, end }) =>
        end - offset < (plan.lengths[index] ?? 0)
      );
      const expected: number[] = [];
      feed(test, { ...plan, pieces: fragments }, false, (index) => {
        expected.push(plan.firstNumber + index);
        assertEquals(test.sink.numbers, expected);
      });
      assertEquals(test.sink.numbers, expected);
      assertIdentical(test, plan);
      test.closeEmpty();
    }),
    { numRuns: 300 },
  );
});

const around = fc.oneof(
  fc.nat(12),
  fc.nat(60),
  fc.constantFrom(-1, -3, 63, 64, 65, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1),
);
const size = fc.oneof(fc.nat(12), fc.nat(5000), fc.constantFrom(-1, 0, 1, 2, 4000, 4001, 2 ** 30 - 1));
const frame = fc.record({
  what: fc.constantFrom(
    "piece",
    "piece",
    "piece",
    "whole",
    "whole",
    "skip",
    "pause",
    "resume",
    "wait",
    "credit",
  ),
  number: around,
  key: fc.constantFrom(-1, -1, -1, 0, 1, 2 ** 30 - 1),
  offset: size,
  total: size,
  length: size,
});

Deno.test("nothing that a peer sends throws, costs more memory than allowed, or is delivered twice or out of order", () => {
  const data = messageOf(7, 8192);
  const codes = new Set<number>([0, CloseCode.limit, CloseCode.malformed, CloseCode.protocol]);
  fc.assert(
    fc.property(
      fc.constantFrom(...LANE_KINDS),
      fc.constantFrom(0, 2 ** 32 - 8, 2 ** 45),
      fc.array(frame, { maxLength: 150, size: "max" }),
      (kind: LaneKind, firstNumber, frames) => {
        const { endpoint, budget } = smallBudget(
          { softBytes: 24_000, hardBytes: 48_000, guaranteedBytes: 30_000 },
          { connectionBytes: 34_000, unreliableBytes: 16_000 },
        );
        const test = new TestLane(kind, {
          firstNumber,
          budget,
          windowMessages: 64,
          windowBytes: 12_000,
          maxMessageBytes: 4000,
        });
        endpoint.heldBytes += 10_000;
        for (const { what, number, key, offset, total, length } of frames) {
          const number32 = ((firstNumber + number) % 2 ** 32 + 2 ** 32) % 2 ** 32;
          const taken = Math.min(Math.max(0, length), 8000);
          let code = 0;
          if (what === "piece") {
            code = test.lane.handleData(
              test.nowUs,
              number32,
              key,
              offset,
              Math.max(0, total),
              data,
              100,
              taken,
            );
          } else if (what === "whole") {
            code = test.lane.handleData(test.nowUs, number32, key, 0, -1, data, 100, taken);
          } else if (what === "skip") code = test.lane.handleSkip(number32);
          else if (what === "pause") test.lane.pause();
          else if (what === "resume") test.lane.resume();
          else if (what === "credit") test.lane.onCreditSent();
          else {
            test.nowUs += 30_000;
            test.lane.handleTimeout(test.nowUs);
            assert(test.lane.nextExpiryUs > test.nowUs);
          }
          assert(codes.has(code), `${code}`);
          assertWithinBounds(test);
          assertEquals(endpoint.heldBytes, 10_000 + budget.heldBytes);
        }
        test.lane.resume();
        assertDelivered(kind, test);
        test.closeEmpty();
        assertEquals(endpoint.heldBytes, 10_000);
      },
    ),
    { numRuns: 1500 },
  );
});

function assertWithinBounds({ lane, budget }: TestLane): void {
  const kept = lane.queuedBytes + lane.partialBytes;
  assert(budget.heldBytes <= budget.connectionBytes, "connection");
  assert(budget.heldUnreliableBytes <= budget.unreliableBytes, "unreliable");
  assert(budget.heldUnreliableBytes <= budget.heldBytes);
  assert(kept <= budget.heldBytes, "everything that is kept was taken from the budget");
  assert(lane.partialMessages * partialCost(2) <= budget.heldBytes);
  if (!lane.options.kind.startsWith("reliable")) {
    assert(lane.partialMessages <= 8);
    return;
  }
  assert(kept <= 12_000 && lane.queuedMessages + lane.partialMessages <= 64, "credit");
  if (lane.queuedMessages + lane.partialMessages === 0) assertEquals(budget.heldBytes, 0);
}

function assertDelivered(kind: LaneKind, { sink, stats }: TestLane): void {
  const { numbers } = sink;
  assertEquals(stats.receivedMessages, numbers.length);
  assertEquals(stats.receivedBytes, sink.received.reduce((sum, { bytes }) => sum + bytes.length, 0));
  if (kind.startsWith("reliable")) assertEquals(new Set(numbers).size, numbers.length);
  if (kind === "reliable-ordered") assertEquals(numbers, numbers.toSorted((a, b) => a - b));
}
