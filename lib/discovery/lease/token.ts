// The fencing token: who leads, as a number that only grows.
// Decides its order and its text; never who may hold one (discovery research 6.10).

import { type Incarnation, isNodeId, type NodeId } from "../../base/mod.ts";
import { MAX_TERM } from "../messages/mod.ts";

/** A leadership. Terms decide; ids and incarnations make the order total between lineages that met late. */
export interface LeaseToken {
  readonly term: number;
  readonly leaderId: NodeId;
  readonly leaderIncarnation: Incarnation;
}

/** Negative when `a` is older than `b`, 0 when they are the same leadership, positive when `a` is newer. */
export function compareTokens(a: LeaseToken, b: LeaseToken): number {
  if (a.term !== b.term) return a.term - b.term;
  if (a.leaderId !== b.leaderId) return a.leaderId < b.leaderId ? -1 : 1;
  return a.leaderIncarnation - b.leaderIncarnation;
}

/** A token as text, for messages that carry one and for people: `term-id-incarnation`. */
export function formatToken(token: LeaseToken): string {
  return `${token.term}-${token.leaderId}-${token.leaderIncarnation}`;
}

/** Reads what {@linkcode formatToken} wrote; null for anything else. */
export function parseToken(text: unknown): LeaseToken | null {
  if (typeof text !== "string" || text.length > 64) return null;
  const match = /^(0|[1-9]\d{0,14})-([0-9a-f]{32})-(0|[1-9]\d{0,14})$/.exec(text);
  const term = Number(match?.[1]);
  const incarnation = Number(match?.[3]);
  const id = match?.[2] ?? "";
  if (!isNodeId(id) || !(term <= MAX_TERM) || !(incarnation <= MAX_TERM)) return null;
  return { term, leaderId: id, leaderIncarnation: incarnation as Incarnation };
}
