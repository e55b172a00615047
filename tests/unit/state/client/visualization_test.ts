import { assert, assertEquals } from "@std/assert";
import { defineParameters, VisualizationState } from "../../../../lib/state/client/mod.ts";
import { isRefusal } from "../../../../lib/state/schema/mod.ts";
import { Stage } from "./stage.ts";

const AURORA = defineParameters({
  hue: { type: "f32", min: 0, max: 360, default: 200, unit: "°" },
  "wave/speed": { type: "unit", default: 1 },
  on: { type: "bool", default: true },
  mode: { type: "enum", words: ["calm", "wild"], default: "calm" },
  title: { type: "text" },
  wind: { type: "vec3", default: [1, 0, 0] },
  glow: { type: "f32", min: 0, max: 1, fadeUs: 1_000_000 },
});

/** What the compiler knows of the values; never called. */
export function typesOf(state: VisualizationState<typeof AURORA.specs>): string {
  const hue: number = state.values.hue;
  const on: boolean = state.values.on;
  const mode: "calm" | "wild" = state.values.mode;
  const wind: readonly number[] = state.values.wind;
  // @ts-expect-error a number is no text
  const wrong: string = state.values.hue;
  // @ts-expect-error nothing is called so
  const unknown: unknown = state.values.nothing;
  // @ts-expect-error a word that the enum does not have
  state.setLocal("mode", "mild");
  // @ts-expect-error no number
  state.number("title");
  return `${hue}${on}${mode}${wind.length}${wrong}${String(unknown)}`;
}

Deno.test("a visualization draws its defaults before the first host", () => {
  const stage = new Stage();
  const state = new VisualizationState(stage.desk("aurora"), AURORA, { prefix: "aurora" });
  state.begin(stage.nowUs);
  assertEquals({ ...state.values }, {
    hue: 200,
    "wave/speed": 1,
    on: true,
    mode: "calm",
    title: "",
    wind: [1, 0, 0],
    glow: 0,
  });
  assertEquals(state.number("hue"), 200);
  assertEquals(state.numbers[state.placeOf("hue")], 200);
  assertEquals([state.changedCount, state.hasChanged("hue"), state.isLocal], [0, false, false]);
});

Deno.test("the frame after a write has its value and says that it changed, the one after that does not", async () => {
  const stage = new Stage(AURORA.below("aurora"));
  const desk = stage.desk("aurora");
  const state = new VisualizationState(desk, AURORA, { prefix: "aurora" });
  stage.connect(desk);
  const foh = stage.join("foh");
  await stage.until(foh.ready());
  const hands = foh.parameters(AURORA, "aurora");
  state.begin(stage.nowUs);
  hands.hue.trySet(90);
  hands.mode.trySet("wild");
  hands.wind.trySet([0, 2, 0]);
  hands.on.trySet(false);
  await stage.run(100_000);
  assertEquals(state.values.hue, 200);
  const { wind } = state.values;
  state.begin(stage.nowUs);
  assertEquals([state.values.hue, state.values.mode, state.values.on], [90, "wild", false]);
  assertEquals(state.values.wind, [0, 2, 0]);
  assert(state.values.wind === wind, "a vector is the same array each frame");
  assertEquals(["hue", "mode", "wind", "on", "title"].map((name) => state.hasChanged(name as "hue")), [
    ...[true, true, true, true, false],
  ]);
  assertEquals(state.changedCount, 4);
  state.begin(stage.nowUs + 16_667);
  assertEquals(state.changedCount, 0);
});

Deno.test("a fade goes through all frames between two writers", async () => {
  const stage = new Stage(AURORA.below("aurora"));
  const desk = stage.desk("aurora");
  const state = new VisualizationState(desk, AURORA, { prefix: "aurora" });
  stage.connect(desk);
  const [foh, other] = [stage.join("foh"), stage.join("other")];
  await stage.until(Promise.all([foh.ready(), other.ready()]));
  await stage.until(foh.set("aurora/glow", 0.25));
  await stage.run(1_500_000);
  state.begin(stage.nowUs);
  await stage.until(other.set("aurora/glow", 1));
  await stage.run(50_000);
  const seen: number[] = [];
  for (let frame = 0; frame < 80; frame++) {
    await stage.run(16_667);
    state.begin(stage.nowUs);
    seen.push(state.values.glow);
  }
  assertEquals(seen.at(-1), 1);
  assert(seen.filter((value) => value > 0.3 && value < 0.95).length > 30, seen.join(" "));
  assert(seen.every((value, at) => at === 0 || value >= (seen[at - 1] ?? 0)), "it never goes back");
});

Deno.test("without a host it goes on with what it has; after a second it may write itself, and the host takes that over", async () => {
  const stage = new Stage(AURORA.below("aurora"));
  const desk = stage.desk("aurora");
  const state = new VisualizationState(desk, AURORA, { prefix: "aurora" });
  stage.connect(desk);
  const foh = stage.join("foh");
  await stage.until(foh.ready());
  await stage.until(foh.set("aurora/hue", 90));
  await stage.run(100_000);
  state.begin(stage.nowUs);
  assertEquals(state.setLocal("hue", 10), "has-host");
  stage.understudy();
  await stage.run(500_000);
  state.begin(stage.nowUs);
  stage.kill();
  await stage.run(900_000);
  state.begin(stage.nowUs);
  assertEquals([state.values.hue, state.setLocal("hue", 10)], [90, "has-host"]);
  await stage.run(200_000);
  state.begin(stage.nowUs);
  assert(state.isLocal);
  assertEquals(state.setLocal("hue", 10), "taken");
  assertEquals(state.setLocal("wind", [0, 0, 5]), "taken");
  assert(isRefusal(state.setLocal("hue", 1_000)));
  // A frame is whole: what is written in it shows with the next.
  assertEquals([state.values.hue, state.isLocalValue("hue"), state.isLocalValue("mode")], [90, true, false]);
  await stage.run(16_667);
  state.begin(stage.nowUs);
  assertEquals([state.values.hue, state.hasChanged("hue"), state.values.wind], [10, true, [0, 0, 5]]);
  await stage.run(16_667);
  state.begin(stage.nowUs);
  assertEquals([state.values.hue, state.hasChanged("hue")], [10, false]);
  assertEquals(state.refused, 3);
  stage.reign("standby");
  await stage.run(1_000_000);
  state.begin(stage.nowUs);
  assertEquals([state.values.hue, state.isLocalValue("hue")], [10, false]);
  await stage.run(200_000);
  state.begin(stage.nowUs);
  assertEquals([state.values.hue, foh.get("aurora/hue"), foh.get("aurora/wind")], [10, 10, [0, 0, 5]]);
  await stage.until(foh.set("aurora/hue", 70));
  await stage.run(100_000);
  state.begin(stage.nowUs);
  assertEquals(state.values.hue, 70);
});

Deno.test("what was written without a host waits until a host that has just begun knows the parameter", async () => {
  const stage = new Stage();
  const desk = stage.desk("aurora");
  const state = new VisualizationState(desk, AURORA, { prefix: "aurora" });
  state.begin(stage.nowUs);
  await stage.run(1_100_000);
  assertEquals([state.setLocal("hue", 10), state.setLocal("glow", 0.5)], ["taken", "taken"]);
  state.begin(stage.nowUs);
  // The host has nothing yet: it asks visualizations for what they declare.
  stage.connect(desk);
  const foh = stage.join("foh");
  await stage.until(foh.ready());
  state.begin(stage.nowUs);
  assertEquals([state.values.hue, state.isLocalValue("hue"), state.refused], [10, true, 0]);
  const [hue] = AURORA.below("aurora");
  assert(hue !== undefined);
  stage.define(hue);
  await stage.run(200_000);
  state.begin(stage.nowUs);
  await stage.run(200_000);
  assertEquals([foh.get("aurora/hue"), state.isLocalValue("hue"), state.isLocalValue("glow")], [
    10,
    false,
    true,
  ]);
  // One that the host does not come to know within ten seconds gives way.
  await stage.run(10_000_000);
  state.begin(stage.nowUs);
  assertEquals([state.isLocalValue("glow"), state.refused, state.setLocal("glow", 1)], [
    false,
    1,
    "has-host",
  ]);
});

Deno.test("it takes what it needs of a host that comes later, whatever numbers that gives, and no value of another type", async () => {
  const stage = new Stage(AURORA.below("aurora"));
  const desk = stage.desk("aurora");
  const state = new VisualizationState(desk, AURORA, { prefix: "aurora" });
  stage.connect(desk);
  const foh = stage.join("foh");
  await stage.until(foh.ready());
  await stage.until(foh.set("aurora/hue", 33));
  await stage.run(100_000);
  state.begin(stage.nowUs);
  stage.kill();
  const others = AURORA.below("aurora").filter(({ path }) => path !== "aurora/mode").reverse();
  stage.reign("nothing", [{ path: "aurora/mode", type: "f32", default: 7 }, ...others]);
  await stage.until(foh.ready());
  await stage.until(foh.set("aurora/wave/speed", 0.75));
  await stage.run(200_000);
  state.begin(stage.nowUs);
  assertEquals([state.values.hue, state.values["wave/speed"], state.values.mode], [
    200,
    49_151 / 65_535,
    "calm",
  ]);
});

Deno.test("a set of parameters has a hash of its own, the same for the same", () => {
  const same = defineParameters({ ...AURORA.specs });
  assertEquals(same.hash, AURORA.hash);
  const { title: _, ...fewer } = AURORA.specs;
  assert(defineParameters(fewer).hash !== AURORA.hash);
  assertEquals(AURORA.hash.length, 16);
});
