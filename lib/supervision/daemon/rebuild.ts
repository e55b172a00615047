// What a supervisor knows when it starts: the rows of its database, or, where that is missing or damaged, what stands
// beside the programs themselves (research, section 1.10; pm2 #2827). Decides which of two copies counts; starts nothing.

import type { Platform, RowChange } from "../../platform/mod.ts";
import type { Places } from "./places.ts";
import {
  instanceChange,
  type InstanceRow,
  newInstance,
  programChange,
  type ProgramRow,
  readAssignment,
  readInstance,
  readProgram,
} from "./rows.ts";
import type { Store } from "./store.ts";

/** A program as it is known at the start. */
export interface KnownProgram {
  readonly row: ProgramRow;
  readonly instance: InstanceRow;
}

/** What was found. */
export interface Known {
  readonly programs: KnownProgram[];
  /** Programs that only their own directories knew of. */
  readonly rebuilt: readonly string[];
  /** Directories of programs that were removed. */
  readonly erased: readonly string[];
}

/** Reads everything, and writes into the database what it lacks. */
export function readKnown(platform: Platform, places: Places, store: Store): Known {
  const rows = new Map(store.read("program", readProgram).map((row) => [row.name, row]));
  const instances = new Map(
    store.read(
      "instance",
      (name, text) => name.startsWith("#") ? newInstance(name) : readInstance(name, text),
    )
      .map((instance) => [instance.name, instance]),
  );
  const rebuilt: string[] = [];
  const erased: string[] = [];
  const changes: RowChange[] = [];
  const programs: KnownProgram[] = [];
  const names = [...new Set([...rows.keys(), ...places.names()])].sort();
  for (const name of names) {
    const kept = keptOf(platform, places, name);
    const row = rows.get(name);
    if (row !== undefined) {
      const instance = instances.get(name) ?? newInstance(name);
      programs.push({ row, instance: newerOf(instance, kept?.instance ?? null) });
      continue;
    }
    const isRemoved = kept === null || kept.program.removing;
    if (isRemoved && store.origin === "opened" && isFree(platform, places.of(name).lock)) {
      // The database does not know it, and its own file says that it was removed: something kept us from removing its
      // files. One that only the database has forgotten is no such case: a page or a log of it may be lost.
      erased.push(name);
      places.erase(name);
      continue;
    }
    if (kept === null) continue;
    rebuilt.push(name);
    programs.push({ row: kept.program, instance: kept.instance });
    changes.push(programChange(kept.program), instanceChange(kept.instance));
  }
  if (changes.length > 0) store.commit(changes, "synced");
  return { programs, rebuilt, erased };
}

function keptOf(platform: Platform, places: Places, name: string): ReturnType<typeof readAssignment> {
  try {
    const kept = readAssignment(platform.files.read(places.of(name).assignment));
    return kept?.program.name === name ? kept : null;
  } catch {
    return null;
  }
}

/** The token beside the program is written before its shim has it, the row in the database after. */
function newerOf(instance: InstanceRow, kept: InstanceRow | null): InstanceRow {
  if (kept === null || kept.token === null || kept.token === instance.token) return instance;
  const { token, bootId } = kept;
  return { ...instance, token, bootId, shim: null, toldSpec: null };
}

function isFree(platform: Platform, path: string): boolean {
  try {
    if (platform.files.stat(path) === null) return true;
    const lock = platform.files.lock(path);
    lock?.release();
    return lock !== null;
  } catch {
    return false;
  }
}
