// The simulator: the node that ships, on a virtual network and virtual time, judged by an oracle.
// Decides what a scenario is, how it is played and what counts as failing. Never a second implementation of a node.

export {
  type Action,
  type Claim,
  type ClockChange,
  type DelaySpec,
  type Expectations,
  type LinkOverride,
  type LinkSpec,
  type MetricBound,
  type NetworkPlan,
  type NodePlan,
  type Scenario,
  SCENARIO_VERSION,
  type Selector,
  type TimedAction,
  type TrafficPlan,
} from "./scenario.ts";
export type {
  Fact,
  FrameSample,
  Gauge,
  MetricValue,
  ObserverDefinition,
  Oracle,
  PathQuality,
  RunContext,
  RunObserver,
  RunResult,
  Violation,
} from "./observe.ts";
