// Leaders in simulated runs: who is meant by @leader, who commands, and what comes of commands that are too late.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import {
  type Fact,
  resolveSelector,
  type RunResult,
  runScenario,
  type Scenario,
} from "../../../../lib/simulate/mod.ts";
import { at, node, nodes, plan, SECOND, stream } from "./plans.ts";

const FIVE = [...nodes(2), node("app", 0), node("app", 1), node("app", 2)];
const commands = stream({
  id: "commands",
  kind: "command",
  from: "app-*",
  to: "viz-*",
  everyUs: 250_000,
  startUs: 8 * SECOND,
  endUs: 38 * SECOND,
});

async function play(scenario: Scenario): Promise<{ result: RunResult; facts: Fact[] }> {
  const facts: Fact[] = [];
  const result = await runScenario(scenario, {
    seed: 5,
    software: "0.1.0",
    onFact: (fact) => facts.push(fact),
  });
  assertEquals(result.violations, []);
  return { result, facts };
}

const times = { warmupUs: 8 * SECOND, durationUs: 50 * SECOND, quietUs: 12 * SECOND };

Deno.test("@leader is whoever may act when it is asked, the first app while nobody may, and nobody without apps", () => {
  const select = (leaders: string[], of = FIVE) =>
    resolveSelector("@leader", { nodes: of, leaders: () => leaders });
  assertEquals(select(["app-2"]), ["app-2"]);
  assertEquals(select([]), ["app-0"]);
  assertEquals(resolveSelector("!@leader", { nodes: FIVE, leaders: () => ["app-1"] }), [
    "viz-0",
    "viz-1",
    "app-0",
    "app-2",
  ]);
  assertThrows(() => select([], nodes(3)), HanaError, "means no node");
});

Deno.test("commands are sent by the leader alone, and by the next one after it crashed", async () => {
  const { facts, result } = await play(plan({
    ...times,
    nodes: FIVE,
    traffic: [commands],
    timeline: [at(15 * SECOND, { verb: "crash", nodes: "@leader" })],
  }));
  const [crash] = facts.filter((fact) => fact.kind === "fault" && fact.verb === "crash");
  const first = crash?.kind === "fault" ? crash.chosen[0] : "";
  const senders = (fromUs: number, toUs: number) => [
    ...new Set(
      facts.flatMap((fact) =>
        fact.kind === "sent" && fact.atUs >= fromUs && fact.atUs < toUs ? [fact.from] : []
      ),
    ),
  ];
  assertEquals(senders(0, 15 * SECOND), [first]);
  const [second, ...others] = senders(15 * SECOND, 50 * SECOND);
  assert(second !== undefined && second !== first && others.length === 0, `${second}, ${others}`);
  const terms = facts.flatMap((fact) => fact.kind === "commanded" ? [fact.token.term] : []);
  assert(terms.length > 100 && terms.every((term, index) => term >= (terms[index - 1] ?? 0)), terms.join());
  const { p50 = 0, count } = result.metrics["leader.failover"] ?? { count: 0 };
  assertEquals(count, 1);
  assert(p50 > 3 * SECOND && p50 <= 6 * SECOND, `${p50} µs without a leader`);
});

Deno.test("a command that was held until another leader had been obeyed is refused, and that is told", async () => {
  const { result } = await play(plan({
    ...times,
    nodes: FIVE,
    traffic: [commands],
    timeline: [
      at(14.5 * SECOND, { verb: "clog", from: "@leader", to: "viz-0" }, 1.1 * SECOND),
      at(15 * SECOND, { verb: "leave", nodes: "@leader" }, 10 * SECOND),
    ],
    expect: {
      sometimes: [{ claim: "command_refused", atLeast: 1 }, { claim: "command_obeyed", atLeast: 50 }],
    },
  }));
  assertEquals(result.verdict, "pass", result.reason ?? "");
  assert((result.metrics["leader.hand_over"]?.max ?? Infinity) <= 300_000);
});
