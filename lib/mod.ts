// The public face of the library. Decides what programs may rely on; everything here is documented where it is made.

/**
 * hana: the machines of a live visual show as one mesh.
 *
 * A program makes a {@linkcode Node} on a {@linkcode Platform} (`denoPlatform()` of `hana/platform/deno`), defines
 * messages of its own with {@linkcode defineRequest} and {@linkcode defineEvent}, and reaches other nodes by name.
 *
 * @module
 */

export {
  type AccessLevel,
  type ErrorCode,
  type FencingToken,
  formatToken,
  HanaError,
  hasAccess,
  Histogram,
  type Incarnation,
  type NodeId,
  parseToken,
  type Role,
} from "./base/mod.ts";
export type { Platform } from "./platform/mod.ts";
export {
  type CodecName,
  compileSchema,
  describeSchema,
  type Infer,
  parseSchema,
  s,
  type Schema,
  type Validator,
} from "./wire/mod.ts";
export {
  type AccessGrant,
  AccessKey,
  AccessKeyRing,
  createMeshKey,
  formatAccessCode,
  formatJoinCode,
  type KeyRing,
  loadKeyRing,
  MeshKey,
  MeshKeyRing,
  openMeshKeyRing,
  parseAccessCode,
  parseJoinCode,
  rotate,
  saveKeyRing,
} from "./security/mod.ts";
export {
  type CarrierPath,
  type CarrierSendOptions,
  type LaneKind,
  type LaneName,
  LANES,
  type LaneStats,
  type PayloadFate,
  type ProgramLane,
  type ReceivedLane,
  refusalName,
  SendRefusal,
  type SendStatus,
} from "./lanes/mod.ts";
export { type Address, formatAddress, MemoryNetwork, parseAddress } from "./transport/mod.ts";
export {
  ANY_ROLE,
  type BodyOf,
  type CommandOptions,
  defineEvent,
  defineRequest,
  type EventDefinition,
  type EventHandler,
  type Fencing,
  type HandlerContext,
  type LaneAcceptor,
  type LaneReceiver,
  type MessageDefinition,
  type OutgoingLane,
  type PostOptions,
  type ReplyOf,
  type RequestDefinition,
  type RequestHandler,
  type RequestOptions,
  type Sendable,
  type Session,
  type SessionEnd,
  SessionKeeper,
  type SessionKeeperOptions,
  type SessionStatistics,
  whoIs,
} from "./session/mod.ts";
export {
  type Availability,
  type DiscoveryEvent,
  type DiscoveryService,
  type DnsSdService,
  type NodePredicate,
  type NodeRecord,
  parseCondition,
  type Registry,
  type RegistryDelta,
  type RegistryEntry,
  type SelectableNode,
  type Selection,
  selector,
  type ServiceView,
} from "./discovery/mod.ts";
export {
  type DiscoverySettings,
  type LaneHandlerOptions,
  type LeaderView,
  listLocalNodes,
  type LocalNode,
  Node,
  type NodeDelta,
  type NodeEvent,
  type NodeListener,
  type NodeOp,
  type NodeOptions,
  type NodeState,
  type NodeView,
  type NodeWatch,
  type PathKind,
  type ReachableNode,
  type ReachOptions,
} from "./node/mod.ts";
export {
  type Beat,
  ChildClient,
  type ChildClientHandlers,
  type ChildClientOptions,
  type ChildClientPlatform,
} from "./supervision/mod.ts";
