// Playing scenarios: what comes of faults, when a run is worth nothing, and that it is the same every time.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import {
  type Fact,
  type RunOptions,
  type RunResult,
  runScenario,
  type Scenario,
} from "../../../../lib/simulate/mod.ts";
import { at, LAN, node, nodes, plan, SECOND, stream } from "./plans.ts";

interface Played {
  readonly result: RunResult;
  readonly facts: Fact[];
}

async function play(scenario: Scenario, options: Partial<RunOptions> = {}): Promise<Played> {
  const facts: Fact[] = [];
  const result = await runScenario(scenario, {
    seed: 5,
    software: "0.1.0",
    onFact: (fact) => facts.push(fact),
    ...options,
  });
  return { result, facts };
}

const request = stream({ id: "r0", kind: "request", from: "viz-1", to: "viz-*", everyUs: 200_000 });

/** Scenarios that use every part of the runner. */
const VARIED: Readonly<Record<string, Scenario>> = {
  restarts: plan({
    traffic: [stream({ to: "viz-*" }), request],
    timeline: [
      at(5 * SECOND, { verb: "crash", nodes: "@random(1)" }, 3 * SECOND),
      at(9 * SECOND, { verb: "restart", nodes: "viz-2" }),
    ],
  }),
  freezes: plan({
    traffic: [stream({ to: "viz-*", lane: "modulation" })],
    timeline: [
      at(5 * SECOND, { verb: "freeze", nodes: "viz-0" }, 2 * SECOND),
      at(9 * SECOND, { verb: "slow", nodes: "viz-1", extraUs: 4_000 }, 5 * SECOND),
    ],
  }),
  weather: plan({
    traffic: [request],
    link: {
      delay: { kind: "lognormal", minUs: 800, medianUs: 1_000, sigma: 0.8 },
      loss: 0.02,
      duplicate: 0.01,
      corrupt: 0.01,
      bursts: { goodUs: 5 * SECOND, badUs: 200_000, lossGood: 0, lossBad: 0.9 },
    },
    timeline: [at(6 * SECOND, { verb: "partition", groups: ["viz-0..1", "viz-2..3"] }, 6 * SECOND)],
  }),
};

for (const [name, scenario] of Object.entries(VARIED)) {
  Deno.test(`the same scenario and seed give the same run to the last fact: ${name}`, async () => {
    const [first, second] = [await play(scenario), await play(scenario)];
    assertEquals(second.facts, first.facts);
    assertEquals(second.result, first.result);
    const other = await play(scenario, { seed: 6 });
    assert(other.result.digest !== first.result.digest, "another seed gives another run");
  });
}

Deno.test("watching a run changes nothing in it", async () => {
  const scenario = plan({
    traffic: [request],
    timeline: [at(5 * SECOND, { verb: "isolate", nodes: "viz-1" }, 5e6)],
  });
  const plain = await runScenario(scenario, { seed: 5, software: "0.1.0", observers: [] });
  const seconds: string[] = [];
  const watched = await play(scenario, {
    frames: true,
    onSecond: (_, digest) => seconds.push(digest),
    onEvent: () => {},
  });
  assertEquals(watched.result.digest, plain.digest);
  assertEquals(watched.result.events, plain.events);
  assertEquals(seconds.length, 30);
  assertEquals(seconds.at(-1), plain.digest);
  assert(watched.facts.some(({ kind }) => kind === "frame"));
});

Deno.test("a calm mesh passes, and everybody has met everybody within a second", async () => {
  const { result, facts } = await play(plan({ traffic: [request] }));
  assertEquals([result.verdict, result.reason, result.violations], ["pass", null, []]);
  assertEquals(result.simulatedUs, 30 * SECOND);
  // Of four nodes that start at once, each meets those before it: two directions of six pairs.
  assertEquals(result.metrics["discovery"]?.count, 12);
  assert((result.metrics["discovery.all"]?.max ?? Infinity) < SECOND);
  assertEquals(result.metrics["lane.control.failed"]?.value, 0);
  assertEquals(result.metrics["lane.control.lost"]?.value, 0);
  const phases = facts.flatMap((fact) =>
    fact.kind === "phase" ? [`${fact.phase} ${fact.atUs / SECOND}`] : []
  );
  assertEquals(phases, ["warm 3", "quiet 20", "end 30"]);
});

Deno.test("both halves of a split take the other for dead, and agree again when it heals", async () => {
  const { result, facts } = await play(plan({
    timeline: [at(5 * SECOND, { verb: "partition", groups: ["viz-0..1", "viz-2..3"] }, 8 * SECOND)],
    expect: { sometimes: [{ claim: "partition_bit", atLeast: 8 }, { claim: "declared_dead", atLeast: 8 }] },
  }));
  assertEquals([result.verdict, result.reason], ["pass", null]);
  assertEquals(result.metrics["suspicion.true"]?.value, 8);
  assertEquals(result.metrics["suspicion.false"]?.value, 0);
  assertEquals(result.metrics["convergence"]?.count, 1);
  const faults = facts.filter((fact) => fact.kind === "fault");
  assertEquals(faults.map(({ atUs, phase }) => [atUs / SECOND, phase]), [[5, "begin"], [13, "end"]]);
});

Deno.test("overlapping faults do not end each other", async () => {
  const { result, facts } = await play(plan({
    timeline: [
      at(5 * SECOND, { verb: "cut", from: "viz-0", to: "viz-1" }, 12 * SECOND),
      at(6 * SECOND, { verb: "partition", groups: ["viz-0", "viz-1..3"] }, 2 * SECOND),
    ],
  }));
  assertEquals(result.verdict, "pass");
  const gone = facts.filter((fact) =>
    fact.kind === "view" && fact.state !== fact.before &&
    (fact.state === "dead" || fact.state === "unreachable")
  );
  // The partition is over before anybody is taken for dead; the cut lasts, and others vouch for whom it concerns.
  assertEquals(gone.map((fact) => fact.kind === "view" && [fact.observer, fact.subject]), [[
    "viz-1",
    "viz-0",
  ]]);
});

Deno.test("the quiet tail ends what nothing else has ended, but brings nobody back", async () => {
  const { result, facts } = await play(plan({
    timeline: [
      at(5 * SECOND, { verb: "isolate", nodes: "viz-0" }),
      at(6 * SECOND, { verb: "freeze", nodes: "viz-1" }),
      at(7 * SECOND, { verb: "crash", nodes: "viz-2" }),
    ],
  }));
  assertEquals(result.verdict, "pass");
  const ends = facts.flatMap((fact) => fact.kind === "fault" && fact.phase === "end" ? [fact.verb] : []);
  assertEquals(ends, ["isolate", "freeze"]);
  assertEquals(facts.filter(({ kind }) => kind === "node-started").length, 4);
});

Deno.test("who is drawn by chance is told, and is the same for a seed whatever else there is", async () => {
  const chosen = async (scenario: Scenario): Promise<readonly string[]> => {
    const { facts } = await play(scenario);
    return facts.flatMap((fact) => fact.kind === "fault" && fact.action === "drawn" ? fact.chosen : []);
  };
  const drawn = { id: "drawn", ...at(5 * SECOND, { verb: "crash", nodes: "@random(2)" }) };
  const alone = plan({ nodes: nodes(8) });
  const [first] = [await chosen({ ...alone, timeline: [drawn] })];
  assertEquals(first.length, 2);
  const before = { id: "before", ...at(4 * SECOND, { verb: "restart", nodes: "@random(3)" }) };
  assertEquals(await chosen({ ...alone, timeline: [before, drawn] }), first);
});

Deno.test("a mesh that has not met by the end of its warm-up is invalid, and the run says who misses whom", async () => {
  const scenario = plan({ nodes: [...nodes(2), node("viz", 2, { startUs: 2_999_900 })], quietUs: 0 });
  const { result } = await play(scenario);
  assertEquals(result.verdict, "invalid");
  assert(result.reason?.includes("viz-0 misses viz-2"), result.reason ?? "");
  assertEquals(result.simulatedUs, 3 * SECOND);
});

Deno.test("strangers and those without a way to each other need not have met", async () => {
  const elsewhere = node("app", 0, {
    interfaces: [{ name: "eth0", segment: "far", address: "10.9.0.1", prefix: 16 }],
  });
  const scenario = plan({ nodes: [...nodes(2), node("viz", 2, { key: 1 }), elsewhere] });
  const { result } = await play({
    ...scenario,
    network: { ...scenario.network, segments: [{ name: "lan", link: LAN }, { name: "far", link: LAN }] },
  });
  assertEquals([result.verdict, result.reason], ["pass", null]);
});

Deno.test("a claim that never came true makes a run inconclusive, never a pass", async () => {
  const { result } = await play(plan({ expect: { sometimes: [{ claim: "suspected", atLeast: 1 }] } }));
  assertEquals(result.verdict, "inconclusive");
  assertEquals(result.claims, [{ claim: "suspected", times: 0, atLeast: 1 }]);
});

Deno.test("a bound that is broken fails the run as a metric", async () => {
  const bound = {
    metric: "discovery.all",
    statistic: "p99",
    operator: "<",
    value: 10,
    text: "<10us",
  } as const;
  const { result } = await play(plan({ expect: { metrics: [bound] } }));
  assertEquals(result.verdict, "fail");
  assertEquals(result.violations.map(({ id, kind }) => [id, kind]), [["metric:discovery.all", "metric"]]);
});

Deno.test("a bound on what did not happen is inconclusive", async () => {
  const bound = { metric: "convergence", statistic: "p99", operator: "<", value: 10, text: "<10us" } as const;
  const { result } = await play(plan({ expect: { metrics: [bound] } }));
  assertEquals(result.verdict, "inconclusive");
  assert(result.reason?.includes("<10us"), result.reason ?? "");
});

Deno.test("an invariant, a metric or a claim that nobody knows is refused before anything starts", async () => {
  const unknown = plan({ expect: { invariants: ["no_gosts"] } });
  assert((await assertRejects(() => play(unknown), HanaError)).message.includes("no_gosts"));
  const bound = { metric: "discovry.all", statistic: "max", operator: "<", value: 1, text: "<1us" } as const;
  const error = await assertRejects(() => play(plan({ expect: { metrics: [bound] } })), HanaError);
  assertEquals(error.code, "config");
  const claim = plan({ expect: { sometimes: [{ claim: "suspcted", atLeast: 1 }] } });
  assert((await assertRejects(() => play(claim), HanaError)).message.includes("suspcted"));
});

Deno.test("a selector that means nobody when it fires is a mistake of the scenario, told as one", async () => {
  const scenario = plan({ timeline: [at(5 * SECOND, { verb: "crash", nodes: "@host:nowhere" })] });
  assertEquals((await assertRejects(() => play(scenario), HanaError)).code, "config");
});

Deno.test("an interrupted run tells what it has found so far", async () => {
  const stop = new AbortController();
  const { result } = await play(plan(), {
    signal: stop.signal,
    onSecond: (second) => second === 5 && stop.abort(),
  });
  assertEquals([result.verdict, result.reason], ["inconclusive", "interrupted"]);
  assertEquals(result.simulatedUs, 5 * SECOND);
  assert(result.metrics["discovery"] !== undefined);
});

Deno.test("a run that has used up its events ends inconclusive", async () => {
  const { result } = await play(plan(), { maxEvents: 500 });
  assertEquals(result.verdict, "inconclusive");
  assert(result.events >= 500 && result.simulatedUs < 30 * SECOND);
});

Deno.test("the first violation ends a run that is to stop there", async () => {
  const scenario = plan({
    tags: ["planted-bug:forgets-incarnation"],
    timeline: [at(5 * SECOND, { verb: "crash", nodes: "viz-0" }, SECOND)],
  });
  const { result } = await play(scenario, { stopAtFirst: true });
  assertEquals(result.violations.map(({ id }) => id), ["incarnation_monotonic"]);
  assertEquals(result.verdict, "fail");
  assert(result.simulatedUs < 7 * SECOND);
});
