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
  formatValue,
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
  type ExplainedClaim,
  type Explanation,
  HOST,
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
  type HostEvent,
  type LinkPeer,
  type PresenceRow,
  StandbyCopy,
  type StandbyUpdate,
  StateHost,
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
