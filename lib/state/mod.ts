// Shared state: one document of typed parameters, groups, owners and presence, hosted by one node and copied by all.
// Decides nothing itself; its rooms do, and lib/node joins them to a node.

export {
  type ClientNumber,
  compareEpochs,
  DEFAULT_PRIORITY,
  isBelow,
  isPath,
  type LossRule,
  MAX_PRIORITY,
  type MergeRule,
  MIN_PRIORITY,
  type ParameterDefinition,
  type PathId,
  type RateClass,
  type StateEpoch,
  type StateValue,
  type SubsystemNumber,
  type ValueType,
  type Version,
} from "./model/mod.ts";
export {
  canonicalDefinition,
  formatNumber,
  formatValue,
  HOST_SUBSYSTEMS,
  isRefusal,
  NO_PATH,
  parseValueText,
  readDefinition,
  readDefinitions,
  Refusal,
  type RefusalCode,
  SchemaBook,
} from "./schema/mod.ts";
export {
  type ClaimFate,
  equalValues,
  type ExplainedClaim,
  type Explanation,
  HOST,
  MAX_HOST_PRIORITY,
  type NameOf,
  tellFate,
  tellReason,
} from "./merge/mod.ts";
export { type Interest, type NackCode, type OwnMessage, type PrivilegeMessage } from "./messages/mod.ts";
export {
  DEFAULT_OWNERSHIP_POLICY,
  DEFAULT_PRIVILEGE_POLICY,
  type LeaveOperation,
  type OwnershipPolicy,
  type PrivilegePolicy,
} from "./holding/mod.ts";
export {
  CLIENTS_SUBSYSTEM,
  type Entry,
  type HostEvent,
  type LinkPeer,
  type PresenceRow,
  StandbyCopy,
  type StandbyUpdate,
  StateHost,
  SubsystemLog,
} from "./host/mod.ts";
export {
  type MissingPart,
  type ReplicaEvent,
  type ReplicaState,
  StateReplica,
  type WriteAnswer,
  type WriteOptions,
} from "./replica/mod.ts";
export * from "./service/mod.ts";
export { decodeCopyFile, encodeCopyFile } from "./copies/mod.ts";
export {
  type AbortBody,
  checkNesting,
  CLOCK_ASK,
  type CommitBody,
  differenceOf,
  type Display,
  displayDefinition,
  type DisplayGroup,
  displayPath,
  type DisplayStanding,
  type Edition,
  GROUP_ABORT,
  GROUP_COMMIT,
  GROUP_PREPARE,
  GROUP_SHOWN,
  groupDefinition,
  GroupDesk,
  type GroupEvent,
  GroupMember,
  groupPath,
  GROUPS,
  type GroupStatus,
  idInPath,
  isGroupId,
  type Picture,
  type PrepareBody,
  type PrepareReply,
  readDisplay,
  readGroup,
  readStatus,
  SharedClock,
  type ShownBody,
  statusDefinition,
  statusPath,
  tellDifference,
} from "./groups/mod.ts";
export {
  METER_LANE,
  MeterBoard,
  type MeterDefinition,
  type MeterIndex,
  type MeterSlot,
  MeterSource,
  MeterView,
  STATE_METERS,
  STATE_METERS_SUBSCRIBE,
  type ToldMeters,
} from "./meters/mod.ts";
export {
  type BaseValues,
  ModulatedValues,
  MODULATION_LANE,
  type ModulationExplanation,
  ModulationLayout,
  type ModulationMode,
  type ModulationSlot,
  ModulationSource,
  STATE_MODULATION,
} from "./modulation/mod.ts";
export { type Outlet } from "./stream/mod.ts";
export * from "./client/mod.ts";
export * from "./undo/mod.ts";
export * from "./presets/mod.ts";
