// The daemon's side of supervision: what is wanted of the programs of a node, on disk, and the shims that see to it.
// Decides when shims are started, found again and replaced. No sessions and no network in here.

export type {
  ApplyCall,
  ApplyResult,
  DesiredProgram,
  EventPage,
  EventQuery,
  LogListener,
  ProgramDelta,
  ProgramEventEntry,
  ProgramOrigin,
  Refusal,
  RestartCall,
  ShowProgram,
  ShowRecord,
  SignalCall,
  SpawnCall,
  StopCall,
  VerbCall,
  VerbResult,
} from "./calls.ts";
export { SUPERVISOR_LIMITS, type SupervisorLimits, type SupervisorOptions } from "./options.ts";
export type { SupervisorCounters } from "./context.ts";
export { findCycle, inOrder, isReached, missingOf, type NeedsOf } from "./needs.ts";
export { Supervisor } from "./supervisor.ts";
