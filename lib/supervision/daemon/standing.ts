// How a program stands while no shim answers for it: what the daemon remembers, and what the shim's journal says.
// Decides the snapshot that is shown then, and whether a program has done what was wanted. Never touches a shim.

import type { Platform } from "../../platform/mod.ts";
import { type JournalContent, readJournal } from "../journal/mod.ts";
import type { ExitRecord, ProgramSnapshot } from "../model/mod.ts";
import { asObject, type InstanceRow, type ProgramRow } from "./rows.ts";

/** Where a program stands of which no shim is known, and why. */
export interface Absence {
  readonly state: ProgramSnapshot["state"];
  readonly note: string | null;
}

/** What of a command line is shown in lists, in characters: all of them together must fit into one message. */
const MAX_SHOWN_LENGTH = 4_096;

/** A command line as it is shown: whole, or its beginning and `…`. */
export function shownArgv({ argv }: ProgramRow["spec"]): readonly string[] {
  let room = MAX_SHOWN_LENGTH;
  const shown: string[] = [];
  for (const argument of argv) {
    room -= argument.length + 1;
    if (room < 0) return [...shown, "…"];
    shown.push(argument);
  }
  return argv;
}

/** A snapshot for a program without a shim. With `bootId` one that has done what was wanted in this boot says so. */
export function absentSnapshot(
  row: ProgramRow,
  instance: InstanceRow,
  absence: Absence,
  argv: readonly string[] = [],
  bootId: string | null = null,
): ProgramSnapshot {
  const last = instance.snapshot;
  const isResting = absence.state === "idle" || absence.state === "done";
  const isOver = isResting && bootId !== null && isDone(row, instance, bootId);
  return {
    name: row.name,
    generation: row.generation,
    argv,
    want: row.want,
    state: isOver ? "done" : absence.state,
    health: "unknown",
    process: null,
    run: last?.run ?? 0,
    fails: last?.fails ?? 0,
    sinceWallMs: last?.sinceWallMs ?? row.atWallMs,
    startedWallMs: null,
    readyUs: null,
    nextTryWallMs: null,
    lastExit: last?.lastExit ?? null,
    status: null,
    fps: null,
    frame: null,
    residentBytes: null,
    cpuShare: null,
    processes: 0,
    note: absence.note,
    fallback: false,
    unstable: last?.unstable ?? false,
    eventSeq: Math.max(instance.seq, last?.eventSeq ?? 0),
    supervised: false,
  };
}

/** What is kept of a snapshot: not the command line, which stands with the specification. */
export function keptSnapshot(snapshot: ProgramSnapshot): ProgramSnapshot {
  return { ...snapshot, argv: [] };
}

/** What the journal of a program says; null where there is none or it cannot be read. */
export function journalOf(platform: Platform, directory: string): JournalContent | null {
  try {
    return readJournal(platform.files, `${directory}/journal`);
  } catch {
    return null;
  }
}

/** How the program stood when its shim wrote last, for a shim that ended while nobody listened. */
export function remembered(row: ProgramRow, instance: InstanceRow, journal: JournalContent): InstanceRow {
  const newest = journal.events.at(-1);
  const base = instance.snapshot ??
    keptSnapshot(absentSnapshot(row, instance, { state: "idle", note: null }));
  if (newest === undefined || newest.seq <= base.eventSeq) return { ...instance, snapshot: base };
  const exited = journal.events.findLast(({ kind }) => kind === "exited");
  const exit = asObject(exited?.detail.exit) as ExitRecord | null;
  return {
    ...instance,
    snapshot: {
      ...base,
      state: newest.kind === "done" ? "done" : "idle",
      run: Math.max(base.run, newest.run),
      sinceWallMs: newest.atWallMs,
      lastExit: exit ?? base.lastExit,
      eventSeq: newest.seq,
    },
  };
}

/** Whether a shim that is gone ended in order: nothing of its program was running when it wrote last. */
export function endedInOrder(journal: JournalContent | null): boolean {
  const newest = journal?.events.at(-1);
  return newest === undefined ? false : newest.kind === "done" || newest.kind === "stopped";
}

/** Whether a program has done what is wanted: it ended well, and nobody has asked for it anew. */
export function isDone(row: ProgramRow, instance: InstanceRow, bootId: string): boolean {
  const { snapshot } = instance;
  if (snapshot?.state !== "done" || snapshot.generation !== row.generation) return false;
  // A machine that starts anew starts what is wanted up; what was wanted once is not wanted again.
  return row.want === "once" || instance.bootId === bootId;
}
