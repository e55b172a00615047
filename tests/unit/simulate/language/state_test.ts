import { assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import { denormalise, hashScenario, normaliseScenario } from "../../../../lib/simulate/mod.ts";

const show = {
  name: "show",
  nodes: { viz: { count: 2 }, app: { count: 2 } },
  state: {
    host: "app-0",
    parameters: {
      hue: { type: "f32", range: [0, 1], fade: "200ms", on: "viz-*" },
      layer: { type: "i32", count: 2 },
    },
    apps: {
      desk: { on: "app-*", writes: [{ path: "viz-*/hue", rate: "10Hz" }] },
      wall: { on: "viz-*", start: "later" },
    },
  },
  timeline: [
    { at: "10s", drag: { app: "desk", path: "viz-0/hue" }, for: "2s" },
    { at: "11s", write: { app: "desk", on: "app-1", path: "layer-0", value: 3, priority: 120 } },
    { at: "12s", redefine: { on: "viz-0", parameter: "hue", as: { type: "f32", range: [0, 2] } } },
    { at: "13s", trouble: { kinds: ["crash-host", "spoil"], every: "1s" }, for: "5s" },
  ],
};

const refusal = (parts: Record<string, unknown>): string =>
  assertThrows(() => normaliseScenario({ ...show, ...parts }), HanaError).message;

Deno.test("shared state is read: groups are counted out, rates are pauses, what is not said has its default", () => {
  const [scenario] = normaliseScenario(show);
  assertEquals(scenario?.state, {
    hosts: "app-0",
    parameters: [
      { name: "hue", on: "viz-*", rules: { type: "f32", min: 0, max: 1, fadeUs: 200_000 } },
      { name: "layer-0", on: null, rules: { type: "i32" } },
      { name: "layer-1", on: null, rules: { type: "i32" } },
    ],
    apps: [
      { name: "desk", on: "app-*", startUs: 1_000_000, writes: [{ path: "viz-*/hue", everyUs: 100_000 }] },
      { name: "wall", on: "viz-*", startUs: null, writes: [] },
    ],
  });
  assertEquals(scenario?.timeline[0]?.action, {
    verb: "drag",
    nodes: "@all",
    app: "desk",
    path: "viz-0/hue",
    everyUs: 33_333,
  });
});

Deno.test("shared state that is written out again is the same, and so is its normal form", () => {
  const [scenario] = normaliseScenario(show);
  if (scenario === undefined) throw new Error("there is one");
  const [again] = normaliseScenario(denormalise(scenario));
  assertEquals(again, scenario);
  const [plain] = normaliseScenario(JSON.parse(JSON.stringify(scenario)));
  assertEquals(hashScenario(plain ?? scenario), hashScenario(scenario));
});

Deno.test("shared state that cannot be is refused where it is written, with the nearest word", () => {
  const { state } = show;
  const withApps = (apps: Record<string, unknown>) => ({ state: { ...state, apps }, timeline: [] });
  assertEquals(
    refusal(withApps({ desk: { on: "app-*" }, other: { on: "app-1" } })),
    "show: state.apps.other.on: app-1 has desk already: a node has one app",
  );
  assertEquals(
    refusal(withApps({ desk: { on: "@random(1)" } })),
    "show: state.apps.desk.on: must not hang on a draw",
  );
  const bad = { ...state, parameters: { hue: { type: "f32", range: [2, 1] } } };
  assertEquals(refusal({ state: bad, timeline: [] }).startsWith("show: state.parameters.hue: "), true);
  assertEquals(
    refusal({ timeline: [{ at: "10s", "cut-app": "dask" }] }).startsWith(
      "show: timeline[0].cut-app.app: there is no app dask",
    ),
    true,
  );
  assertEquals(
    refusal({ timeline: [{ at: "10s", own: { app: "desk", path: "layer-0", does: "transfer" } }] }),
    "show: timeline[0].own.to: goes with transfer, and transfer with it",
  );
  const { state: _state, ...rest } = show;
  assertEquals(
    assertThrows(
      () => normaliseScenario({ ...rest, timeline: [{ at: "10s", "cut-app": "desk" }] }),
      HanaError,
    ).message,
    "show: timeline[0].cut-app: the scenario has no state; state: {apps: {desk: {on: app-*}}}",
  );
});
