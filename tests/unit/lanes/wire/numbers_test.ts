// Full numbers from their low 32 bits.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { expand32 } from "../../../../lib/lanes/wire/mod.ts";

const WRAP = 2 ** 32;

Deno.test("a number on the wire stands for the nearest one to what is expected", () => {
  assertEquals(expand32(0, 0), 0);
  assertEquals(expand32(7, 0), 7);
  assertEquals(expand32(WRAP - 1, WRAP), WRAP - 1);
  assertEquals(expand32(0, WRAP - 1), WRAP);
  assertEquals(expand32(3, WRAP - 100), WRAP + 3);
  assertEquals(expand32(WRAP - 1, 5 * WRAP + 2), 5 * WRAP - 1);
  assertEquals(expand32(2, 6 * WRAP - 1), 6 * WRAP + 2);
});

Deno.test("no number is below zero, however near that would be", () => {
  assertEquals(expand32(WRAP - 1, 0), WRAP - 1);
  assertEquals(expand32(WRAP - 1, 5), WRAP - 1);
  assertEquals(expand32(WRAP / 2, 0), WRAP / 2);
  assertEquals(expand32(WRAP / 2 + 1, 0), WRAP / 2 + 1);
});

Deno.test("of two numbers as near the lower is meant", () => {
  assertEquals(expand32(0, WRAP + WRAP / 2), WRAP);
  assertEquals(expand32(WRAP / 2, 2 * WRAP), WRAP + WRAP / 2);
});

Deno.test("every number within 2^31 of what is expected comes back from its low 32 bits", () => {
  const expected = fc.oneof(
    fc.nat({ max: 2 ** 53 - 2 ** 31 - 1 }),
    fc.tuple(fc.nat(2 ** 20), fc.integer({ min: -3, max: 3 })).map(([k, d]) => Math.max(0, k * WRAP + d)),
  );
  const distance = fc.oneof(
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    fc.constantFrom(-(2 ** 31), 2 ** 31 - 1, 0, -1),
  );
  fc.assert(
    fc.property(expected, distance, (around, away) => {
      const number = around + away;
      fc.pre(number >= 0);
      assertEquals(expand32(number % WRAP, around), number);
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("whatever comes, the number has those low 32 bits, is not negative and is the nearest such", () => {
  fc.assert(
    fc.property(fc.nat(WRAP - 1), fc.nat({ max: 2 ** 53 - 2 ** 32 }), (truncated, expected) => {
      const number = expand32(truncated, expected);
      assert(Number.isSafeInteger(number) && number >= 0);
      assertEquals(number % WRAP, truncated);
      const away = Math.abs(number - expected);
      for (const other of [number - WRAP, number + WRAP]) {
        if (other >= 0) assert(away <= Math.abs(other - expected));
      }
    }),
    { numRuns: 5_000 },
  );
});
