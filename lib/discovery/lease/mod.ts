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
  claimFromMap,
  claimToMap,
  type Denial,
  type Deny,
  denyFromMap,
  denyToMap,
  type Grant,
  grantFromMap,
  grantToMap,
  type Lease,
  type LeaseAck,
  leaseAckFromMap,
  leaseAckToMap,
  leaseFromMap,
  type LeaseMessage,
  leaseMessageFromMap,
  leaseMessageToMap,
  type LeaseMode,
  leaseToMap,
  type Transfer,
  transferFromMap,
  transferToMap,
} from "./messages.ts";
export { RENEW_US } from "./reign.ts";
export type { LeaseMember } from "./roster.ts";
export { FileLeaseStore, FORGETFUL_STORE, type LeaseStore, type StoredLease } from "./store.ts";
export { compareTokens, formatToken, type LeaseToken, MAX_TERM, parseToken } from "./token.ts";
export { type SetStamp, type Voter, type VoterSet } from "./voters.ts";
