// The merge rule: which value stands at a path, whose it is, and by which reason.
// Decides from the claims, the definition and the last look alone: it is a pure function, and the order of the claims is
// nothing to it. Never changes a claim and knows no clock.

import {
  type ClientNumber,
  MAX_PRIORITY,
  type MergeRule,
  type ParameterDefinition,
  type StateValue,
} from "../model/mod.ts";
import { type Claim, HOST, isOverlay, NOBODY } from "./claim.ts";
import { isNumbers, sizeOf } from "./values.ts";

/**
 * Why a value stands:
 * - `only`: nobody else controls the path. `priority`: the others' is lower. `newest`, `highest`: among equals.
 * - `sum`: of all with the highest priority. `lock`: it had the lock already, or came first.
 * - `reserved`: the host's own, above all clients.
 * - `kept`: its writer is gone; it stands until somebody writes.
 * - `settling`: its writer is gone; it stands until the others are confirmed.
 * - `held`: nobody controls the path; the last look stands. `default`: nobody does; the definition says so.
 */
export type WinReason =
  | "only"
  | "priority"
  | "newest"
  | "highest"
  | "sum"
  | "lock"
  | "reserved"
  | "kept"
  | "settling"
  | "held"
  | "default";

/** What stands at a path. */
export interface Winner {
  readonly value: StateValue;
  /** Whose value it is; HOST (0) with priority 0 for nobody's. Of a sum, its newest part's. */
  readonly holder: ClientNumber;
  readonly priority: number;
  readonly reason: WinReason;
  /** How many claims make the value: 0 for nobody's, more than 1 for a sum alone. */
  readonly parts: number;
}

/** A winner that its owner changes. */
export type MutableWinner = { -readonly [K in keyof Winner]: Winner[K] };

/**
 * What a path showed last without its overlays (momentary claims, the host's limits): what stands when nobody controls it.
 * A register as claims are: the newer copy replaces the older.
 */
export interface Look {
  readonly value: StateValue;
  /** Who held it; a lock stays with its holder. */
  readonly holder: ClientNumber;
  readonly term: number;
  /** 0 where nobody ever wrote. */
  readonly stamp: number;
}

/**
 * A winner before anything was computed. Its value begins as null on purpose: a field that only ever held numbers would box
 * every number anew that is copied into it.
 */
export function newWinner(value: StateValue): MutableWinner {
  const winner: MutableWinner = { value: null, holder: HOST, priority: 0, reason: "default", parts: 0 };
  winner.value = value;
  return winner;
}

/**
 * Who wins a path. Pure, and the same for every order of `claims`.
 *
 * 1. Live claims contend. A kept one (its writer is gone) contends while no client wrote since, and, unless the definition
 *    says `hold`, only as long as others are doubted or, with `fallback`, no other contends that is to stay.
 * 2. The highest priority among these, then the definition's rule.
 * 3. Nobody contends: the default where the definition says so, else the last look.
 */
export function winnerOf(claims: readonly Claim[], definition: ParameterDefinition, look: Look): Winner {
  const winner = newWinner(look.value);
  resolve(winner, claims, definition, look, true);
  return winner;
}

/** As {@linkcode winnerOf} without overlays: what becomes the look. */
export function lookOf(claims: readonly Claim[], definition: ParameterDefinition, look: Look): Winner {
  const winner = newWinner(look.value);
  resolve(winner, claims, definition, look, false);
  return winner;
}

/**
 * The newest write of a client that is there, as the claim that made it; null for none. The host's limits do not count:
 * they take nothing from anybody.
 */
export function newestWrite(claims: readonly Claim[]): Claim | null {
  let newest: Claim | null = null;
  for (let at = 0; at < claims.length; at++) {
    const claim = claims[at];
    if (claim === undefined || claim.standing !== "live" || claim.priority > MAX_PRIORITY) continue;
    if (claim.priority > 0 && (newest === null || isNewerWrite(claim, newest))) newest = claim;
  }
  return newest;
}

/**
 * Writes who wins into `winner`; allocates nothing but for sums of vectors.
 * @param overlays whether momentary claims and the host's limits count.
 * @returns whether there are such.
 */
export function resolve(
  winner: MutableWinner,
  claims: readonly Claim[],
  definition: ParameterDefinition,
  look: Look,
  overlays: boolean,
): boolean {
  let live = 0;
  let above = 0;
  let stale = 0;
  let doubted = 0;
  for (let at = 0; at < claims.length; at++) {
    const claim = claims[at];
    if (claim === undefined) continue;
    if (claim.standing === "live") {
      if (claim.priority <= 0) continue;
      if (isOverlay(claim)) above++;
      else live++;
    } else if (claim.standing === "kept") stale++;
    else if (claim.standing === "doubted") doubted++;
  }
  if (!keepsLost(definition, live, doubted)) stale = 0;
  if (live + stale + (overlays ? above : 0) === 0) settleOnNobody(winner, definition, look);
  else {
    const write = stale > 0 ? newestWrite(claims) : null;
    choose(winner, claims, definition, look, overlays, write, stale > 0, doubted);
  }
  return above > 0;
}

/** Whether what lost writers left takes part, beside so many live claims (without overlays) and doubted ones. */
function keepsLost({ onLoss }: ParameterDefinition, live: number, doubted: number): boolean {
  return onLoss === "hold" || doubted > 0 || (onLoss === "fallback" && live === 0);
}

/** Whether kept claims take part at all. */
export function doLostTakePart(claims: readonly Claim[], definition: ParameterDefinition): boolean {
  let live = 0;
  let doubted = 0;
  for (const claim of claims) {
    if (claim.standing === "doubted") doubted++;
    else if (claim.standing === "live" && claim.priority > 0 && !isOverlay(claim)) live++;
  }
  return keepsLost(definition, live, doubted);
}

function settleOnNobody(winner: MutableWinner, definition: ParameterDefinition, look: Look): void {
  const isDefault = definition.onLoss === "default" || look.stamp === 0;
  winner.value = isDefault ? definition.default : look.value;
  winner.holder = HOST;
  winner.priority = 0;
  winner.reason = isDefault ? "default" : "held";
  winner.parts = 0;
}

function choose(
  winner: MutableWinner,
  claims: readonly Claim[],
  definition: ParameterDefinition,
  look: Look,
  overlays: boolean,
  write: Claim | null,
  keeps: boolean,
  doubted: number,
): void {
  let best: Claim | null = null;
  let equals = 0;
  let lower = 0;
  for (let at = 0; at < claims.length; at++) {
    const claim = claims[at];
    if (claim === undefined || !contends(claim, overlays, keeps, write)) continue;
    if (best === null || claim.priority > best.priority) {
      lower += equals;
      equals = 1;
      best = claim;
    } else if (claim.priority < best.priority) lower++;
    else {
      equals++;
      if (beats(claim, best, definition.merge, look.holder)) best = claim;
    }
  }
  if (best === null) return settleOnNobody(winner, definition, look);
  const isSum = definition.merge === "sum" && equals > 1;
  winner.value = isSum ? sumOf(claims, definition, best.priority, overlays, keeps, write) : best.value;
  // What several forgotten writers left is their sum, which may exceed the range.
  if (!isSum && definition.merge === "sum" && best.client === NOBODY) {
    winner.value = clamp(best.value, definition);
  }
  winner.holder = best.client === NOBODY ? HOST : best.client;
  winner.priority = best.client === NOBODY ? 0 : best.priority;
  winner.parts = isSum ? equals : 1;
  winner.reason = reasonOf(best, definition, equals, lower, doubted);
}

function reasonOf(
  best: Claim,
  definition: ParameterDefinition,
  equals: number,
  lower: number,
  doubted: number,
): WinReason {
  if (best.client === NOBODY) return "held";
  if (best.standing === "kept") return definition.onLoss !== "hold" && doubted > 0 ? "settling" : "kept";
  if (best.priority > MAX_PRIORITY) return "reserved";
  if (equals > 1) return EQUALS_REASON[definition.merge];
  return lower > 0 ? "priority" : "only";
}

const EQUALS_REASON: Readonly<Record<MergeRule, WinReason>> = {
  latest: "newest",
  highest: "highest",
  sum: "sum",
  lock: "lock",
};

/**
 * Whether a claim takes part: it is live, or kept by the rules with no client's write after its loss.
 * `write` is the newest write, `keeps` whether kept claims take part at all.
 */
export function contends(claim: Claim, overlays: boolean, keeps: boolean, write: Claim | null): boolean {
  if (claim.priority <= 0) return false;
  if (claim.standing === "live") return overlays || !isOverlay(claim);
  return claim.standing === "kept" && keeps && (write === null || !isWrittenAfter(write, claim));
}

/** Whether `claim` beats `other` of the same priority. */
function beats(claim: Claim, other: Claim, rule: MergeRule, holder: ClientNumber): boolean {
  if (rule === "lock") {
    // What a forgotten writer left was the lock's when it went.
    if (claim.client === NOBODY || other.client === NOBODY) return claim.client === NOBODY;
    if (holder !== HOST && (claim.client === holder || other.client === holder)) {
      return claim.client === holder;
    }
    return claim.term !== other.term
      ? claim.term < other.term
      : claim.since !== other.since
      ? claim.since < other.since
      : claim.client < other.client;
  }
  // What nobody holds gives a sum no holder as long as somebody adds to it.
  if (rule === "sum" && (claim.client === NOBODY || other.client === NOBODY)) return other.client === NOBODY;
  if (rule === "highest") {
    const size = sizeOf(claim.value);
    const otherSize = sizeOf(other.value);
    if (size !== otherSize && !(Number.isNaN(size) && Number.isNaN(otherSize))) {
      return size > otherSize || Number.isNaN(otherSize);
    }
  }
  return isNewerWrite(claim, other);
}

/** Whether the write of `a` came after that of `b`: by term, number, then client. */
export function isNewerWrite(a: Claim, b: Claim): boolean {
  if (a.term !== b.term) return a.term > b.term;
  return a.seq !== b.seq ? a.seq > b.seq : a.client > b.client;
}

/** Whether `write` was made after the writer of `kept` was lost. */
function isWrittenAfter(write: Claim, kept: Claim): boolean {
  return write.term !== kept.term ? write.term > kept.term : write.seq > kept.stamp;
}

/**
 * The sum of the contenders of one priority, within the range of the definition. Added in the order of the clients' numbers:
 * sums of floats depend on their order, and every copy must come to the same bits.
 */
function sumOf(
  claims: readonly Claim[],
  definition: ParameterDefinition,
  priority: number,
  overlays: boolean,
  keeps: boolean,
  write: Claim | null,
): StateValue {
  let total: StateValue = null;
  let last = Number.NEGATIVE_INFINITY;
  for (;;) {
    let next: Claim | null = null;
    for (let at = 0; at < claims.length; at++) {
      const claim = claims[at];
      if (claim === undefined || claim.priority !== priority || claim.client <= last) continue;
      if ((next === null || claim.client < next.client) && contends(claim, overlays, keeps, write)) {
        next = claim;
      }
    }
    if (next === null) break;
    last = next.client;
    total = total === null ? next.value : addValues(total, next.value);
  }
  return clamp(total, definition);
}

/** The sum of two values; of those that cannot be added, the later one. */
export function addValues(a: StateValue, b: StateValue): StateValue {
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (isNumbers(a) && isNumbers(b)) return b.map((element, at) => element + (a[at] ?? 0));
  return b;
}

function clamp(value: StateValue, { type, min, max }: ParameterDefinition): StateValue {
  const low = type === "unit" ? 0 : min ?? -Infinity;
  const high = type === "unit" ? 1 : max ?? Infinity;
  if (typeof value === "number") {
    return Math.min(high, Math.max(low, type === "f32" ? Math.fround(value) : value));
  }
  return isNumbers(value)
    ? value.map((element) => Math.min(high, Math.max(low, Math.fround(element))))
    : value;
}
