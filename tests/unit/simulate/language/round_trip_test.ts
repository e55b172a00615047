// A scenario survives being written and read again, and its hash says whether two are the same.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../../lib/base/mod.ts";
import {
  canonical,
  catalogue,
  denormalise,
  hashScenario,
  normaliseScenario,
  type Scenario,
} from "../../../../lib/simulate/mod.ts";
import { RICH } from "./examples.ts";

const all: Scenario[] = [RICH, ...catalogue().map(({ raw }) => raw)].flatMap((raw) => normaliseScenario(raw));

Deno.test("the normal form is taken as it is", () => {
  for (const scenario of all) {
    const sent = JSON.parse(JSON.stringify(scenario));
    assertEquals(normaliseScenario(sent).map(canonical), [canonical(scenario)], scenario.name);
  }
});

Deno.test("a scenario that is written by hand again is the same when it is read", () => {
  for (const scenario of all) {
    const written = JSON.parse(JSON.stringify(denormalise(scenario)));
    const [again, ...others] = normaliseScenario(written);
    assertEquals(others, []);
    assert(again !== undefined);
    assertEquals(canonical(again), canonical(scenario), scenario.name);
    assertEquals(hashScenario(again), hashScenario(scenario));
  }
});

Deno.test("no two scenarios of the catalogue have one hash", () => {
  const hashes = all.map(hashScenario);
  for (const hash of hashes) assert(/^[0-9a-f]{16}$/.test(hash));
  assertEquals(new Set(hashes).size, hashes.length);
});

/** The same value with its keys in another order. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).reverse().map(([key, each]) => [key, turned(each)]));
}

Deno.test("the hash hangs neither on the order of keys nor on prose", () => {
  for (const scenario of all) {
    assertEquals(hashScenario(turned(scenario) as Scenario), hashScenario(scenario));
    const renamed = { ...scenario, name: "other", summary: "in other words", tags: scenario.tags };
    assertEquals(hashScenario(renamed), hashScenario(scenario));
  }
});

Deno.test("the hash hangs on everything that is played or judged", () => {
  const [scenario] = normaliseScenario(RICH);
  assert(scenario !== undefined);
  const first = scenario.timeline[0];
  const node = scenario.nodes[0];
  assert(first !== undefined && node !== undefined);
  const others: Scenario[] = [
    { ...scenario, warmupUs: scenario.warmupUs + 1 },
    { ...scenario, durationUs: scenario.durationUs + 1 },
    { ...scenario, quietUs: scenario.quietUs - 1 },
    { ...scenario, nodes: [{ ...node, startUs: 1 }, ...scenario.nodes.slice(1)] },
    { ...scenario, traffic: scenario.traffic.slice(1) },
    { ...scenario, timeline: scenario.timeline.slice(1) },
    { ...scenario, timeline: [{ ...first, id: "other" }, ...scenario.timeline.slice(1)] },
    { ...scenario, expect: { ...scenario.expect, sometimes: [] } },
    { ...scenario, tags: [...scenario.tags, "planted-bug:any"] },
  ];
  const hashes = new Set([scenario, ...others].map(hashScenario));
  assertEquals(hashes.size, others.length + 1);
});

Deno.test("canonical JSON is equal for equal values and different for different ones", () => {
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
    assertEquals(canonical(a), canonical(turned(a)));
    assertEquals(JSON.parse(canonical(a)), JSON.parse(JSON.stringify(a)));
    // JSON has one zero only.
    if (JSON.stringify(turned(a)) !== JSON.stringify(turned(b))) assertNotEquals(a, b);
  }));
});

Deno.test("a normal form with a mistake in it is refused with its place", () => {
  const [scenario] = normaliseScenario(RICH);
  const broken = (change: (copy: Record<string, unknown>) => void): HanaError => {
    const copy = JSON.parse(JSON.stringify(scenario));
    change(copy);
    return assertThrows(() => normaliseScenario(copy), HanaError);
  };
  assertEquals(broken((copy) => copy.warmup = "5s").what, "rich: warmup");
  assertEquals(broken((copy) => delete copy.quietUs).what, "rich: quietUs");
  assertEquals(broken((copy) => copy.durationUs = 1.5).what, "rich: durationUs");
  assertEquals(
    broken((copy) =>
      Object.assign((copy.timeline as Record<string, unknown>[])[0] ?? {}, { action: { verb: "heel" } })
    ).what,
    "rich: timeline[0].action.verb",
  );
  assertEquals(
    broken((copy) => Object.assign((copy.timeline as Record<string, unknown>[])[1] ?? {}, { id: "t0.0" }))
      .why,
    "the id t0.0 is there twice",
  );
});
