// Modulation through a network that loses, delays, repeats and reorders, with sources that come, go and fall silent and a
// shared state that changes: what is drawn is always in range and always explained, and in quiet it is what the sources do.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  ModulatedValues,
  ModulationLayout,
  type ModulationMode,
  type ModulationSlot,
  ModulationSource,
} from "../../../../lib/state/modulation/mod.ts";
import { faderOf } from "../../../support/state_streams_allocation.ts";
import { assertNear, Base, KeptLane } from "./support.ts";

const STEP_US = 4_000;
const QUIET_US = 4_000_000;
const CLEAR_US = 6_000_000;
const END_US = 10_000_000;
const PLACES = 4;

interface Weather {
  readonly loss: number;
  readonly twice: number;
  readonly jitterUs: number;
  readonly silence: number;
}

interface Walker {
  readonly source: ModulationSource;
  readonly lane: KeptLane;
  readonly peer: string;
  readonly flying: { atUs: number; bytes: Uint8Array }[];
  /** What it does: place to mode, priority, value. */
  readonly does: Map<number, { mode: ModulationMode; priority: number; value: number; began: number }>;
  silentUntilUs: number;
}

function drawsOf(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0;
    state ^= state >>> 12;
    return (state >>> 0) / 2 ** 32;
  };
}

/** What must be drawn in the end, worked out from what the sources do, without any of the machine. */
function expected(walkers: readonly Walker[], slot: number, base: number, floor: number): number | null {
  const all = walkers.flatMap(({ does }) => does.get(slot) ?? []).filter(({ priority }) => priority >= floor);
  const replacing = all.filter(({ mode }) => mode === "replace");
  const top = Math.max(...replacing.map(({ priority }) => priority));
  const tops = replacing.filter(({ priority }) => priority === top);
  // Who of two began last at the visualization is decided by what was lost on the way.
  if (tops.length > 1) return null;
  let value = tops[0]?.value ?? base;
  for (const { mode, value: by } of all) if (mode === "multiply") value *= by;
  for (const { mode, value: by } of all) if (mode === "add") value += by;
  return Math.min(1, Math.max(0, value));
}

function walk(seed: number, weather: Weather): void {
  const draw = drawsOf(seed);
  const pick = <T>(of: readonly T[]): T => of[Math.floor(draw() * of.length)] as T;
  const layout = new ModulationLayout(Array.from({ length: PLACES }, (_, i) => faderOf(`p/${i}`)));
  const base = new Base();
  const values = new ModulatedValues(layout, base);
  const walkers: Walker[] = Array.from({ length: 1 + Math.floor(draw() * 4) }, (_, number) => {
    const lane = new KeptLane();
    const source = new ModulationSource({ name: `lfo-${number}`, number, layout, outlet: lane });
    return { source, lane, peer: `node-${number % 2}`, flying: [], does: new Map(), silentUntilUs: 0 };
  });
  const act = (walker: Walker, nowUs: number) => {
    const slot = Math.floor(draw() * PLACES) as ModulationSlot;
    const doing = walker.does.get(slot);
    const kind = draw();
    if (doing === undefined || kind < 0.1) {
      const mode = pick(["replace", "multiply", "add"] as const);
      const priority = pick([50, 100, 150]);
      walker.source.bind({ slot, mode, priority });
      const value = Math.fround(mode === "multiply" ? draw() * 2 : mode === "add" ? draw() - 0.5 : draw());
      assert(walker.source.set(slot, value));
      walker.does.set(slot, { mode, priority, value, began: nowUs });
    } else if (kind < 0.2) {
      walker.source.unbind(slot);
      walker.does.delete(slot);
    } else {
      doing.value = Math.fround(draw() * 0.5);
      assert(walker.source.set(slot, doing.value));
    }
  };
  for (let nowUs = 0; nowUs <= END_US; nowUs += STEP_US) {
    for (const walker of walkers) {
      if (nowUs < QUIET_US && draw() < 0.2) act(walker, nowUs);
      if (nowUs < QUIET_US && draw() < weather.silence) walker.silentUntilUs = nowUs + draw() * 4_000_000;
      if (nowUs >= walker.silentUntilUs || nowUs >= CLEAR_US) walker.source.handleTimeout(nowUs);
      for (const bytes of walker.lane.take()) {
        if (nowUs < CLEAR_US && draw() < weather.loss) continue;
        for (let copy = draw() < weather.twice ? 2 : 1; copy > 0; copy--) {
          walker.flying.push({ atUs: nowUs + draw() * weather.jitterUs, bytes });
        }
      }
      for (const one of walker.flying.filter(({ atUs }) => atUs <= nowUs).sort((a, b) => a.atUs - b.atUs)) {
        walker.flying.splice(walker.flying.indexOf(one), 1);
        assertEquals(values.handleFrame(nowUs, walker.peer, one.bytes), null);
      }
    }
    if (nowUs < QUIET_US && draw() < 0.02) {
      const slot = Math.floor(draw() * PLACES);
      base.values[slot] = draw();
      base.floors[slot] = pick([0, 100, 101, 190]);
    }
    values.beginFrame(nowUs);
    for (let slot = 0 as ModulationSlot; slot < PLACES; slot++) {
      const drawn = values.valueOf(slot);
      assert(drawn >= 0 && drawn <= 1, `${drawn}`);
      const floor = base.floorOf(slot);
      const state = base.values[slot] ?? 0.5;
      if (floor > 150) assertEquals(drawn, state, "nobody modulates above his priority");
      const told = values.explain(`p/${slot}`, nowUs);
      assertNear(told?.effective ?? NaN, drawn, 1e-9, told?.text);
    }
  }
  for (let slot = 0 as ModulationSlot; slot < PLACES; slot++) {
    const state = base.values[slot] ?? 0.5;
    const right = expected(walkers, slot, state, base.floorOf(slot));
    const why = values.explain(`p/${slot}`, END_US)?.text;
    if (right !== null) assertNear(values.valueOf(slot), right, 1e-9, why);
  }
  // All fall silent: in the end the shared state alone is drawn, exactly.
  values.beginFrame(END_US + 3_000_000);
  for (let slot = 0 as ModulationSlot; slot < PLACES; slot++) {
    assertEquals(values.valueOf(slot), base.values[slot] ?? 0.5);
  }
  assertEquals(values.modulated, 0);
}

Deno.test("through loss, repetition, delay and silence what is drawn is in range, explained, and in quiet what sources do", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 0x7fff_ffff }),
      fc.record({
        loss: fc.double({ min: 0, max: 0.5, noNaN: true }),
        twice: fc.double({ min: 0, max: 0.3, noNaN: true }),
        jitterUs: fc.integer({ min: 0, max: 100_000 }),
        silence: fc.double({ min: 0, max: 0.005, noNaN: true }),
      }),
      walk,
    ),
    { numRuns: 60, seed: 9 },
  );
});
