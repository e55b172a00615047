// What a display shows of a group: an edition, told apart by version and contents.
// Decides when two editions are the same and which of two decisions is newer.
//
// The version alone does not tell: a host that goes down with a change that nobody else had leaves a number that the next
// host gives to another change, and a group that is made again begins at 1. So the contents count too, and decisions are in
// the order of their hosts, and of one host in the order in which it made them.

import { canonicalBytes, Hash64 } from "../digest/mod.ts";
import { compareEpochs, type StateEpoch } from "../model/mod.ts";
import type { DisplayGroup } from "./group.ts";

/** A group at one version. */
export interface Edition {
  readonly version: number;
  /** Of everything in the group: 16 hex digits. */
  readonly digest: string;
}

/** The edition that a group is. */
export function editionOf(group: DisplayGroup): Edition {
  const hash = new Hash64();
  hash.begin();
  hash.bytes(canonicalBytes("json", { ...group }));
  hash.finish();
  return { version: group.version, digest: hex(hash.high) + hex(hash.low) };
}

/** Whether two are the same. */
export function isSameEdition(a: Edition | null, b: Edition | null): boolean {
  return a === null || b === null ? a === b : a.version === b.version && a.digest === b.digest;
}

/** By whom and as which of its decisions something was decided. */
export interface Decision {
  readonly epoch: StateEpoch;
  readonly order: number;
}

/** Negative where `a` was made before `b`, 0 for the same decision. */
export function compareDecisions(a: Decision, b: Decision): number {
  return compareEpochs(a.epoch, b.epoch) || a.order - b.order;
}

/** What stands where a group was taken apart. */
export function nothingAfter(edition: Edition | null): Edition {
  return { version: (edition?.version ?? 0) + 1, digest: "0".repeat(16) };
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
