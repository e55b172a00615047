// A node in one of its lives, and how voters name it.

import type { Incarnation, NodeId } from "../../base/mod.ts";
import { SHORT_DIGITS } from "./voters.ts";

/** A node in one of its lives. */
export interface LifeId {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
}

/** The first 8 bytes of an id: how voters are named in messages. */
export function shortId(id: NodeId): string {
  return id.slice(0, SHORT_DIGITS);
}

/** Whether both are the same life of the same node. */
export function isSameLife(a: LifeId | null, b: LifeId): boolean {
  return a !== null && a.id === b.id && a.incarnation === b.incarnation;
}
