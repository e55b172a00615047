// The catalogue on the node that ships: what is played on every push passes, twice the same, and the canary fails.

import { assert, assertEquals } from "@std/assert";
import { catalogue, normaliseScenario, runScenario, type Scenario } from "../../lib/simulate/mod.ts";

const smoke = catalogue().filter(({ suites }) => suites.includes("smoke"));

function variantsOf(entry: (typeof smoke)[number]): Scenario[] {
  return normaliseScenario(entry.raw, { source: entry.name });
}

for (const entry of smoke) {
  if (entry.name === "canary") continue;
  Deno.test(`${entry.name} passes, and its second run is its first`, async () => {
    for (const scenario of variantsOf(entry)) {
      const first = await runScenario(scenario, { seed: 1, software: "0.1.0" });
      assertEquals(first.violations, []);
      assertEquals(first.verdict, "pass", first.reason ?? "");
      assertEquals(await runScenario(scenario, { seed: 1, software: "0.1.0" }), first);
    }
  });
}

Deno.test("the canary fails by the bug that is planted in it, with every seed", async () => {
  const canary = smoke.find(({ name }) => name === "canary");
  assert(canary !== undefined, "the canary is in the smoke suite");
  for (const scenario of variantsOf(canary)) {
    for (const seed of [1, 2, 3]) {
      const result = await runScenario(scenario, { seed, software: "0.1.0" });
      assertEquals(result.verdict, "fail");
      assert(
        result.violations.some(({ id }) => id === "incarnation_monotonic"),
        JSON.stringify(result.violations),
      );
    }
  }
});
