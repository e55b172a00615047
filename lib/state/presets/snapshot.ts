// How a part of the shared state stood at one moment, as data.
// Decides which values belong to it and when two of them differ; never writes.

import { HanaError } from "../../base/mod.ts";
import type { StateClient } from "../client/mod.ts";
import { equalValues } from "../merge/mod.ts";
import { isBelow, type StateValue, type ValueType } from "../model/mod.ts";
import { HOST_SUBSYSTEMS } from "../schema/mod.ts";

/** The values of a snapshot; more are refused. */
export const MAX_SNAPSHOT_VALUES = 16_384;

/** One value. */
export interface SnapshotEntry {
  readonly path: string;
  readonly type: ValueType;
  readonly value: StateValue;
  /** That of the claim which stood; null where nobody held it, or nobody wanted to know. */
  readonly priority: number | null;
}

/** Values below a prefix; plain data. */
export interface Snapshot {
  /** "" for everything. */
  readonly prefix: string;
  /** By path. */
  readonly entries: readonly SnapshotEntry[];
}

/** How a snapshot is taken. */
export interface SnapshotOptions {
  /** Keep the priorities of those who held the values. */
  readonly priorities?: boolean;
}

/** Where presets themselves are, which are no part of a snapshot. */
export const PRESETS_SUBSYSTEM = "presets";
/** Subsystems that nobody puts values back into. */
const LEFT_OUT: readonly string[] = [...HOST_SUBSYSTEMS, PRESETS_SUBSYSTEM, "clients"];

/**
 * How everything at or below `prefix` stands: what the host says, own writes on their way included, fades at their end.
 * Throws `overloaded` for too many values.
 */
export function takeSnapshot(
  client: StateClient,
  prefix = "",
  { priorities = false }: SnapshotOptions = {},
): Snapshot {
  const entries: SnapshotEntry[] = [];
  for (const { path, definition, value, hostValue, isPending, holder, priority } of client.list(prefix)) {
    if (LEFT_OUT.includes(definition.subsystem)) continue;
    if (entries.length === MAX_SNAPSHOT_VALUES) {
      throw new HanaError("overloaded", {
        what: `a snapshot of ${prefix === "" ? "everything" : prefix} has too many values`,
        why: `${MAX_SNAPSHOT_VALUES} are the most`,
        hint: "take one of each part",
      });
    }
    entries.push({
      path,
      type: definition.type,
      value: isPending ? value : hostValue,
      priority: priorities && holder !== 0 ? priority : null,
    });
  }
  return { prefix, entries };
}

/** A value that differs between two snapshots. */
export interface SnapshotChange {
  readonly path: string;
  readonly from: SnapshotEntry;
  readonly to: SnapshotEntry;
}

/** What differs between two snapshots. */
export interface SnapshotDifference {
  readonly changed: readonly SnapshotChange[];
  /** In the first alone. */
  readonly gone: readonly SnapshotEntry[];
  /** In the second alone. */
  readonly added: readonly SnapshotEntry[];
  /** How many values are the same. */
  readonly same: number;
}

/** What differs in `to` from `from`, by path. Priorities are no difference: they say who was there. */
export function compareSnapshots(from: Snapshot, to: Snapshot): SnapshotDifference {
  const theirs = new Map(to.entries.map((entry) => [entry.path, entry]));
  const changed: SnapshotChange[] = [];
  const gone: SnapshotEntry[] = [];
  let same = 0;
  for (const entry of from.entries) {
    const other = theirs.get(entry.path);
    theirs.delete(entry.path);
    if (other === undefined) gone.push(entry);
    else if (other.type === entry.type && equalValues(other.value, entry.value)) same++;
    else changed.push({ path: entry.path, from: entry, to: other });
  }
  return { changed, gone, added: [...theirs.values()], same };
}

/** A snapshot without what is not at or below `prefix`. */
export function restrictSnapshot({ entries }: Snapshot, prefix: string): Snapshot {
  return { prefix, entries: entries.filter(({ path }) => isBelow(path, prefix)) };
}
