// Undo for one client: its own actions alone, newest first, as new writes.
// Decides what may be taken back without touching what others did since; the host decides every write as any other.

export { GROUP_US, MAX_STEPS, type SetStep, type Step, type StructureStep, UndoHistory } from "./history.ts";
export { StateUndo, type StateUndoOptions, type UndoResult } from "./undo.ts";
