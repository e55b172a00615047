// The replay window against a naive set, and the memory of handshakes.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  REPLAY_WINDOW_BITS,
  REPLAY_WINDOW_NUMBERS,
  ReplayGuard,
  ReplayWindow,
} from "../../../lib/security/mod.ts";

Deno.test("every number is accepted once, in any order within the window", () => {
  const window = new ReplayWindow();
  const numbers = Array.from({ length: REPLAY_WINDOW_NUMBERS }, (_, i) => i);
  const order = [...numbers].sort((a, b) => (a * 7919) % 2017 - (b * 7919) % 2017);
  for (const number of order) {
    assert(window.canAccept(number), `${number}`);
    window.commit(number);
  }
  for (const number of numbers) assert(!window.canAccept(number), `${number}`);
  assertEquals(window.highest, REPLAY_WINDOW_NUMBERS - 1);
});

Deno.test("asking changes nothing", () => {
  const window = new ReplayWindow();
  for (let i = 0; i < 3; i++) assert(window.canAccept(1_000_000));
  assertEquals(window.highest, -1);
});

Deno.test("what is too old to know is refused, and a far leap forgets what it must and no more", () => {
  const window = new ReplayWindow();
  window.commit(5);
  window.commit(REPLAY_WINDOW_BITS * 3 + 5);
  assert(!window.canAccept(5));
  assert(!window.canAccept(REPLAY_WINDOW_BITS * 2 - 32));
  assert(window.canAccept(REPLAY_WINDOW_BITS * 3 + 4));
  window.reset();
  assert(window.canAccept(5));
});

Deno.test("a number that is none is refused", () => {
  const window = new ReplayWindow();
  for (const number of [-1, 0.5, NaN, Infinity, 2 ** 53]) assert(!window.canAccept(number), `${number}`);
  assert(window.canAccept(Number.MAX_SAFE_INTEGER));
});

Deno.test("after steps of any width, every number around the window is judged right", () => {
  for (const stride of [1, 7, 31, 32, 33, 64, 97, 1000, 2016, 2047, 2048, 2049, 2080, 5000]) {
    const window = new ReplayWindow();
    const seen = new Set<number>();
    for (let step = 0; step * stride < 12_000; step++) {
      const highest = step * stride;
      window.commit(highest);
      seen.add(highest);
      if (step % Math.ceil(400 / stride) !== 0) continue;
      // The window may know up to a word more than it promises; it must never know less or accept what it forgot.
      for (let number = Math.max(0, highest - 2 * REPLAY_WINDOW_BITS); number <= highest + 70; number++) {
        const accepted = window.canAccept(number);
        if (number <= highest - REPLAY_WINDOW_BITS) {
          assert(!accepted, `${stride} ${highest} ${number} is too old`);
        } else if (number > highest - REPLAY_WINDOW_NUMBERS) {
          assertEquals(accepted, !seen.has(number), `${stride} ${highest} ${number}`);
        }
      }
    }
  }
});

Deno.test("the window agrees with a set that remembers everything", () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -40, max: 40 }) },
    { weight: 2, arbitrary: fc.integer({ min: -2100, max: 100 }) },
    { weight: 1, arbitrary: fc.integer({ min: -5000, max: 5000 }) },
    { weight: 1, arbitrary: fc.constantFrom(31, 32, 33, 63, 64, 2015, 2016, 2047, 2048, 2049, 100_000) },
  );
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.array(step, { maxLength: 400 }), (start, steps) => {
      const window = new ReplayWindow();
      const seen = new Set<number>();
      let base = Math.min(start, Number.MAX_SAFE_INTEGER - 50_000_000);
      for (const by of steps) {
        const number = base + by;
        if (number < 0) continue;
        const tooOld = number <= window.highest - REPLAY_WINDOW_BITS;
        const surelyKnown = number > window.highest - REPLAY_WINDOW_NUMBERS;
        const accepted = window.canAccept(number);
        if (seen.has(number) || tooOld) assert(!accepted, `${number} came again or is too old`);
        else if (surelyKnown) assert(accepted, `${number} is new`);
        if (accepted) {
          window.commit(number);
          seen.add(number);
          base = Math.max(base, number);
        }
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("the guard knows a key that came before, and forgets the oldest at its bound", () => {
  const guard = new ReplayGuard(3);
  const key = (number: number) => new Uint8Array(32).fill(number);
  for (const number of [1, 2, 3]) assert(guard.admit(key(number)));
  for (const number of [1, 2, 3]) assert(!guard.admit(key(number)));
  assertEquals([guard.size, guard.forgotten], [3, 0]);
  assert(guard.admit(key(4)));
  assertEquals([guard.size, guard.forgotten], [3, 1]);
  assert(!guard.admit(key(2)));
  assert(guard.admit(key(1)), "the oldest was forgotten");
});
