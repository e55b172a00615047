// The library of shared state: what programs import.
// Decides how programs say what they want; replica/ and host/ decide what becomes of it.

export {
  ANSWER_US,
  type OwnWriteObserver,
  StateClient,
  type StateClientCounters,
  type StateClientSettings,
} from "./client.ts";
export { parseDefinitionText } from "./define_text.ts";
export { StateError, type StateReason } from "./errors.ts";
export { Fader, type FaderOwner } from "./fader.ts";
export { describeMissing } from "./missing_text.ts";
export { Ownership, type OwnOptions } from "./ownership.ts";
export { Parameter, type ParameterOwner } from "./parameter.ts";
export {
  defineParameters,
  MAX_PARAMETERS,
  type NumberName,
  ParameterSet,
  type ParameterSpec,
  type ParameterSpecs,
  type ParameterValue,
  type ParameterValues,
} from "./parameters.ts";
export { CLIENTS_PREFIX } from "./presence.ts";
export { PrivilegeClient } from "./privilege.ts";
export { type Seat } from "./seat.ts";
export { TransactionBuilder, type TransactionStep } from "./transaction.ts";
export {
  type AwaitedSetOptions,
  type GrantedObject,
  type ObjectOwner,
  type OwnershipChange,
  type OwnRequest,
  type OwnResult,
  type ParameterInfo,
  type PresenceChange,
  type PresentClient,
  type PrivilegeRequest,
  type PrivilegeResult,
  type PrivilegeStanding,
  type RefusedObject,
  type SetOptions,
  type SetResult,
  type StateChange,
  type StateListener,
} from "./types.ts";
export { LOCAL_US, type VisualizationOptions, VisualizationState } from "./visualization.ts";
