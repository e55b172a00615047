// The processes of the machine: who descends from whom, who is alive, and signals that never reach a stranger.
// Decides that a process is its number together with when it started (winsw #123: a number alone is used again);
// never decides whom to end (lib/supervision).

import type { ProcessSignal } from "./processes.ts";

/** A process of this boot. Numbers are used again, so only both together mean one process. */
export interface ProcessIdentity {
  readonly processId: number;
  /** When it started, in the system's own unit since boot: for comparing alone. */
  readonly startedAt: number;
}

/** What a process does. `uninterruptible`: it waits inside the kernel, a driver mostly, and cannot be ended. */
export type ProcessState = "running" | "sleeping" | "uninterruptible" | "stopped" | "zombie";

/** What is known of a process. */
export interface ProcessFacts extends ProcessIdentity {
  readonly parentId: number;
  readonly groupId: number;
  readonly state: ProcessState;
  /** The program's short name, as the system tells it. */
  readonly name: string;
  /** Memory that it occupies. */
  readonly residentBytes: number;
  /** CPU time that it has used, its own alone. */
  readonly cpuUs: number;
  /** What in the kernel it waits in, where the system tells. */
  readonly waitsIn: string | null;
}

/** Looks at processes and signals them. */
export interface ProcessTable {
  /** Names this boot of the machine: identities of another one mean nobody. */
  readonly bootId: string;
  /** This process. */
  readonly self: ProcessIdentity;
  /** What is known of a process, zombies included; null when there is none of this number. */
  inspect(processId: number): ProcessFacts | null;
  /** All that descend from these processes, zombies included, without those themselves; children after their parents. */
  descendants(of: readonly number[]): ProcessFacts[];
  /** All processes whose environment says `name=value` (those that may be read), zombies excluded. Looks at every process. */
  marked(name: string, value: string): ProcessFacts[];
  /**
   * Signals exactly this process. False when it has ended, is a zombie, or another one has its number; a process that
   * does not exist is no error.
   */
  signal(identity: ProcessIdentity, signal: ProcessSignal): boolean;
  /** From now on descendants that lose their parent become children of this process. False where the system cannot. */
  adoptOrphans(): boolean;
  /** Takes the end of adopted orphans off the system's hands, never that of a child started here. Returns how many. */
  reapOrphans(): number;
}
