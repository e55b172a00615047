// What several sources and the shared state make of one value.

import { assert, assertEquals } from "@std/assert";
import {
  MAX_EFFECTS_PER_SLOT,
  MAX_MODULATION_SOURCES,
  MAX_SOURCES_PER_PEER,
  type ModulationSlot,
} from "../../../../lib/state/modulation/mod.ts";
import { frameOf, type PlainEffect } from "../../../support/modulation_vectors.ts";
import { assertNear, Stage } from "./support.ts";

Deno.test("without sources the value is that of the shared state, and the default where there is none", () => {
  const stage = new Stage();
  stage.base.values[stage.slot("mix")] = 0.75;
  stage.run(0);
  assertEquals(stage.value("mix"), 0.75);
  assertEquals(stage.value("hue"), 180);
  assertEquals([0, 1, 2].map((part) => stage.value("position", part)), [1, 2, 3]);
  assertEquals(stage.value("strobe"), 0);
  assert(Number.isNaN(stage.values.valueOf(99 as ModulationSlot)));
  assertEquals(stage.values.modulated, 0);
});

Deno.test("replace comes first, then multiply, then add, in whatever order sources came", () => {
  const orders = [[0, 1, 2], [2, 1, 0], [1, 2, 0]];
  for (const order of orders) {
    const stage = new Stage();
    const makes = [
      () => stage.doing("tracker", "mix", "replace", 0.5),
      () => stage.doing("beat", "mix", "multiply", 0.5),
      () => stage.doing("lfo-1", "mix", "add", 0.125),
    ];
    for (const at of order) {
      makes[at]?.();
      stage.run(5_000);
    }
    assertEquals(stage.value("mix"), 0.375);
  }
});

Deno.test("of sources that replace the highest priority wins, then the one that began last; the other stands behind", () => {
  const stage = new Stage();
  const first = stage.doing("first", "mix", "replace", 0.125, 120);
  stage.run(5_000);
  stage.doing("lower", "mix", "replace", 0.25, 100);
  stage.run(5_000);
  assertEquals(stage.value("mix"), 0.125);
  const second = stage.doing("second", "mix", "replace", 0.5, 120);
  stage.run(5_000);
  assertEquals(stage.value("mix"), 0.5);
  for (let i = 0; i < 50; i++) {
    first.set(stage.slot("mix"), i / 100);
    stage.run(1_000);
    assertEquals(stage.value("mix"), 0.5, "two sources do not take turns a thousand times a second");
  }
  assertEquals(stage.fates("mix"), { lower: "outranked", first: "outranked", second: "applies" });
  second.unbindAll();
  stage.run(200_000);
  assertNear(stage.value("mix"), 0.49, 1e-6);
});

Deno.test("a source that changes its priority stands where it stood among equals; one that changes its mode begins anew", () => {
  const stage = new Stage();
  const slot = stage.slot("mix");
  const first = stage.doing("first", "mix", "replace", 0.125);
  stage.run(5_000);
  stage.doing("second", "mix", "replace", 0.5);
  stage.run(5_000);
  for (const priority of [50, 100]) {
    first.bind({ slot, mode: "replace", priority });
    first.set(slot, 0.125);
    stage.run(5_000);
    assertEquals(stage.value("mix"), 0.5, `${priority}`);
  }
  for (const mode of ["add", "replace"] as const) {
    first.bind({ slot, mode });
    first.set(slot, 0.125);
    stage.run(5_000);
    assertEquals(stage.value("mix"), mode === "add" ? 0.625 : 0.125);
  }
});

Deno.test("a source that falls silent has its effect for 2.5 s, then it goes within 100 ms, a straight line", () => {
  const stage = new Stage();
  const lfo = stage.doing("lfo-1", "mix", "add", 0.5);
  stage.run(0);
  const heardUs = stage.nowUs;
  const at = (us: number) => {
    stage.run(heardUs + us - stage.nowUs, [lfo]);
    return stage.value("mix");
  };
  assertEquals(at(1), 0.8);
  assertEquals(at(2_500_000), 0.8);
  assertNear(at(2_525_000), 0.675, 1e-9);
  assertNear(at(2_550_000), 0.55, 1e-9);
  assertEquals(stage.fates("mix"), { "lfo-1": "fading" });
  assertNear(at(2_599_000), 0.305, 1e-9);
  assertEquals(at(2_600_000), 0.3, "the state's own value, exactly");
  assertEquals([stage.values.modulated, stage.values.counters.expired], [0, 1]);
});

Deno.test("nothing jumps when sources go: from frame to frame a value moves by no more than the fade allows", () => {
  const stage = new Stage();
  const tracker = stage.doing("tracker", "hue", "replace", 360);
  const beat = stage.doing("beat", "hue", "multiply", 0.25);
  const lfo = stage.doing("lfo-1", "hue", "add", 90);
  stage.run(10_000);
  let last = stage.value("hue");
  assertEquals(last, 180);
  const silent = [tracker, beat, lfo];
  for (let us = 0; us < 2_700_000; us += 5_000) {
    stage.run(5_000, silent);
    // Three fades at once: 5 ms are a twentieth of each.
    const most = (180 + 0.75 * 360 + 90) / 20;
    assert(Math.abs(stage.value("hue") - last) <= most, `${last} to ${stage.value("hue")}`);
    last = stage.value("hue");
  }
  assertEquals(last, 180);
});

Deno.test("a source that comes back while its effect goes rises from where it is; one that was gone begins at once", () => {
  const stage = new Stage();
  const lfo = stage.doing("lfo-1", "mix", "add", 0.5);
  stage.run(0);
  stage.run(2_550_000, [lfo]);
  assertNear(stage.value("mix"), 0.55, 1e-9);
  stage.run(25_000);
  assert(stage.value("mix") > 0.55 && stage.value("mix") < 0.8, `${stage.value("mix")}`);
  assertEquals(stage.fates("mix"), { "lfo-1": "rising" });
  stage.run(100_000);
  assertEquals(stage.value("mix"), 0.8);
  stage.run(10_000_000, [lfo]);
  assertEquals(stage.value("mix"), 0.3);
  stage.run(0);
  assertEquals(stage.value("mix"), 0.8);
});

Deno.test("how often frames are drawn changes nothing of when an effect goes", () => {
  const values = [1_000, 16_667, 40_000, 2_550_000].map((stepUs) => {
    const stage = new Stage();
    const lfo = stage.doing("lfo-1", "mix", "add", 0.5);
    stage.run(0);
    const endUs = stage.nowUs + 2_550_000;
    while (stage.nowUs + stepUs < endUs) stage.run(stepUs, [lfo]);
    stage.run(endUs - stage.nowUs, [lfo]);
    return stage.value("mix");
  });
  for (const value of values) assertNear(value, 0.55, 1e-9);
});

Deno.test("what a source lets go of fades at once, and its other places stay", () => {
  const stage = new Stage();
  const source = stage.source("lfo-1");
  source.bind({ slot: stage.slot("mix"), mode: "add" });
  source.bind({ slot: stage.slot("hue"), mode: "add" });
  source.set(stage.slot("mix"), 0.5);
  source.set(stage.slot("hue"), 90);
  stage.run(5_000);
  source.unbind(stage.slot("mix"));
  stage.run(0);
  stage.run(50_000);
  assertNear(stage.value("mix"), 0.55, 1e-9);
  stage.run(50_000);
  assertEquals([stage.value("mix"), stage.value("hue")], [0.3, 270]);
  assertEquals(stage.values.counters.released, 1);
});

Deno.test("whoever holds the parameter with more priority cannot be modulated; an equal one can", () => {
  const stage = new Stage();
  const slot = stage.slot("mix");
  stage.doing("lfo-1", "mix", "add", 0.5, 100);
  stage.doing("show", "mix", "multiply", 0.5, 150);
  for (
    const [floor, expected] of [[0, 0.65], [100, 0.65], [101, 0.15], [150, 0.15], [151, 0.3], [
      190,
      0.3,
    ]] as const
  ) {
    stage.base.floors[slot] = floor;
    stage.run(200_000);
    assertNear(stage.value("mix"), expected, 1e-9, `${floor}`);
  }
});

Deno.test("a claim of the safety desk stops modulation in the same frame, and afterwards it rises within 100 ms", () => {
  const stage = new Stage();
  const slot = stage.slot("mix");
  stage.doing("lfo-1", "mix", "add", 0.5);
  stage.run(50_000);
  stage.base.values[slot] = 0.1;
  stage.base.floors[slot] = 190;
  stage.values.beginFrame(stage.nowUs);
  assertEquals(stage.value("mix"), 0.1, "at once: it is a stop");
  assertEquals(stage.fates("mix"), { "lfo-1": "below-floor" });
  stage.run(1_000_000);
  assertEquals(stage.value("mix"), 0.1);
  stage.base.floors[slot] = 0;
  stage.values.beginFrame(stage.nowUs);
  assertEquals(stage.value("mix"), 0.1);
  stage.run(50_000);
  assertNear(stage.value("mix"), 0.35, 1e-9);
  stage.run(50_000);
  assertNear(stage.value("mix"), 0.6, 1e-9);
});

Deno.test("an effective value stays in the range and form of its parameter", () => {
  const stage = new Stage();
  stage.doing("a", "mix", "add", 1);
  stage.doing("b", "hue", "add", -300);
  stage.doing("c", "copies", "multiply", 1.4);
  stage.doing("d", "strobe", "add", 0.6);
  const source = stage.source("e");
  source.bind({ slot: stage.slot("position", 1), mode: "add" });
  source.set(stage.slot("position", 1), 20);
  stage.run(5_000);
  assertEquals(["mix", "hue", "copies", "strobe"].map((path) => stage.value(path)), [1, 0, 6, 1]);
  assertEquals([0, 1, 2].map((part) => stage.value("position", part)), [1, 10, 3]);
  assertEquals(stage.layout.slotOf("title"), -1, "a text has no place");
  assertEquals(stage.layout.slotOf("position", 3), -1);
  assertEquals(stage.layout.slotOf("mix", 1), -1);
});

Deno.test("NaN, values out of range and places that are not there are refused, counted, and the last good value stands", () => {
  const stage = new Stage();
  let number = 0;
  const say = (effects: readonly PlainEffect[]) => {
    const frame = { source: 7, mark: stage.layout.mark, number: ++number, name: "lfo-1", effects };
    assertEquals(stage.values.handleFrame(stage.nowUs, "node", frameOf(frame)), null);
    stage.values.beginFrame(stage.nowUs);
  };
  const add = (slot: number, value: number | string, mode: PlainEffect["mode"] = "add") => ({
    ...{ slot, mode, priority: 100, value },
  });
  say([add(0, 0.25), add(1, 90)]);
  say([add(0, "NaN"), add(1, 45)]);
  stage.nowUs += 50_000;
  say([add(0, "-Infinity"), add(1, 45)]);
  assertNear(stage.value("mix"), 0.55, 1e-9);
  assertEquals(stage.value("hue"), 225, "the rest of the frame counts");
  say([add(0, 1.5), add(1, 45)]);
  say([add(0, 2, "replace"), add(1, 1e4, "multiply")]);
  say([add(0, 0.25), add(900, 0.25)]);
  const { notFinite, outOfRange, unknownPlace, frames } = stage.values.counters;
  assertEquals({ notFinite, outOfRange, unknownPlace, frames }, {
    notFinite: 2,
    outOfRange: 3,
    unknownPlace: 1,
    frames: 6,
  });
  assertEquals(stage.values.explain("mix", stage.nowUs)?.sources[0]?.refused, 6);
  for (let i = 0; i < 26; i++) {
    stage.nowUs += 100_000;
    say([add(0, "NaN")]);
  }
  assertEquals(stage.value("mix"), 0.3, "a source that says nothing but NaN is silent");
});

Deno.test("a frame that comes late or twice changes nothing, and numbers go on beyond 2^32", () => {
  const stage = new Stage();
  const say = (number: number, value: number) => {
    const effects = [{ slot: 0, mode: "add" as const, priority: 100, value }];
    const frame = { source: 0, mark: stage.layout.mark, number: number >>> 0, name: null, effects };
    stage.values.handleFrame(stage.nowUs, "node", frameOf(frame));
    stage.values.beginFrame(stage.nowUs);
    return stage.value("mix") - 0.3;
  };
  assertNear(say(2 ** 32 - 2, 0.125), 0.125, 1e-9);
  assertNear(say(2 ** 32 - 3, 0.25), 0.125, 1e-9);
  assertNear(say(2 ** 32 - 2, 0.25), 0.125, 1e-9);
  assertNear(say(2 ** 32, 0.5), 0.5, 1e-9, "0 follows");
  assertNear(say(2 ** 32 - 1, 0.25), 0.5, 1e-9);
  assertEquals(stage.values.counters.late, 3);
  say(500, 0.25);
  stage.values.notePeer("node", "Foh-Desk");
  assertNear(say(1, 0.0625), 0.0625, 1e-9, "a node that is back counts anew");
  say(500, 0.25);
  stage.nowUs += 2_500_001;
  assertNear(say(3, 0.125), 0.125, 1e-4, "after a silence as well");
  assertEquals(stage.values.counters.late, 3);
});

Deno.test("a node that is back after its session was lost does not do everything twice", () => {
  const stage = new Stage();
  const before = stage.doing("lfo-1", "mix", "add", 0.25);
  stage.values.notePeer("node-a", "Foh-Desk");
  stage.run(100_000);
  stage.values.notePeer("node-a", "Foh-Desk");
  stage.sources.length = 0;
  stage.doing("lfo-1", "mix", "add", 0.25);
  stage.run(100_000, [before]);
  assertNear(stage.value("mix"), 0.55, 1e-9);
});

Deno.test("frames that count by another layout are not taken, and say so by a counter", () => {
  const stage = new Stage();
  const frame = frameOf({ source: 0, mark: 1, number: 1, name: null, effects: [] });
  assertEquals(stage.values.handleFrame(0, "node", frame), null);
  assertEquals(stage.values.handleFrame(0, "node", frame.subarray(0, 3)), "truncated");
  assertEquals([stage.values.counters.otherLayout, stage.values.counters.malformed], [1, 1]);
});

Deno.test("sources and effects beyond the bounds are refused and counted, and make room when they are silent", () => {
  const stage = new Stage();
  const say = (peer: number, source: number, number: number) => {
    const effects = [{ slot: 0, mode: "add" as const, priority: 100, value: 0 }];
    const frame = { source, mark: stage.layout.mark, number, name: null, effects };
    stage.values.handleFrame(stage.nowUs, `node-${peer}`, frameOf(frame));
  };
  for (let source = 0; source <= MAX_SOURCES_PER_PEER; source++) say(0, source, 1);
  assertEquals(stage.values.counters.refused, 1, "a node has 16 sources");
  assertEquals(stage.values.explain("mix", stage.nowUs)?.sources.length, MAX_EFFECTS_PER_SLOT);
  say(1, 0, 1);
  assertEquals(stage.values.counters.refused, 2, "a place has 16 effects");
  for (let peer = 2; peer < MAX_MODULATION_SOURCES; peer++) say(peer, 0, 1);
  const before = stage.values.counters.refused;
  stage.nowUs += 3_000_000;
  stage.values.beginFrame(stage.nowUs);
  say(99, 0, 1);
  assertEquals(stage.values.counters.refused, before);
  assertEquals(stage.values.explain("mix", stage.nowUs)?.sources.map(({ node }) => node), ["node-99"]);
});
