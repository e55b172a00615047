// One program as it stands now, and one thing that happened to it: what `ps`, `watch`, `events` and `why` show.
// Plain data; the shim makes it, the daemon passes it on, nobody computes with it.

import type { ProcessIdentity } from "../../platform/mod.ts";
import type { Actual, Desired, ExitRecord, Health } from "./states.ts";

/** A program as it stands. */
export interface ProgramSnapshot {
  readonly name: string;
  /** The generation of its specification: one more with every change of it or of what is wanted. */
  readonly generation: number;
  /** Its command line; of one beyond 4,096 characters the beginning and `…`. */
  readonly argv: readonly string[];
  readonly want: Desired;
  readonly state: Actual;
  readonly health: Health;
  /** Its leading process; null while none runs. */
  readonly process: ProcessIdentity | null;
  /** Counts its starts, never reset. */
  readonly run: number;
  /** Failures since it was last ready for 30 s. */
  readonly fails: number;
  /** Since when it is in its state, and when the present run began (null while none runs), by the wall clock. */
  readonly sinceWallMs: number;
  readonly startedWallMs: number | null;
  /** From spawn to ready in this run; null before it is. */
  readonly readyUs: number | null;
  /** When the next try is due, by the wall clock; null where none is. */
  readonly nextTryWallMs: number | null;
  readonly lastExit: ExitRecord | null;
  /** What it said of itself last. */
  readonly status: string | null;
  readonly fps: number | null;
  readonly frame: number | null;
  /** Of all its processes, once a second. */
  readonly residentBytes: number | null;
  readonly cpuShare: number | null;
  readonly processes: number;
  /** What it waits for, why it is parked, who cannot be ended: a few words. */
  readonly note: string | null;
  /** Whether the safe look stands in for it. */
  readonly fallback: boolean;
  /** Three crashes within a minute. */
  readonly unstable: boolean;
  /** Sequence number of its newest event. */
  readonly eventSeq: number;
  /** Whether a shim answers for it; false where this is what the daemon remembers. */
  readonly supervised: boolean;
}

/** What can happen to a program. */
export type ProgramEventKind =
  | "wanted" // somebody changed what is wanted or the specification
  | "waiting"
  | "started"
  | "ready"
  | "status"
  | "hung"
  | "recovered"
  | "stalled"
  | "moving"
  | "fault"
  | "extended"
  | "exited"
  | "backoff"
  | "parked"
  | "stopping"
  | "killing"
  | "unkillable"
  | "stopped"
  | "done"
  | "fallback-started"
  | "fallback-ended"
  | "memory"
  | "logs-suppressed"
  | "disk-full"
  | "disk-freed"
  | "protocol" // the child broke its protocol
  | "suspended" // the machine or the shim stood still; silence was forgiven
  | "adopted" // a daemon found it running
  | "shim-lost"
  | "refused"; // somebody asked for what they may not

/** Something that happened. Sequence numbers of a program have no gaps; those of the daemon's own events neither. */
export interface ProgramEvent {
  readonly seq: number;
  readonly program: string;
  readonly run: number;
  readonly atWallMs: number;
  /** Monotonic, of the shim's life: for durations within one life alone. */
  readonly atUs: number;
  readonly kind: ProgramEventKind;
  /** Who wanted it: `operator anna at foh`, `hana spawn`, `policy`; null where it happened by itself. */
  readonly by: string | null;
  /** What belongs to this kind: `{exit}`, `{delayUs, fails}`, `{text}`, `{pid}`, … */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** A line that a program wrote. */
export interface LogRecord {
  /** Counts the records of a program; gaps are lines that were not kept. */
  readonly seq: number;
  readonly run: number;
  readonly stream: "stdout" | "stderr" | "hana";
  readonly atWallMs: number;
  /** Since the spawn of its run. */
  readonly sinceSpawnUs: number;
  readonly text: string;
  /** A piece of a line that was too long, or came without an end for 200 ms; more of it follows. */
  readonly partial: boolean;
}

/** Which lines are wanted. */
export interface LogQuery {
  /** From this moment on, by the wall clock. */
  readonly sinceWallMs?: number;
  /** A run; negative ones count from the present run back: -1 is the one before. */
  readonly run?: number;
  /** The newest so many. */
  readonly tail?: number;
  readonly stream?: "stdout" | "stderr";
}
