// Meters and modulation on real lanes: that those lanes can be opened, carry the largest packets, and lose no more than the
// network does.

import { assert, assertEquals } from "@std/assert";
import { METER_LANE, MeterBoard, type MeterIndex, MeterSource } from "../../../../lib/state/meters/mod.ts";
import {
  ModulatedValues,
  MODULATION_LANE,
  ModulationLayout,
  type ModulationSlot,
  ModulationSource,
} from "../../../../lib/state/modulation/mod.ts";
import { faderOf } from "../../../support/state_streams_allocation.ts";
import { StreamLane } from "../../../support/state_streams_lanes.ts";

const PATHS = 64;
const STEP_US = 250;

for (const [share, least] of [[0, 1], [0.2, 0.75]] as const) {
  Deno.test(`64 places 1,000 times a second for five seconds, ${share * 100} % of packets lost: what comes is drawn, the newest last`, () => {
    const layout = new ModulationLayout(Array.from({ length: PATHS }, (_, i) => faderOf(`p/${i}`)));
    const values = new ModulatedValues(layout, { baseOf: () => 0, floorOf: () => 0 });
    const lane = new StreamLane(
      ...[MODULATION_LANE, 0] as const,
      (nowUs, bytes) => assertEquals(values.handleFrame(nowUs, "node", bytes), null),
      share,
    );
    const source = new ModulationSource({ name: "lfo-1", number: 0, layout, outlet: lane });
    for (let slot = 0 as ModulationSlot; slot < PATHS; slot++) source.bind({ slot, mode: "replace" });
    let last = -1;
    let oldestUs = 0;
    // Values grow with time, so that what is drawn says when it was set.
    const startUs = lane.nowUs;
    const endUs = startUs + 5_000_000;
    while (lane.nowUs < endUs) {
      const at = (lane.nowUs - startUs) / 5_000_000;
      for (let slot = 0 as ModulationSlot; slot < PATHS; slot++) source.set(slot, at);
      source.handleTimeout(lane.nowUs);
      lane.step(STEP_US);
      values.beginFrame(lane.nowUs);
      const drawn = values.valueOf(63 as ModulationSlot);
      assert(drawn >= last, "never an older value");
      last = drawn;
      oldestUs = Math.max(oldestUs, lane.nowUs - startUs - drawn * 5_000_000);
    }
    const { frames } = source.counters;
    assert(frames >= 4_990 && frames <= 5_000, `${frames}`);
    assert(
      values.counters.frames >= frames * least,
      `${values.counters.frames} of ${frames}, ${lane.lost} lost`,
    );
    assert(oldestUs <= (share === 0 ? 2_000 : 15_000), `${oldestUs} µs old`);
    for (let i = 0; i < 200; i++) {
      lane.step(1_000);
      source.handleTimeout(lane.nowUs);
    }
    values.beginFrame(lane.nowUs);
    assert(
      Math.abs(values.valueOf(0 as ModulationSlot) - Math.fround((5_000_000 - STEP_US) / 5_000_000)) < 1e-6,
    );
  });
}

Deno.test("256 meters go 30 times a second over the lane of meters, each packet whole", () => {
  const board = new MeterBoard();
  const number = board.addSource(0, "wall");
  const lane = new StreamLane(METER_LANE, null, (nowUs, bytes) => {
    assertEquals(board.handlePacket(nowUs, number, bytes), null);
  });
  const source = new MeterSource(lane);
  const at: MeterIndex[] = [];
  for (let i = 0; i < 256; i++) at.push(source.register({ name: `m/${i}`, unit: null, min: 0, max: 1 }));
  for (let i = 0; i < 5_000; i++) {
    source.set(at[i % 256] as MeterIndex, i);
    source.handleTimeout(lane.nowUs);
    lane.step(1_000);
  }
  assert(board.counters.frames >= 145 && board.counters.frames <= 151, `${board.counters.frames}`);
  assertEquals(board.counters.frames, source.counters.packets);
});
