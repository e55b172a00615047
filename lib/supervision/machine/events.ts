// What the state machine of a program hears and what it asks for.
// Decides the words between the machine and the shim that composes it; the table (table.ts) decides what they do.

import type { Actual, Desired, ExitClass, ProgramEventKind } from "../model/mod.ts";

/** Something that happened, or that somebody wants. */
export type MachineEvent =
  /** Somebody wants it to run. `clear`: what it needs is there already. */
  | { readonly kind: "start"; readonly want: "up" | "once"; readonly clear: boolean }
  /** What it needs is there. */
  | { readonly kind: "clear" }
  /** Somebody wants it down; `now` skips the grace. */
  | { readonly kind: "stop"; readonly now: boolean }
  /** Somebody wants it to end and start anew. */
  | { readonly kind: "restart"; readonly now: boolean }
  | { readonly kind: "spawned" }
  | { readonly kind: "spawn-failed"; readonly class: "config" | "resources" }
  /** It is ready: it said so, its probe did, or (`told: false`) it says nothing and has lived for a second. */
  | { readonly kind: "ready"; readonly told?: boolean }
  | { readonly kind: "heard" }
  /** It has been silent for `hang.warnUs` of observed time. */
  | { readonly kind: "silent" }
  /** It has been silent for `hang.killUs` of observed time. */
  | { readonly kind: "dead" }
  | { readonly kind: "frozen" }
  | { readonly kind: "moving" }
  | { readonly kind: "fault"; readonly fatal: boolean }
  | { readonly kind: "over-memory" }
  | { readonly kind: "extend"; readonly us: number }
  /**
   * Its leading process ended. `remains`: descendants are left, and `tree-empty` follows when they are gone. With `run`
   * an end of another run than the present one is ignored.
   */
  | { readonly kind: "exited"; readonly class: ExitClass; readonly remains: boolean; readonly run?: number }
  | { readonly kind: "tree-empty" }
  | { readonly kind: "survivors" }
  /** The program's file, or its specification, changed. */
  | { readonly kind: "file-changed" }
  | { readonly kind: "adopted" }
  /** The machine or the shim stood still: silence in that time was nobody's. */
  | { readonly kind: "suspended" };

/** What is to be done. In order; a later one may rely on the earlier ones. */
export type MachineAction =
  /** Nothing of the program lives: start it, then say `spawned` or `spawn-failed`. */
  | { readonly do: "spawn" }
  /** The polite stop, `TreeKill.begin(…, "stop")`. */
  | { readonly do: "ask-stop" }
  /** End the tree without grace, `TreeKill.begin(…, "now")`. */
  | { readonly do: "kill"; readonly why: ExitClass }
  /** The leader is gone: end what is left of the tree, `TreeKill.begin(…, "sweep")`. */
  | { readonly do: "sweep" }
  /** Begin all budgets of silence anew. */
  | { readonly do: "forgive" }
  | { readonly do: "start-fallback" }
  | { readonly do: "stop-fallback" }
  /** Tell it: an event of the program. */
  | {
    readonly do: "note";
    readonly event: ProgramEventKind;
    readonly detail: Readonly<Record<string, unknown>>;
  };

/** What the machine counts and never resets while a show runs. */
export interface MachineCounters {
  /** Events that meant nothing in the state that they met. */
  readonly spurious: number;
  /** Wishes that joined one already under way. */
  readonly coalesced: number;
  /** Ends that counted as failures. */
  readonly failures: number;
  /** Times that a deadline was pushed out since nobody had observed the time before it. */
  readonly forgiven: number;
  /** Granted extensions of the start. */
  readonly extensions: number;
}

/** What the journal keeps of a machine. Times are ages, since no clock outlives the shim. */
export interface SavedMachine {
  readonly v: 1;
  readonly state: Actual;
  readonly want: Desired;
  readonly clear: boolean;
  readonly reason: ExitClass | null;
  readonly run: number;
  readonly fails: number;
  readonly tries: number;
  /** Failures since a human began anew. */
  readonly fresh: number;
  /** Whether the end that led here has been counted. */
  readonly concluded: boolean;
  readonly gaveUp: boolean;
  readonly hurry: boolean;
  readonly fallback: boolean;
  /** How long ago the latest failures were, oldest first. */
  readonly failureAgesUs: readonly number[];
  readonly counters: MachineCounters;
}
