// How a group is shown: what the host writes at `groups-status/<id>`.
// Decides the fields and words; course.ts decides what is true.

/**
 * How far a group is. `idle`: nobody is there to show it. `shown`: every display that is there and can shows it.
 * `failed`: it cannot be shown, `why` says for what reason; displays keep what they show.
 */
export const PHASES = ["idle", "preparing", "committing", "shown", "failed"] as const;
/** A word of {@linkcode PHASES}. */
export type Phase = typeof PHASES[number];

/** How a display stands towards its group. */
export const DISPLAY_STATES = [
  /** Its node cannot be reached. */
  "missing",
  /** Its node can be reached, and says nothing. */
  "silent",
  /** Its node says that it is not there, or off. */
  "unavailable",
  /** Asked to prepare. */
  "asked",
  "ready",
  /** It cannot prepare. */
  "refused",
  /** Told to show the version, or about to be. */
  "waiting",
  "shown",
  /** It could not change when the moment came. */
  "failed",
] as const;
/** A word of {@linkcode DISPLAY_STATES}. */
export type DisplayState = typeof DISPLAY_STATES[number];

/** One display of a group. */
export interface DisplayStanding {
  /** What it shows; 0 for nothing of this group, as far as known. */
  readonly version: number;
  readonly state: DisplayState;
  /** Since when, in milliseconds of the host's clock. */
  readonly sinceMs: number;
  /** It has not shown what it should for over a second, for whatever reason. */
  readonly late: boolean;
  readonly why: string | null;
}

/** A group, as it is shown. */
export interface GroupStatus {
  /** The version that is to be seen; 0 before the first. */
  readonly version: number;
  /** The version in the state. Another one than `version` while it is prepared, or cannot be shown. */
  readonly wanted: number;
  readonly phase: Phase;
  readonly why: string | null;
  readonly displays: Readonly<Record<string, DisplayStanding>>;
}

/** Reads what stands at `groups-status/<id>`; null for anything else. The host wrote it, a stranger may have. */
export function readStatus(value: unknown): GroupStatus | null {
  const table = tableOf(value);
  if (table === null) return null;
  const { version, wanted, phase, why, displays } = table;
  const list = tableOf(displays);
  const known = PHASES.find((each) => each === phase);
  if (!isCount(version) || !isCount(wanted) || known === undefined || list === null) return null;
  const standings: Record<string, DisplayStanding> = {};
  for (const [id, raw] of Object.entries(list)) {
    const standing = readStanding(raw);
    if (standing === null) return null;
    standings[id] = standing;
  }
  return { version, wanted, phase: known, why: textOrNull(why), displays: standings };
}

function readStanding(value: unknown): DisplayStanding | null {
  const table = tableOf(value);
  if (table === null) return null;
  const { version, state, sinceMs, late, why } = table;
  const known = DISPLAY_STATES.find((each) => each === state);
  if (!isCount(version) || known === undefined || typeof sinceMs !== "number") return null;
  return { version, state: known, sinceMs, late: late === true, why: textOrNull(why) };
}

function tableOf(value: unknown): Readonly<Record<string, unknown>> | null {
  const isTable = typeof value === "object" && value !== null && !Array.isArray(value);
  return isTable ? value as Readonly<Record<string, unknown>> : null;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
