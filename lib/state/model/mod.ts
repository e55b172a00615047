// The words of shared state: paths, numbers, epochs, values, definitions, entries.
// Types, constants, and a table by such numbers.

export { IdTable } from "./id_table.ts";
export {
  type ClientNumber,
  type ClientSequence,
  compareEpochs,
  isBelow,
  isPath,
  MAX_PATH_LENGTH,
  MAX_SEGMENT_LENGTH,
  MAX_SEGMENTS,
  type PathId,
  type StateEpoch,
  type SubsystemNumber,
  type Version,
} from "./ids.ts";
export {
  CLAIM_LEASE_US,
  DEFAULT_PRIORITY,
  type LossRule,
  MAX_PRIORITY,
  type MergeRule,
  MIN_PRIORITY,
  type ParameterDefinition,
  RATE_US,
  type RateClass,
  type StateEntry,
  type StateValue,
  type ValueType,
} from "./values.ts";
