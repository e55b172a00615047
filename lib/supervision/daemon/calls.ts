// What can be asked of a supervisor, and what it answers.
// Plain data: consoles, manifests and tests speak it. Decides no rule; supervisor.ts does.

import type { Desired, LogRecord, ProgramEvent, ProgramSnapshot, ProgramSpec } from "../model/mod.ts";

/** What every verb carries. */
export interface VerbCall {
  /** Names this demand: the same again replays its answer. Kept for a day. */
  readonly op: string;
  readonly name: string;
  /** Who asks, for people. */
  readonly by: string;
  /** Refused with `conflict` where the program has another generation; 0 where it must not be there. */
  readonly expectGeneration?: number;
}

/** A program that is to be. */
export interface SpawnCall extends VerbCall {
  readonly spec: ProgramSpec;
  readonly want: Desired;
  /** Says that a manifest wants it; a person unless given. */
  readonly from?: ProgramOrigin;
}

/** A program that is to end. */
export interface StopCall extends VerbCall {
  /** Without its grace. */
  readonly now?: boolean;
}

/** A program that is to begin anew. */
export interface RestartCall extends StopCall {
  /** Only if it is still in this run; the one that is known unless given. */
  readonly run?: number;
}

/** A signal for its leading process. */
export interface SignalCall extends VerbCall {
  readonly signal: string;
}

/** Who brought a program: a person by name, or the manifest of a show. */
export type ProgramOrigin = "spawn" | "manifest";

/** What a verb answers. */
export interface VerbResult {
  readonly name: string;
  readonly generation: number;
  /** The run that it found. */
  readonly run: number;
  /** False where everything was so already. */
  readonly changed: boolean;
  readonly replayed: boolean;
  /** False where the disk refused to keep what is wanted. */
  readonly durable: boolean;
  /** As it stands; null when it was removed. */
  readonly program: ProgramSnapshot | null;
}

/** What is wanted of a program, as it is kept. */
export interface DesiredProgram {
  readonly name: string;
  readonly generation: number;
  readonly spec: ProgramSpec;
  readonly want: Desired;
  /** What `start` wants: `once` for a program that was spawned so. */
  readonly mode: "up" | "once";
  readonly by: string;
  readonly atWallMs: number;
  readonly from: ProgramOrigin;
}

/** An event in the node's own order. Ids have no gaps; `event.seq` has none within one program and origin. */
export interface ProgramEventEntry {
  readonly id: number;
  /** Who noticed: the program's shim, or the daemon. */
  readonly origin: "shim" | "daemon";
  readonly event: ProgramEvent;
}

/** Events and where they stand. */
export interface EventPage {
  readonly events: readonly ProgramEventEntry[];
  readonly last: number;
  readonly oldest: number;
}

/** Which events. */
export interface EventQuery {
  readonly after?: number;
  readonly program?: string;
  readonly limit?: number;
}

/** A change of the list of programs. */
export type ProgramDelta = (op: "add" | "update" | "remove", program: ProgramSnapshot) => void;

/** Lines as they come, and how many before them were missed. */
export type LogListener = (records: readonly LogRecord[], missed: number) => void;

/** Who was refused what. */
export interface Refusal {
  readonly program: string;
  readonly verb: string;
  readonly by: string;
  readonly why: string;
  /** Refusals before this one that were not noted. */
  readonly others?: number;
}

/** What a manifest wants of one program of this node. */
export interface ShowProgram {
  readonly name: string;
  readonly spec: ProgramSpec;
  readonly want: Desired;
}

/** A generation of a show as this node keeps it. */
export interface ShowRecord {
  readonly generation: number;
  /** The show's name; empty where it was not told. */
  readonly name: string;
  /** The generation that this one goes back to; null for a new one. */
  readonly of: number | null;
  readonly sha256: string;
  /** The manifest as it was applied. */
  readonly text: string;
  readonly by: string;
  readonly atWallMs: number;
}

/** What one show wants here, changed together or not at all. */
export interface ApplyCall {
  readonly op: string;
  readonly by: string;
  /** The show as it is kept for `rollback`; its generation must be greater than the one that is kept. */
  readonly show:
    & Pick<ShowRecord, "generation" | "sha256" | "text">
    & Partial<Pick<ShowRecord, "name" | "of">>;
  /** Every program of the show that belongs here; those of an earlier generation that are missing are removed. */
  readonly programs: readonly ShowProgram[];
  /** The generation that the asker saw in force, 0 for none: another one is a `conflict`. */
  readonly base?: number;
  /** Leaves what runs as it is until `rollOut` names it, or nobody has said anything for a while. */
  readonly staged?: boolean;
}

/** What applying changed. */
export interface ApplyResult {
  readonly generation: number;
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  readonly unchanged: readonly string[];
  /** Programs that are still as they were. */
  readonly staged: readonly string[];
  /** False where the disk refused to keep it. */
  readonly durable: boolean;
  readonly replayed: boolean;
}

/** What a show would change here. */
export interface PrepareCall {
  readonly op: string;
  readonly by: string;
  readonly programs: readonly ShowProgram[];
  /** As in {@linkcode ApplyCall}. */
  readonly base?: number;
  /** Keeps others from applying for a moment. */
  readonly reserve?: boolean;
}

/** Something that a show finds wanting on this node. */
export interface ShowProblem {
  readonly program: string;
  readonly what: string;
  readonly why: string;
  /** Whether the show cannot be applied like this; else people should know. */
  readonly fatal: boolean;
}

/** What applying would change, and what is in its way. */
export interface PrepareResult {
  /** The generation in force; 0 for none. */
  readonly base: number;
  /** `linux-x64` and the like. */
  readonly platform: string;
  readonly added: readonly string[];
  /** With what differs, a line each, and whether it is restarted for that. */
  readonly changed: readonly ShowChange[];
  readonly removed: readonly string[];
  readonly unchanged: readonly string[];
  /** Of what was applied before, programs that are still as they were. */
  readonly staged: readonly string[];
  readonly problems: readonly ShowProblem[];
}

/** A program that changes. */
export interface ShowChange {
  readonly name: string;
  readonly lines: readonly string[];
  readonly restarts: boolean;
}

/** Which programs of the show in force are changed now. */
export interface RollOutCall {
  readonly by: string;
  readonly generation: number;
  readonly names: readonly string[];
  /** The rest stays as it is until somebody says more: something went wrong. */
  readonly halt?: boolean;
}

/** What was let go. */
export interface RollOutResult {
  readonly released: readonly ReleasedProgram[];
  /** Programs that are still as they were. */
  readonly staged: readonly string[];
  readonly problems: readonly ShowProblem[];
}

/** A program that is being changed. */
export interface ReleasedProgram {
  readonly name: string;
  readonly generation: number;
  /** The run that it found. */
  readonly run: number;
  /** Whether another run follows it. */
  readonly restarts: boolean;
  /** Whether it is on its way out. */
  readonly removed: boolean;
}

/** Which show this node has. */
export interface ShowStanding {
  /** Newest first. */
  readonly generations: readonly Omit<ShowRecord, "text">[];
  /** How many programs it brought. */
  readonly programs: number;
  /** Programs that are still as they were before the newest one. */
  readonly staged: readonly string[];
  readonly halted: boolean;
}
