// The words of supervision: specifications, states, snapshots, events, and what daemon and shim say to each other.
// Types and constants alone: whoever imports them loads nothing else.

export {
  type HangRules,
  type Milestone,
  type ProgramSpec,
  type Readiness,
  type RestartPolicy,
  SPEC_DEFAULTS,
} from "./spec.ts";
export {
  type Actual,
  type Desired,
  type ExitClass,
  type ExitRecord,
  type Health,
  LIVE,
  RESTING,
} from "./states.ts";
export type { LogQuery, LogRecord, ProgramEvent, ProgramEventKind, ProgramSnapshot } from "./snapshot.ts";
export {
  CONTROL_VERSION,
  type CrashBundle,
  type FromShim,
  MAX_CONTROL_LINE_BYTES,
  type ResourceSample,
  type ShimAssignment,
  type ToShim,
} from "./control.ts";
