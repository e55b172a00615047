// Numbers of requests about objects and the privilege: several libraries in one program may share one copy of the state, and
// each must know its own answers.

import type { StateReplica } from "../replica/mod.ts";

const LAST = new WeakMap<StateReplica, number>();
const MAX_NUMBER = 0xffff_ffff;

/** A number that no other request of this copy has for a long time; from 1 on. */
export function nextRequest(replica: StateReplica): number {
  const next = (LAST.get(replica) ?? 0) % MAX_NUMBER + 1;
  LAST.set(replica, next);
  return next;
}
