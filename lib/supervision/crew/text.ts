// What a crew reads: what happened, what was done, what to do; three sentences and a number for the manual.
// Decides their form. The first sentence always has name, place and time; one action is recommended, as a command.

import { CREW_CASES, type CrewCode, type Severity } from "./codes.ts";
import { utcClock } from "./words.ts";

/** Three sentences. */
export interface CrewText {
  readonly code: CrewCode;
  readonly severity: Severity;
  /** The program; null where a machine is meant. */
  readonly program: string | null;
  readonly node: string;
  readonly atWallMs: number;
  /** What happened; with name, place and time. */
  readonly happened: string;
  /** What was done about it. */
  readonly done: string;
  /** What to do, the command within. */
  readonly todo: string;
  /** What to run; null where nothing is to be done. */
  readonly command: string | null;
}

/** Where and when a text is read. */
export interface CrewContext {
  /** The name of the node that the program is on. */
  readonly node: string;
  /** Now, by the wall clock. */
  readonly nowWallMs: number;
  /** The time of day of a moment, as the reader's wall has it; UTC unless given. */
  readonly clock?: (wallMs: number) => string;
}

/** What is to be done, and by which command. */
export interface Advice {
  readonly text: string;
  readonly command: string | null;
}

/** What the tables of this room say; the rest is the same for all. */
export interface Draft {
  readonly code: CrewCode;
  /** Where it is not that of the number. */
  readonly severity?: Severity;
  /** What stands behind `NAME on NODE`: `crashed (…) at 20:14:07`. */
  readonly happened: string;
  readonly done: string;
  readonly advice: Advice;
}

/** Nothing is to be done. */
export const NOTHING: Advice = { text: "Nothing to do.", command: null };

/** `Look at why: hana why aurora@stage-left` */
export function advise(text: string, command: string): Advice {
  return { text: `${text}: ${command}`, command };
}

/** `aurora@stage-left`, one word of a command. */
export function address(program: string, node: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(node) ? `${program}@${node}` : `'${program}@${node}'`;
}

/** The text of a program's case. */
export function compose(program: string, atWallMs: number, draft: Draft, context: CrewContext): CrewText {
  return {
    code: draft.code,
    severity: draft.severity ?? CREW_CASES[draft.code].severity,
    program,
    node: context.node,
    atWallMs,
    happened: `${program} on ${context.node} ${draft.happened}.`,
    done: draft.done,
    todo: draft.advice.text,
    command: draft.advice.command,
  };
}

/** ` at 20:14:07` */
export function at(wallMs: number, context: CrewContext): string {
  return ` at ${(context.clock ?? utcClock)(wallMs)}`;
}

/** ` since 20:14:07` */
export function since(wallMs: number, context: CrewContext): string {
  return ` since ${(context.clock ?? utcClock)(wallMs)}`;
}

/** All three sentences. */
export function sentencesOf(text: CrewText): readonly [string, string, string] {
  return [text.happened, text.done, text.todo];
}
