// What a client sees of meters.

import { assert, assertEquals } from "@std/assert";
import {
  MAX_METER_SLOTS,
  METER_DROP_US,
  type MeterIndex,
  type MeterSlot,
  MeterView,
  readMeterTable,
} from "../../../../lib/state/meters/mod.ts";
import { packetOf } from "../../../support/meter_vectors.ts";
import { Stage } from "./support.ts";

Deno.test("a name has its place before there is such a meter, and its value once one came", () => {
  const stage = new Stage();
  const slot = stage.view.slotOf("stage-left/audio/left") as MeterSlot;
  assert(Number.isNaN(stage.view.valueOf(slot)));
  assertEquals(stage.view.stateOf(slot, stage.nowUs), "none");
  assertEquals(stage.view.definitionOf(slot), null);
  stage.source.set(stage.at[0] as MeterIndex, 0.5);
  stage.run(50_000);
  assertEquals(stage.view.valueOf(slot), 0.5);
  assertEquals(stage.view.stateOf(slot, stage.nowUs), "fresh");
  assertEquals(stage.view.definitionOf(slot), { name: "audio/left", unit: null, min: 0, max: 1 });
  assertEquals(stage.view.slotOf("stage-left/audio/left"), slot);
  assertEquals(stage.view.names(), ["stage-left/audio/left", "stage-left/audio/right"]);
});

Deno.test("a source that falls silent is stale after 2.5 s and gone after a minute", () => {
  const stage = new Stage();
  stage.source.set(stage.at[0] as MeterIndex, 0.5);
  stage.run(5_000_000);
  const slot = stage.view.slotOf("stage-left/audio/left") as MeterSlot;
  assert(stage.view.ageUs(slot, stage.nowUs) <= 501_000, "what does not change is said again");
  const heardUs = stage.nowUs - stage.view.ageUs(slot, stage.nowUs);
  assertEquals(stage.view.stateOf(slot, heardUs + 2_500_000), "fresh");
  assertEquals(stage.view.stateOf(slot, heardUs + 2_500_001), "stale");
  assertEquals(stage.view.valueOf(slot), 0.5, "a stale value is still there to show");
  stage.view.handleTimeout(stage.nowUs + METER_DROP_US);
  assert(Number.isNaN(stage.view.valueOf(slot)));
  assertEquals(stage.view.stateOf(slot, stage.nowUs + METER_DROP_US), "none");
  assertEquals(stage.view.counters.dropped, 1);
});

Deno.test("a client that comes late sees the age that a value already had", () => {
  const stage = new Stage();
  stage.run(10_000);
  stage.board.subscribe(1, []);
  stage.nowUs += 3_000_000;
  stage.board.subscribe(1, [""]);
  stage.board.handleTimeout(stage.nowUs);
  const view = new MeterView();
  view.handleTables(stage.nowUs, stage.board.tell(stage.nowUs, []).sources);
  for (const bytes of stage.clientLane.take()) view.handlePacket(stage.nowUs, bytes);
  const slot = view.slotOf("stage-left/audio/left") as MeterSlot;
  assertEquals(view.stateOf(slot, stage.nowUs), "stale");
  assert(view.ageUs(slot, stage.nowUs) >= 2_999_000);
});

Deno.test("another table is asked for, and no value of the old one is shown under a new name", () => {
  const stage = new Stage();
  stage.source.set(stage.at[1] as MeterIndex, 0.75);
  stage.run(100_000);
  const left = stage.view.slotOf("stage-left/audio/left") as MeterSlot;
  const added = stage.source.register({ name: "fps", unit: "Hz", min: 0, max: 240 });
  stage.source.set(added, 60);
  stage.run(100_000);
  assertEquals([stage.seen("audio/left"), stage.seen("audio/right"), stage.seen("fps")], [0, 0.75, 60]);
  assertEquals(stage.view.slotOf("stage-left/audio/left"), left, "places stay");
  assertEquals(stage.view.counters.malformed, 0);
});

Deno.test("the columns of another table are other meters: nothing of the old ones is shown until a packet came", () => {
  const view = new MeterView();
  const told = (names: readonly string[]) => {
    const meters = names.map((name) => ({ name, unit: null, min: 0, max: 1, value: 0.5 }));
    view.handleTables(0, [{ source: 1, name: "wall", ageMs: 0, stale: false, meters }]);
    return readMeterTable(meters)?.mark ?? 0;
  };
  const section = { source: 1, number: 1, ageMs: 0, first: 0 };
  const mark = told(["left", "right"]);
  view.handlePacket(0, packetOf([{ ...section, mark, values: [0.25, 0.75] }]));
  const [left, right] = ["wall/left", "wall/right"].map((name) => view.slotOf(name) as MeterSlot);
  assertEquals([view.valueOf(left as MeterSlot), view.valueOf(right as MeterSlot)], [0.25, 0.75]);
  const turned = told(["right", "left"]);
  assertEquals([view.valueOf(left as MeterSlot), view.valueOf(right as MeterSlot)], [NaN, NaN]);
  assertEquals(view.stateOf(left as MeterSlot, 0), "none");
  view.handlePacket(0, packetOf([{ ...section, number: 2, mark: turned, values: [0.75, 0.25] }]));
  const seen = new Float32Array(2);
  view.read([left as MeterSlot, right as MeterSlot], seen);
  assertEquals([...seen], [0.25, 0.75]);
});

Deno.test("another host's numbers mean something else: places stay, values go until that host sends some", () => {
  const stage = new Stage();
  stage.source.set(stage.at[0] as MeterIndex, 0.5);
  stage.run(100_000);
  stage.view.reset();
  assert(Number.isNaN(stage.seen("audio/left")));
  stage.source.set(stage.at[0] as MeterIndex, 0.25);
  stage.run(1_000_000);
  assertEquals(stage.seen("audio/left"), 0.25);
});

Deno.test("packets that are none, late ones and sources beyond the bound change nothing and are counted", () => {
  const view = new MeterView();
  const section = { source: 1, mark: 7, number: 5, ageMs: 0, first: 0, values: [1] };
  assertEquals(view.handlePacket(0, new Uint8Array(0)), "truncated");
  view.handlePacket(0, packetOf([section]));
  assertEquals(view.counters.unnamed, 1);
  for (let source = 2; source <= 65; source++) view.handlePacket(0, packetOf([{ ...section, source }]));
  assertEquals(view.counters.refused, 1);
  assertEquals(view.pollAsk(0).length, 16, "as many as one answer has");
  assertEquals(view.pollAsk(0).length, 16);
  const bad = { source: 1, name: "wall", ageMs: 0, stale: false };
  const meter = { name: "Fps", unit: null, min: null, max: null, value: null };
  view.handleTables(0, [{ ...bad, meters: [meter] }]);
  assertEquals(view.counters.malformed, 2);
  for (let i = 0; i < MAX_METER_SLOTS; i++) view.slotOf(`wall/${i}`);
  assertEquals(view.slotOf("wall/more"), -1);
});
