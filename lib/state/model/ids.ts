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

/** Whether `text` can be a path such as `stage-left/aurora/hue`. */
export function isPath(text: string): boolean {
  if (text.length === 0 || text.length > MAX_PATH_LENGTH) return false;
  let segments = 1;
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    const isPlain = (unit >= SMALL_A && unit <= SMALL_Z) || (unit >= ZERO && unit <= NINE);
    if (unit === SLASH) {
      if (length === 0 || ++segments > MAX_SEGMENTS) return false;
      length = 0;
      continue;
    }
    // A segment begins with a letter or a digit.
    if (!isPlain && (length === 0 || (unit !== DOT && unit !== UNDERSCORE && unit !== DASH))) return false;
    if (++length > MAX_SEGMENT_LENGTH) return false;
  }
  return length > 0;
}

const [SMALL_A, SMALL_Z, ZERO, NINE] = [0x61, 0x7a, 0x30, 0x39];
const [SLASH, DOT, UNDERSCORE, DASH] = [0x2f, 0x2e, 0x5f, 0x2d];

/** Whether `path` is `prefix` or lies below it; the empty prefix is everything. */
export function isBelow(path: string, prefix: string): boolean {
  return prefix === "" || path === prefix || (path.startsWith(prefix) && path[prefix.length] === "/");
}

/** Compares two epochs: negative where `a` is older. Two hosts of one term are a conflict that the caller must see. */
export function compareEpochs(a: StateEpoch, b: StateEpoch): number {
  if (a.term !== b.term) return a.term - b.term;
  return a.hostId < b.hostId ? -1 : a.hostId > b.hostId ? 1 : 0;
}
