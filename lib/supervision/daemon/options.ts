// What a supervisor is made from, and its bounds.

import type { Platform } from "../../platform/mod.ts";

/** How to make a supervisor. */
export interface SupervisorOptions {
  readonly platform: Platform;
  /** The node's own state directory; programs stand below it. */
  readonly directory: string;
  /** Where sockets stand, below `p/`: a directory of this user alone. */
  readonly runDirectory: string;
  /** The node's name, for the environment of programs. */
  readonly nodeName: string;
  /** How hana itself is started; `__shim` is put behind it. */
  readonly shim: readonly [string, ...string[]];
  /** Whether one shim waits ready, so that a spawn does not wait for a program's start; yes unless told otherwise. */
  readonly warm?: boolean;
  readonly limits?: Partial<SupervisorLimits>;
}

/** Bounds of a supervisor. */
export interface SupervisorLimits {
  /** Programs that it knows at once; one more is refused. */
  readonly maxPrograms: number;
  /** Events that are kept; the oldest goes first. */
  readonly maxEvents: number;
  /** Answers that are kept for replaying, and for how long. */
  readonly maxOps: number;
  readonly opAgeUs: number;
  /** Generations of a show that are kept. */
  readonly maxShows: number;
  /** How long what a show changes waits for a word of whoever rolls it out; then it goes on by itself. */
  readonly rolloutUs: number;
  /** Shims that are started at once. */
  readonly startsAtOnce: number;
  /** How long the shims of an earlier daemon may take to answer while this one starts. */
  readonly adoptUs: number;
  /** How long a new shim may take until it answers. */
  readonly startUs: number;
  /** How long a shim may take to answer a demand. */
  readonly answerUs: number;
  /** How long a verb waits for the shim to take what is wanted; it is on the disk by then. */
  readonly settleUs: number;
}

/** The bounds where nothing else is said. */
export const SUPERVISOR_LIMITS: SupervisorLimits = {
  maxPrograms: 256,
  maxEvents: 10_000,
  maxOps: 10_000,
  opAgeUs: 24 * 3600 * 1_000_000,
  maxShows: 10,
  rolloutUs: 30_000_000,
  startsAtOnce: 4,
  adoptUs: 100_000,
  startUs: 10_000_000,
  answerUs: 5_000_000,
  settleUs: 3_000_000,
};
