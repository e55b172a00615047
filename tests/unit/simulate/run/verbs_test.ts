// What each verb of a timeline does to the nodes, as the facts tell it.

import { assert, assertEquals } from "@std/assert";
import {
  type Action,
  type Fact,
  type RunResult,
  runScenario,
  type Scenario,
} from "../../../../lib/simulate/mod.ts";
import { at, node, nodes, plan, SECOND, stream } from "./plans.ts";

interface Played {
  readonly result: RunResult;
  readonly facts: Fact[];
}

async function play(scenario: Scenario): Promise<Played> {
  const facts: Fact[] = [];
  const result = await runScenario(scenario, {
    seed: 9,
    software: "0.1.0",
    onFact: (fact) => facts.push(fact),
  });
  assertEquals(result.violations, []);
  assertEquals(result.verdict, "pass", result.reason ?? "");
  return { result, facts };
}

/** Plays one action from 5 s on, with traffic between all. */
function act(action: Action, forUs?: number): Promise<Played> {
  const traffic = [stream({ from: "viz-*", to: "viz-*", everyUs: 200_000 })];
  return play(plan({ traffic, timeline: [at(5 * SECOND, action, forUs)] }));
}

const states = (facts: readonly Fact[], state: string): string[] =>
  facts.flatMap((fact) =>
    fact.kind === "view" && fact.state === state && fact.before !== state && fact.before !== null
      ? [`${fact.observer}>${fact.subject}`]
      : []
  ).sort();

const toViz2 = ["viz-0>viz-2", "viz-1>viz-2", "viz-3>viz-2"];
const fromViz2 = ["viz-2>viz-0", "viz-2>viz-1", "viz-2>viz-3"];

Deno.test("isolate: nobody hears the node, and the node hears nobody", async () => {
  const { facts } = await act({ verb: "isolate", nodes: "viz-2" }, 8 * SECOND);
  assertEquals(states(facts, "dead"), toViz2);
  // Who loses everybody at once is the one that is cut off, and knows it.
  assertEquals(states(facts, "partitioned"), fromViz2);
});

Deno.test("cut: one direction alone", async () => {
  const { facts } = await act({ verb: "cut", from: "viz-2", to: "@all" }, 8 * SECOND);
  assertEquals(states(facts, "dead"), toViz2);
});

Deno.test("heal: ends what was cut before its time", async () => {
  const { facts } = await play(plan({
    timeline: [
      at(5 * SECOND, { verb: "isolate", nodes: "viz-2" }, 14 * SECOND),
      at(11 * SECOND, { verb: "heal" }),
    ],
  }));
  const back = facts.filter((fact) =>
    fact.kind === "view" && (fact.before === "dead" || fact.before === "partitioned") &&
    fact.state === "alive"
  );
  assert(back.length === 6 && back.every(({ atUs }) => atUs < 13 * SECOND));
});

Deno.test("clog: messages wait and then come in order", async () => {
  const { result } = await act({ verb: "clog", from: "viz-2", to: "viz-1" }, 2 * SECOND);
  assertEquals(result.metrics["lane.control.lost"]?.value, 0);
  assert((result.metrics["lane.control.gap"]?.max ?? 0) > 1.5 * SECOND);
});

Deno.test("link: a direction fares otherwise for a while", async () => {
  const slow = { delay: { kind: "constant", us: 90_000 } } as const;
  const { result } = await act({ verb: "link", from: "viz-2", to: "viz-1", link: slow }, 5 * SECOND);
  assert((result.metrics["lane.control.latency"]?.max ?? 0) >= 90_000);
  assert((result.metrics["lane.control.latency"]?.p50 ?? Infinity) < 1_000);
});

Deno.test("group-loss: nobody is lost, because unicast lives", async () => {
  const { facts, result } = await act({ verb: "group-loss", nodes: "viz-2", loss: 1 }, 10 * SECOND);
  assertEquals(states(facts, "dead"), []);
  assert((result.metrics["frames.lost"]?.value ?? 0) > 50);
});

for (const change of ["down", "remove"] as const) {
  Deno.test(`interface ${change}: the node is lost, and found when the interface is back`, async () => {
    const { facts } = await act({ verb: "interface", nodes: "viz-2", name: "eth0", change }, 8 * SECOND);
    assertEquals(states(facts, "dead"), toViz2);
    assertEquals(states(facts, "partitioned"), fromViz2);
    const back = facts.filter((fact) =>
      fact.kind === "view" && (fact.before === "dead" || fact.before === "partitioned") &&
      fact.state === "alive"
    );
    assertEquals(back.length, 6);
  });
}

Deno.test("wrong-interface: a better-looking way to nowhere costs nobody", async () => {
  const { facts } = await act({ verb: "wrong-interface", nodes: "viz-2" }, 8 * SECOND);
  assertEquals(states(facts, "suspect"), []);
});

Deno.test("address: the node goes on under its new address", async () => {
  const { facts } = await act({
    verb: "address",
    nodes: "viz-2",
    name: "eth0",
    address: "10.0.7.7",
    prefix: 16,
  });
  assertEquals(states(facts, "dead"), []);
  const late = facts.filter((fact) =>
    fact.kind === "received" && fact.to === "viz-2" && fact.atUs > 20 * SECOND
  );
  assert(late.length > 50);
});

Deno.test("crash: silence, and another life when its time is over", async () => {
  const { facts } = await act({ verb: "crash", nodes: "viz-2" }, 8 * SECOND);
  assertEquals(states(facts, "dead"), toViz2);
  const starts = facts.filter((fact) => fact.kind === "node-started" && fact.node === "viz-2");
  assertEquals(starts.map(({ atUs }) => atUs), [0, 13 * SECOND]);
  const [first, second] = starts.flatMap((fact) => fact.kind === "node-started" ? [fact] : []);
  assertEquals(first?.id, second?.id);
  assert((second?.incarnation ?? 0) > (first?.incarnation ?? 0));
});

Deno.test("power-loss: everything on the machine is gone and comes back with it", async () => {
  const rack = nodes(2).map((each) => ({ ...each, host: "rack", interfaces: nodes(1)[0]?.interfaces ?? [] }));
  const { facts } = await play(plan({
    nodes: [...rack, ...nodes(4).slice(2)],
    timeline: [at(5 * SECOND, { verb: "power-loss", nodes: "viz-0" }, 8 * SECOND)],
  }));
  const stopped = facts.flatMap((fact) => fact.kind === "node-stopped" ? [`${fact.node} ${fact.how}`] : []);
  assertEquals(stopped, ["viz-0 power-loss", "viz-1 power-loss"]);
  assertEquals(facts.filter(({ kind, atUs }) => kind === "node-started" && atUs === 13 * SECOND).length, 2);
});

Deno.test("freeze: suspicions count as those of a stalled node, and it notices itself", async () => {
  const { result, facts } = await act({ verb: "freeze", nodes: "viz-2" }, 4 * SECOND);
  assert((result.metrics["suspicion.stalled"]?.value ?? 0) >= 3);
  assertEquals(result.metrics["suspicion.false"]?.value, 0);
  assert(
    facts.some((fact) => fact.kind === "discovery" && fact.event === "stalled" && fact.node === "viz-2"),
  );
});

Deno.test("slow: answers wait for each other, and nobody is lost", async () => {
  const traffic = [stream({ kind: "request", from: "!viz-2", to: "viz-2" })];
  const { facts, result } = await play(plan({
    traffic,
    timeline: [at(5 * SECOND, { verb: "slow", nodes: "viz-2", extraUs: 8_000 }, 8 * SECOND)],
  }));
  assertEquals(states(facts, "suspect"), []);
  assert((result.metrics["lane.control.answer"]?.max ?? 0) > 8_000);
  assert((result.metrics["lane.control.answer"]?.min ?? Infinity) < 1_000);
});

Deno.test("restart: goodbye, and a new life that says the new version", async () => {
  const { facts, result } = await act({ verb: "restart", nodes: "viz-2", software: "0.2.0" });
  assertEquals(states(facts, "left"), toViz2);
  assert((result.metrics["undiscovery.leave"]?.max ?? Infinity) < SECOND);
  assertEquals(facts.filter((fact) => fact.kind === "node-started" && fact.node === "viz-2").length, 2);
});

Deno.test("restart for a while: the node stays away so long", async () => {
  const { facts } = await act({ verb: "restart", nodes: "viz-2" }, 4 * SECOND);
  const starts = facts.filter((fact) => fact.kind === "node-started" && fact.node === "viz-2");
  assertEquals(starts.map(({ atUs }) => atUs), [0, 9 * SECOND]);
});

Deno.test("leave and start: goodbye for good, and one who comes late", async () => {
  const { facts } = await play(plan({
    nodes: [...nodes(3), node("viz", 3, { startUs: null })],
    timeline: [
      at(5 * SECOND, { verb: "leave", nodes: "viz-2" }),
      at(8 * SECOND, { verb: "start", nodes: "viz-3" }),
    ],
  }));
  assertEquals(states(facts, "left"), ["viz-0>viz-2", "viz-1>viz-2"]);
  assertEquals(states(facts, "dead"), []);
  const met = facts.filter((fact) => fact.kind === "view" && fact.op === "add" && fact.observer === "viz-3");
  assertEquals(met.length, 2);
});

Deno.test("clock: a wall clock that is set back a minute costs nobody, not even over a restart", async () => {
  const { facts } = await play(plan({
    timeline: [
      at(5 * SECOND, { verb: "clock", nodes: "viz-2", change: { kind: "step", ms: -60_000 } }),
      at(5 * SECOND, { verb: "clock", nodes: "viz-1", change: { kind: "drift", ppm: 500 } }),
      at(5 * SECOND, {
        verb: "clock",
        nodes: "viz-0",
        change: { kind: "sine", amplitudeMs: 40, periodUs: 6e6 },
      }, 5e6),
      at(6 * SECOND, { verb: "crash", nodes: "viz-2" }, SECOND),
    ],
  }));
  const restarts = facts.filter((fact) => fact.kind === "discovery" && fact.event === "restarted");
  assertEquals(restarts.length, 3);
});

Deno.test("a cloned disk: one of the two takes a new id, and both are met", async () => {
  const { facts } = await play(plan({
    nodes: [...nodes(3), node("viz", 3, { startUs: 4 * SECOND, cloneOf: "viz-0" })],
    expect: { sometimes: [{ claim: "id_conflict", atLeast: 1 }] },
  }));
  const ids = facts.flatMap((fact) => fact.kind === "node-started" ? [fact.id] : []);
  assertEquals(ids.length, 5);
  assertEquals(new Set(ids).size, 4);
});

Deno.test("two nodes that want one name: the later one takes another", async () => {
  const { facts } = await play(plan({
    nodes: [...nodes(3), node("viz", 3, { startUs: 4 * SECOND, wantedName: "viz-0" })],
    expect: { sometimes: [{ claim: "renamed", atLeast: 1 }] },
  }));
  assert(
    facts.some((fact) => fact.kind === "view" && fact.subject === "viz-3" && fact.listedName === "viz-0-2"),
  );
});

Deno.test("strangers knock at the door and stay outside", async () => {
  const { facts } = await play(plan({
    nodes: [...nodes(2), node("viz", 2, { key: 1 }), node("viz", 3, { key: null })],
    traffic: [
      stream({ id: "s0", from: "viz-2..3", to: "viz-0..1" }),
      stream({ id: "s1", from: "viz-0", to: "viz-2..3", kind: "request" }),
    ],
  }));
  assertEquals(facts.filter(({ kind }) => kind === "session" || kind === "received").length, 0);
  assert(facts.filter(({ kind }) => kind === "sent").length > 100);
});
