// The state machine of one program: the table, the policy, and the machine that walks it.

export type { MachineAction, MachineCounters, MachineEvent, SavedMachine } from "./events.ts";
export { MAX_REMEMBERED_FAILURES } from "./failure_log.ts";
export {
  countsAsFailure,
  delayUs,
  type EndOfProcess,
  exitClassOf,
  FIRST_DELAY_US,
  isHopeless,
  isOver,
  MAX_EXTENSION_US,
  nominalDelayUs,
  PROVEN_US,
  signalOfCode,
  STABLE_US,
  UNSTABLE_COUNT,
  UNSTABLE_WINDOW_US,
} from "./policy.ts";
export { ProgramMachine } from "./program_machine.ts";
export { readSavedMachine } from "./saved.ts";
export {
  type Guard,
  GUARDS,
  KILL_US,
  type Row,
  rowsFor,
  STATE_RULES,
  STATE_TABLE,
  type StateRule,
  type Step,
  STEPS,
  TABLE_EVENTS,
  TABLE_STATES,
  type TableEvent,
  UNKILLABLE_POLL_US,
  WAITING_ALERT_US,
} from "./table.ts";
