// What modulation costs: `deno bench -A tests/unit/state/modulation/modulation_bench.ts`.

import {
  ModulatedValues,
  MODULATION_LANE,
  ModulationLayout,
  type ModulationMode,
  type ModulationSlot,
  ModulationSource,
} from "../../../../lib/state/modulation/mod.ts";
import { faderOf } from "../../../support/state_streams_allocation.ts";
import { StreamLane } from "../../../support/state_streams_lanes.ts";

const PATHS = 64;
const layout = new ModulationLayout(Array.from({ length: 1_000 }, (_, i) => faderOf(`p/${i}`)));
const base = { baseOf: () => 0.25, floorOf: () => 100 };

/** Frames of some sources come, a thousand a second each; `drawn` of them are drawn. */
function load(modes: readonly ModulationMode[]): { readonly come: () => void; readonly draw: () => void } {
  const values = new ModulatedValues(layout, base);
  let nowUs = 10_000_000;
  const made = modes.map((mode, number) => {
    const outlet = {
      isWritable: true,
      send: (bytes: Uint8Array) => values.handleFrame(nowUs, "node", bytes) === null,
    };
    const source = new ModulationSource({ name: `lfo-${number}`, number, layout, outlet });
    for (let slot = 0; slot < PATHS; slot++) source.bind({ slot: slot as ModulationSlot, mode });
    return source;
  });
  let frame = 0;
  const come = () => {
    nowUs += 1_000;
    frame++;
    for (const source of made) {
      for (let slot = 0; slot < PATHS; slot++) source.set(slot as ModulationSlot, (frame + slot) % 97 / 97);
      source.handleTimeout(nowUs);
    }
  };
  come();
  const drawn = new Float32Array(layout.count);
  return {
    come,
    draw: () => {
      values.beginFrame(nowUs);
      values.read(drawn);
    },
  };
}

const one = load(["add"]);
const four = load(["replace", "multiply", "add", "add"]);
const none = load([]);
Deno.bench("64 places are set, sent and taken, 334 B", { group: "come" }, one.come);
Deno.bench("the same of 4 sources", { group: "come" }, four.come);
Deno.bench("1,000 places are drawn, none modulated", { group: "draw", baseline: true }, none.draw);
Deno.bench("1,000 places are drawn, 64 modulated", { group: "draw" }, one.draw);
Deno.bench("1,000 places are drawn, 64 modulated by 4 sources", { group: "draw" }, four.draw);

const carried = new ModulatedValues(layout, base);
const lane = new StreamLane(
  MODULATION_LANE,
  0,
  (nowUs, bytes) => void carried.handleFrame(nowUs, "node", bytes),
);
const far = new ModulationSource({ name: "lfo-1", number: 0, layout, outlet: lane });
for (let slot = 0; slot < PATHS; slot++) far.bind({ slot: slot as ModulationSlot, mode: "add" });
let turn = 0;
Deno.bench(
  "64 places are set, sent over two connections of lanes, taken and drawn",
  { group: "lanes" },
  () => {
    turn++;
    for (let slot = 0; slot < PATHS; slot++) far.set(slot as ModulationSlot, (turn + slot) % 97 / 97);
    far.handleTimeout(lane.nowUs);
    lane.step(1_000);
    carried.beginFrame(lane.nowUs);
  },
);
