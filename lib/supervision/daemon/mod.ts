// The daemon's side of supervision: what is wanted of the programs of a node, on disk, and the shims that see to it.
// Decides when shims are started, found again and replaced. No sessions and no network in here.

export type {
  ApplyCall,
  ApplyResult,
  DesiredProgram,
  EventPage,
  EventQuery,
  LogListener,
  PrepareCall,
  PrepareResult,
  ProgramDelta,
  ProgramEventEntry,
  ProgramOrigin,
  Refusal,
  ReleasedProgram,
  RestartCall,
  RollOutCall,
  RollOutResult,
  ShowChange,
  ShowProblem,
  ShowProgram,
  ShowRecord,
  ShowStanding,
  SignalCall,
  SpawnCall,
  StopCall,
  VerbCall,
  VerbResult,
} from "./calls.ts";
export { SUPERVISOR_LIMITS, type SupervisorLimits, type SupervisorOptions } from "./options.ts";
export type { SupervisorCounters } from "./context.ts";
export { findCycle, inOrder, isReached, missingOf, type NeedsOf } from "./needs.ts";
export { platformName } from "./show_checks.ts";
export { Supervisor } from "./supervisor.ts";
