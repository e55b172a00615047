// One scenario file, simulated and on real processes: the same verdict, the same things happened.

import { assert, assertEquals } from "@std/assert";
import { runReal } from "../../cli/simulate/real/mod.ts";
import { type Fact, normaliseScenario, runScenario } from "../../lib/simulate/mod.ts";
import { skippable } from "../support/requirement.ts";

const SOFTWARE = "test";

const [SCENARIO] = normaliseScenario({
  version: "hana-sim/1",
  name: "split-and-crash",
  summary: "One of four is alone behind a cut cable, another one crashes meanwhile; both come back.",
  duration: "24s",
  warmup: "3s",
  quiet: "5s",
  nodes: { viz: { count: 4 } },
  timeline: [
    { at: "3100ms", partition: ["viz-0", "viz-1..3"], for: "11s" },
    { at: "3200ms", crash: "viz-3", for: "13s" },
  ],
  expect: {
    invariants: ["default"],
    // Who hears nobody at all takes himself for cut off; two that hear each other take the others for dead.
    sometimes: ["suspected >= 7", "declared_dead >= 4", "partition_seen >= 3", "restarted", "partition_bit"],
  },
});

/**
 * Who came to which verdict about whom, each once, whatever the order. A doubt is left out: a real machine that
 * is paused for two beats by its neighbours on the same cores is rightly doubted, and a simulated one never is.
 */
function verdicts(facts: readonly Fact[]): string[] {
  const seen = new Set<string>();
  for (const fact of facts) {
    if (fact.kind === "view" && fact.state !== "suspect") {
      seen.add(`${fact.observer} ${fact.subject} ${fact.state}`);
    }
  }
  return [...seen].sort();
}

/** Who doubted whom. */
function doubts(facts: readonly Fact[]): Set<string> {
  const seen = new Set<string>();
  for (const fact of facts) {
    if (fact.kind === "view" && fact.state === "suspect") seen.add(`${fact.observer} ${fact.subject}`);
  }
  return seen;
}

skippable({
  name: "a partition and a crash on real processes are judged as they are in a simulation",
  needs: ["linux", "root", "namespaces"],
  fn: async () => {
    assert(SCENARIO !== undefined);
    const simulatedFacts: Fact[] = [];
    const realFacts: Fact[] = [];
    const options = { seed: 1, software: SOFTWARE };
    const simulated = await runScenario(SCENARIO, {
      ...options,
      onFact: (fact) => simulatedFacts.push(fact),
    });
    const real = await runReal(SCENARIO, { ...options, onFact: (fact) => realFacts.push(fact) });
    assertEquals([simulated.violations, simulated.verdict], [[], "pass"], simulated.reason ?? "");
    assertEquals([real.violations, real.verdict], [[], "pass"], real.reason ?? "");
    assertEquals(real.hash, simulated.hash);
    assertEquals(
      real.claims.map(({ claim, times, atLeast }) => [claim, times >= atLeast]),
      simulated.claims.map(({ claim, times, atLeast }) => [claim, times >= atLeast]),
    );
    assertEquals(verdicts(realFacts), verdicts(simulatedFacts));
    const doubted = doubts(realFacts);
    assertEquals([...doubts(simulatedFacts)].filter((pair) => !doubted.has(pair)), []);
    // Nothing stays behind.
    const left = new Deno.Command("ip", { args: ["netns", "list"] }).outputSync();
    assert(!new TextDecoder().decode(left.stdout).includes(`hana-real-${Deno.pid}-`));
  },
});
