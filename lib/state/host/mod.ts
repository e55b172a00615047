// The host of the shared state, as one synchronous machine, and the copy from which the next host begins.
// Decides what stands and who is told; never who hosts, and never how messages travel.

export { type HostCounters } from "./counters.ts";
export { type DocumentObserver, StateDocument, type WinnerObserver } from "./document.ts";
export { type HostEvent } from "./events.ts";
export { type HostDeadline, StateHost, type StateHostOptions } from "./host.ts";
export { CLIENTS_SUBSYSTEM, MAX_TOLD_PATHS, type PresenceRow } from "./presence.ts";
export { RecencyList, type RecencyNode } from "./recency_list.ts";
export { type Outgoing } from "./sender.ts";
export { StandbyCopy, type StandbyCounters } from "./standby_copy.ts";
export {
  type StandbyClient,
  type StandbyOutgoing,
  type StandbyPath,
  type StandbyUpdate,
} from "./standby_desk.ts";
export { type LinkPeer } from "./membership.ts";
export { type GatedWrite } from "./write_desk.ts";
export { type Entry, type LogObserver, SubsystemLog } from "./subsystem_log.ts";
