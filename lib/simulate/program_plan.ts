// The programs of a scenario in its normal form: which there are, what each does by itself, by which rules it is kept.
// Decides the vocabulary alone; how it is written stands in language/programs.ts, what plays it in run/programs.

import type { Milestone, RestartPolicy } from "../supervision/mod.ts";
import type { Selector } from "./selector_text.ts";

/** A program that some nodes have. */
export interface ProgramPlan {
  readonly name: string;
  readonly on: Selector;
  /** When a console first asks for it, since the run began; null: an action brings it. */
  readonly startUs: number | null;
  /** `once`: it is run, and left when it ends well. */
  readonly want: "up" | "once";
  readonly does: BehaviourPlan;
  readonly rules: ProgramRules;
}

/** What a program does by itself, counted from its start. Without any of it, it stays. */
export interface BehaviourPlan {
  /** How it tells of itself: not at all, by `sd_notify`, or by the child protocol. */
  readonly speaks: "none" | "notify" | "protocol";
  /** From its start until it says that it is ready. */
  readonly startTakesUs?: number;
  readonly endsAfterUs?: number;
  /** What it ends with: a code, unless a signal is said. */
  readonly endCode?: number;
  readonly endSignal?: EndSignal;
  /** It falls silent, and hears nothing any more. */
  readonly hangsAfterUs?: number;
  /** It goes on beating, but its counter of pictures stands still. */
  readonly freezesAfterUs?: number;
  /** It waits in the kernel, where nothing ends it, for so long. */
  readonly driverAfterUs?: number;
  readonly driverForUs?: number;
  /** It does not end when it is asked to. */
  readonly ignoresTerm?: boolean;
  /** From being asked to end until it does. */
  readonly stopTakesUs?: number;
  /** Children that it starts in groups of their own, and forgets. */
  readonly forks?: number;
  readonly memoryBytes?: number;
  /** Only its first runs on a machine go wrong (end, hang, freeze, wait in the kernel); those after them stay. */
  readonly times?: number;
}

/** Signals by which a program may end itself. */
export type EndSignal = "SIGKILL" | "SIGTERM" | "SIGHUP" | "SIGINT";

/** The rules by which it is kept; what is not said is as it is for every program. */
export interface ProgramRules {
  readonly restart?: RestartPolicy;
  readonly backoffCapUs?: number;
  readonly giveUp?: { readonly after: number; readonly withinUs: number };
  readonly graceUs?: number;
  readonly startUs?: number;
  readonly heartbeatUs?: number;
  readonly hangWarnUs?: number;
  readonly hangKillUs?: number;
  readonly stallUs?: number;
  readonly stall?: "alert" | "restart";
  readonly needs?: Readonly<Record<string, Milestone>>;
  readonly bind?: boolean;
  readonly memoryMaxBytes?: number;
  readonly boot?: "restore" | "ask";
  /** Failures in a row after which the safe look is shown. */
  readonly fallbackAfter?: number;
}

/** What a timeline does to programs. `program` is a name, or a pattern: `scene-*`. */
export type ProgramAction =
  | AskAction
  /** A signal for its leading process, from outside. */
  | {
    readonly verb: "kill-program";
    readonly nodes: Selector;
    readonly program: string;
    readonly signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT";
  }
  /** Its shim is gone without a word. */
  | { readonly verb: "kill-shim"; readonly nodes: Selector; readonly program: string }
  /** Its shim stands still until it ends. */
  | { readonly verb: "stop-shim"; readonly nodes: Selector; readonly program: string }
  /** Its file is missing until it ends. */
  | { readonly verb: "remove-binary"; readonly nodes: Selector; readonly program: string }
  /** Nothing more fits on the machine's disk until it ends. */
  | { readonly verb: "fill-disk"; readonly nodes: Selector }
  /** All programs that the scenario has for a node are wanted there in one commit, as a show. */
  | { readonly verb: "apply-show"; readonly nodes: Selector };

/** What a console asks for. */
export interface AskAction {
  readonly verb: "start-program" | "stop-program" | "restart-program";
  readonly nodes: Selector;
  readonly program: string;
  /** Who asks; the first app unless given, and the node itself where there is none. */
  readonly from?: Selector;
  /** How many consoles ask in the same instant. */
  readonly consoles?: number;
  /** They mean the run that they see, not whichever runs when they are heard. */
  readonly sameRun?: boolean;
  /** Without the grace. */
  readonly now?: boolean;
}

/** Verbs of {@linkcode ProgramAction}. */
export const PROGRAM_ACTIONS: ReadonlySet<string> = new Set<ProgramAction["verb"]>([
  "start-program",
  "stop-program",
  "restart-program",
  "kill-program",
  "kill-shim",
  "stop-shim",
  "remove-binary",
  "fill-disk",
  "apply-show",
]);

/** Whether the pattern of an action means a program. */
export function meansProgram(pattern: string, name: string): boolean {
  const star = pattern.indexOf("*");
  if (star < 0) return pattern === name;
  return name.length >= pattern.length - 1 && name.startsWith(pattern.slice(0, star)) &&
    name.endsWith(pattern.slice(star + 1));
}
