// What a source of modulation sends, and when.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import {
  MODULATION_LANE,
  ModulationLayout,
  type ModulationSlot,
  ModulationSource,
} from "../../../../lib/state/modulation/mod.ts";
import { type PlainFrame, readFrame } from "../../../support/modulation_vectors.ts";
import { faderOf } from "../../../support/state_streams_allocation.ts";
import { DEFINITIONS, KeptLane } from "./support.ts";

const layout = new ModulationLayout(DEFINITIONS);
const mix = layout.slotOf("mix") as ModulationSlot;
const hue = layout.slotOf("hue") as ModulationSlot;

function made(lane: KeptLane, name = "lfo-1"): ModulationSource {
  return new ModulationSource({ name, number: 3, layout, outlet: lane });
}

function framesOf(lane: KeptLane): PlainFrame[] {
  return lane.take().map((bytes) => {
    const read = readFrame(bytes);
    assert(typeof read !== "string", String(read));
    return read;
  });
}

Deno.test("a value goes out at once, then 1,000 times a second at most, whatever is set in between", () => {
  const lane = new KeptLane();
  const source = made(lane);
  source.bind({ slot: mix, mode: "add" });
  let sets = 0;
  for (let nowUs = 0; nowUs < 1_000_000; nowUs += 100) {
    source.set(mix, (sets++ % 100) / 100);
    source.handleTimeout(nowUs);
  }
  const frames = framesOf(lane);
  assertEquals(frames.length, 1_000);
  assertEquals(frames.map(({ number }) => number), frames.map((_, i) => i + 1));
});

Deno.test("every frame has all that the source does, in the order of modes, priorities and places", () => {
  const lane = new KeptLane();
  const source = made(lane);
  source.bind({ slot: hue, mode: "add", priority: 120 });
  source.bind({ slot: mix, mode: "add", priority: 120 });
  source.bind({ slot: layout.slotOf("position", 2) as ModulationSlot, mode: "replace", priority: 50 });
  source.set(hue, 12);
  source.handleTimeout(0);
  source.set(mix, 0.25);
  source.handleTimeout(5_000);
  const [first, second] = framesOf(lane);
  assertEquals(first?.effects.map(({ slot, value }) => [slot, value]), [[6, 3], [0, 0], [1, 12]]);
  assertEquals(second?.effects.map(({ slot, value }) => [slot, value]), [[6, 3], [0, 0.25], [1, 12]]);
  source.unbind(hue);
  source.handleTimeout(10_000);
  assertEquals(framesOf(lane)[0]?.effects.map(({ slot }) => slot), [6, 0]);
  source.unbindAll();
  source.handleTimeout(15_000);
  assertEquals(framesOf(lane)[0]?.effects, []);
});

Deno.test("its name goes out with the first frame and once a second", () => {
  const lane = new KeptLane();
  const source = made(lane);
  source.bind({ slot: mix, mode: "add" });
  const named: number[] = [];
  for (let nowUs = 0; nowUs <= 3_000_000; nowUs += 10_000) {
    source.set(mix, nowUs / 3_000_000);
    source.handleTimeout(nowUs);
    for (const { name } of framesOf(lane)) if (name !== null) named.push(nowUs);
  }
  assertEquals(named, [0, 1_000_000, 2_000_000, 3_000_000]);
});

Deno.test("what does not change is said twice again and then each 400 ms", () => {
  const lane = new KeptLane();
  const source = made(lane);
  source.bind({ slot: mix, mode: "add" });
  const moments: number[] = [];
  for (let nowUs = 0; nowUs <= 1_000_000; nowUs += 1_000) {
    source.handleTimeout(nowUs);
    for (const _ of lane.take()) moments.push(nowUs / 1_000);
  }
  assertEquals(moments, [0, 20, 120, 520, 920]);
});

Deno.test("values that are no number, out of range, or of nothing that it does are refused and counted", () => {
  const source = made(new KeptLane());
  source.bind({ slot: mix, mode: "replace" });
  source.bind({ slot: hue, mode: "multiply" });
  for (const value of [NaN, Infinity, -0.01, 1.01]) assert(!source.set(mix, value), `${value}`);
  assert(!source.set(hue, 1_001));
  assert(!source.set(layout.slotOf("copies") as ModulationSlot, 1));
  assertEquals(source.counters.refused, 6);
  assert(source.set(mix, 1) && source.set(hue, -1_000));
  source.bind({ slot: mix, mode: "add" });
  assert(source.set(mix, -1) && !source.set(mix, 1.5), "no further than from one end to the other");
});

Deno.test("a blocked lane holds nothing: what is newest then goes out when it can", () => {
  const lane = new KeptLane();
  const source = made(lane);
  source.bind({ slot: mix, mode: "add" });
  lane.isWritable = false;
  for (let i = 1; i <= 100; i++) {
    source.set(mix, i / 100);
    source.handleTimeout(i * 1_000);
  }
  assertEquals([lane.take().length, source.counters.blocked], [0, 7], "after 1, 2, 4, 8, 16, 32 ms again");
  lane.isWritable = true;
  const dueUs = source.pollTimeout()?.atUs ?? 0;
  assert(dueUs <= 100_000 + 50_000);
  source.handleTimeout(dueUs);
  assertEquals(framesOf(lane).map(({ number, effects }) => [number, effects[0]?.value]), [[1, 1]]);
});

Deno.test("names, numbers, places and priorities that cannot be are refused, and a 129th place", () => {
  const lane = new KeptLane();
  for (const name of ["", "x".repeat(32), "\ud800"]) {
    assertEquals(assertThrows(() => made(lane, name), HanaError).code, "schema");
  }
  const wrong = () => new ModulationSource({ name: "lfo", number: 256, layout, outlet: lane });
  assertEquals(assertThrows(wrong, HanaError).code, "schema");
  const many = new ModulationLayout(Array.from({ length: 129 }, (_, i) => faderOf(`p/${i}`)));
  const source = new ModulationSource({ name: "lfo", number: 0, layout: many, outlet: lane });
  const bind = (slot: number, priority?: number) => () =>
    source.bind({
      slot: slot as ModulationSlot,
      mode: "add",
      ...(priority === undefined ? {} : { priority }),
    });
  assertEquals(assertThrows(bind(129), HanaError).code, "not-found");
  for (const priority of [0, 201, 1.5, NaN]) {
    assertEquals(assertThrows(bind(0, priority), HanaError).code, "schema");
  }
  for (let slot = 0; slot < 128; slot++) bind(slot)();
  assertEquals(assertThrows(bind(128), HanaError).code, "overloaded");
  bind(127, 50)();
});

Deno.test("the lane of modulation keeps the newest message of each source alone", () => {
  assertEquals(MODULATION_LANE.kind, "unreliable-sequenced");
  assertEquals(MODULATION_LANE.keyed, true);
  assertEquals(made(new KeptLane()).key, 3);
});
