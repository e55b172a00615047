// Undo for one client: its own actions alone, newest first, as new writes.
// Decides what may be taken back without touching what others did since; the host decides every write as any other.

export {
  GROUP_US,
  type GroupStep,
  MAX_GROUPED,
  MAX_STEPS,
  type SetStep,
  type Step,
  type StructureStep,
  UndoHistory,
} from "./history.ts";
export { type SkippedStep, StateUndo, type StateUndoOptions, type UndoResult } from "./undo.ts";
