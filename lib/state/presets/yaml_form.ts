// What the file of a snapshot holds, for its writer and its reader.
// Decides version and bounds alone.

import type { Snapshot } from "./snapshot.ts";

/** Characters of a file. */
export const MAX_SNAPSHOT_LENGTH = 8 * 1024 * 1024;
/** The form that is written; newer ones are refused. */
export const SNAPSHOT_VERSION = 1;

/** A snapshot with what people call it. */
export interface NamedSnapshot {
  /** Null where it has none. */
  readonly name: string | null;
  readonly note: string | null;
  readonly snapshot: Snapshot;
}
