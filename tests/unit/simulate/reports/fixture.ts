// Runs that were never played: results and facts by hand, for reports to write about.

import type { NodeId } from "../../../../lib/base/mod.ts";
import type {
  Fact,
  RunReport,
  RunResult,
  Scenario,
  ScenarioReport,
  Violation,
} from "../../../../lib/simulate/mod.ts";
import { hashScenario, identityOf, normaliseScenario } from "../../../../lib/simulate/mod.ts";

/** A text that breaks whatever is not careful: markup, quotes, line ends, terminal escapes, reversed reading order. */
export const HOSTILE =
  `</script><img src=x onerror="window.broken=1">&amp;'\`|*[x](y)\u001b[31m\r\n]]>\u202e\ud800`;

/** Three visualizations and an app. */
export function scenarioFor(
  options: { readonly summary?: string; readonly bounds?: readonly string[] } = {},
): Scenario {
  const [scenario] = normaliseScenario({
    version: "hana-sim/1",
    name: "fixture",
    summary: options.summary ?? "three machines and an app",
    nodes: { viz: { count: 3 }, app: { count: 1 } },
    warmup: "2s",
    quiet: "5s",
    duration: "20s",
    timeline: [{ at: "5s", crash: "viz-1" }, { at: "8s", restart: "viz-1" }],
    expect: {
      invariants: ["no_false_death", "no_ghosts"],
      metrics: { "discovery.all.p99": "<2s" },
      sometimes: ["suspected"],
    },
  });
  if (scenario === undefined) throw new Error("the fixture is no scenario");
  return scenario;
}

/** A result of it. */
export function resultOf(scenario: Scenario, parts: Partial<RunResult> = {}): RunResult {
  return {
    scenario: scenario.name,
    hash: hashScenario(scenario),
    seed: 7,
    software: "1.2.3+abc",
    verdict: "pass",
    simulatedUs: 20_000_000,
    events: 12_345,
    digest: "0123456789abcdef",
    metrics: {
      "discovery.all": {
        unit: "us",
        count: 4,
        min: 900,
        p50: 12_000,
        p95: 1_400_000,
        p99: 1_500_000,
        max: 1_600_000,
      },
      "bytes.total": { unit: "bytes", count: 1, value: 731_000 },
    },
    violations: [],
    claims: [{ claim: "suspected", times: 3, atLeast: 1 }],
    reason: null,
    ...parts,
  };
}

/** A rule that was broken. */
export function violationOf(parts: Partial<Violation> = {}): Violation {
  return {
    id: "no_false_death",
    kind: "safety",
    atUs: 12_480_000,
    nodes: ["app-0", "viz-2"],
    text: "app-0 declared viz-2 dead though both directions were usable",
    ...parts,
  };
}

/** A run of it, as reports want it. */
export function runOf(result: RunResult, excerpt: readonly Fact[] = []): RunReport {
  return { result, wallMs: 250, excerpt, repro: `hana simulate replay ${identityOf(result)}` };
}

/** All runs of it. */
export function reportOf(
  scenario: Scenario,
  runs: readonly RunReport[],
  parts: Partial<ScenarioReport> = {},
): ScenarioReport {
  return {
    scenario,
    hash: hashScenario(scenario),
    invariants: ["no_false_death", "no_ghosts"],
    runs,
    failures: [],
    mustFail: false,
    ...parts,
  };
}

const ID = "00112233445566778899aabbccddeeff" as NodeId;

/** What happened in a run in which viz-1 crashes and comes back, and app-0 is wrong about viz-2. */
export function factsOf(violation: Violation | null): Fact[] {
  const facts: Fact[] = [];
  const view = (
    atUs: number,
    observer: string,
    subject: string,
    state: "alive" | "suspect" | "dead",
    before: "alive" | "suspect" | "dead" | null,
  ): void => {
    const op = before === null ? "add" : "update";
    facts.push({
      kind: "view",
      atUs,
      observer,
      subject,
      id: ID,
      op,
      state,
      before,
      incarnation: 1,
      listedName: subject,
    });
  };
  const nodes = ["viz-0", "viz-1", "viz-2", "app-0"];
  for (const node of nodes) {
    facts.push({ kind: "node-started", atUs: 0, node, id: ID, incarnation: 1 });
    facts.push({ kind: "node-ready", atUs: 10_000, node });
  }
  for (const observer of nodes) {
    for (const subject of nodes) if (observer !== subject) view(20_000, observer, subject, "alive", null);
  }
  const fault = {
    kind: "fault",
    action: "t0",
    verb: "crash",
    chosen: ["viz-1"],
    text: "crash viz-1",
  } as const;
  facts.push({ kind: "phase", atUs: 2_000_000, phase: "warm" });
  facts.push({ kind: "node-stopped", atUs: 5_000_000, node: "viz-1", how: "crash" });
  facts.push({ ...fault, atUs: 5_000_000, phase: "begin" });
  view(6_000_000, "app-0", "viz-1", "suspect", "alive");
  view(7_000_000, "app-0", "viz-1", "dead", "suspect");
  facts.push({ kind: "node-started", atUs: 8_000_000, node: "viz-1", id: ID, incarnation: 2 });
  facts.push({ ...fault, atUs: 8_000_000, phase: "end" });
  facts.push({ kind: "node-ready", atUs: 8_010_000, node: "viz-1" });
  view(8_020_000, "app-0", "viz-1", "alive", "dead");
  for (let i = 0; i < 40; i++) {
    const fate = i % 10 === 3 ? "lost" : "delivered";
    const atUs = 12_000_000 + i * 10_000;
    facts.push({
      kind: "frame",
      atUs,
      from: "viz-2",
      to: "app-0",
      bytes: 120,
      type: "heartbeat",
      fate,
      arrivesUs: atUs + 180,
    });
  }
  view(12_400_000, "app-0", "viz-2", "suspect", "alive");
  view(12_480_000, "app-0", "viz-2", "dead", "suspect");
  if (violation !== null) facts.push({ kind: "violation", atUs: violation.atUs, violation });
  facts.push({ kind: "phase", atUs: 15_000_000, phase: "quiet" });
  facts.push({ kind: "phase", atUs: 20_000_000, phase: "end" });
  return facts;
}
