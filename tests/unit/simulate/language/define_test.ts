// Scenarios in TypeScript: loops and computed timelines, read like any other.

import { assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import { canonical, defineScenario, normaliseScenario } from "../../../../lib/simulate/mod.ts";

Deno.test("a computed timeline is the same as one that is written out", () => {
  const computed = defineScenario({
    name: "stairs",
    extends: "base",
    timeline: (t) => {
      for (let i = 0; i < 4; i++) t.at(`${10 + 3 * i}s`).for("2s").crash(`viz-${i}`);
      t.after("1s").called("split").for("5s").partition(["viz-0..3"], ["viz-4..7", "app-0"]);
      t.after("2s", "split").do("slow", { nodes: "viz-0", extra: "20ms" });
      t.add({ at: "50s", mark: "end" });
    },
    duration: "90s",
  });
  const written = {
    name: "stairs",
    extends: "base",
    duration: "90s",
    timeline: [
      { at: "10s", crash: "viz-0", for: "2s" },
      { at: "13s", crash: "viz-1", for: "2s" },
      { at: "16s", crash: "viz-2", for: "2s" },
      { at: "19s", crash: "viz-3", for: "2s" },
      { id: "split", at: "22s", partition: [["viz-0..3"], ["viz-4..7", "app-0"]], for: "5s" },
      { at: "29s", slow: { nodes: "viz-0", extra: "20ms" } },
      { at: "50s", mark: "end" },
    ],
  };
  assertEquals(normaliseScenario(computed).map(canonical), normaliseScenario(written).map(canonical));
});

Deno.test("every verb of the builder is one of the language", () => {
  const scenario = defineScenario({
    name: "all",
    extends: "base",
    timeline: (t) => {
      t.at("10s").for("1s").isolate("viz-0");
      t.at("11s").cut("viz-1", "@all");
      t.at("12s").heal();
      t.at("13s").for("1s").powerLoss("viz-2");
      t.at("14s").for("1s").freeze("viz-3");
      t.at("15s").restart("viz-4");
      t.at("16s").leave("viz-5");
      t.at("17s").start("viz-5");
      t.at("18s").mark("done");
    },
    duration: "60s",
  });
  const verbs = normaliseScenario(scenario)[0]?.timeline.map(({ action }) => action.verb);
  assertEquals(verbs, [
    "isolate",
    "cut",
    "heal",
    "power-loss",
    "freeze",
    "restart",
    "leave",
    "start",
    "mark",
  ]);
});

Deno.test("a timeline that is another one each time is refused", () => {
  let calls = 0;
  const dicey = () =>
    defineScenario({
      name: "dicey",
      extends: "base",
      timeline: (t) => t.at(`${10 + calls++}s`).crash("viz-0"),
    });
  assertThrows(dicey, HanaError, "another one each time");
});

Deno.test("a mistake in a computed timeline is told with its place", () => {
  const raw = defineScenario({ name: "x", extends: "base", timeline: (t) => t.at("10s").crash("viz-99") });
  const error = assertThrows(() => normaliseScenario(raw), HanaError);
  assertEquals(error.what, "x: timeline[0].crash.nodes");
});
