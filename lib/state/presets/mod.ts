// Presets and snapshots: how the shared state stood, by name in the state itself or as a file.
// Decides what belongs to a snapshot, its forms, and how it is put back.

export {
  type LoadOptions,
  type LoadProblem,
  type LoadReport,
  loadSnapshot,
  type SkippedValue,
} from "./load.ts";
export { presetDefinition, type PresetInfo, PresetLibrary, type SaveOptions } from "./library.ts";
export {
  MAX_PARTS,
  PART_BYTES,
  type PresetHead,
  presetPath,
  type PresetRecord,
  readHead,
  readRecord,
  toRecord,
} from "./record.ts";
export {
  compareSnapshots,
  MAX_SNAPSHOT_VALUES,
  PRESETS_SUBSYSTEM,
  type Snapshot,
  type SnapshotChange,
  type SnapshotDifference,
  type SnapshotEntry,
  type SnapshotOptions,
  takeSnapshot,
} from "./snapshot.ts";
export { MAX_SNAPSHOT_LENGTH, type NamedSnapshot, SNAPSHOT_VERSION } from "./yaml_form.ts";
export { type FormatOptions, formatSnapshot, parseSnapshot } from "./yaml_text.ts";
