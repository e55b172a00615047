// What the table tells: changes of winners, answers to writes, deadlines.
// Types alone.

import type { ClientNumber, PathId, StateValue } from "../model/mod.ts";

/** By which event a winner changed. */
export type ChangeCause =
  | "set"
  | "released"
  /** A momentary claim ended, or a lease was not renewed. */
  | "lease"
  /** The writer was lost. */
  | "lost"
  /** The liveness of the others was confirmed, or the settle time ended. */
  | "settled"
  | "returned"
  | "left"
  /** A lost writer's time to come back is over. */
  | "forgotten"
  /** The definition changed. */
  | "redefined"
  /** Another host's copy said so. */
  | "copied";

/** A change of what stands at a path. One object a path, written anew by the next change. */
export interface PathChange {
  readonly path: PathId;
  readonly value: StateValue;
  readonly previous: StateValue;
  /** Whose it was and is; 0 with priority 0 for nobody. */
  readonly from: ClientNumber;
  readonly fromPriority: number;
  readonly to: ClientNumber;
  readonly toPriority: number;
  readonly cause: ChangeCause;
}

/** How a write was refused. */
export type SetRefusal =
  | "unknown-path"
  /** A priority that is no integer of 0 to 200. */
  | "priority"
  /** A priority above 200: the host's alone. */
  | "reserved"
  /** The path or the table holds as many claims as it may. */
  | "full"
  /** The client is lost or was never there. */
  | "lost-client";

/**
 * What became of a write: it stands (alone or as a part of the sum), somebody else's stands (`ClaimTable.winner` names whose),
 * the fader has yet to meet the value, it was released, or it was refused.
 */
export type SetOutcome = "stands" | "shadowed" | "reaching" | "released" | SetRefusal;

/** A path that a client lost while it was away. */
export interface TakenOver {
  readonly path: PathId;
  /** Who wrote there; 0 for the host. */
  readonly by: ClientNumber;
}

/** When the table wants `handleTimeout`, and for what. */
export interface MergeDeadline {
  readonly atUs: number;
  readonly reason: "lease" | "settle";
}

/** Counters of one table. */
export interface MergeCounters {
  /** Writes that were taken, and those of them that somebody else's value shadowed. */
  writes: number;
  shadowed: number;
  /** Writes of faders that had not met the value. */
  reaching: number;
  refusedUnknownPath: number;
  refusedPriority: number;
  refusedReserved: number;
  refusedFull: number;
  refusedLostClient: number;
  /** Registers thrown out of a full path: released, overtaken or dormant ones. */
  evicted: number;
  leasesEnded: number;
  /** Settle times that began, and those that ended with somebody still unheard. */
  settles: number;
  settlesUnheard: number;
  /** Claims that turned stale, that came back, that were overtaken. */
  lost: number;
  returned: number;
  overtaken: number;
}

/** The claim vanishes with its release or its lease. Flags of a write are combined: `LEASED | PICK_UP`. */
export const MOMENTARY = 1;
/** The claim turns stale unless it is renewed within CLAIM_LEASE_US. A momentary one is always leased. */
export const LEASED = 2;
/** The write comes from a fader that may stand elsewhere: no effect until it meets the value. */
export const PICK_UP = 4;
