// Who is there, who may come back, who alone may write where, and who is privileged.
// Decides as a machine without time, sockets or chance of its own; the host carries its words to the clients.

export type { Announcement, OwnNews, PrivilegeNews } from "./announcement.ts";
export {
  ASK_US,
  IDLE_US,
  MAX_CLIENTS,
  MAX_HOLDS,
  MAX_HOLDS_PER_CLIENT,
  MAX_LEAVE_OPERATIONS,
  PRIVILEGE_GRACE_US,
  RESUME_US,
  SELF_SUSPICION_US,
  SETS_PER_SECOND,
  SILENCE_US,
  SUSPECT_US,
  USED_TOKEN_US,
  WISHES_AT_ONCE,
  WISHES_PER_SECOND,
  WRITES_PER_PATH_SECOND,
} from "./bounds.ts";
export type {
  Client,
  ClientEvent,
  ClientState,
  Greeting,
  LeaveOperation,
  LinkNumber,
  PeerIdentity,
  Unwelcome,
  Welcomed,
} from "./client.ts";
export {
  type ClientCounters,
  type ClientDeadline,
  type ClientRow,
  ClientTable,
  type ClientTableOptions,
} from "./client_table.ts";
export { Fence } from "./fence.ts";
export { Holding, type HoldingCopy, type HoldingDeadline, type HoldingOptions } from "./holding.ts";
export {
  DEFAULT_OWNERSHIP_POLICY,
  type OwnershipCounters,
  type OwnershipOptions,
  type OwnershipPolicy,
  type OwnershipRow,
  OwnershipTable,
  type OwnWish,
} from "./ownership.ts";
export {
  DEFAULT_PRIVILEGE_POLICY,
  Privilege,
  type PrivilegeCounters,
  type PrivilegeOptions,
  type PrivilegePolicy,
  type PrivilegeStanding,
  type PrivilegeWish,
} from "./privilege.ts";
export {
  type DueWrite,
  type GateAnswer,
  type GateCounters,
  type MergeNotice,
  WriteGate,
} from "./write_gate.ts";
