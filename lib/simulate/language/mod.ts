// The scenario language: what people write, read into the normal form that a runner plays.
// Decides words, units, selectors and errors of scenario files; never what a run does with them.

export { checkScenario, MAX_DURATION_US } from "./check.ts";
export { denormalise } from "./denormalise.ts";
export { scenarioSchema } from "./document.ts";
export { canonical, hashScenario } from "./hash.ts";
export { type NormaliseOptions, normaliseScenario, normaliseSingle } from "./normalise.ts";
export { LINK_PRESETS, type LinkPreset } from "./presets.ts";
export {
  isRandomSelector as isRandom,
  isSettledSelector as isSettled,
  namesOf,
  resolveSelector,
  type SelectionContext,
} from "./selector.ts";
export { VERBS } from "./timeline.ts";
export { ActionBuilder, defineScenario, type ScenarioDefinition, TimelineBuilder } from "./define.ts";
