// The client side of shared state: a copy of the host's state that repairs itself, and own writes on their way.
// Decides what a client shows, asks and says; the host decides what is (host/).

export {
  type DropReason,
  MAX_EVENTS,
  type ReconnectReason,
  type ReplicaCounters,
  type ReplicaEvent,
} from "./events.ts";
export { SILENCE_US, SUSPECT_US } from "./host_watch.ts";
export { type MissingPart } from "./missing.ts";
export { type ReplicaOptions } from "./outgoing.ts";
export {
  ACK_DELAY_US,
  AMBER_US,
  BEAT_US,
  HELLO_US,
  MAX_IN_FLIGHT,
  MAX_TRANSACTIONS,
  MAX_WRITES,
  REFRESH_US,
  SETTLE_US,
  STALE_US,
  WRITE_PAUSE_US,
} from "./bounds.ts";
export { type ReplicaDeadline, type ReplicaState, StateReplica } from "./replica.ts";
export { type LeaveWish } from "./requests.ts";
export { type ShownValues } from "./shown.ts";
export { type EntrySlots } from "./slots.ts";
export {
  ANSWER_US,
  BEHIND_US,
  FULL_ATTEMPT,
  LAST_ATTEMPT,
  MAX_RESYNC_PAUSE_US,
  REORDER_US,
  RESYNC_PAUSE_US,
  STALL_US,
  type SubsystemSync,
} from "./subsystem_sync.ts";
export { type World } from "./world.ts";
export { type TransactionRequest, type WriteAnswer, type WriteOptions } from "./writes.ts";
