// What a lane is: a number, a name, one of four delivery guarantees, a place in the queue.
// Decides the standard lanes; never how a guarantee is kept (the carriers do).

import type { Brand } from "../base/mod.ts";

/** A lane's number on the wire, 0 to 255. Below 16 stand the lanes of hana itself. */
export type LaneId = Brand<number, "LaneId">;

/** The four delivery guarantees. A kind is a minimum that no carrier ever remaps. */
export type LaneKind =
  | "unreliable-unordered"
  | "unreliable-sequenced"
  | "reliable-unordered"
  | "reliable-ordered";

/** One lane. */
export interface Lane {
  readonly id: LaneId;
  readonly name: string;
  readonly kind: LaneKind;
  /** Lower goes first: a lane waits while a lane of a lower tier has something to send. */
  readonly tier: number;
  /** At this many waiting messages or bytes a reliable lane refuses, an unreliable one drops its oldest. */
  readonly maxQueuedMessages: number;
  readonly maxQueuedBytes: number;
}

/** Names of the standard lanes. */
export type LaneName = "control" | "state" | "modulation" | "events" | "telemetry";

const MEBIBYTE = 1024 * 1024;

/** The standard lanes (architecture 4). */
export const LANES: Readonly<Record<LaneName, Lane>> = {
  control: lane(0, "control", "reliable-ordered", 0, 65_536, 32 * MEBIBYTE),
  state: lane(1, "state", "reliable-ordered", 2, 65_536, 32 * MEBIBYTE),
  modulation: lane(2, "modulation", "unreliable-sequenced", 1, 256, 256 * 1024),
  events: lane(3, "events", "reliable-unordered", 2, 65_536, 16 * MEBIBYTE),
  telemetry: lane(4, "telemetry", "unreliable-unordered", 3, 1_024, 1 * MEBIBYTE),
};

/** Whether `text` names a standard lane. */
export function isLaneName(text: string): text is LaneName {
  return Object.hasOwn(LANES, text);
}

/** Whether a lane keeps every message. */
export function isReliable(kind: LaneKind): boolean {
  return kind === "reliable-ordered" || kind === "reliable-unordered";
}

function lane(
  id: number,
  name: LaneName,
  kind: LaneKind,
  tier: number,
  maxQueuedMessages: number,
  maxQueuedBytes: number,
): Lane {
  return { id: id as LaneId, name, kind, tier, maxQueuedMessages, maxQueuedBytes };
}
