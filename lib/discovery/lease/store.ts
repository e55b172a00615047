// What a voter must not forget: its memory's name, its set, the highest term it promised, and to whom.
// Decides the form on disk and that a promise is there after a power loss before it is given; what was read and makes
// no sense counts as forgotten. Never decides about promises: acceptor.ts does.

import { type Incarnation, isNodeId } from "../../base/mod.ts";
import type { Files } from "../../platform/mod.ts";
import type { LifeId } from "./life.ts";
import { MAX_SET_ROWS, MAX_TERM, type VoterSet } from "../messages/mod.ts";

/** What is kept. */
export interface StoredLease {
  /** 8 bytes as hex: see `Voter`. */
  readonly memory: string;
  readonly set: VoterSet | null;
  /** The highest term promised or followed, and whose it is. */
  readonly term: number;
  readonly holder: LifeId | null;
  /** The highest term heard of. */
  readonly hint: number;
}

/** Where it is kept. Both are synchronous: a promise is on disk before it is on the wire. */
export interface LeaseStore {
  /** What was saved last; null when there is nothing that can be read. */
  load(): StoredLease | null;
  /** Whether `lease` is durable now. False is no harm but for promises, which are not given then. */
  save(lease: StoredLease): boolean;
}

/** Keeps nothing: a restart makes the node a newcomer among voters. */
export const FORGETFUL_STORE: LeaseStore = { load: () => null, save: () => true };

/** Keeps it in a file of the node's state directory. */
export class FileLeaseStore implements LeaseStore {
  /** @param path of the file; its directory is there already */
  constructor(readonly files: Files, readonly path: string) {}

  load(): StoredLease | null {
    try {
      const bytes = this.files.read(this.path);
      return bytes === null ? null : parseStored(JSON.parse(new TextDecoder().decode(bytes)));
    } catch {
      return null; // unreadable is forgotten, and the forgetful wait before they vote
    }
  }

  save(lease: StoredLease): boolean {
    try {
      const text = JSON.stringify({ schema: "hana.lease/1", ...lease }) + "\n";
      this.files.write(this.path, new TextEncoder().encode(text), 0o600);
      return true;
    } catch {
      return false; // a full disk: the caller refuses to promise
    }
  }
}

const SHORT_HEX = /^[0-9a-f]{16}$/;

function parseStored(value: unknown): StoredLease | null {
  const map = asMap(value);
  if (map === null || map.schema !== "hana.lease/1" || !isShort(map.memory)) return null;
  const { memory, term, hint } = map;
  const set = map.set === null ? null : parseSet(map.set);
  const holder = map.holder === null ? null : parseLife(map.holder);
  if (!isTerm(term) || !isTerm(hint)) return null;
  if ((set === null && map.set !== null) || (holder === null && map.holder !== null)) return null;
  return { memory, set, term, holder, hint };
}

function parseSet(value: unknown): VoterSet | null {
  const map = asMap(value);
  if (map === null || !isShort(map.lineage) || !isTerm(map.term) || !isTerm(map.version)) return null;
  if (!Array.isArray(map.voters) || map.voters.length === 0 || map.voters.length > MAX_SET_ROWS) return null;
  const voters: { id: string; memory: string }[] = [];
  for (const item of map.voters) {
    const voter = asMap(item);
    if (voter === null || !isShort(voter.id) || !isShort(voter.memory)) return null;
    voters.push({ id: voter.id, memory: voter.memory });
  }
  return { lineage: map.lineage, term: map.term, version: map.version, voters };
}

function parseLife(value: unknown): LifeId | null {
  const map = asMap(value);
  if (map === null || typeof map.id !== "string" || !isNodeId(map.id) || !isTerm(map.incarnation)) {
    return null;
  }
  return { id: map.id, incarnation: map.incarnation as Incarnation };
}

function asMap(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Record<string, unknown>
    : null;
}

function isShort(value: unknown): value is string {
  return typeof value === "string" && SHORT_HEX.test(value);
}

function isTerm(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= MAX_TERM;
}
