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
export {
  boundText,
  type BoundUse,
  boundUses,
  causalExcerpt,
  countText,
  EXCERPT_LINES,
  ExcerptKeeper,
  factLine,
  factText,
  identityOf,
  isAsWanted,
  junit,
  limitText,
  markdown,
  momentText,
  plainText,
  type RunFailure,
  type RunReport,
  type ScenarioReport,
  spanText,
  valueText,
  violatedIds,
  worstBound,
} from "./reports/mod.ts";
// What rehearsals on real machines (cli/simulate/real) share with simulated runs.
export {
  decide,
  FactBus,
  type FaultGround,
  type FaultHost,
  Faults,
  type FaultStation,
  judgeClaims,
  judgeMetrics,
  keyRingOf,
  qualityOf,
  selectObservers,
} from "./run/mod.ts";
export { Link, LOST, SimulatedRandom, SpecLink, type Traffic } from "../platform/simulated/mod.ts";
export {
  canonical,
  defineScenario,
  denormalise,
  hashScenario,
  LINK_PRESETS,
  type LinkPreset,
  normaliseScenario,
  type NormaliseOptions,
  resolveSelector,
  type ScenarioDefinition,
  scenarioSchema,
  type SelectionContext,
  TimelineBuilder,
  VERBS,
} from "./language/mod.ts";
export { CLAIMS, OBSERVERS, registerObserver } from "./observers/mod.ts";
export { PLANTED_BUGS, type RunHarness, type RunOptions, runScenario, worstVerdict } from "./run/mod.ts";
export { catalogue, type CatalogueEntry, type CatalogueSuite } from "./catalogue/mod.ts";
