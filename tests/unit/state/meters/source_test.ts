// What a program's own meters send, and when.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import { METER_LANE, METER_PERIOD_US, type MeterIndex } from "../../../../lib/state/meters/mod.ts";
import { KeptLane, namesOf, sectionsOf, sourceOf } from "./support.ts";

Deno.test("a value goes out at once after a pause, and whatever is set in the next 33 ms goes out once", () => {
  const lane = new KeptLane();
  const { source, at: [meter] } = sourceOf(lane, ["fps"]);
  source.handleTimeout(0);
  assertEquals(sectionsOf(lane.take()).map(({ values }) => values), [[0]]);
  for (let i = 1; i <= 100; i++) {
    source.set(meter as MeterIndex, i);
    source.handleTimeout(i * 300);
  }
  assertEquals(lane.take().length, 0);
  assertEquals(source.pollTimeout(), { atUs: METER_PERIOD_US, reason: "send" });
  source.handleTimeout(METER_PERIOD_US);
  assertEquals(sectionsOf(lane.take()).map(({ number, values }) => [number, values]), [[2, [100]]]);
});

Deno.test("a second of changes is 30 packets, a second without any is two", () => {
  const lane = new KeptLane();
  const { source, at: [meter] } = sourceOf(lane, ["fps"]);
  for (let nowUs = 0; nowUs < 1_000_000; nowUs += 1_000) {
    source.set(meter as MeterIndex, nowUs);
    source.handleTimeout(nowUs);
  }
  const busy = lane.take().length;
  assert(busy >= 29 && busy <= 31, `${busy}`);
  const idle: number[] = [];
  for (let nowUs = 1_000_000; nowUs < 5_000_000; nowUs += 1_000) {
    source.handleTimeout(nowUs);
    idle.push(...lane.take().map(() => nowUs));
  }
  assertEquals(idle.length, 10, `the last change, two repetitions, seven refreshes: ${idle}`);
});

Deno.test("of peaks between two packets the highest goes out, and the next packet begins anew", () => {
  const lane = new KeptLane();
  const { source, at: [left] } = sourceOf(lane, ["audio/left"]);
  const meter = left as MeterIndex;
  const values = () => sectionsOf(lane.take()).map(({ values }) => values[0]);
  source.handleTimeout(0);
  lane.take();
  for (const value of [0.25, 0.75, 0.5]) source.raise(meter, value);
  source.handleTimeout(40_000);
  assertEquals(values(), [0.75]);
  source.raise(meter, 0.125);
  source.handleTimeout(80_000);
  assertEquals(values(), [0.125]);
  source.raise(meter, 0.5);
  source.set(meter, 0.25);
  assertEquals(source.valueOf(meter), 0.25, "what is set stands");
});

Deno.test("NaN, infinities, what no f32 holds and meters that are not there are refused and counted", () => {
  const { source, at: [meter] } = sourceOf(new KeptLane(), ["fps"]);
  const good = meter as MeterIndex;
  source.set(good, 60);
  for (const value of [NaN, Infinity, -Infinity, 1e39]) assert(!source.set(good, value), `${value}`);
  for (const index of [-1, 1, 256, NaN]) assert(!source.raise(index as MeterIndex, 1), `${index}`);
  assertEquals(source.counters.refused, 8);
  assertEquals(source.valueOf(good), 60);
  assert(Number.isNaN(source.valueOf(1 as MeterIndex)));
});

Deno.test("a blocked lane holds nothing: what is newest then goes out when it can", () => {
  const lane = new KeptLane();
  const { source, at: [meter] } = sourceOf(lane, ["fps"]);
  lane.isWritable = false;
  for (let nowUs = 0; nowUs < 1_000_000; nowUs += 10_000) {
    source.set(meter as MeterIndex, nowUs);
    source.handleTimeout(nowUs);
  }
  assertEquals(lane.take().length, 0);
  assert(source.counters.blocked >= 19, `${source.counters.blocked}`);
  lane.isWritable = true;
  source.handleTimeout(1_040_000);
  assertEquals(sectionsOf(lane.take()).map(({ number, values }) => [number, values]), [[1, [990_000]]]);
});

Deno.test("256 meters can be registered, one more is refused; a name again is the same meter", () => {
  const { source, at } = sourceOf(new KeptLane(), namesOf(256));
  const error = assertThrows(
    () => source.register({ name: "more", unit: null, min: null, max: null }),
    HanaError,
  );
  assertEquals(error.code, "overloaded");
  const before = source.table.mark;
  assertEquals(source.register({ name: "m/7", unit: "dB", min: -60, max: 0 }), at[7]);
  assert(source.table.mark !== before, "another unit is another table");
  for (const name of ["", "A", "a/", "ä"]) {
    const wrong = assertThrows(() => source.register({ name, unit: null, min: 0, max: 1 }), HanaError);
    assertEquals(wrong.code, "schema");
  }
});

Deno.test("a source without meters says nothing, and none waits for a reliable lane", () => {
  const lane = new KeptLane();
  const { source } = sourceOf(lane, []);
  assertEquals(source.pollTimeout(), null);
  source.handleTimeout(0);
  assertEquals(lane.take(), []);
  assertEquals(METER_LANE.kind, "unreliable-unordered");
});
