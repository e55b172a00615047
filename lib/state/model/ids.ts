// The names and numbers of shared state: who, what, since when.
// Decides their forms and bounds; never what they stand for at a given moment (host, replica).

import type { NodeId } from "../../base/mod.ts";

/** A parameter or object by its number; given by the host, never used again within an epoch. 0 is nobody's. */
export type PathId = number & { readonly __brand: "PathId" };

/** A client of a host by its number; never used again within an epoch. 0 is the host itself. */
export type ClientNumber = number & { readonly __brand: "ClientNumber" };

/** A subsystem by its number; given by the host, never used again within an epoch. 0 is the book of definitions. */
export type SubsystemNumber = number & { readonly __brand: "SubsystemNumber" };

/** Counts the changes of one subsystem within one epoch, from 1 on; 0 is before all of them. */
export type Version = number & { readonly __brand: "Version" };

/** Counts what one client wrote, from 1 on, across its reconnections. */
export type ClientSequence = number & { readonly __brand: "ClientSequence" };

/** The reign of one host: versions of two epochs cannot be compared. */
export interface StateEpoch {
  /** The term of the leadership under which it hosts; grows with every change of host. */
  readonly term: number;
  readonly hostId: NodeId;
}

/** The longest path in characters. */
export const MAX_PATH_LENGTH = 128;
/** The longest segment of a path in characters. */
export const MAX_SEGMENT_LENGTH = 63;
/** The most segments of a path. */
export const MAX_SEGMENTS = 8;

const PATH = /^[a-z0-9][a-z0-9._-]*(\/[a-z0-9][a-z0-9._-]*)*$/;

/** Whether `text` can be a path such as `stage-left/aurora/hue`. */
export function isPath(text: string): boolean {
  return text.length <= MAX_PATH_LENGTH && PATH.test(text) &&
    text.split("/").length <= MAX_SEGMENTS &&
    text.split("/").every(({ length }) => length <= MAX_SEGMENT_LENGTH);
}

/** Whether `path` is `prefix` or lies below it; the empty prefix is everything. */
export function isBelow(path: string, prefix: string): boolean {
  return prefix === "" || path === prefix || (path.startsWith(prefix) && path[prefix.length] === "/");
}

/** Compares two epochs: negative where `a` is older. Two hosts of one term are a conflict that the caller must see. */
export function compareEpochs(a: StateEpoch, b: StateEpoch): number {
  if (a.term !== b.term) return a.term - b.term;
  return a.hostId < b.hostId ? -1 : a.hostId > b.hostId ? 1 : 0;
}
