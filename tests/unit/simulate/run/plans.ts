// Scenarios for tests, in their normal form: a small mesh, and what a test adds to it.

import type {
  Action,
  Expectations,
  LinkSpec,
  NodePlan,
  Scenario,
  TimedAction,
  TrafficPlan,
} from "../../../../lib/simulate/mod.ts";

export const MS = 1_000;
export const SECOND = 1_000_000;

/** A switched network: 150 µs and a little more. */
export const LAN: LinkSpec = { delay: { kind: "exponential", minUs: 150, meanUs: 50 } };

/** Node number `index` of a group, on a machine of its own. */
export function node(group: string, index: number, more: Partial<NodePlan> = {}): NodePlan {
  const name = `${group}-${index}`;
  const block = group === "viz" ? 0 : group === "app" ? 1 : 2;
  return {
    name,
    group,
    role: group === "app" ? "app" : "visualization",
    host: `${name}-host`,
    interfaces: [{ name: "eth0", segment: "lan", address: `10.0.${block}.${index + 1}`, prefix: 16 }],
    startUs: 0,
    tags: {},
    key: 0,
    seeds: [],
    ...more,
  };
}

/** `count` nodes `viz-0` … */
export function nodes(count: number, more: Partial<NodePlan> = {}): NodePlan[] {
  return Array.from({ length: count }, (_, index) => node("viz", index, more));
}

/** Something at its time. */
export function at(atUs: number, action: Action, forUs?: number): Omit<TimedAction, "id"> {
  return { atUs, action, ...(forUs === undefined ? {} : { forUs }) };
}

/** A stream of small messages from the end of the warm-up to two seconds before the end. */
export function stream(more: Partial<TrafficPlan> = {}): TrafficPlan {
  return {
    id: "s0",
    from: "viz-0",
    to: "viz-1",
    lane: "control",
    kind: "stream",
    everyUs: 50 * MS,
    bytes: 100,
    startUs: 3 * SECOND,
    endUs: 28 * SECOND,
    ...more,
  };
}

/** What a test says of a scenario. */
export interface PlanOptions extends Partial<Omit<Scenario, "timeline" | "expect" | "network">> {
  readonly timeline?: readonly Omit<TimedAction, "id">[];
  readonly expect?: Partial<Expectations>;
  readonly link?: LinkSpec;
  readonly overrides?: Scenario["network"]["overrides"];
}

/** A scenario of four nodes and half a minute, the last ten seconds quiet, unless said otherwise. */
export function plan(options: PlanOptions = {}): Scenario {
  const { timeline = [], expect = {}, link = LAN, overrides = [], ...more } = options;
  return {
    version: "hana-sim/1",
    name: "test",
    summary: "",
    tags: [],
    warmupUs: 3 * SECOND,
    durationUs: 30 * SECOND,
    quietUs: 10 * SECOND,
    nodes: nodes(4),
    traffic: [],
    ...more,
    network: { segments: [{ name: "lan", link }], overrides },
    timeline: timeline.map((timed, index) => ({ id: `t${index}`, ...timed })),
    expect: { invariants: ["default"], metrics: [], sometimes: [], ...expect },
  };
}
