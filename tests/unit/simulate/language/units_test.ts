// Quantities are read in their unit and written so that reading gives the same again.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ScenarioProblem } from "../../../../lib/simulate/language/problem.ts";
import {
  BIT_RATE,
  CLOCK_DIFFERENCE,
  DRIFT,
  DURATION,
  FREQUENCY,
  type QuantityKind,
  readQuantity,
  SHARE,
  SIZE,
  writeQuantity,
} from "../../../../lib/simulate/language/units.ts";

for (
  const [kind, text, value] of [
    [DURATION, "250ms", 250_000],
    [DURATION, "1.5s", 1_500_000],
    [DURATION, "1.5 s", 1_500_000],
    [DURATION, "7us", 7],
    [DURATION, "7µs", 7],
    [DURATION, "10m", 600_000_000],
    [DURATION, "10min", 600_000_000],
    [DURATION, "8h", 28_800_000_000],
    [CLOCK_DIFFERENCE, "-5s", -5_000],
    [CLOCK_DIFFERENCE, "+250us", 0.25],
    [SHARE, "2%", 0.02],
    [SHARE, "0.06%", 0.0006],
    [FREQUENCY, "60Hz", 60],
    [BIT_RATE, "1Mbit/s", 1_000_000],
    [SIZE, "512kB", 512_000],
    [SIZE, "2KiB", 2048],
    [DRIFT, "-40ppm", -40],
  ] as const
) {
  Deno.test(`${text} is ${value}`, () => assertEquals(readQuantity(kind, text, "x"), value));
}

for (
  const [kind, raw] of [
    [DURATION, 250],
    [DURATION, 0],
    [DURATION, "250"],
    [DURATION, "ms"],
    [DURATION, "1e3s"],
    [DURATION, "-1s"],
    [DURATION, "1S"],
    [DURATION, "1s 500ms"],
    [DURATION, null],
    [SIZE, "1kb"],
    [BIT_RATE, "1MB/s"],
    [SHARE, "0.02"],
  ] as const
) {
  Deno.test(`${JSON.stringify(raw)} is not ${kind.name}`, () => {
    assertThrows(() => readQuantity(kind, raw, "x"), ScenarioProblem);
  });
}

const roundTrip = (kind: QuantityKind, value: number) => {
  const text = writeQuantity(kind, value);
  assertEquals(readQuantity(kind, text, "x"), value, text);
};

Deno.test("what is written is read again as it was", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 48 * 3_600_000_000 }), (us) => roundTrip(DURATION, us)));
  fc.assert(fc.property(fc.integer({ min: 0, max: 1_000_000_000 }), (bytes) => roundTrip(SIZE, bytes)));
  fc.assert(fc.property(fc.integer({ min: 0, max: 1_000_000_000 }), (bits) => roundTrip(BIT_RATE, bits)));
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1_000_000 }),
      (share) => roundTrip(SHARE, Number((share / 1e6).toPrecision(12))),
    ),
  );
  fc.assert(fc.property(fc.integer({ min: -1e9, max: 1e9 }), (ms) => roundTrip(CLOCK_DIFFERENCE, ms / 1000)));
});

Deno.test("the shortest unit is chosen", () => {
  for (
    const [us, text] of [
      [0, "0s"],
      [1, "1us"],
      [1_000_000, "1s"],
      [90_000_000, "90s"],
      [3_600_000_000, "1h"],
      [1_500, "1500us"],
    ] as const
  ) {
    const written = writeQuantity(DURATION, us);
    assert(written.length <= text.length, `${written} for ${text}`);
    assertEquals(readQuantity(DURATION, written, "x"), us);
  }
});
