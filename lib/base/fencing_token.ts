// The fencing token: which leadership a command belongs to, as a number that only grows.
// Decides its order, its bounds and its text; never who may hold one (lib/discovery/lease) nor who must show one
// (lib/session, lib/node). Discovery research 6.10.

import { type Incarnation, isNodeId, type NodeId } from "./identity.ts";

/** A leadership. Terms decide; ids and incarnations make the order total between lineages that met late. */
export interface FencingToken {
  readonly term: number;
  readonly leaderId: NodeId;
  readonly leaderIncarnation: Incarnation;
}

/** The highest term and incarnation that a token can have: what 48 bits hold, as in discovery's datagrams. */
export const MAX_TOKEN_NUMBER = 2 ** 48 - 1;

/** Negative when `a` is older than `b`, 0 when they are the same leadership, positive when `a` is newer. */
export function compareTokens(a: FencingToken, b: FencingToken): number {
  if (a.term !== b.term) return a.term - b.term;
  if (a.leaderId !== b.leaderId) return a.leaderId < b.leaderId ? -1 : 1;
  return a.leaderIncarnation - b.leaderIncarnation;
}

/** A token as text, for files and for people: `term-id-incarnation`. */
export function formatToken(token: FencingToken): string {
  return `${token.term}-${token.leaderId}-${token.leaderIncarnation}`;
}

/** Whether all parts of a token are what they must be. */
export function isFencingToken(token: FencingToken): boolean {
  const { term, leaderId, leaderIncarnation } = token;
  return isTokenNumber(term) && isTokenNumber(leaderIncarnation) && isNodeId(leaderId);
}

/** Reads what {@linkcode formatToken} wrote; null for anything else. */
export function parseToken(text: unknown): FencingToken | null {
  if (typeof text !== "string" || text.length > 64) return null;
  const match = /^(0|[1-9]\d{0,14})-([0-9a-f]{32})-(0|[1-9]\d{0,14})$/.exec(text);
  if (match === null) return null;
  const token = {
    term: Number(match[1]),
    leaderId: match[2] as NodeId,
    leaderIncarnation: Number(match[3]) as Incarnation,
  };
  return isFencingToken(token) ? token : null;
}

function isTokenNumber(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= MAX_TOKEN_NUMBER;
}
