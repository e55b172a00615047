// What a daemon and a shim say to each other: one JSON object a line over a local socket, 1 MiB at most.
// Decides the messages of protocol version 1. A daemon serves shims of the two versions before its own; unknown
// fields and messages are ignored on both sides, so that old and new ones understand each other.

import type { ProcessIdentity } from "../../platform/mod.ts";
import type { ProgramSpec } from "./spec.ts";
import type { LogQuery, LogRecord, ProgramEvent, ProgramSnapshot } from "./snapshot.ts";
import type { Desired } from "./states.ts";

/** The version of these messages. */
export const CONTROL_VERSION = 1;
/** The longest line in bytes, without its end. */
export const MAX_CONTROL_LINE_BYTES = 1 << 20;

/** Where a shim finds everything: the first line of its standard input. */
export interface ShimAssignment {
  readonly t: "assign";
  readonly v: number;
  readonly name: string;
  /** The node's name, for the program's environment. */
  readonly node: string;
  /** Journal, logs and lock; made before the shim is started. */
  readonly directory: string;
  /** Unix sockets (or a pipe's name): of the daemon, of the program, and of its `sd_notify` datagrams. */
  readonly controlSocket: string;
  readonly childSocket: string;
  readonly notifySocket: string | null;
  /** What finds the program's processes again: an environment variable of all of them carries it. */
  readonly token: string;
  readonly generation: number;
  readonly spec: ProgramSpec;
  readonly want: Desired;
  /** Who wanted it. */
  readonly by: string;
  /** Whether its needs are met already; else it waits for `clear`. */
  readonly clear: boolean;
  /** The newest run and event that the daemon knows of: numbers go on behind them where the journal knows of fewer. */
  readonly known?: { readonly run: number; readonly seq: number };
}

/** A daemon says. `op` numbers a demand; its answer has the same. */
export type ToShim =
  | { readonly t: "hello"; readonly v: number; readonly sinceSeq: number }
  | {
    readonly t: "want";
    readonly op: number;
    readonly want: Desired;
    readonly generation: number;
    /** Given where it changed; a running program is started anew with it. */
    readonly spec?: ProgramSpec;
    readonly by: string;
    /** Skips the grace. */
    readonly now?: boolean;
    readonly clear?: boolean;
  }
  | {
    readonly t: "restart";
    readonly op: number;
    readonly by: string;
    readonly now?: boolean;
    /** Restarts only if the program is still in this run: two consoles press once. */
    readonly run?: number;
  }
  | { readonly t: "clear" }
  | { readonly t: "signal"; readonly op: number; readonly signal: string; readonly by: string }
  | { readonly t: "logs"; readonly op: number; readonly query: LogQuery }
  | { readonly t: "follow"; readonly on: boolean }
  | { readonly t: "why"; readonly op: number; readonly run?: number };

/** A shim says. */
export type FromShim =
  | {
    readonly t: "welcome";
    readonly v: number;
    readonly shim: ProcessIdentity;
    readonly bootId: string;
    readonly token: string;
    readonly snapshot: ProgramSnapshot;
    /** Events after `sinceSeq`, oldest first; with `more` others follow as `event`. */
    readonly events: readonly ProgramEvent[];
  }
  | { readonly t: "state"; readonly snapshot: ProgramSnapshot }
  | { readonly t: "event"; readonly event: ProgramEvent }
  | { readonly t: "log"; readonly records: readonly LogRecord[]; readonly missed: number }
  /** The answer to a demand. `why` and `logs` come with what was asked for. */
  | {
    readonly t: "ok";
    readonly op: number;
    readonly records?: readonly LogRecord[];
    readonly bundle?: CrashBundle;
    readonly done?: boolean;
  }
  | { readonly t: "no"; readonly op: number; readonly code: string; readonly why: string }
  /** It ends in order: nothing is wanted, nothing runs. */
  | { readonly t: "bye"; readonly snapshot: ProgramSnapshot };

/** What is kept of a run that ended: the material of `hana why`. */
export interface CrashBundle {
  readonly snapshot: ProgramSnapshot;
  /** Events of the run and of what was done after it, oldest first. */
  readonly events: readonly ProgramEvent[];
  /** The last lines that it wrote. */
  readonly lines: readonly LogRecord[];
  /** One sample a second of its last minute. */
  readonly samples: readonly ResourceSample[];
  /** What differs from the specification of the last run that got ready; empty where nothing does. */
  readonly changes: readonly string[];
}

/** How a program fared at one moment. */
export interface ResourceSample {
  readonly atWallMs: number;
  readonly residentBytes: number;
  readonly cpuShare: number;
  readonly processes: number;
  readonly fps: number | null;
}
