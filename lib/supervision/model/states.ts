// The words for where a program stands: what is wanted, what is, how it feels, how it ended.
// Decides the vocabulary that the state table, the shim, the daemon, reports and people share.

/** What a human or the manifest wants. `once`: run it, and leave it when it ends well. */
export type Desired = "up" | "down" | "once";

/** Where it stands. */
export type Actual =
  | "idle"
  | "waiting"
  | "starting"
  | "running"
  | "hung"
  | "stopping"
  | "killing"
  | "backoff"
  | "parked"
  | "done"
  | "unkillable";

/** States in which nothing is under way: everything else has a deadline and an exit. */
export const RESTING: readonly Actual[] = ["idle", "running", "parked", "done"];

/** States in which a process runs: a shim that finds one of them in its journal knows that the one before it was lost. */
export const LIVE: ReadonlySet<unknown> = new Set<Actual>([
  "starting",
  "running",
  "hung",
  "stopping",
  "killing",
  "unkillable",
]);

/** How a running program feels. `unknown`: it says nothing of itself. */
export type Health = "unknown" | "ready" | "degraded" | "stalled";

/** Why a run ended, for people and for the policy. */
export type ExitClass =
  | "success"
  /** It ended by itself with an error. */
  | "failure"
  /** A signal that nobody here sent ended it. */
  | "crash"
  /** Its exit code, or what it said, means that another try is of no use. */
  | "fatal"
  /** Exit code 75: try again, and do not count it. */
  | "temporary"
  /** Exit code 125: it asks to stay down. */
  | "stay-down"
  /** It could not be started: no such file, no permission, the wrong file. */
  | "config"
  /** It could not be started: no memory, too many processes. */
  | "resources"
  /** It did not get ready in time. */
  | "start-timeout"
  /** It fell silent. */
  | "hang"
  /** Its picture froze, and it was ended for it. */
  | "stall"
  /** It held more memory than it may. */
  | "oom"
  /** It was asked to end. */
  | "stopped"
  /** Its shim was lost, and it was ended since nobody could hear it any more. */
  | "shim-lost";

/** How a run ended. */
export interface ExitRecord {
  readonly run: number;
  readonly class: ExitClass;
  /** The exit code, 128 and the signal's number for a signal; null where nothing ran. */
  readonly code: number | null;
  readonly signal: string | null;
  /** A few plain words where the class does not say it all: what could not be started and why. */
  readonly why: string | null;
  readonly atWallMs: number;
  /** From spawn to end. */
  readonly livedUs: number;
  /** From spawn to ready; null where it never was. */
  readonly readyUs: number | null;
  /** Largest memory and CPU time of its processes, as far as seen. */
  readonly peakBytes: number | null;
  readonly cpuUs: number | null;
}
