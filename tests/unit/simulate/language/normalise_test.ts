// What people write becomes the normal form, and mistakes are told where they are.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import { normaliseScenario, type Scenario } from "../../../../lib/simulate/mod.ts";
import { RICH } from "./examples.ts";

function one(raw: Record<string, unknown>): Scenario {
  const [scenario, ...others] = normaliseScenario(raw);
  assertEquals(others, []);
  assert(scenario !== undefined);
  return scenario;
}

const small = (more: Record<string, unknown>): Record<string, unknown> => ({
  name: "small",
  extends: "base",
  ...more,
});

/** The message of a scenario that is refused, its three lines. */
function refusal(raw: unknown): [string, string | undefined, string | undefined] {
  const error = assertThrows(() => normaliseScenario(raw, { source: "show.yaml" }), HanaError);
  assertEquals(error.code, "config");
  for (const line of [error.what, error.why ?? "", error.hint ?? ""]) assert(!line.includes("\n"), line);
  return [error.what, error.why, error.hint];
}

Deno.test("a name and one extended scenario are enough", () => {
  const scenario = one({ name: "least", extends: "base" });
  assertEquals(scenario.nodes.length, 9);
  assertEquals(scenario.nodes[0], {
    name: "viz-0",
    group: "viz",
    role: "visualization",
    host: "viz-0",
    interfaces: [{ name: "eth0", segment: "lan", address: "10.0.0.1", prefix: 16 }],
    startUs: 0,
    tags: {},
    key: 0,
    seeds: [],
  });
  assertEquals([scenario.warmupUs, scenario.quietUs, scenario.durationUs], [
    5_000_000,
    20_000_000,
    35_000_000,
  ]);
  assertEquals(scenario.expect, { invariants: ["default"], metrics: [], sometimes: [] });
});

Deno.test("what is extended is changed key by key, and null takes away", () => {
  const scenario = one(small({ nodes: { viz: { count: 2 }, app: null, daemon: {} }, quiet: "3s" }));
  assertEquals(scenario.nodes.map(({ name }) => name), ["viz-0", "viz-1", "daemon-0"]);
  assertEquals(scenario.quietUs, 3_000_000);
});

Deno.test("scenarios can be extended through several others, but not in a circle", () => {
  const known: Record<string, unknown> = {
    stage: { name: "stage", extends: "base", warmup: "9s", tags: ["stage"] },
    egg: { name: "egg", extends: "hen" },
    hen: { name: "hen", extends: "egg" },
  };
  const resolveBase = (name: string) => known[name];
  const [scenario] = normaliseScenario({ name: "show", extends: "stage" }, { resolveBase });
  assertEquals([scenario?.warmupUs, scenario?.nodes.length, scenario?.name], [9_000_000, 9, "show"]);
  assertThrows(
    () => normaliseScenario({ name: "x", extends: "egg" }, { resolveBase }),
    HanaError,
    "goes round",
  );
});

Deno.test("a single node beside its group changes that one, whichever stands first", () => {
  for (
    const nodes of [
      { viz: { count: 3 }, "viz-1": { key: "stranger" } },
      { "viz-1": { key: "stranger" }, viz: { count: 3 } },
    ]
  ) {
    const keys = new Map(one({ name: "x", nodes }).nodes.map((node) => [node.name, node.key]));
    assertEquals([keys.get("viz-0"), keys.get("viz-1"), keys.get("viz-2")], [0, 1, 0]);
  }
});

Deno.test("nodes of a group that runs on another group's machines share them, address and all", () => {
  const { nodes } = one({ name: "x", nodes: { daemon: { count: 3, host_of: "viz" }, viz: { count: 2 } } });
  assertEquals(nodes.map(({ host }) => host), ["viz-0", "viz-1", "viz-0", "viz-0", "viz-1"]);
  assertEquals(nodes[0]?.interfaces, nodes[3]?.interfaces);
});

Deno.test("machines on two segments have an interface on each, and no address twice", () => {
  const { nodes, network } = one({
    name: "x",
    nodes: { viz: { count: 600, segments: ["stage", "house"] }, app: { segment: "house" } },
    network: { segments: { stage: "lan", house: "wifi" } },
  });
  assertEquals(network.segments.map(({ name }) => name), ["stage", "house"]);
  const addresses = nodes.flatMap(({ interfaces }) => interfaces.map(({ address }) => address));
  assertEquals(new Set(addresses).size, addresses.length);
  assertEquals(nodes[600]?.interfaces, [{
    name: "eth0",
    segment: "house",
    address: "10.1.2.101",
    prefix: 16,
  }]);
});

Deno.test("spread starts lie within the spread, differ, and hang on the node's name alone", () => {
  const starts = (count: number): (number | null)[] =>
    one({ name: "x", nodes: { viz: { count, start: { at: "1s", spread: "500ms" } } } }).nodes
      .map(({ startUs }) => startUs);
  const [few, many] = [starts(5), starts(50)];
  assertEquals(many.slice(0, 5), few);
  assert(many.every((at) => at !== null && at >= 1_000_000 && at < 1_500_000));
  assert(new Set(many).size > 45);
});

Deno.test("an action without an end lasts until everything heals, else until the quiet tail", () => {
  const { timeline } = one(small({
    duration: "60s",
    timeline: [
      { at: "10s", isolate: "viz-0" },
      { at: "12s", freeze: "viz-1" },
      { at: "15s", heal: "all" },
      { at: "20s", isolate: "viz-0" },
      { at: "20s", crash: "viz-2" },
    ],
  }));
  assertEquals(timeline.map(({ forUs }) => forUs), [5_000_000, 28_000_000, undefined, 20_000_000, undefined]);
});

Deno.test("after another action means after its end, generators and repetitions included", () => {
  const { timeline } = one(small({
    timeline: [
      { at: "10s", isolate: "viz-0", for: "5s" },
      { after: "previous", wait: "1s", mark: "a" },
      { id: "swap", at: "20s", swizzle: { nodes: "viz-0..3", gap: "1s", hold: "4s" } },
      { after: "swap", mark: "b" },
      { id: "round", at: "40s", every: "2s", times: 3, freeze: "viz-$i", for: "1s" },
      { after: "round", mark: "c" },
    ],
  }));
  const at = (text: string) =>
    timeline.find(({ action }) => action.verb === "mark" && action.text === text)?.atUs;
  assertEquals([at("a"), at("b"), at("c")], [16_000_000, 30_000_000, 45_000_000]);
});

Deno.test("generators become explicit actions with stable ids", () => {
  const { timeline } = one(small({
    timeline: [
      { at: "10s", swizzle: { nodes: "viz-0..3", gap: "1s", hold: "4s" } },
      { at: "30s", flapping: { nodes: "viz-4", down: "300ms", up: "700ms" }, for: "3s" },
      { at: "40s", storm: { nodes: "viz-0..2", off: "3s", spread: "500ms" } },
      { at: "50s", every: "5s", times: 2, "random-partition": { nodes: "@all", parts: 3 }, for: "2s" },
    ],
  }));
  const ids = (prefix: string) => timeline.filter(({ id }) => id.startsWith(prefix)).map(({ id }) => id);
  assertEquals(ids("t0"), ["t0.0", "t0.1", "t0.2", "t0.3"]);
  assertEquals(ids("t1"), ["t1.0", "t1.1", "t1.2"]);
  assertEquals(ids("t2"), ["t2.0", "t2.1", "t2.2"]);
  assertEquals(ids("t3"), ["t3.0", "t3.1"]);
  const gone = timeline.filter(({ id }) => id.startsWith("t0"));
  assertEquals(new Set(gone.map(({ action }) => action.verb === "isolate" ? action.nodes : "")).size, 4);
  // All four are gone from the last one's going for four seconds; then they come back one a second.
  const backs = gone.map(({ atUs, forUs = 0 }) => atUs + forUs).sort((a, b) => a - b);
  assertEquals(backs, [17_000_000, 18_000_000, 19_000_000, 20_000_000]);
  for (const { action } of timeline.filter(({ id }) => id.startsWith("t3"))) {
    assert(action.verb === "partition");
    assertEquals(
      action.groups.join(",").split(",").sort(),
      [...Array(8)].map((_, i) => `viz-${i}`).concat("app-0").sort(),
    );
    assertEquals(action.groups.length, 3);
  }
});

Deno.test("another draw gives another order, the same one the same, and other entries do not matter", () => {
  const orders = (draw: number, ...before: Record<string, unknown>[]): string => {
    const swizzle = { id: "s", at: "30s", swizzle: { nodes: "@all", gap: "1s", hold: "1s", draw } };
    const { timeline } = one(small({ timeline: [...before, swizzle] }));
    return JSON.stringify(timeline.filter(({ id }) => id.startsWith("s.")));
  };
  assertEquals(orders(1), orders(1, { at: "10s", mark: "x" }));
  assert(orders(1) !== orders(2));
});

Deno.test("a sweep is every combination, each named by its values", () => {
  const scenarios = normaliseScenario(small({
    params: { other: 1 },
    sweep: { delay: ["1ms", "20ms"], nodes: [2, 3] },
    network: { default: { one_way: "$delay" } },
    nodes: { viz: { count: "$nodes" } },
  }));
  assertEquals(scenarios.map(({ name, nodes }) => [name, nodes.length]), [
    ["small[delay=1ms,nodes=2]", 3],
    ["small[delay=1ms,nodes=3]", 4],
    ["small[delay=20ms,nodes=2]", 3],
    ["small[delay=20ms,nodes=3]", 4],
  ]);
  assertEquals(scenarios[2]?.network.segments[0]?.link, { delay: { kind: "constant", us: 20_000 } });
});

Deno.test("a parameter from outside goes before defaults and sweeps", () => {
  const raw = small({
    params: { loss: "1%" },
    sweep: { count: [1, 2] },
    nodes: { viz: { count: "$count" } },
    network: { default: { loss: "$loss" } },
  });
  const [scenario, ...others] = normaliseScenario(raw, { params: { loss: "7%", count: 5 } });
  assertEquals([scenario?.name, scenario?.nodes.length, scenario?.network.segments[0]?.link.loss, others], [
    "small",
    6,
    0.07,
    [],
  ]);
});

Deno.test("a bound may have a unit or be a count; a claim may say how often", () => {
  const { expect } = one(RICH);
  assertEquals(expect.metrics, [
    { metric: "discovery.all", statistic: "p99", operator: "<", value: 2_000_000, text: "<2s" },
    { metric: "suspicion.false", statistic: "value", operator: "=", value: 0, text: "0" },
    { metric: "lane.control.lost", statistic: "value", operator: ">=", value: 0, text: ">=0" },
    { metric: "lane.control.lost", statistic: "value", operator: "<", value: 0.05, text: "<5%" },
  ]);
  assertEquals(expect.sometimes, [{ claim: "suspected", atLeast: 1 }, { claim: "restarted", atLeast: 2 }]);
});

const at = (entry: Record<string, unknown>) => small({ timeline: [entry], duration: "60s" });

/** Mistakes, with where they are and what is told of them. */
const MISTAKES: readonly [what: string, raw: unknown, path: string, said: RegExp][] = [
  ["no mapping", [1, 2], "", /a list, not a mapping/],
  ["a key that is not there", small({ timelin: [] }), "timelin", /did you mean timeline/],
  [
    "a verb that is not there",
    at({ at: "10s", isolat: "viz-1" }),
    "timeline[0].isolat",
    /did you mean isolate/,
  ],
  ["no verb", at({ at: "10s" }), "timeline[0]", /has no verb/],
  ["two verbs", at({ at: "10s", crash: "viz-1", freeze: "viz-2" }), "timeline[0]", /two verbs/],
  ["no time", at({ crash: "viz-1" }), "timeline[0]", /does not say when/],
  ["a bare number", at({ at: 10, crash: "viz-1" }), "timeline[0].at", /10 has no unit; a duration/],
  [
    "a bare number of bytes",
    small({ traffic: [{ from: "app-0", to: "viz-0", rate: "1Hz", size: 96 }] }),
    "traffic[0].size",
    /96 has no unit; a size/,
  ],
  ["a wrong unit", at({ at: "10kB", crash: "viz-1" }), "timeline[0].at", /"10kB" is not a duration/],
  [
    "a verb about programs where there are none",
    at({ at: "10s", "kill-shim": "scene" }),
    "timeline[0].kill-shim",
    /the scenario has no programs/,
  ],
  [
    "a program that is not there",
    small({
      programs: { scene: { on: "viz-0" } },
      timeline: [{ at: "10s", "kill-shim": "scen" }],
      duration: "60s",
    }),
    "timeline[0].kill-shim.program",
    /there is no program scen.*did you mean scene/,
  ],
  [
    "a program that needs one that is not there",
    small({ programs: { scene: { on: "viz-0", needs: { engin: "ready" } }, engine: { on: "viz-0" } } }),
    "programs.scene.needs",
    /did you mean engine/,
  ],
  [
    "two ways to end",
    small({ programs: { scene: { on: "viz-0", does: { crash_after: "1s", ends_after: "2s" } } } }),
    "programs.scene.does.crash_after",
    /contradicts ends_after/,
  ],
  [
    "a number of times of nothing",
    small({ programs: { scene: { on: "viz-0", does: { times: 3 } } } }),
    "programs.scene.does.times",
    /nothing goes wrong/,
  ],
  [
    "programs that hang on a draw",
    small({ programs: { scene: { on: "@random(1)" } } }),
    "programs.scene.on",
    /must not hang on a draw/,
  ],
  ["a sign", at({ at: "-3s", crash: "viz-1" }), "timeline[0].at", /has a sign/],
  [
    "a share over all",
    small({ network: { default: { loss: "101%" } } }),
    "network.default.loss",
    /more than 100%/,
  ],
  [
    "a preset that is not there",
    small({ network: { default: "wlan" } }),
    "network.default",
    /did you mean lan/,
  ],
  [
    "a key of another distribution",
    small({ network: { default: { one_way: { dist: "constant", mean: "1ms" } } } }),
    "network.default.one_way.mean",
    /constant has none/,
  ],
  [
    "a node that is not there",
    at({ at: "10s", crash: "viz-8" }),
    "timeline[0].crash.nodes",
    /viz-8 means no node/,
  ],
  [
    "a range beyond the end",
    at({ at: "10s", crash: "viz-6..8" }),
    "timeline[0].crash.nodes",
    /there is no node viz-8/,
  ],
  [
    "a role that nobody has",
    at({ at: "10s", crash: "@role:leader" }),
    "timeline[0].crash.nodes",
    /@role:leader means no node/,
  ],
  [
    "a selector that is none",
    at({ at: "10s", crash: "@roles:app" }),
    "timeline[0].crash.nodes",
    /did you mean @role/,
  ],
  ["nobody", at({ at: "10s", crash: "viz-1, !viz-*" }), "timeline[0].crash.nodes", /means nobody/],
  [
    "a node in two groups",
    at({ at: "10s", partition: ["viz-0..4", "viz-4..7"], for: "1s" }),
    "timeline[0].partition[1]",
    /viz-4 is in group 0/,
  ],
  ["a fault in the warm-up", at({ at: "4s", crash: "viz-0" }), "timeline[0]", /warm-up/],
  ["a fault in the quiet tail", at({ at: "45s", crash: "viz-0" }), "timeline[0]", /quiet tail/],
  [
    "a fault that reaches into it",
    at({ at: "30s", freeze: "viz-0", for: "15s" }),
    "timeline[0]",
    /quiet tail/,
  ],
  ["an end of what has none", at({ at: "10s", mark: "x", for: "1s" }), "timeline[0].for", /has no length/],
  [
    "no end of what needs one",
    at({ at: "10s", flapping: { nodes: "viz-0", down: "1s", up: "1s" } }),
    "timeline[0].for",
    /is missing/,
  ],
  [
    "an old word",
    at({ at: "10s", crash: "viz-0", restart_after: "4s" }),
    "timeline[0].restart_after",
    /write `for`/,
  ],
  ["after nothing", at({ after: "t7", mark: "x" }), "timeline[0].after", /no entry t7/],
  [
    "one address for several",
    at({ at: "10s", address: { nodes: "viz-*", address: "10.0.9.9/16" } }),
    "timeline[0].address.nodes",
    /cannot share one address/,
  ],
  [
    "an interface that is not there",
    at({ at: "10s", interface: { nodes: "viz-0", name: "eth1", change: "down" } }),
    "timeline[0].interface.name",
    /viz-0 has no eth1/,
  ],
  [
    "a clock that does nothing",
    at({ at: "10s", clock: { nodes: "viz-0" } }),
    "timeline[0].clock",
    /changes nothing/,
  ],
  [
    "a role that cannot be guessed",
    { name: "x", nodes: { rack: { count: 2 } } },
    "nodes.rack.role",
    /is missing/,
  ],
  [
    "a segment that is not there",
    { name: "x", nodes: { viz: { segment: "wifi" } } },
    "nodes.viz.segment",
    /no segment wifi/,
  ],
  [
    "a copy of nobody",
    { name: "x", nodes: { viz: { clone_of: "viz-9" } } },
    "nodes.viz.clone_of",
    /no node viz-9/,
  ],
  [
    "a parameter that is not there",
    small({ params: { median: 1 }, network: { default: "$medan" } }),
    "network.default",
    /did you mean median/,
  ],
  ["an unknown base", { name: "x", extends: "bas" }, "extends", /did you mean base/],
  [
    "traffic twice",
    small({ traffic: [1, 2].map(() => ({ id: "a", from: "app-0", to: "viz-0", rate: "1Hz" })) }),
    "traffic[1].id",
    /there already/,
  ],
  [
    "traffic without a rate",
    small({ traffic: [{ from: "app-0", to: "viz-0" }] }),
    "traffic[0].rate",
    /is missing/,
  ],
  [
    "a bound of nothing",
    small({ expect: { metrics: { "discovery.all": "fast" } } }),
    "expect.metrics.discovery.all",
    /not a bound/,
  ],
  ["a run that is too short", small({ duration: "10s" }), "duration", /less than warmup and quiet/],
  ["a run that is too long", small({ duration: "49h" }), "duration", /more than 48h/],
];

for (const [what, raw, path, said] of MISTAKES) {
  Deno.test(`${what} is told with its place`, () => {
    const [line, why, hint] = refusal(raw);
    assertEquals(line, path === "" ? "show.yaml" : `show.yaml: ${path}`);
    assert(said.test(`${why} ${hint}`), `${why} | ${hint}`);
  });
}

Deno.test("a parameter from outside that nobody uses is a mistake", () => {
  const error = assertThrows(
    () => normaliseScenario({ name: "x", extends: "base", params: { count: 1 } }, { params: { cuont: 2 } }),
    HanaError,
  );
  assertEquals([error.what, error.why], [
    "x: params.cuont",
    "there is no such parameter; did you mean count?",
  ]);
});
