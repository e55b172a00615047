// Which packets came, against a plain set of numbers.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { MAX_RECEIVED_RANGES, ReceivedPackets } from "../../../../lib/lanes/recovery/mod.ts";
import { rangesOf } from "./recorder.ts";

function ranges(received: ReceivedPackets): [number, number][] {
  return Array.from(
    { length: received.rangeCount },
    (_, i) => [received.rangeStart(i), received.rangeEnd(i)],
  );
}

const STARTS = [0, 2 ** 31 - 20, 2 ** 32 - 20, 2 ** 45 + 7, 2 ** 52];

Deno.test("ranges are those of a set, at every start of the numbers, and every duplicate is refused", () => {
  const numbers = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 120, size: "max" });
  fc.assert(fc.property(fc.constantFrom(...STARTS), numbers, (start, offsets) => {
    const received = new ReceivedPackets();
    const model = new Set<number>();
    let duplicates = 0;
    for (const offset of offsets) {
      const n = start + offset;
      const largest = model.size === 0 ? -1 : Math.max(...model);
      assertEquals(received.has(n), model.has(n));
      assertEquals(received.insert(offset, n), !model.has(n));
      if (model.has(n)) duplicates++;
      else {
        assertEquals(received.outOfOrder, largest >= 0 && n !== largest + 1);
        if (n > largest) assertEquals(received.largestAtUs, offset);
      }
      model.add(n);
      assertEquals(received.largest, Math.max(...model));
      assertEquals(ranges(received), rangesOf(model).slice(0, MAX_RECEIVED_RANGES));
    }
    assertEquals(received.duplicates, duplicates);
    assertEquals(received.tooOld, 0);
  }));
});

Deno.test("more than 32 ranges drop the oldest, which is counted, and what was in it is still a duplicate", () => {
  const received = new ReceivedPackets();
  for (let i = 0; i < 100; i++) assert(received.insert(i, i * 2));
  assertEquals(received.rangeCount, MAX_RECEIVED_RANGES);
  assertEquals(received.rangeStart(MAX_RECEIVED_RANGES - 1), 2 * (100 - MAX_RECEIVED_RANGES));
  assertEquals(received.droppedRanges, 100 - MAX_RECEIVED_RANGES);
  for (let i = 0; i < 100; i++) assert(!received.insert(i, i * 2));
  assertEquals(received.duplicates, 100);
  assert(received.insert(200, 1), "a late packet below all ranges is new");
  assertEquals(received.rangeCount, MAX_RECEIVED_RANGES);
  assertEquals(received.droppedRanges, 101 - MAX_RECEIVED_RANGES);
});

Deno.test("what is too old to be told from a duplicate is refused and counted as such", () => {
  const received = new ReceivedPackets();
  received.insert(0, 0);
  received.insert(0, 10_000);
  assert(!received.insert(0, 1));
  assertEquals([received.tooOld, received.duplicates], [1, 0]);
});

Deno.test("what the peer knows to be acknowledged is forgotten, the largest number never, and no duplicate passes", () => {
  const offsets = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 60, size: "max" });
  fc.assert(fc.property(offsets, fc.integer({ min: 0, max: 60 }), offsets, (before, floor, after) => {
    const received = new ReceivedPackets();
    const seen = new Set<number>();
    let model = new Set<number>();
    for (const n of before) {
      received.insert(0, n);
      seen.add(n);
      model.add(n);
    }
    received.forgetBelow(floor);
    model = new Set([...model].filter((n) => n >= Math.min(floor, received.largest)));
    assertEquals(ranges(received), rangesOf(model));
    assert(received.rangeCount >= 1);
    for (const n of after) {
      assertEquals(received.insert(0, n), !seen.has(n));
      if (!seen.has(n)) model.add(n);
      seen.add(n);
      assertEquals(ranges(received), rangesOf(model));
    }
  }));
});
