// Modulation: what LFOs, audio and trackers do to parameters a thousand times a second, beside the shared state.
// Decides the one effective value that comes of both, and its reason. Never writes into the state and never changes who
// holds what. docs/meters-and-modulation.md has the bytes.

export { type ExplainedSource, type ModulationExplanation, type ModulationFate } from "./explanation.ts";
export {
  FRAME_NAMED,
  MAX_SOURCE,
  MODULATION_FRAME,
  MODULATION_PROBLEMS,
  ModulationFrameReader,
  type ModulationProblem,
} from "./frame.ts";
export { ModulationLayout, type ModulationSlot } from "./layout.ts";
export {
  MAX_BINDINGS,
  MAX_EFFECTS,
  MAX_EFFECTS_PER_SLOT,
  MAX_FACTOR,
  MAX_MODULATED_SLOTS,
  MAX_MODULATION_BYTES,
  MAX_MODULATION_SOURCES,
  MAX_SOURCE_NAME_BYTES,
  MAX_SOURCES_PER_PEER,
  MODULATION_FADE_US,
  MODULATION_LANE,
  MODULATION_LEASE_US,
  MODULATION_MODES,
  MODULATION_PACE,
  type ModulationMode,
  NAME_EVERY_US,
} from "./limits.ts";
export { STATE_MODULATION } from "./messages.ts";
export { type BaseValues, ModulatedValues, type ModulationCounters } from "./modulated_values.ts";
export {
  type ModulationBinding,
  ModulationSource,
  type ModulationSourceCounters,
  type ModulationSourceOptions,
} from "./source.ts";
