// Shrinking: from a scenario that fails to the smallest one that still breaks the same rule.
// Decides what is taken away and in which order; never how a scenario is played.

export type { ShrinkOptions, ShrinkProgress, ShrinkResult, ShrinkStep } from "./session.ts";
export { shrinkScenario } from "./shrink.ts";
