// What ending a tree asks for, and what it is told before it begins.
// Decides the words between TreeKill and the shim; plain data.

import type { ProcessFacts, ProcessIdentity } from "../../platform/mod.ts";

/**
 * How the end of a tree begins. `stop`: politely, then by force after the grace. `now`: by force, a second after SIGTERM to
 * the group. `sweep`: the leader is gone, what is left of its tree is ended at once.
 */
export type TreeMode = "stop" | "now" | "sweep";

/** Where the end of a tree stands. `survivors`: it rests until `begin` is called again. */
export type TreePhase = "idle" | "grace" | "terminating" | "sweeping" | "survivors";

/** What is to be done now, in this order. */
export type TreeEffect =
  /** The polite stop: the protocol's `stop`, SIGTERM to the leader alone, then SIGCONT so that a stopped one hears it. */
  | { readonly do: "ask" }
  /** To the process group, remembered from the spawn (`ChildProcess.killGroup`). */
  | { readonly do: "signal-group"; readonly signal: "SIGTERM" | "SIGKILL" }
  /** To exactly these processes (`ProcessTable.signal`). Valid during the call only. */
  | {
    readonly do: "signal";
    readonly signal: "SIGTERM" | "SIGSTOP" | "SIGKILL";
    readonly members: readonly ProcessIdentity[];
  }
  /**
   * Reap orphans, look, and call `handleScan` with what is found, before or after the other effects of the same list are
   * done but not within this call. `wide`: descendants and all that are marked; else descendants alone.
   */
  | { readonly do: "scan"; readonly wide: boolean }
  /** Proven: nothing of the tree lives. */
  | { readonly do: "empty"; readonly rounds: number }
  /** Time is up, and these live. */
  | { readonly do: "survivors"; readonly members: readonly ProcessFacts[] };

/** The tree that is to end. */
export interface TreeKillOptions {
  /** The process that was spawned; null where only its mark is known (a lost shim's). */
  readonly leader: ProcessIdentity | null;
  /** Processes that started before it are strangers, in the unit of `ProcessIdentity.startedAt`. */
  readonly notBefore: number;
  /** Never signalled: the shim itself. */
  readonly self: ProcessIdentity;
  /** How long the polite stop may take. */
  readonly graceUs: number;
  /** Regular expressions on short names of processes that may live on. */
  readonly keepChildren: readonly string[];
  /** Whether orphans of the tree become children of the shim: a scan of its descendants proves emptiness then. */
  readonly adopts: boolean;
}

/** What is counted of an end. */
export interface TreeKillStats {
  readonly scans: number;
  /** Members that were left for the next scan since there were too many at once. */
  readonly truncated: number;
  /** Processes found that were started before the tree, or have become somebody else. */
  readonly strangers: number;
  /** Processes that may live on by `keepChildren`. */
  readonly kept: number;
  /** SIGKILLs asked for, of members. */
  readonly killed: number;
}
