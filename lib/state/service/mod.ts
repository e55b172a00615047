// Shared state on the network: the host behind its lanes, and the copies that programs work with.
// Decides how messages travel and when timers run; what they mean is decided in host/ and replica/.

export { Alarm } from "./alarm.ts";
export { type StatePort } from "./port.ts";
export { STATE_HEAL, STATE_HOST, STATE_PARAMETERS, STATE_SESSIONS, STATE_WHY } from "./requests.ts";
export {
  COPIED_LANE,
  COPY_LANE,
  isStateLane,
  LaneLink,
  MemoryLink,
  NEWS_LANE,
  receiverOf,
  STATE_LANE,
  type StateLink,
  type StateLinkHandlers,
} from "./link.ts";
export {
  MAX_RETRY_US,
  type ReachedHost,
  ReplicaService,
  type ReplicaServiceCounters,
  type ReplicaServiceOptions,
  RETRY_US,
  type StateReach,
} from "./replica_service.ts";
export { HostService, type HostServiceCounters, type HostServiceOptions } from "./host_service.ts";
export { CopyKeeper, isNewer, type KeeperCounters } from "./copy_keeper.ts";
export { type CopiedHost, CopyDesk, CopyLink, type GivenCopy } from "./copy_link.ts";
