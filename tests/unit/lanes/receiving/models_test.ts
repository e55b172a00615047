// The parts of receiving against naive models: ranges, windows, keys, rings.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { EndpointBudget, ReassemblyBudget } from "../../../../lib/lanes/receiving/mod.ts";
import { HeldRing } from "../../../../lib/lanes/receiving/held_ring.ts";
import { type KeptMessage, KeptMessages } from "../../../../lib/lanes/receiving/kept_messages.ts";
import { MAX_KEYS, NewestPerKey } from "../../../../lib/lanes/receiving/newest.ts";
import { maxRanges, PartialMessage, PieceResult } from "../../../../lib/lanes/receiving/reassembly.ts";
import { WaitingQueue } from "../../../../lib/lanes/receiving/waiting_queue.ts";
import { DoneWindow } from "../../../../lib/lanes/receiving/window.ts";
import { messageOf } from "./recorder.ts";

Deno.test("a message in the making knows which bytes it has, as a naive set of them does", () => {
  const piece = fc.record({ at: fc.nat(399), length: fc.integer({ min: 1, max: 60 }) });
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 400 }),
      fc.array(piece, { maxLength: 80, size: "max" }),
      (total, pieces) => {
        const bytes = messageOf(1, total);
        const partial = new PartialMessage(0, 1, -1, total);
        const known = new Set<number>();
        for (const { at, length } of pieces) {
          const offset = at % total;
          const end = Math.min(total, offset + length);
          const before = known.size;
          for (let i = offset; i < end; i++) known.add(i);
          const result = partial.add(0, offset, bytes, offset, end - offset);
          const expected = known.size === before
            ? PieceResult.duplicate
            : known.size === total
            ? PieceResult.complete
            : PieceResult.added;
          assertEquals(result, expected);
          assertEquals(partial.missingBytes, total - known.size);
          let ranges = 0;
          for (let i = 0; i < total; i++) if (known.has(i) && !known.has(i - 1)) ranges++;
          assertEquals(partial.rangeCount, ranges);
          for (const i of known) assertEquals(partial.bytes[i], bytes[i]);
          if (result === PieceResult.complete) return;
        }
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("a message may have as many ranges as it says, and one that joins two is always welcome", () => {
  assertEquals([maxRanges(2), maxRanges(3), maxRanges(1000), maxRanges(2 ** 20)], [1, 2, 500, 1024]);
  assertEquals(maxRanges(16 * 2 ** 20), 16_384);
  const partial = new PartialMessage(0, 0, -1, 2 ** 14);
  const bytes = messageOf(0, 2 ** 14);
  for (let i = 0; i < 1024; i++) assertEquals(partial.add(0, 2 * i, bytes, 2 * i, 1), PieceResult.added);
  assertEquals(partial.add(0, 5000, bytes, 5000, 1), PieceResult.tooManyRanges);
  assertEquals(partial.add(0, 2, bytes, 2, 1), PieceResult.duplicate);
  assertEquals(partial.add(0, 3, bytes, 3, 1), PieceResult.added);
  assertEquals(partial.rangeCount, 1023);
  assertEquals(partial.add(0, 5000, bytes, 5000, 1), PieceResult.added);
  assertEquals(partial.add(0, 0, bytes, 0, 2 ** 14), PieceResult.complete);
  assertEquals([partial.rangeCount, partial.bytes], [1, bytes]);
});

Deno.test("a window knows what is done, as a naive set does, wherever its numbers start", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 2 ** 31 - 20, 2 ** 32 - 20, 2 ** 50 - 3),
      fc.integer({ min: 1, max: 100 }),
      fc.array(fc.tuple(fc.boolean(), fc.nat(99)), { maxLength: 200, size: "max" }),
      (base, size, steps) => {
        const window = new DoneWindow(base, size);
        const done = new Set<number>();
        for (const [isAdd, at] of steps) {
          const number = window.base + at % size;
          if (isAdd && !done.has(number)) {
            window.add(number);
            done.add(number);
          } else {
            done.delete(window.base);
            window.advance();
          }
          assertEquals(window.doneCount, done.size);
          for (let i = 0; i < size; i++) assertEquals(window.has(window.base + i), done.has(window.base + i));
        }
      },
    ),
  );
});

Deno.test("the newest number of each key is what a naive map says, with the longest unused key forgotten first", () => {
  const keys = fc.oneof(fc.nat(3), fc.nat(2000), fc.constantFrom(0, 2 ** 30 - 1));
  fc.assert(
    fc.property(
      fc.array(keys, { minLength: 1, maxLength: 60, size: "max" }),
      fc.nat(2 ** 30 - 1),
      (some, salt) => {
        const table = new NewestPerKey();
        const model = new Map<number, number>(); // in order of last update
        let forgotten = -1;
        let number = 2 ** 32 - 1000;
        const update = (key: number) => {
          number++;
          table.update(key, number);
          model.delete(key);
          model.set(key, number);
          if (model.size > MAX_KEYS) {
            const [oldest, last] = model.entries().next().value ?? [0, 0];
            model.delete(oldest);
            forgotten = Math.max(forgotten, last);
          }
        };
        // Keys that collide, that count up, and that are far apart; then those of the run, again and again.
        for (let i = 0; i < MAX_KEYS; i++) update((salt + Math.imul(i, 2048)) & (2 ** 30 - 1));
        for (let round = 0; round < 3; round++) for (const key of some) update(key);
        // Some old ones are used again, so that others are the oldest, and go.
        for (let i = 0; i < MAX_KEYS; i += 3) update((salt + Math.imul(i, 2048)) & (2 ** 30 - 1));
        for (let i = 0; i < 600; i++) update(i);
        assertEquals(table.size, model.size);
        assertEquals(table.size + table.forgotten >= MAX_KEYS, true);
        for (const [key, newest] of model) assertEquals(table.newest(key), newest);
        for (const key of some) assertEquals(table.newest(key), model.get(key) ?? forgotten);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("a ring of early messages gives each back at its number, through every growth", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 2 ** 32 - 50),
      fc.uniqueArray(fc.nat(700), { maxLength: 60, size: "max" }),
      (base, offsets) => {
        const ring = new HeldRing<Uint8Array>();
        for (const offset of offsets) ring.put(base, base + offset, messageOf(offset, offset % 40));
        assertEquals(ring.count, offsets.length);
        for (const offset of offsets.toSorted((a, b) => a - b)) {
          assertEquals(ring.take(base + offset), messageOf(offset, offset % 40));
          assertEquals(ring.take(base + offset), null);
        }
        assertEquals([ring.count, ring.bytes], [0, 0]);
      },
    ),
  );
});

Deno.test("a queue of waiting messages is first in, first out, and a place may be taken over", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom("push", "push", "shift", "replace"), fc.nat(50))),
      (steps) => {
        const queue = new WaitingQueue<Uint8Array>();
        const model: { position: number; number: number; bytes: Uint8Array }[] = [];
        steps.forEach(([what, pick], number) => {
          const bytes = messageOf(number, pick);
          const chosen = model[pick % Math.max(1, model.length)];
          if (what === "push") model.push({ position: queue.push(bytes, number), number, bytes });
          else if (what === "replace" && chosen !== undefined) {
            queue.replace(chosen.position, bytes, number);
            model[model.indexOf(chosen)] = { position: chosen.position, number, bytes };
          } else {
            const expected = model.shift();
            assertEquals(queue.firstNumber, expected?.number ?? -1);
            assertEquals(queue.shift(), expected?.bytes ?? null);
            if (expected !== undefined) assert(!queue.has(expected.position));
          }
          assertEquals(queue.length, model.length);
          assertEquals(queue.bytes, model.reduce((sum, { bytes }) => sum + bytes.length, 0));
          for (const { position, bytes } of model) {
            assert(queue.has(position));
            assertEquals(queue.lengthAt(position), bytes.length);
          }
        });
      },
    ),
  );
});

Deno.test("kept messages keep their bytes whatever comes and goes around them, within the budget, and leave nothing", () => {
  const length = fc.oneof(fc.nat(100), fc.nat(100), fc.constantFrom(0, 2047, 2048, 2049, 5000));
  const step = fc.record({ isKeep: fc.constantFrom(true, true, false), length, pick: fc.nat(1000) });
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.constantFrom(20_000, 60_000, 10_000_000),
      fc.array(step, { maxLength: 200, size: "max" }),
      (isReliable, bound, steps) => {
        const endpoint = new EndpointBudget({ softBytes: bound, hardBytes: bound, guaranteedBytes: 0 });
        const budget = new ReassemblyBudget(endpoint);
        const store = new KeptMessages(budget, isReliable);
        const kept: { message: KeptMessage; bytes: Uint8Array }[] = [];
        steps.forEach(({ isKeep, length, pick }, number) => {
          const bytes = messageOf(number, length);
          if (isKeep) {
            const before = budget.heldBytes;
            const message = store.keep(bytes, 0, length);
            if (message !== null) kept.push({ message, bytes });
            else assertEquals(budget.heldBytes, before);
          } else {
            const [gone] = kept.splice(pick % Math.max(1, kept.length), 1);
            if (gone !== undefined) store.release(gone.message);
          }
          // What is really there: each buffer and page once.
          const buffers = new Set(kept.map(({ message }) => message.bytes));
          let real = 0;
          for (const buffer of buffers) real += buffer.length;
          assert(real <= budget.heldBytes && budget.heldBytes <= bound);
          assertEquals(endpoint.heldBytes, budget.heldBytes);
        });
        for (const { message: { bytes, start, length }, bytes: expected } of kept) {
          assertEquals(bytes.slice(start, start + length), expected);
        }
        for (const { message } of kept) store.release(message);
        assertEquals(budget.heldBytes, 0);
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("survivors in many pages do not hold much more than themselves: later messages get buffers of their own", () => {
  const budget = new ReassemblyBudget();
  const store = new KeptMessages(budget, true);
  const survivors: KeptMessage[] = [];
  for (let round = 0; round < 500; round++) {
    const batch: KeptMessage[] = [];
    for (let i = 0; i < 20; i++) {
      const message = store.keep(new Uint8Array(1000), 0, 1000);
      assert(message !== null);
      batch.push(message);
    }
    batch.forEach((message, i) => i === 10 ? survivors.push(message) : store.release(message));
  }
  // 500 survivors of 1,000 bytes; one page each would be 8 MB.
  assert(budget.heldBytes < 1_500_000, `${budget.heldBytes}`);
  for (const message of survivors) store.release(message);
  assertEquals(budget.heldBytes, 0);
});

Deno.test("a page that was made for a message which is then refused is given back", () => {
  const budget = new ReassemblyBudget(new EndpointBudget(), { connectionBytes: 8 * 256 + 16_384 + 256 + 50 });
  const store = new KeptMessages(budget, true);
  for (let i = 0; i < 8; i++) assert(store.keep(new Uint8Array(0), 0, 0) !== null);
  assertEquals(store.keep(new Uint8Array(9), 0, 9), null);
  assertEquals(budget.heldBytes, 8 * 256);
});
