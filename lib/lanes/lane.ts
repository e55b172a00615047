// What a lane is: a number, a name, one of four delivery guarantees, a place in the queue.
// Decides the standard lanes and what a program's own lane is by default; never how a guarantee is kept.

import type { Brand } from "../base/mod.ts";

/** A lane's number on the wire, 0 to 255. Below 16 stand the lanes of hana itself. */
export type LaneId = Brand<number, "LaneId">;

/** The four delivery guarantees. A kind is a minimum that no carrier ever remaps. */
export type LaneKind =
  | "unreliable-unordered"
  | "unreliable-sequenced"
  | "reliable-unordered"
  | "reliable-ordered";

/** Kinds by their number on the wire. */
export const LANE_KINDS: readonly LaneKind[] = [
  "unreliable-unordered",
  "unreliable-sequenced",
  "reliable-unordered",
  "reliable-ordered",
];

/** What a lane does with a message for which there is no room. */
export type Overflow = "refuse" | "drop-oldest" | "drop-newest";

/** One lane, as its sender sees it. */
export interface Lane {
  readonly id: LaneId;
  readonly name: string;
  readonly kind: LaneKind;
  /** Lower goes first: a lane waits while a lane of a lower tier has something to send. 0 to 7. */
  readonly tier: number;
  /** Its share among the backlogged lanes of its tier, 1 to 255. */
  readonly weight: number;
  /** At this many waiting messages or bytes `overflow` applies. */
  readonly maxQueuedMessages: number;
  readonly maxQueuedBytes: number;
  /** A larger message is refused, whatever the queue holds. */
  readonly maxMessageBytes: number;
  readonly overflow: Overflow;
  /** A message that waited this long is dropped unsent, in microseconds; 0 for never. Reliable lanes tell the peer. */
  readonly ttlUs: number;
  /** Messages may carry a key: of one key only the newest waits, and the receiver keeps to the newest of each. */
  readonly keyed: boolean;
}

/** A lane of a program's own: a name and a kind, and whatever differs from {@linkcode laneDefaults}. */
export type ProgramLane =
  & { readonly name: string; readonly kind: LaneKind }
  & Partial<Omit<Lane, "id" | "name" | "kind">>;

/** Names of the standard lanes. */
export type LaneName = "control" | "state" | "modulation" | "events" | "telemetry";

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

/** Lane numbers from which programs choose their own. */
export const FIRST_PROGRAM_LANE = 16;
/** The last lane number that a program may choose; 255 is kept. */
export const LAST_PROGRAM_LANE = 254;
/** Characters of a lane's name in UTF-8 bytes. */
export const MAX_LANE_NAME_BYTES = 32;

/** The largest message of a lane unless it says otherwise: fragments of an unreliable one are lost together. */
export const DEFAULT_UNRELIABLE_MESSAGE_BYTES: number = 16 * KIBIBYTE;
/** The largest message of a reliable lane unless it says otherwise. */
export const DEFAULT_RELIABLE_MESSAGE_BYTES: number = MEBIBYTE;
/** The largest message that any reliable lane may be configured for. */
export const MAX_RELIABLE_MESSAGE_BYTES: number = 16 * MEBIBYTE;

/** The standard lanes (architecture 4). Session messages may have 16 MiB, the frame limit. */
export const LANES: Readonly<Record<LaneName, Lane>> = {
  control: standard(0, "control", "reliable-ordered", 0, 65_536, 32 * MEBIBYTE),
  state: standard(1, "state", "reliable-ordered", 2, 65_536, 32 * MEBIBYTE),
  modulation: standard(2, "modulation", "unreliable-sequenced", 1, 256, 256 * KIBIBYTE),
  events: standard(3, "events", "reliable-unordered", 2, 65_536, 16 * MEBIBYTE),
  telemetry: standard(4, "telemetry", "unreliable-unordered", 3, 1_024, 1 * MEBIBYTE),
};

/** Whether `text` names a standard lane. */
export function isLaneName(text: string): text is LaneName {
  return Object.hasOwn(LANES, text);
}

/** Whether a lane keeps every message. */
export function isReliable(kind: LaneKind): boolean {
  return kind === "reliable-ordered" || kind === "reliable-unordered";
}

/** What a lane of `kind` is when its owner says nothing else. */
export function laneDefaults(kind: LaneKind): Omit<Lane, "id" | "name" | "kind"> {
  const reliable = isReliable(kind);
  return {
    tier: kind === "unreliable-sequenced" ? 1 : kind === "unreliable-unordered" ? 3 : 2,
    weight: 1,
    maxQueuedMessages: reliable ? 65_536 : 1_024,
    maxQueuedBytes: reliable ? 16 * MEBIBYTE : MEBIBYTE,
    maxMessageBytes: reliable ? DEFAULT_RELIABLE_MESSAGE_BYTES : DEFAULT_UNRELIABLE_MESSAGE_BYTES,
    overflow: reliable ? "refuse" : "drop-oldest",
    ttlUs: 0,
    keyed: kind === "unreliable-sequenced",
  };
}

function standard(
  id: number,
  name: LaneName,
  kind: LaneKind,
  tier: number,
  maxQueuedMessages: number,
  maxQueuedBytes: number,
): Lane {
  const defaults = laneDefaults(kind);
  return {
    ...defaults,
    id: id as LaneId,
    name,
    kind,
    tier,
    maxQueuedMessages,
    maxQueuedBytes,
    maxMessageBytes: isReliable(kind) ? MAX_RELIABLE_MESSAGE_BYTES : defaults.maxMessageBytes,
  };
}
