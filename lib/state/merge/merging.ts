// Merges copies of a path's registers: those of a host and its standby, or of two histories.
// Decides per register by its newest copy, which makes merging commutative, associative and idempotent (I13).
// Never decides who wins: that is a function of the result (winner.ts).

import { type Claim, compareCopies } from "./claim.ts";
import { compareValues } from "./values.ts";
import type { Look } from "./winner.ts";

/** All that the value of a path follows from, beside its definition. Plain data: it travels as it is. */
export interface PathRecord {
  /** At most one a client, sorted by client. */
  readonly claims: readonly Claim[];
  readonly look: Look;
}

/**
 * Merges two records of one path. The clients of both must have their numbers from one history, or been renumbered.
 * @returns a new record; the claims in it are those of `a` and `b`, not copies.
 */
export function mergeRecords(a: PathRecord, b: PathRecord): PathRecord {
  const claims: Claim[] = [];
  let [left, right] = [0, 0];
  for (;;) {
    const [ours, theirs] = [a.claims[left], b.claims[right]];
    if (ours === undefined && theirs === undefined) break;
    if (theirs === undefined || (ours !== undefined && ours.client < theirs.client)) {
      if (ours !== undefined) claims.push(ours);
      left++;
    } else if (ours === undefined || theirs.client < ours.client) {
      claims.push(theirs);
      right++;
    } else {
      claims.push(compareCopies(ours, theirs) >= 0 ? ours : theirs);
      left++;
      right++;
    }
  }
  return { claims, look: compareLooks(a.look, b.look) >= 0 ? a.look : b.look };
}

/** Compares two copies of a path's look: positive where `a` is the newer one. Total, as that of claims. */
export function compareLooks(a: Look, b: Look): number {
  return a.term - b.term || a.stamp - b.stamp || a.holder - b.holder || compareValues(a.value, b.value);
}
