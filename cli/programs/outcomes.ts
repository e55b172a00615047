// What came of demands on programs: a line each as soon as it is known, and one exit code for all of them.
// Decides how an outcome is shown in each mode and what the exit code is; verbs.ts brings outcomes about.

import { type HanaError } from "../../lib/base/mod.ts";
import { address, type ProgramSnapshot } from "../../lib/supervision/mod.ts";
import type { Cli } from "../frame/mod.ts";
import {
  EXIT,
  type ExitCode,
  exitCodeOf,
  type JsonObject,
  printable,
  type Rendering,
} from "../output/mod.ts";

/**
 * `reached`: as was wanted. `accepted`: the node will see to it, nobody waited. `late`: not in time. `failed`: it cannot be
 * reached by waiting. `error`: the demand did not get through, or was refused.
 */
export type OutcomeKind = "reached" | "accepted" | "late" | "failed" | "error";

/** What came of one demand. */
export interface Outcome {
  readonly name: string;
  readonly node: string;
  readonly outcome: OutcomeKind;
  /** Behind `NAME@NODE`. */
  readonly words: string;
  readonly program: ProgramSnapshot | null;
  /** What is told on stderr; null where the words say it all. */
  readonly error: HanaError | null;
  /** Whether the node had answered this demand before. */
  readonly replayed: boolean;
  /** False where the node could not write down what is wanted. */
  readonly durable: boolean;
}

/** How outcomes are shown; `what` names the command. */
export function outcomeRendering(what: string): Rendering<Outcome> {
  return {
    what,
    row: "program",
    id: ({ name, node }) => address(name, node),
    columns: [
      { header: "NAME", cell: ({ name }) => name },
      { header: "HOST", cell: ({ node }) => node },
      { header: "OUTCOME", cell: ({ outcome }) => outcome },
      { header: "STATE", cell: ({ program }) => program?.state ?? null },
      { header: "RUN", cell: ({ program }) => program?.run ?? null },
      { header: "WORDS", cell: ({ words }) => words, shrinks: true },
    ],
    json: outcomeJson,
    document: (outcomes) => ({
      programs: outcomes.map(outcomeJson),
      summary: {
        total: outcomes.length,
        reached: outcomes.filter(({ outcome }) => isGood(outcome)).length,
      },
    }),
  };
}

function outcomeJson({ name, node, outcome, words, program, error, replayed, durable }: Outcome): JsonObject {
  return {
    name,
    node,
    outcome,
    words,
    replayed,
    durable,
    run: program?.run ?? null,
    state: program?.state ?? null,
    readyMs: program === null || program.readyUs === null ? null : program.readyUs / 1000,
    error: error === null
      ? null
      : { code: error.code, what: error.what, why: error.why ?? null, hint: error.hint ?? null },
    program: program as unknown as JsonObject | null,
  };
}

/** Shows outcomes as they come, and in the end what all of them mean. */
export class OutcomeSheet {
  readonly #outcomes: Outcome[] = [];
  readonly #rendering: Rendering<Outcome>;

  constructor(readonly cli: Cli, what: string) {
    this.#rendering = outcomeRendering(what);
  }

  /** One more. */
  add(outcome: Outcome): void {
    this.#outcomes.push(outcome);
    const { output } = this.cli;
    const who = address(outcome.name, outcome.node);
    if (output.mode === "ndjson") {
      output.event(`${this.#rendering.what}.${this.#rendering.row}`, outcomeJson(outcome));
    } else if (output.mode === "plain") output.raw(output.plainLine(this.#rendering, outcome));
    else if (output.mode === "quiet") { if (isGood(outcome.outcome)) output.raw(`${printable(who)}\n`); }
    else if (output.mode === "table" && isGood(outcome.outcome)) {
      output.raw(`${output.palette.paint("good", printable(who))} ${printable(outcome.words)}\n`);
    }
    if (outcome.error !== null) output.error(outcome.error);
    if (!outcome.durable) {
      output.warn(
        `${outcome.node} could not write down what is wanted of ${outcome.name}: its disk refuses; a restart of that ` +
          "machine would forget it",
      );
    }
  }

  /** All of them are there. */
  async end(): Promise<void> {
    if (this.cli.output.mode === "json") {
      const sorted = [...this.#outcomes].sort((a, b) => who(a) < who(b) ? -1 : 1);
      await this.cli.output.rows(this.#rendering, sorted);
    }
    this.cli.exitWith(exitOf(this.#outcomes));
  }
}

function who({ name, node }: Outcome): string {
  return `${name}@${node}`;
}

function isGood(outcome: OutcomeKind): boolean {
  return outcome === "reached" || outcome === "accepted";
}

/** One exit code: 0 when all was reached, that of the failures when all failed alike, else 3. */
export function exitOf(outcomes: readonly Outcome[]): ExitCode {
  const codes = new Set(outcomes.map(codeOf));
  const [only, second] = codes;
  return second !== undefined ? EXIT.partial : only ?? EXIT.negative;
}

function codeOf({ outcome, error }: Outcome): ExitCode {
  switch (outcome) {
    case "reached":
    case "accepted":
      return EXIT.done;
    case "late":
      return EXIT.timeout;
    case "failed":
      return EXIT.negative;
    case "error":
      return error === null ? EXIT.negative : exitCodeOf(error);
  }
}
