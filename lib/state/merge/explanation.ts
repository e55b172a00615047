// Why a path has its value: every claim on it, and why it stands or does not.
// Decides the reasons as codes and numbers, from which people's sentences are made. Never names clients: it knows numbers.

import { type ClientNumber, MAX_PRIORITY, type ParameterDefinition, type StateValue } from "../model/mod.ts";
import { type Claim, HOST, isHeldByWriter, NOBODY, type Standing } from "./claim.ts";
import type { PathRecord } from "./merging.ts";
import type { Winner, WinReason } from "./winner.ts";

/**
 * Why a claim does or does not stand:
 * - `stands`, `part` (of the sum); `lower-priority`, `older`, `lower-value`, `no-lock` than what stands.
 * - `before-loss`: it is live, but the value of a lost writer stands until somebody writes.
 * - `doubted`, `unheard`, `dormant`, `overtaken`, `reaching`, `released`: see {@linkcode Standing}.
 */
export type ClaimFate =
  | "stands"
  | "part"
  | "lower-priority"
  | "older"
  | "lower-value"
  | "no-lock"
  | "before-loss"
  | "doubted"
  | "unheard"
  | "dormant"
  | "overtaken"
  | "reaching"
  | "released";

/** One claim as it is explained. */
export interface ExplainedClaim {
  /** Null for what a writer left that is forgotten by now. */
  readonly client: ClientNumber | null;
  readonly value: StateValue;
  readonly priority: number;
  readonly seq: number;
  readonly standing: Standing;
  readonly fate: ClaimFate;
  readonly momentary: boolean;
  /** How long its lease still lasts, in microseconds; null for no lease. */
  readonly leaseLeftUs: number | null;
  /** Who overtook it; null where nobody did. */
  readonly takenBy: ClientNumber | null;
}

/** Why a path has its value. */
export interface Explanation {
  readonly path: string;
  readonly value: StateValue;
  /** Whose it is; null for nobody's. */
  readonly holder: ClientNumber | null;
  readonly priority: number;
  readonly reason: WinReason;
  readonly parts: number;
  readonly merge: ParameterDefinition["merge"];
  readonly onLoss: ParameterDefinition["onLoss"];
  /** How long the others are still waited for, in microseconds; null where nobody is. */
  readonly settleLeftUs: number | null;
  /** What stands when nobody controls the path. */
  readonly look: StateValue;
  /** Those that stand first, then by priority and age, the newest first. */
  readonly claims: readonly ExplainedClaim[];
}

/**
 * Explains a path.
 * @param settleUntilUs when its settle time ends; 0 where none runs.
 */
export function explainPath(
  nowUs: number,
  record: PathRecord,
  definition: ParameterDefinition,
  winner: Winner,
  settleUntilUs: number,
): Explanation {
  const isNobody = winner.parts === 0 || winner.reason === "held";
  const claims = record.claims.map((claim): ExplainedClaim => ({
    client: claim.client === NOBODY ? null : claim.client,
    value: claim.value,
    priority: claim.priority,
    seq: claim.seq,
    standing: claim.standing,
    fate: fateOf(claim, definition, winner),
    momentary: claim.momentary,
    leaseLeftUs: claim.leaseUntilUs === 0 || !isHeldByWriter(claim)
      ? null
      : Math.max(0, claim.leaseUntilUs - nowUs),
    takenBy: claim.standing === "overtaken" ? claim.takenBy : null,
  }));
  claims.sort((a, b) => rankOf(a) - rankOf(b) || b.priority - a.priority || b.seq - a.seq);
  return {
    path: definition.path,
    value: winner.value,
    holder: isNobody ? null : winner.holder,
    priority: winner.priority,
    reason: winner.reason,
    parts: winner.parts,
    merge: definition.merge,
    onLoss: definition.onLoss,
    settleLeftUs: settleUntilUs === 0 || winner.reason !== "settling"
      ? null
      : Math.max(0, settleUntilUs - nowUs),
    look: record.look.value,
    claims,
  };
}

function rankOf({ fate, standing }: ExplainedClaim): number {
  return fate === "stands" || fate === "part" ? 0 : standing === "live" ? 1 : 2;
}

function fateOf(claim: Claim, definition: ParameterDefinition, winner: Winner): ClaimFate {
  const { standing } = claim;
  const isLegacy = claim.client === NOBODY;
  if (standing === "live" || standing === "kept") {
    if (winner.parts > 1 && claim.priority === winner.priority) return "part";
    const isWinners = winner.reason === "held" ? isLegacy : claim.client === winner.holder;
    if (winner.parts > 0 && isWinners) return "stands";
    return shadowedBy(claim, definition, winner);
  }
  return standing;
}

function shadowedBy(claim: Claim, { merge }: ParameterDefinition, winner: Winner): ClaimFate {
  const isLeft = winner.reason === "kept" || winner.reason === "settling" || winner.reason === "held";
  if (isLeft && claim.standing === "live" && (winner.holder === HOST || claim.priority >= winner.priority)) {
    return "before-loss";
  }
  if (claim.priority < winner.priority || winner.priority > MAX_PRIORITY) return "lower-priority";
  return merge === "highest" ? "lower-value" : merge === "lock" ? "no-lock" : "older";
}
