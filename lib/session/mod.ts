// Sessions: two nodes, one handshake, one identity, several lanes.
// Decides who may say what to whom, how requests find their answers, when a peer counts as gone, and how a lost
// session comes back. Never chooses an address and never looks at the network (lib/node, lib/discovery).

export { type AccessSource, type PeerAccess, whoIs } from "./access.ts";
export { SessionCore, type SessionCoreOptions } from "./core.ts";
export { DEFAULT_SESSION_LIMITS, type SessionLimits } from "./limits.ts";
export { type CommandOptions, type CommandRight, Envelope, type Fence } from "./fencing.ts";
export { canBecome } from "./greeting.ts";
export type { SessionCounters, SessionEvent, Transmit } from "./events.ts";
export { type EventHandler, HandlerTable, type RequestHandler } from "./handlers.ts";
export { type KeeperCounters, type KeeperState, SessionKeeper, type SessionKeeperOptions } from "./keeper.ts";
export {
  accessNeeded,
  ANY_ROLE,
  type BodyOf,
  CompiledMessage,
  defineEvent,
  defineRequest,
  type EventDefinition,
  type Fencing,
  type MessageDefinition,
  type MessageEffect,
  MessageTable,
  parseDefinition,
  type ReplyOf,
  type RequestDefinition,
  type Sendable,
} from "./message.ts";
export { type Identity, LEADERSHIP_VERSION, PayloadKind, PROTOCOL_VERSIONS } from "./protocol.ts";
export { type LaneAcceptor, type LaneReceiver, OutgoingLane } from "./program_lanes.ts";
export { type HandlerContext, MAX_UNFINISHED_EVENTS, Session, type SessionOptions } from "./session.ts";
export type { SessionEnd, SessionStatistics } from "./statistics.ts";
export type { PostOptions, RequestOptions } from "./send_options.ts";
