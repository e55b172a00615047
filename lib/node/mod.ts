// A running node: identity, listeners, sessions and discovery, composed on a platform.
// Decides how a name becomes a session and what every node answers. Never a protocol: the rooms below have those.

export type { BuiltinSource } from "./builtin.ts";
export { checkName, claimIdentity, type ClaimOptions, type HeldIdentity, renewId } from "./identity_store.ts";
export type { NodeOp } from "./delta_queue.ts";
export { APP_ROLE, HAND_OVER, LEADER, type LeaderView, NodeLeadership, SOLO } from "./leadership.ts";
export { chooseLocalNode, listLocalNodes, type LocalNode } from "./local.ts";
export {
  type Check,
  conclusionOf,
  countVerdicts,
  examine,
  type Examined,
  type ExamineOptions,
  firstFinding,
  machineChecks,
  type Observations,
  parseIgmpTable,
  parseUdpTable,
  peerChecks,
  type PortHolder,
  type UdpRow,
  type Verdict,
} from "./doctor/mod.ts";
export {
  CLOCK,
  DESCRIBE,
  LIST_NODES,
  MAX_PING_BYTES,
  NODES_DELTA,
  PING,
  SINK_FIGURES,
  STATISTICS,
  TRACE,
  TRACE_ENTRY,
  WATCH_NODES,
} from "./messages.ts";
export {
  ECHO_LANE,
  type LaneHandlerOptions,
  type LaneServiceCounters,
  MAX_SERVICE_LANES,
  SINK_LANE,
  type SinkFigures,
} from "./lane_services.ts";
export type { NodeEvent } from "./node_event.ts";
export type { NodeDelta, NodeListener, NodeWatch } from "./node_watch.ts";
export { Node } from "./node.ts";
export type { DiscoverySettings, NodeOptions } from "./options.ts";
export { NodePrograms, PROGRAMS_CAPABILITY, type ProgramSettings } from "./programs.ts";
export { candidatePaths, type PathKind } from "./paths.ts";
export type { ReachableNode, ReachOptions } from "./reach.ts";
export { resourcesOf } from "./resources.ts";
export type { TracedDatagram } from "./trace_stream.ts";
export { DEFAULT_MAX_SESSIONS, SessionSet, type SessionSetCounters } from "./sessions.ts";
export { NODE_STATES, type NodeState, type NodeView, viewOf } from "./view.ts";
export {
  type DisplayProgram,
  HOSTS_STATE_CAPABILITY,
  NodeDisplays,
  parametersPrefix,
  SharedState,
  type StateClientOptions,
  type StateElection,
  type StateSettings,
} from "./state/mod.ts";
