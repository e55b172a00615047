// One writer's claim on one path, as a register that copies of it can be merged by.
// Decides its fields, what its standing means, and which of two copies is the newer one.
// Never decides who wins (winner.ts) or when a claim changes (path_claims.ts).

import type { ClientNumber, StateValue } from "../model/mod.ts";
import { compareValues } from "./values.ts";

/**
 * Where a claim stands:
 * - `live`: its writer is there and controls; it contends.
 * - `doubted`: its writer was not heard since a holder was lost that this claim would follow. It waits, and the settle
 *   time runs (ETC's sACN library, source loss behaviour).
 * - `unheard`: as `doubted`, but the settle time is over; it still waits for its writer.
 * - `kept`: its writer is gone, and it was part of the value then. It keeps that value until somebody writes.
 * - `dormant`: its writer is gone, and it was not part of the value. It never takes; it may come back with its writer.
 * - `overtaken`: its writer is gone, and somebody wrote meanwhile. It does not come back.
 * - `reaching`: a fader that has not met the value yet (pick-up).
 * - `released`: priority 0, "I do not control this".
 */
export type Standing =
  | "live"
  | "doubted"
  | "unheard"
  | "kept"
  | "dormant"
  | "overtaken"
  | "reaching"
  | "released";

/** The host itself. It alone may claim above MAX_PRIORITY: limits, blackout. */
export const HOST = 0 as ClientNumber;
/** Who keeps what a forgotten client left; told to the outside as holder 0 of priority 0. */
export const NOBODY = -1 as ClientNumber;
/** The highest priority there is; those above MAX_PRIORITY are the host's. */
export const MAX_HOST_PRIORITY = 255;

/** A claim as others may see it. The register behind it changes with the next call of its table. */
export interface Claim {
  readonly client: ClientNumber;
  readonly value: StateValue;
  /** 0 to 200, that of the host to 255; 0 where it is released. */
  readonly priority: number;
  /** The term of the host that gave the numbers below. */
  readonly term: number;
  /** The host's number of the last write; the newest wins among equals. */
  readonly seq: number;
  /** The host's number of the write with which it came to this priority; the first keeps a lock. */
  readonly since: number;
  /** The host's number of the last change of any field; the newer copy of a register replaces the older. */
  readonly stamp: number;
  readonly standing: Standing;
  /** It vanishes with its release or its lease as if it had never been. */
  readonly momentary: boolean;
  /**
   * When it ends unless it is refreshed, in microseconds of the host's clock; 0 for never. Refreshing is no change that is
   * copied: a standby knows that a claim is leased, not until when.
   */
  readonly leaseUntilUs: number;
  /** Who overtook it; 0 where nobody did, or the host. */
  readonly takenBy: ClientNumber;
}

/** A claim that its table changes. */
export type ClaimRegister = { -readonly [K in keyof Claim]: Claim[K] };

/** A new register; every claim is made here, so that all have one shape. */
export function newClaim(client: ClientNumber): ClaimRegister {
  return {
    client,
    value: null,
    priority: 0,
    term: 0,
    seq: 0,
    since: 0,
    stamp: 0,
    standing: "released",
    momentary: false,
    leaseUntilUs: 0,
    takenBy: HOST,
  };
}

/** Makes `into` a copy of `from`; the client stays. */
export function copyClaim(into: ClaimRegister, from: Claim): void {
  into.value = from.value;
  into.priority = from.priority;
  into.term = from.term;
  into.seq = from.seq;
  into.since = from.since;
  into.stamp = from.stamp;
  into.standing = from.standing;
  into.momentary = from.momentary;
  into.leaseUntilUs = from.leaseUntilUs;
  into.takenBy = from.takenBy;
}

/** Whether its writer is there and controls the path, heard or not. */
export function isHeldByWriter(claim: Claim): boolean {
  return claim.standing === "live" || claim.standing === "doubted" || claim.standing === "unheard";
}

/** Whether its writer is gone. */
export function isStale(claim: Claim): boolean {
  return claim.standing === "kept" || claim.standing === "dormant" || claim.standing === "overtaken";
}

/** Whether it lies on top of the path without being its look: it leaves no trace when it ends. */
export function isOverlay(claim: Claim): boolean {
  return claim.momentary || claim.priority > 200;
}

/**
 * Compares two copies of one register: positive where `a` is the newer one. Total, so that merging any two copies in any
 * order gives one result: two hosts of one term can have given one number twice.
 */
export function compareCopies(a: Claim, b: Claim): number {
  return a.term - b.term || a.stamp - b.stamp || a.seq - b.seq || a.since - b.since ||
    a.priority - b.priority ||
    compareWords(a.standing, b.standing) || Number(a.momentary) - Number(b.momentary) ||
    a.leaseUntilUs - b.leaseUntilUs || a.takenBy - b.takenBy || compareValues(a.value, b.value);
}

function compareWords(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
