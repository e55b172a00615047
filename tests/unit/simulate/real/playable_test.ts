// What of a scenario is played inside the processes, and what cannot be played at all; facts in order.

import { assert, assertEquals } from "@std/assert";
import { FactSorter } from "../../../../cli/simulate/real/fact_sorter.ts";
import { isPlayedInside } from "../../../../cli/simulate/real/ground.ts";
import { whatCannotBePlayed } from "../../../../cli/simulate/real/run.ts";
import { type Fact, LINK_PRESETS, normaliseScenario, type Scenario } from "../../../../lib/simulate/mod.ts";

function scenarioWith(parts: Record<string, unknown>): Scenario {
  const [scenario] = normaliseScenario({
    name: "x",
    nodes: { viz: { count: 2 } },
    duration: "60s",
    ...parts,
  });
  assert(scenario !== undefined);
  return scenario;
}

Deno.test("a cable is what namespaces have by themselves, a radio is not", () => {
  assertEquals(isPlayedInside(LINK_PRESETS.lan?.link ?? {}), false);
  assertEquals(isPlayedInside(LINK_PRESETS.perfect?.link ?? {}), false);
  assertEquals(isPlayedInside(LINK_PRESETS.wifi?.link ?? {}), true);
  // Nothing at all passes: that is played at the switch.
  assertEquals(isPlayedInside({ loss: 1 }), false);
  assertEquals(isPlayedInside({ loss: 0.01 }), true);
  assertEquals(isPlayedInside({ delay: { kind: "uniform", minUs: 0, maxUs: 1_000 } }), false);
  assertEquals(isPlayedInside({ delay: { kind: "uniform", minUs: 0, maxUs: 100_000 } }), true);
  assertEquals(isPlayedInside({ group: { loss: 0.5 } }), true);
  // The switch would take the streams, too.
  assertEquals(isPlayedInside({ datagrams: { loss: 1 } }), true);
  assertEquals(isPlayedInside({ datagrams: {} }), false);
});

Deno.test("what cannot be played is named with its reason", () => {
  assertEquals(whatCannotBePlayed(scenarioWith({})), []);
  const other = scenarioWith({
    timeline: [{ at: "10s", upgrade: { nodes: "viz-1", to: "9.9", downtime: "1s" } }],
  });
  assertEquals(whatCannotBePlayed(other), ["restart as 9.9 (there is one program, of one version)"]);
});

Deno.test("facts of several processes are told in the order of their times, and late ones too", () => {
  const told: number[] = [];
  const sorter = new FactSorter((fact) => told.push(fact.atUs));
  const add = (atUs: number): void => sorter.add({ kind: "claim", atUs, claim: "x" } satisfies Fact);
  [300, 100, 200].forEach((ms) => add(ms * 1000));
  sorter.release(290_000);
  assertEquals(told, [100_000, 200_000]);
  add(150_000);
  sorter.release(300_000);
  assertEquals(told, [100_000, 200_000, 150_000]);
  sorter.release();
  assertEquals(told.at(-1), 300_000);
});
