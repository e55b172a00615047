// What the command and its worker processes say to each other, one JSON line each.
// Decides the shapes alone. A scenario in its normal form, facts and results are plain data, so that they cross as
// they are; a metric that is no finite number crosses as none.

import type { Fact, RunResult, Scenario } from "../../lib/simulate/mod.ts";

/** Facts that a job has to keep beside its result. */
export interface Keeping {
  /** Every fact is written to this file, a line each. */
  readonly traceFile?: string;
  /** Frames count as facts too. */
  readonly frames: boolean;
  /** The facts for a timeline come back with the result. */
  readonly timeline: boolean;
  /** The world's digest at the end of every simulated second comes back with the result. */
  readonly digests: boolean;
  /** The events of this simulated second, counted from 0, are written to the trace as well. */
  readonly eventsOfSecond?: number;
}

/** One run to play. */
export interface Job {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly software: string;
  readonly keeping: Keeping;
  /** Ends the run at its first violation. */
  readonly stopAtFirst: boolean;
  readonly maxEvents?: number;
}

/** What a worker is told. */
export type ToWorker =
  | { readonly kind: "play"; readonly id: number; readonly job: Job }
  /** The run under way ends early and gives what it has. */
  | { readonly kind: "abort" };

/** A run that was played. */
export interface Played {
  readonly result: RunResult;
  /** Real time that the run took in its worker, in milliseconds. */
  readonly wallMs: number;
  readonly excerpt: readonly Fact[];
  readonly timeline: Timeline | null;
  /** Digest by simulated second, where it was asked for. */
  readonly digests: readonly string[];
}

/** The facts for a timeline: all that is no frame, and the frames around what happened. */
export interface Timeline {
  readonly facts: readonly Fact[];
  /** Facts and frames that were left out because there were too many. */
  readonly leftOut: { readonly facts: number; readonly frames: number };
}

/** What a worker says. */
export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "played"; readonly id: number; readonly played: Played }
  /** The runner threw: a bug in hana, or a scenario that it cannot play. */
  | {
    readonly kind: "threw";
    readonly id: number;
    readonly text: string;
    readonly stack: string;
    /** Whether the error says what is wrong with the call, and is no bug. */
    readonly isOurs: boolean;
  };

/** Plays one run; rejects with {@linkcode WorkerTrouble} when hana itself fails. */
export type Play = (job: Job, signal: AbortSignal) => Promise<Played>;

/** A run that gave no result. The seed is in the caller's hand. */
export class WorkerTrouble extends Error {
  override readonly name = "WorkerTrouble";
}
