// What the lease tells its owner, and how a leader is described.

import type { LeaseMode } from "../messages/mod.ts";
import type { LeaseToken } from "./token.ts";

/** Who leads, as far as we know. */
export interface Leader {
  readonly token: LeaseToken;
  /** `none` stands for nobody in `LeaseView`; a leader has one of the others. */
  readonly mode: LeaseMode;
  /** Ourselves: until when we may act. Another: until when we believe it. In µs on our clock. */
  readonly validUntilUs: number;
  readonly isSelf: boolean;
}

/** Why a leader is one no longer. */
export type LossReason =
  | "expired" // not renewed in time
  | "higher-term" // another leader of the lineage was heard
  | "merged" // the leader of another lineage was heard, and goes before
  | "handed-over"
  | "dropped" // gave up the app role
  | "stalled" // we were not running: nothing that we knew is certain
  | "isolated"; // we have no network

/** Something happened. */
export type LeaseEvent =
  /** Somebody leads, ourselves perhaps, who did not before, or under a new token. */
  | { readonly kind: "leader-changed"; readonly leader: Leader; readonly was: LeaseToken | null }
  | { readonly kind: "leader-lost"; readonly was: LeaseToken; readonly reason: LossReason }
  /** There are too few voters for a leader: nothing is controlled, and what runs goes on. */
  | { readonly kind: "no-quorum"; readonly voters: number; readonly present: number }
  /** Two leaders had acted apart; what `loser` wrote must be looked through. */
  | { readonly kind: "diverged"; readonly winner: LeaseToken; readonly loser: LeaseToken };

/** Events that wait for the owner; at the bound the oldest is dropped and counted. */
export const MAX_LEASE_EVENTS = 64;
