// Shrinking with the runner that ships: a planted bug in a large scenario comes down to one node and one restart.

import { assert, assertEquals } from "@std/assert";
import { denormalise, normaliseScenario, runScenario, shrinkScenario } from "../../../../lib/simulate/mod.ts";

Deno.test("a planted bug in a storm of faults is found to need one node and one restart", async () => {
  const [scenario] = normaliseScenario({
    name: "needle",
    tags: ["planted-bug:forgets-incarnation"],
    nodes: { viz: { count: 6 }, daemon: { count: 3, host_of: "viz" }, app: { count: 1 } },
    network: { default: "wifi" },
    traffic: [{ from: "app-0", to: "viz-*", rate: "10Hz" }],
    timeline: [
      { at: "8s", swizzle: { nodes: "viz-0..3", gap: "300ms", hold: "2s" } },
      { at: "16s", partition: ["viz-*", "app-0"], for: "4s" },
      { at: "22s", crash: "@random(1, viz-*)", for: "2s" },
      { at: "26s", freeze: "viz-2", for: "3s" },
    ],
    warmup: "7s",
    quiet: "10s",
  });
  assert(scenario !== undefined);
  const { ended, scenario: small, result, runs } = await shrinkScenario(scenario, {
    run: (candidate, seed) => runScenario(candidate, { seed, software: "0.1.0" }),
    seed: 3,
    violationId: "incarnation_monotonic",
  });
  assertEquals(
    [ended, small.nodes.length, small.traffic, small.timeline.length],
    ["smallest", 1, [], 1],
    `${runs} runs`,
  );
  assertEquals(small.timeline[0]?.action.verb, "crash");
  assert(small.durationUs <= 5_000_000, `${small.durationUs}`);
  assertEquals(result?.violations[0]?.id, "incarnation_monotonic");
  // What is written into a file fails in the same way, event for event.
  const [again] = normaliseScenario(denormalise(small));
  assert(again !== undefined);
  const replayed = await runScenario(again, { seed: result?.seed ?? 0, software: "0.1.0" });
  assertEquals([replayed.digest, replayed.violations], [result?.digest, result?.violations]);
});
