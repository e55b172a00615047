// The leader lease: which app may write and control, proved by a token that executors check.
// Decides who leads; what a leader may do is decided where commands are defined.

export { ACT_US, GRANT_US, LEASE_US } from "./acceptor.ts";
export { LeaseCore, type LeaseOptions, type LeaseWakeReason } from "./core.ts";
export { LeaseCounters, type LeaseSend } from "./desk.ts";
export type { Leader, LeaseEvent, LossReason } from "./events.ts";
export { type FencingCounters, FencingGate, MAX_RESOURCES, type Passage } from "./fencing.ts";
export { type LifeId, shortId } from "./life.ts";
export {
  type Claim,
  type Denial,
  type Deny,
  type Grant,
  type Lease,
  type LeaseAck,
  type LeaseMessage,
  leaseMessageFromMap,
  leaseMessageToMap,
  type LeaseMode,
  MAX_TERM,
  type SetStamp,
  type Transfer,
  type Voter,
  type VoterSet,
} from "../messages/mod.ts";
export { RENEW_US } from "./reign.ts";
export type { LeaseMember } from "./roster.ts";
export { FileLeaseStore, FORGETFUL_STORE, type LeaseStore, type StoredLease } from "./store.ts";
export { compareTokens, formatToken, type LeaseToken, parseToken } from "./token.ts";
