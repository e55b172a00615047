// A scenario in its normal form: plain data with every unit, default, selector range and generator resolved, so that
// its hash names it, a shrinker can take it apart, and two runs of it are the same.
// Decides the vocabulary of the simulator; never how a scenario is written by hand (normalise.ts) or played (run.ts).
// Times are integer microseconds since the run began, sizes bytes, rates shares from 0 to 1.

import type { Role } from "../base/mod.ts";
import type { Selector } from "./selector_text.ts";
import type { LinkSpec } from "../platform/simulated/mod.ts";
import type { ProgramAction, ProgramPlan } from "./program_plan.ts";
import type { StateAction, StatePlan } from "./state_plan.ts";

export type { Selector } from "./selector_text.ts";
export type { DelaySpec, LinkSpec } from "../platform/simulated/mod.ts";

/** The version that scenario files name. */
export const SCENARIO_VERSION = "hana-sim/1";

/** A scenario, ready to be played. */
export interface Scenario {
  readonly version: typeof SCENARIO_VERSION;
  readonly name: string;
  /** One or two sentences for people: what it stands for. */
  readonly summary: string;
  /** Words to find it by; `planted-bug:NAME` plants a bug that observers must catch, so that the run must fail. */
  readonly tags: readonly string[];
  /** By then all nodes must see each other, else the run is `invalid`. Faults come after it. */
  readonly warmupUs: number;
  /** The whole run, warm-up and quiet tail included. */
  readonly durationUs: number;
  /** The tail without faults, in which liveness is judged. */
  readonly quietUs: number;
  readonly network: NetworkPlan;
  readonly nodes: readonly NodePlan[];
  readonly traffic: readonly TrafficPlan[];
  /** Programs that nodes supervise; left out where there are none. */
  readonly programs?: readonly ProgramPlan[];
  /** Shared state; left out where there is none. */
  readonly state?: StatePlan;
  /** In the order of `atUs`; generators are expanded already. */
  readonly timeline: readonly TimedAction[];
  readonly expect: Expectations;
}

/** Segments and how their links fare. */
export interface NetworkPlan {
  readonly segments: readonly { readonly name: string; readonly link: LinkSpec }[];
  /** Links of some nodes fare differently: the last one that fits wins. */
  readonly overrides: readonly LinkOverride[];
}

/** What is special about frames from some nodes to others. */
export interface LinkOverride {
  readonly from: Selector;
  readonly to: Selector;
  readonly link: LinkSpec;
}

/** One node. */
export interface NodePlan {
  readonly name: string;
  /** The group that it was written as: `viz` of `viz-3`. */
  readonly group: string;
  readonly role: Exclude<Role, "observer">;
  /** The machine; nodes with the same host share it. */
  readonly host: string;
  readonly interfaces: readonly {
    readonly name: string;
    readonly segment: string;
    readonly address: string;
    readonly prefix: number;
  }[];
  /** When it starts first; Infinity is written as null: a `start` action brings it. */
  readonly startUs: number | null;
  readonly tags: Readonly<Record<string, string>>;
  /** Which mesh key it holds: 0 is the mesh's, others are strangers, null is an open node. */
  readonly key: number | null;
  /** Addresses asked by unicast. */
  readonly seeds: readonly string[];
  /** The name that it asks the mesh for, where that differs from `name`. */
  readonly wantedName?: string;
  /** Takes over the identity files of this node: a cloned disk. */
  readonly cloneOf?: string;
}

/** Messages that flow by themselves. */
export interface TrafficPlan {
  readonly id: string;
  readonly from: Selector;
  readonly to: Selector;
  readonly lane: "control" | "state" | "modulation" | "events" | "telemetry";
  /** A command is a request that only a leader sends, with its token, and that goes through the fence of its executor. */
  readonly kind: "stream" | "request" | "command";
  readonly everyUs: number;
  readonly bytes: number;
  readonly startUs: number;
  readonly endUs: number;
}

/** An action at its time; `forUs` undoes it by itself where that makes sense. */
export interface TimedAction {
  /** Stable name of the action within the scenario: `t0`, `t1`, `t1.2` for the parts of a generator. */
  readonly id: string;
  readonly atUs: number;
  readonly forUs?: number;
  readonly action: Action;
}

/** What can happen. */
export type Action =
  | { readonly verb: "partition"; readonly groups: readonly Selector[] }
  | { readonly verb: "isolate"; readonly nodes: Selector }
  | { readonly verb: "cut"; readonly from: Selector; readonly to: Selector }
  | { readonly verb: "heal" }
  /** Frames are held until it ends, then let out in order. */
  | { readonly verb: "clog"; readonly from: Selector; readonly to: Selector }
  | { readonly verb: "link"; readonly from: Selector; readonly to: Selector; readonly link: LinkSpec }
  /** Multicast and broadcast are lost while unicast lives. */
  | { readonly verb: "group-loss"; readonly nodes: Selector; readonly loss: number }
  | {
    readonly verb: "interface";
    readonly nodes: Selector;
    readonly name: string;
    readonly change: "down" | "up" | "remove" | "recreate";
  }
  /** Adds an interface on a segment of its own that leads nowhere, and makes it the default one. */
  | { readonly verb: "wrong-interface"; readonly nodes: Selector }
  | {
    readonly verb: "address";
    readonly nodes: Selector;
    readonly name: string;
    readonly address: string;
    readonly prefix: number;
  }
  | { readonly verb: "crash"; readonly nodes: Selector }
  /** As crash, and what was not synced to disk is gone. */
  | { readonly verb: "power-loss"; readonly nodes: Selector }
  /** Nothing runs on the host until it ends; then everything that was due runs late. */
  | { readonly verb: "freeze"; readonly nodes: Selector }
  /** Every callback keeps its host busy for this much longer: what comes after it waits. */
  | { readonly verb: "slow"; readonly nodes: Selector; readonly extraUs: number }
  | { readonly verb: "restart"; readonly nodes: Selector; readonly software?: string }
  | { readonly verb: "start"; readonly nodes: Selector }
  | { readonly verb: "leave"; readonly nodes: Selector }
  | { readonly verb: "clock"; readonly nodes: Selector; readonly change: ClockChange }
  /** A note in the report. */
  | { readonly verb: "mark"; readonly text: string }
  | ProgramAction
  | StateAction;

/** How a wall clock goes wrong. The monotonic clock never does. */
export type ClockChange =
  | { readonly kind: "offset"; readonly ms: number }
  | { readonly kind: "step"; readonly ms: number }
  | { readonly kind: "drift"; readonly ppm: number }
  | { readonly kind: "sine"; readonly amplitudeMs: number; readonly periodUs: number };

/** What a run must show. */
export interface Expectations {
  /** Ids of invariants; `default` stands for all that are on by default. */
  readonly invariants: readonly string[];
  readonly metrics: readonly MetricBound[];
  /** What must have happened, or the run proved nothing. */
  readonly sometimes: readonly Claim[];
}

/** A bound on one statistic of one metric: `discovery.all.p99 < 2s`. */
export interface MetricBound {
  readonly metric: string;
  readonly statistic: "value" | "count" | "min" | "p50" | "p95" | "p99" | "max";
  readonly operator: "<" | "<=" | "=" | ">=" | ">";
  /** In the metric's own unit: µs for times. */
  readonly value: number;
  /** As it was written, for people. */
  readonly text: string;
}

/** A claim such as `suspected >= 1`. */
export interface Claim {
  readonly claim: string;
  readonly atLeast: number;
}
