// Why a value is what it is: as data, and as one line for people.

import { assert, assertEquals } from "@std/assert";
import { STATE_MODULATION } from "../../../../lib/state/modulation/mod.ts";
import { compileSchema } from "../../../../lib/wire/mod.ts";
import { Stage } from "./support.ts";

Deno.test("one LFO on a shared value says both", () => {
  const stage = new Stage();
  stage.values.notePeer("node-a", "Foh-Desk");
  stage.doing("lfo-1", "mix", "add", 0.12);
  stage.base.floors[stage.slot("mix")] = 100;
  stage.run(0);
  stage.run(30_000, [...stage.sources.map(({ source }) => source)]);
  assertEquals(stage.why("mix"), "0.42: 0.30 of shared state, + 0.12 of lfo-1 (add)");
  const told = stage.values.explain("mix", stage.nowUs);
  assertEquals(told?.base, { value: 0.3, floor: 100 });
  assertEquals(told?.effective, stage.value("mix"));
  assertEquals(told?.sources, [{
    ...{ name: "lfo-1", node: "Foh-Desk", mode: "add", priority: 100, strength: 1, fate: "applies" },
    ...{ value: Math.fround(0.12), ageMs: 30, refused: 0 },
  }]);
});

Deno.test("each mode, what is hidden, what is held down and what the range keeps has its words", () => {
  const stage = new Stage();
  assertEquals(stage.why("mix"), "0.30: 0.30 of shared state");
  stage.doing("beat", "mix", "multiply", 2);
  stage.doing("lfo-1", "mix", "add", -0.25);
  stage.run(5_000);
  assertEquals(
    stage.why("mix"),
    "0.35: 0.30 of shared state, × 2.00 of beat (multiply), - 0.25 of lfo-1 (add)",
  );
  stage.doing("old", "mix", "replace", 0.125);
  stage.doing("tracker", "mix", "replace", 0.75, 150);
  stage.run(5_000);
  assertEquals(
    stage.why("mix"),
    "1.00: 0.75 of tracker (replace) instead of 0.30 of shared state, × 2.00 of beat (multiply), " +
      "- 0.25 of lfo-1 (add), kept to the range 0.00 to 1.00; old has no effect: tracker replaces what it says",
  );
  stage.base.floors[stage.slot("mix")] = 120;
  stage.run(5_000);
  assertEquals(
    stage.why("mix"),
    "0.75: 0.75 of tracker (replace) instead of 0.30 of shared state; " +
      "old has no effect: its priority 100 is below 120 of who holds it in shared state; " +
      "beat has no effect: its priority 100 is below 120 of who holds it in shared state; " +
      "lfo-1 has no effect: its priority 100 is below 120 of who holds it in shared state",
  );
});

Deno.test("an effect that goes says how much of it is left, a unit stands behind the value", () => {
  const stage = new Stage();
  const lfo = stage.doing("lfo-1", "hue", "add", 90);
  stage.run(0);
  stage.run(2_560_000, [lfo]);
  assertEquals(stage.why("hue"), "216.0°: 180.0 of shared state, + 90.0 of lfo-1 (add, fading, 40 %)");
});

Deno.test("a part of a vector, whole numbers and switches are told as what they are", () => {
  const stage = new Stage();
  stage.doing("c", "copies", "multiply", 1.4);
  stage.doing("d", "strobe", "replace", 1);
  const source = stage.source("mocap");
  source.bind({ slot: stage.slot("position", 2), mode: "replace" });
  source.set(stage.slot("position", 2), -4);
  stage.run(5_000);
  assertEquals(stage.why("copies"), "6: 4 of shared state, × 1.40 of c (multiply)");
  assertEquals(stage.why("strobe"), "1: 1 of d (replace) instead of 0 of shared state");
  assertEquals(stage.why("position", 2), "-4.00: -4.00 of mocap (replace) instead of 3.00 of shared state");
  assertEquals(stage.values.explain("position", stage.nowUs, 2)?.name, "position.z");
  for (const [path, part] of [["title", 0], ["nothing", 0], ["mix", 1], ["position", 3]] as const) {
    assertEquals(stage.values.explain(path, stage.nowUs, part), null);
  }
});

Deno.test("what is explained is what was drawn, and the message takes it as it is", () => {
  const stage = new Stage();
  const lfo = stage.doing("lfo-1", "mix", "add", 0.4);
  stage.doing("tracker", "mix", "replace", 0.9);
  const reply = compileSchema(STATE_MODULATION.reply);
  stage.run(0);
  for (let i = 0; i < 300; i++) {
    stage.base.floors[stage.slot("mix")] = i % 50 > 40 ? 150 : 0;
    stage.run(10_000, [lfo]);
    const told = stage.values.explain("mix", stage.nowUs);
    assert(told !== null);
    assert(Math.abs(told.effective - stage.value("mix")) < 1e-9, `${told.text}, drawn ${stage.value("mix")}`);
    assertEquals(reply.validate(told), null);
  }
});
