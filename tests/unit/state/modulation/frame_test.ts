// Frames of modulation: docs/vectors/modulation.json, sizes, and bytes that are none.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { fromHex, HanaError, toHex } from "../../../../lib/base/mod.ts";
import * as modulation from "../../../../lib/state/modulation/mod.ts";
import {
  frameOf,
  layoutOf,
  makeModulationVectors,
  MODULATION_VECTORS_URL,
  type ModulationVectors,
  type PlainEffect,
  type PlainFrame,
  readFrame,
} from "../../../support/modulation_vectors.ts";
import { damaged } from "../../../support/reader.ts";
import { faderOf } from "../../../support/state_streams_allocation.ts";
import { KeptLane } from "./support.ts";

const told = JSON.parse(Deno.readTextFileSync(MODULATION_VECTORS_URL)) as ModulationVectors;
const page = Deno.readTextFileSync(new URL("../../../../docs/meters-and-modulation.md", import.meta.url));

const anyEffect: fc.Arbitrary<PlainEffect> = fc.record({
  slot: fc.nat(modulation.MAX_MODULATED_SLOTS - 1),
  mode: fc.constantFrom(...modulation.MODULATION_MODES),
  priority: fc.constantFrom(1, 50, 100, 200),
  value: fc.float({ noNaN: true, noDefaultInfinity: true }),
});
const anyFrame: fc.Arbitrary<PlainFrame> = fc.record({
  source: fc.nat(255),
  mark: fc.integer({ min: 1, max: 0xffff_ffff }),
  number: fc.nat(0xffff_ffff),
  name: fc.option(fc.constantFrom("lfo-1", "Töne ♪", "x".repeat(31))),
  effects: fc.array(anyEffect, { maxLength: 40 }),
});

Deno.test("the vectors of modulation are what the code makes of them today", () => {
  assertEquals<unknown>(told, JSON.parse(JSON.stringify(makeModulationVectors())));
});

Deno.test("every frame of the vectors is read as it says, and every problem has a vector", () => {
  for (const { name, frame, bytes } of told.frames) assertEquals(readFrame(fromHex(bytes)), frame, name);
  for (const { name, bytes, problem } of told.refused) assertEquals(readFrame(fromHex(bytes)), problem, name);
  const problems = new Set(told.refused.map(({ problem }) => problem));
  assertEquals(problems, new Set<string>(modulation.MODULATION_PROBLEMS));
});

Deno.test("layouts have the marks of the vectors", () => {
  for (const { name, parameters, count, mark } of told.layouts) {
    const layout = layoutOf(parameters);
    assertEquals([layout.count, layout.mark], [count, mark], name);
  }
  assertEquals(new Set(told.layouts.map(({ mark }) => mark)).size, told.layouts.length);
});

Deno.test("whatever is written is read again as it was", () => {
  fc.assert(fc.property(anyFrame, (frame) => {
    assertEquals(readFrame(frameOf(frame)), frame);
  }));
});

Deno.test("of frames cut off anywhere nothing is read but a frame with fewer groups", () => {
  fc.assert(
    fc.property(anyFrame, (frame) => {
      const bytes = frameOf(frame);
      for (let length = 0; length < bytes.length; length++) {
        const read = readFrame(bytes.subarray(0, length));
        if (typeof read === "string") assertEquals(read, "truncated");
        else assertEquals(read.effects, frame.effects.slice(0, read.effects.length));
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("damaged frames are refused for one of the problems, or read within their bounds", () => {
  const seen = new Set<string>();
  const anyBytes = fc.oneof(
    anyFrame.map(frameOf),
    fc.constantFrom(...[...told.frames, ...told.refused].map(({ bytes }) => fromHex(bytes))),
    fc.uint8Array({ maxLength: 64 }),
  );
  fc.assert(
    fc.property(damaged(anyBytes), (bytes) => {
      const read = readFrame(bytes);
      if (typeof read === "string") {
        assert((modulation.MODULATION_PROBLEMS as readonly string[]).includes(read), read);
        seen.add(read);
        return;
      }
      seen.add("read");
      assert(read.effects.length <= modulation.MAX_BINDINGS);
      for (const { slot, mode, priority } of read.effects) {
        assert(slot < modulation.MAX_MODULATED_SLOTS && mode !== undefined, toHex(bytes));
        assert(priority >= 1 && priority <= 200);
      }
    }),
    { numRuns: 5_000, seed: 3 },
  );
  for (const result of ["read", "kind", "truncated", "range", "order"]) assert(seen.has(result), result);
});

Deno.test("64 places are 334 bytes, and 128 places fit a packet whatever they are", () => {
  const parameters = Array.from({ length: 4_096 }, (_, i) => faderOf(`p/${i}`));
  const layout = new modulation.ModulationLayout(parameters);
  const lane = new KeptLane();
  const name = "x".repeat(31);
  const source = new modulation.ModulationSource({ name, number: 255, layout, outlet: lane });
  for (let i = 0; i < 128; i++) {
    const slot = 3_900 + i as modulation.ModulationSlot;
    source.bind({ slot, mode: "add", priority: 1 + i });
  }
  source.handleTimeout(0);
  const [bytes] = lane.take();
  assertEquals(bytes?.length, 1_194);
  assert(typeof readFrame(bytes as Uint8Array) !== "string");
  const sixtyFour = told.frames.find(({ name }) => name === "64 places");
  assertEquals((sixtyFour?.bytes.length ?? 0) / 2, 334);
});

Deno.test("a layout with more places than there may be is refused", () => {
  const vectors = Array.from(
    { length: 1_366 },
    (_, i) => faderOf(`v/${i}`, { type: "vec3", default: [0, 0, 0] }),
  );
  const error = assertThrows(() => new modulation.ModulationLayout(vectors), HanaError);
  assertEquals(error.code, "overloaded");
  assertEquals(new modulation.ModulationLayout(vectors.slice(1)).count, 4_095);
});

Deno.test("the page of modulation names every problem, mode, fate and bound", () => {
  const fates = ["applies", "fading", "rising", "outranked", "below-floor"];
  for (const word of [...modulation.MODULATION_PROBLEMS, ...modulation.MODULATION_MODES, ...fates]) {
    assert(page.includes(`\`${word}\``), word);
  }
  const bounds = [
    ...[modulation.MAX_BINDINGS, modulation.MAX_MODULATED_SLOTS, modulation.MAX_MODULATION_SOURCES],
    ...[modulation.MAX_SOURCES_PER_PEER, modulation.MAX_EFFECTS, modulation.MAX_EFFECTS_PER_SLOT],
    ...[modulation.MAX_SOURCE_NAME_BYTES, modulation.MAX_FACTOR, modulation.MAX_MODULATION_BYTES],
  ];
  for (const bound of bounds) assert(page.includes(bound.toLocaleString("en")), `${bound}`);
});
