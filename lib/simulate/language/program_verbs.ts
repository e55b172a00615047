// The verbs about programs: what consoles ask for, and what befalls programs, their shims, their files and disks.
// Rows of the table of verbs (verbs.ts). A name alone means the program wherever it is.

import type { AskAction, ProgramAction } from "../program_plan.ts";
import { selectorText } from "./selector.ts";
import {
  byKind,
  choice,
  mapped,
  optional,
  plainNumber,
  record,
  required,
  type Shape,
  text,
  yesNo,
} from "./shape.ts";
import { type Part, type Verb, verb } from "./verbs.ts";

/** A name of a program, or a pattern with one star. */
const programPattern: Shape<string> = text(
  "a name of a program, or several: scene-*",
  "^(\\*|[a-z][a-z0-9-]*\\*?[a-z0-9-]*)$",
);

const EVERYWHERE = "@all";
const one = (action: ProgramAction): Part[] => [{ afterUs: 0, action }];

const onField = optional(selectorText, "On which nodes; wherever it is unless given.");
const programField = required(programPattern, "Which program; scene-* means several.");

interface Target {
  readonly program: string;
  readonly on?: string;
}

/** A program alone, or a mapping with `program`, `on` and more. */
function programAnd<T extends Target>(fields: Shape<T>): Shape<T> {
  return byKind<T>("a program or a mapping", {
    string: mapped(programPattern, (program) => ({ program }) as T),
    object: fields,
  });
}

const onlyProgram = programAnd<Target>(record({ program: programField, on: onField }));

const askFields = {
  program: programField,
  on: onField,
  from: optional(selectorText, "Who asks; the first app unless given, the node itself where there is none."),
  consoles: optional(
    plainNumber("a count", { min: 1, max: 8, integer: true }),
    "How many consoles ask in the same instant; one unless given.",
  ),
};

interface Ask extends Target {
  readonly from?: string;
  readonly consoles?: number;
  readonly same_run?: boolean;
  readonly now?: boolean;
}

function ask(
  verbName: AskAction["verb"],
  { program, on = EVERYWHERE, from, consoles, same_run, now }: Ask,
): Part[] {
  return one({
    verb: verbName,
    nodes: on,
    program,
    ...(from === undefined ? {} : { from }),
    ...(consoles === undefined ? {} : { consoles }),
    ...(same_run === undefined ? {} : { sameRun: same_run }),
    ...(now === undefined ? {} : { now }),
  });
}

/** The verbs about programs. */
export const PROGRAM_VERBS: readonly Verb[] = [
  verb({
    verb: "start-program",
    summary: "A console asks a node to start a program.",
    example: "start-program: {program: scene, on: viz-2}",
    argument: programAnd<Ask>(record(askFields)),
    length: "instant",
    hurts: true,
    inWarmup: true,
    expand: (read) => ask("start-program", read),
  }),
  verb({
    verb: "stop-program",
    summary: "A console asks a node to stop a program.",
    example: "stop-program: {program: scene, on: viz-2, now: true}",
    argument: programAnd<Ask>(
      record({ ...askFields, now: optional(yesNo, "Without the grace.") }),
    ),
    length: "instant",
    hurts: true,
    expand: (read) => ask("stop-program", read),
  }),
  verb({
    verb: "restart-program",
    summary: "Consoles ask a node to restart a program; with `same_run` they mean the run that they see.",
    example: "restart-program: {program: scene, on: viz-2, consoles: 2, same_run: true}",
    argument: programAnd<Ask>(
      record({
        ...askFields,
        now: optional(yesNo, "Without the grace."),
        same_run: optional(yesNo, "They mean the run that they see, not whichever runs when they are heard."),
      }),
    ),
    length: "instant",
    hurts: true,
    expand: (read) => ask("restart-program", read),
  }),
  verb({
    verb: "kill-program",
    summary: "Its leading process gets a signal from outside: SIGKILL unless another is said.",
    example: "kill-program: {program: scene, on: viz-2, signal: SIGSTOP}, for: 3s",
    argument: programAnd<Target & { signal?: "SIGKILL" | "SIGTERM" | "SIGSTOP" }>(
      record({
        program: programField,
        on: onField,
        signal: optional(choice(["SIGKILL", "SIGTERM", "SIGSTOP"]), "Which; SIGSTOP ends with `for`."),
      }),
    ),
    length: "may end",
    hurts: true,
    expand: ({ program, on = EVERYWHERE, signal = "SIGKILL" }) =>
      one({ verb: "kill-program", nodes: on, program, signal }),
  }),
  verb({
    verb: "kill-shim",
    summary: "The process that stands by a program is gone without a word; what it stood by lives on.",
    example: "kill-shim: {program: scene, on: viz-2}",
    argument: onlyProgram,
    length: "instant",
    hurts: true,
    expand: ({ program, on = EVERYWHERE }) => one({ verb: "kill-shim", nodes: on, program }),
  }),
  verb({
    verb: "stop-shim",
    summary: "The process that stands by a program stands still (SIGSTOP), and goes on when it ends.",
    example: "stop-shim: {program: scene, on: viz-2}, for: 60s",
    argument: onlyProgram,
    length: "must end",
    hurts: true,
    expand: ({ program, on = EVERYWHERE }) => one({ verb: "stop-shim", nodes: on, program }),
  }),
  verb({
    verb: "remove-binary",
    summary: "The file of a program is missing, and is put back when it ends.",
    example: "remove-binary: {program: scene, on: viz-2}, for: 10s",
    argument: onlyProgram,
    length: "must end",
    hurts: true,
    inWarmup: true,
    expand: ({ program, on = EVERYWHERE }) => one({ verb: "remove-binary", nodes: on, program }),
  }),
  verb({
    verb: "fill-disk",
    summary: "Nothing more fits on the disk of a machine, until it ends.",
    example: "fill-disk: viz-2, for: 20s",
    argument: byKind<{ nodes: string }>("a selector or a mapping", {
      string: mapped(selectorText, (nodes) => ({ nodes })),
      object: record({ nodes: required(selectorText, "Whose.") }),
    }),
    length: "must end",
    hurts: true,
    expand: ({ nodes }) => one({ verb: "fill-disk", nodes }),
  }),
  verb({
    verb: "apply-show",
    summary: "All programs that a node has in this scenario are wanted there in one commit, as a show.",
    example: "apply-show: viz-*",
    argument: byKind<{ nodes: string }>("a selector or a mapping", {
      string: mapped(selectorText, (nodes) => ({ nodes })),
      object: record({ nodes: required(selectorText, "Where.") }),
    }),
    length: "instant",
    hurts: true,
    inWarmup: true,
    expand: ({ nodes }) => one({ verb: "apply-show", nodes }),
  }),
];
