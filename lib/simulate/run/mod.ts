// Playing a scenario: the world, its nodes, their faults and messages, the verdict.

export { FactBus } from "./facts.ts";
export { type FaultGround, type FaultHost, Faults, type FaultStation } from "./faults.ts";
export { keyRingOf } from "./mesh_keys.ts";
export { PLANTED_BUGS, type RunHarness } from "./harness.ts";
export { gaugesOf } from "./oracle.ts";
export { Traffic, type TrafficStation, type TrafficSurroundings } from "./traffic.ts";
export { qualityOf } from "./quality.ts";
export { type RunOptions, runScenario } from "./run.ts";
export { selectObservers } from "./selection.ts";
export { decide, holds, judgeClaims, judgeMetrics, statisticOf, worstVerdict } from "./verdict.ts";
export { followPaths, type TakenPath } from "./session_paths.ts";
export { TOLD_EVENTS } from "./station.ts";
