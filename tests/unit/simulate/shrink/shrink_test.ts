// Shrinking against runs whose truth is known: the least that fails is found, and nothing else is taken for it.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  denormalise,
  hashScenario,
  normaliseScenario,
  type RunResult,
  type Scenario,
  type ShrinkOptions,
  type ShrinkResult,
  shrinkScenario,
  type Violation,
} from "../../../../lib/simulate/mod.ts";

const SECOND = 1_000_000;

/** Twelve crashes of twelve nodes, three special links, two kinds of traffic. */
function large(): Scenario {
  const [scenario] = normaliseScenario({
    name: "large",
    nodes: {
      viz: { count: 12, start: { spread: "300ms" } },
      daemon: { count: 4, host_of: "viz" },
      app: { count: 2 },
    },
    network: { default: "wifi", overrides: [{ nodes: "viz-3", link: "wifi-lossy" }] },
    traffic: [
      { id: "a", from: "app-*", to: "viz-*", rate: "60Hz", size: "512B" },
      { id: "b", from: "app-0", to: "viz-0", kind: "request", rate: "10Hz" },
    ],
    timeline: [
      { at: "10s", every: "3s", times: 12, crash: "viz-$i", for: "2s" },
      { at: "20s", isolate: "@random(2)", for: "7s" },
      { at: "30s", partition: ["viz-0..5", "viz-6..11"], for: "4321ms" },
      { at: "60s", swizzle: { nodes: "viz-*", gap: "500ms", hold: "3s" } },
    ],
    expect: { metrics: { "suspicion.false": 0 }, sometimes: ["suspected"] },
  });
  assert(scenario !== undefined);
  return scenario;
}

/** When a rule is broken in a scenario, as the truth has it; null when it is not. */
type Truth = (scenario: Scenario, seed: number) => { readonly id: string; readonly atUs: number } | null;

/** A result as a runner would give it. */
function resultOf(scenario: Scenario, seed: number, truth: Truth): RunResult {
  const broken = truth(scenario, seed);
  const violations: Violation[] = broken === null
    ? []
    : [{ ...broken, kind: "safety", nodes: [], text: "broken" }];
  return {
    scenario: scenario.name,
    hash: hashScenario(scenario),
    seed,
    software: "test",
    verdict: broken === null ? "pass" : "fail",
    simulatedUs: scenario.durationUs,
    events: 1,
    digest: "0",
    metrics: {},
    violations,
    claims: [],
    reason: null,
  };
}

async function shrink(
  scenario: Scenario,
  truth: Truth,
  more: Partial<ShrinkOptions> = {},
): Promise<ShrinkResult> {
  const unreadable: string[] = [];
  const result = await shrinkScenario(scenario, {
    run: (candidate, seed) => {
      // Whatever is tried can be written into a file and read again. What is thrown here, the shrinker swallows.
      try {
        const [again] = normaliseScenario(JSON.parse(JSON.stringify(denormalise(candidate))));
        if (again === undefined || hashScenario(again) !== hashScenario(candidate)) {
          unreadable.push("another one");
        }
      } catch (thrown) {
        unreadable.push(`${thrown}`);
      }
      return Promise.resolve(resultOf(candidate, seed, truth));
    },
    seed: 7,
    violationId: "rule",
    ...more,
  });
  assertEquals(unreadable, []);
  return result;
}

const crashes = (scenario: Scenario, node: string) =>
  scenario.timeline.find(({ action }) => action.verb === "crash" && action.nodes === node);

Deno.test("one crash is found among all that happens, and its node among all nodes", async () => {
  const truth: Truth = (scenario) => {
    const crash = crashes(scenario, "viz-5");
    return crash === undefined ? null : { id: "rule", atUs: crash.atUs + SECOND };
  };
  const { scenario, ended, runs, log, result } = await shrink(large(), truth);
  assertEquals(ended, "smallest");
  assertEquals(scenario.nodes.map(({ name }) => name), ["viz-5"]);
  assertEquals(scenario.timeline.map(({ action }) => action), [{ verb: "crash", nodes: "viz-5" }]);
  assertEquals(scenario.traffic, []);
  assertEquals(scenario.network.overrides, []);
  assert(scenario.durationUs <= 2 * SECOND, `${scenario.durationUs}`);
  assertEquals(scenario.expect, { invariants: ["rule"], metrics: [], sometimes: [] });
  assertEquals(result?.violations[0]?.id, "rule");
  assert(runs < 200, `${runs} runs`);
  assert(log.length > 3);
});

Deno.test("only the same rule counts, not another one that breaks on the way", async () => {
  const truth: Truth = (scenario) => {
    if (crashes(scenario, "viz-2") !== undefined) return { id: "rule", atUs: 20 * SECOND };
    return { id: "other", atUs: SECOND };
  };
  const { scenario } = await shrink(large(), truth);
  assert(crashes(scenario, "viz-2") !== undefined);
});

Deno.test("a failure that does not repeat is left alone after one run", async () => {
  const before = large();
  const { scenario, ended, runs, result, log } = await shrink(before, () => null);
  assertEquals([scenario, ended, runs, result, log], [before, "not-repeated", 1, null, []]);
});

Deno.test("a run that never got warm is no failure", async () => {
  const scenario = large();
  const { ended } = await shrinkScenario(scenario, {
    run: (candidate, seed) =>
      Promise.resolve({
        ...resultOf(candidate, seed, () => ({ id: "rule", atUs: 1 })),
        verdict: "invalid",
      }),
    seed: 1,
    violationId: "rule",
  });
  assertEquals(ended, "not-repeated");
});

Deno.test("a candidate whose run goes wrong is passed over", async () => {
  const truth: Truth = (scenario) => {
    if (scenario.nodes.length < 3) throw new Error("cannot be played");
    return { id: "rule", atUs: SECOND };
  };
  const { scenario, ended } = await shrink(large(), (candidate, seed) => truth(candidate, seed), {
    run: (candidate, seed) =>
      candidate.nodes.length < 3
        ? Promise.reject(new Error("cannot be played"))
        : Promise.resolve(resultOf(candidate, seed, truth)),
  });
  assertEquals([scenario.nodes.length, ended], [3, "smallest"]);
});

Deno.test("the budget of runs and the budget of time are kept, and what was found so far is returned", async () => {
  const truth: Truth = (scenario) =>
    crashes(scenario, "viz-5") === undefined ? null : { id: "rule", atUs: 26 * SECOND };
  const few = await shrink(large(), truth, { budgetRuns: 9 });
  assertEquals([few.ended, few.runs], ["runs", 9]);
  assert(few.scenario.timeline.length < large().timeline.length);
  let nowMs = 0;
  const short = await shrink(large(), truth, { budgetMs: 50, nowMs: () => nowMs += 5 });
  assertEquals(short.ended, "time");
  assert(short.runs <= 10, `${short.runs}`);
});

Deno.test("an abort ends the search with what was found", async () => {
  const controller = new AbortController();
  const truth: Truth = () => ({ id: "rule", atUs: SECOND });
  let runs = 0;
  const { ended, scenario } = await shrink(large(), truth, {
    signal: controller.signal,
    run: (candidate, seed) => {
      if (++runs === 4) controller.abort();
      return Promise.resolve(resultOf(candidate, seed, truth));
    },
  });
  assertEquals([ended, runs], ["aborted", 4]);
  assert(scenario.timeline.length < large().timeline.length);
});

Deno.test("a metric's bound is kept while all else that is expected goes", async () => {
  const { scenario } = await shrink(large(), () => ({ id: "metric:suspicion.false", atUs: 90 * SECOND }), {
    violationId: "metric:suspicion.false",
  });
  assertEquals(scenario.expect.metrics.map(({ metric }) => metric), ["suspicion.false"]);
  assertEquals([scenario.expect.invariants, scenario.expect.sometimes], [[], []]);
});

Deno.test("the seed that fails first is kept", async () => {
  const truth: Truth = (_scenario, seed) => ({ id: "rule", atUs: (seed === 13 ? 1 : 2) * SECOND / 2 });
  const { seed } = await shrink(large(), truth);
  assertEquals(seed, 13);
});

Deno.test("a random draw becomes the node that it takes", async () => {
  const truth: Truth = (scenario) => {
    const isolated = scenario.timeline.find(({ action }) =>
      action.verb === "isolate" && (action.nodes.startsWith("@random") || action.nodes === "viz-4")
    );
    const has = scenario.nodes.some(({ name }) => name === "viz-4");
    return isolated === undefined || !has ? null : { id: "rule", atUs: isolated.atUs };
  };
  const { scenario } = await shrink(large(), truth);
  assertEquals(scenario.timeline.map(({ action }) => action), [{ verb: "isolate", nodes: "viz-4" }]);
});

Deno.test("whatever two actions and two nodes are needed, they are what is left", async () => {
  const before = large();
  const actions = before.timeline.map(({ id }) => id);
  const names = before.nodes.map(({ name }) => name).filter((name) => !name.startsWith("daemon"));
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.constantFrom(...actions), { minLength: 1, maxLength: 2 }),
      fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 2 }),
      async (neededActions, neededNodes) => {
        const truth: Truth = ({ timeline, nodes, durationUs }) => {
          const hasActions = neededActions.every((id) => timeline.some((timed) => timed.id === id));
          const hasNodes = neededNodes.every((name) => nodes.some((node) => node.name === name));
          return hasActions && hasNodes ? { id: "rule", atUs: durationUs } : null;
        };
        const { scenario, runs, ended } = await shrink(before, truth, { budgetRuns: 2_000, otherSeeds: 0 });
        assertEquals(ended, "smallest", `${runs} runs`);
        assertEquals(scenario.timeline.map(({ id }) => id).sort(), [...neededActions].sort());
        // Nodes that a needed action names, and cannot do without, are needed too.
        for (const name of neededNodes) assert(scenario.nodes.some((node) => node.name === name));
        assert(scenario.nodes.length <= neededNodes.length + 2 * neededActions.length);
        assertEquals(scenario.traffic, []);
      },
    ),
    { numRuns: 12 },
  );
});

Deno.test("shrinking the same failure twice takes the same way", async () => {
  const truth: Truth = (scenario) =>
    crashes(scenario, "viz-5") === undefined ? null : { id: "rule", atUs: 26 * SECOND };
  const [first, second] = [await shrink(large(), truth), await shrink(large(), truth)];
  assertEquals(first.log, second.log);
  assertEquals(hashScenario(first.scenario), hashScenario(second.scenario));
});

Deno.test("progress is told with every run", async () => {
  const told: number[] = [];
  const { runs } = await shrink(large(), () => ({ id: "rule", atUs: SECOND }), {
    onProgress: ({ runs, size }) => {
      told.push(runs);
      assert(/^\d+ nodes?, \d+ actions?/.test(size), size);
    },
  });
  assertEquals(new Set(told).size, runs);
});
