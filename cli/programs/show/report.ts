// What applying a show tells: the plan as people read it, every program as it gets there, and all of it for scripts.
// Decides words and the exit code; plan.ts and roll_out.ts bring about what is told.

import { HanaError } from "../../../lib/base/mod.ts";
import { address, changeWords } from "../../../lib/supervision/mod.ts";
import type { Cli } from "../../frame/mod.ts";
import {
  counted,
  document,
  EXIT,
  type ExitCode,
  exitCodeOf,
  type JsonObject,
  jsonText,
  printable,
  type Tone,
} from "../../output/mod.ts";
import { exitOf, type Outcome, outcomeRendering } from "../outcomes.ts";
import type { HostPlan, ShowPlan } from "./plan.ts";

/** Names the schema: `hana.apply/1`. */
const WHAT = "apply";

/** How one host fared. */
export type HostOutcome = "planned" | "applied" | "unchanged" | "pending" | "failed";

/** A host, and what came of it. */
export interface HostReport {
  readonly name: string;
  readonly outcome: HostOutcome;
  readonly plan: HostPlan | null;
  readonly error: HanaError | null;
  /** Programs that are still as they were. */
  readonly staged: readonly string[];
}

/** How an application is told. */
export class ApplyReport {
  readonly #cli: Cli;
  readonly #plan: ShowPlan;
  readonly #rendering = outcomeRendering(WHAT);
  readonly #outcomes: Outcome[] = [];

  constructor(cli: Cli, plan: ShowPlan) {
    this.#cli = cli;
    this.#plan = plan;
  }

  /** What would change. */
  plan(): void {
    const { output } = this.#cli;
    const rows = planRows(this.#plan);
    if (output.mode === "json") return;
    if (output.mode === "ndjson") {
      for (const row of rows) output.event(`${WHAT}.change`, row as unknown as JsonObject);
    } else if (output.mode === "plain") {
      for (const { host, change, program, lines } of rows) {
        output.raw(`${[host, change, program ?? "-", lines.join("; ") || "-"].map(printable).join("\t")}\n`);
      }
    } else if (output.mode === "quiet") {
      for (const { host, change, program } of rows) {
        if (change !== "same" && program !== null) output.raw(`${printable(address(program, host))}\n`);
      }
    } else this.#planForPeople();
  }

  /** One program is where it should be, or is not. */
  program(outcome: Outcome): void {
    const { output } = this.#cli;
    this.#outcomes.push(outcome);
    const isGood = outcome.outcome === "reached" || outcome.outcome === "accepted";
    const who = printable(address(outcome.name, outcome.node));
    if (output.mode === "ndjson") output.event(`${WHAT}.program`, this.#rendering.json(outcome));
    else if (output.mode === "plain") output.raw(output.plainLine(this.#rendering, outcome));
    else if (output.mode === "quiet") { if (isGood) output.raw(`${who}\n`); }
    else if (output.mode === "table" && isGood) {
      output.raw(`${output.palette.paint("good", who)} ${printable(outcome.words)}\n`);
    }
    if (outcome.error !== null) output.error(outcome.error);
  }

  /** Everything was said. `kind` says what was asked. */
  end(kind: "plan" | "apply", hosts: readonly HostReport[]): void {
    const { output } = this.#cli;
    const { show, generation, before, of, pending } = this.#plan;
    const name = show.manifest.show;
    for (const { name: host, error } of pending) {
      output.warn(
        `${host} is pending: ${error.message}; when it is back: ${
          show.source === "standard input" || of !== null
            ? "hana apply --resume"
            : `hana apply ${show.source}`
        }`,
      );
    }
    for (const { error } of hosts) if (error !== null) output.error(error);
    for (const { host, show: other, by } of this.#plan.replaces) {
      const done = kind === "plan" ? "would replace" : "replaced";
      output.warn(`${name} ${done} ${other || "another show"} on ${host}, which ${by || "somebody"} applied`);
    }
    const staged = hosts.flatMap((host) => host.staged.map((program) => address(program, host.name)));
    if (kind === "apply" && staged.length > 0) {
      output.error(
        new HanaError("conflict", {
          what: `${counted(staged.length, "program")} stay as they were: ${staged.slice(0, 6).join(", ")}${
            staged.length > 6 ? ` and ${staged.length - 6} more` : ""
          }`,
          why: "what comes before them did not get there",
          hint: "hana apply --resume    (or, to the show before: hana apply --rollback)",
        }),
      );
    }
    if (output.mode === "json") {
      const body = {
        show: name,
        mode: kind,
        generation,
        before,
        of,
        sha256: show.sha256,
        hosts: hosts.map(hostJson),
        pending: pending.map(({ name: host, error }) => ({ host, why: error.message })),
        programs: this.#outcomes.map((outcome) => this.#rendering.json(outcome)),
        summary: {
          hosts: hosts.length,
          pending: pending.length,
          programs: this.#outcomes.length,
          reached: this.#outcomes.filter(({ outcome }) => outcome === "reached").length,
          staged: staged.length,
        },
      };
      output.raw(`${jsonText(document(WHAT, body as unknown as JsonObject), indentOf(output))}\n`);
    } else if (output.mode === "table") this.#sentence(kind, hosts);
    this.#cli.exitWith(this.#exitCode(kind, hosts));
  }

  #sentence(kind: "plan" | "apply", hosts: readonly HostReport[]): void {
    const { output } = this.#cli;
    const { show, generation, before, of } = this.#plan;
    const name = show.manifest.show;
    const told = hosts.filter(({ outcome }) => outcome === "applied" || outcome === "planned").length;
    const back = of === null ? "" : ` (back to generation ${of})`;
    if (told === 0 && this.#outcomes.length === 0) {
      const where = counted(hosts.length, "host");
      output.message(`${name}: nothing to change; generation ${before} is in force on ${where}`);
    } else if (kind === "plan") {
      output.message(`${name}: nothing was changed; to do it: hana apply ${show.source}`);
    } else output.message(`${name}: generation ${generation}${back} is in force on ${counted(told, "host")}`);
  }

  #exitCode(kind: "plan" | "apply", hosts: readonly HostReport[]): ExitCode {
    const codes = new Set<ExitCode>();
    // Somebody else has changed the show: whatever else was reached, it is not this one that is in force.
    const errors = [...this.#outcomes, ...hosts].map(({ error }) => error);
    if (errors.some((error) => error?.code === "conflict")) return EXIT.refused;
    if (this.#plan.pending.length > 0) codes.add(EXIT.partial);
    for (const { error, outcome } of hosts) {
      if (error !== null) codes.add(exitCodeOf(error));
      else if (outcome === "failed") codes.add(EXIT.negative);
    }
    if (this.#outcomes.length > 0) {
      const code = exitOf(this.#outcomes);
      if (code !== EXIT.done) codes.add(code);
    }
    if (kind === "apply" && codes.size === 0 && hosts.some(({ staged }) => staged.length > 0)) {
      codes.add(EXIT.partial);
    }
    const [only, second] = codes;
    return second !== undefined ? EXIT.partial : only ?? EXIT.done;
  }

  #planForPeople(): void {
    const { output } = this.#cli;
    const { show, before, generation, of, hosts, pending } = this.#plan;
    const { palette } = output;
    const line = (text: string): void => output.raw(`${text}\n`);
    const back = of === null ? "" : ` (as generation ${of})`;
    line(
      palette.paint(
        "strong",
        printable(`${show.manifest.show}: generation ${before} -> ${generation}${back}`),
      ),
    );
    for (const { name, prepared, programs } of hosts) {
      line(palette.paint("strong", printable(name)));
      const mark = (tone: Tone, sign: string, text: string): void =>
        line(`  ${palette.paint(tone, sign)} ${printable(text)}`);
      const argvOf = (program: string): string =>
        programs.find((each) => each.name === program)?.spec.argv.join(" ").slice(0, 80) ?? "";
      for (const program of prepared.added) mark("good", "+", `${program}  ${argvOf(program)}`);
      for (const { name: program, lines, restarts } of prepared.changed) {
        mark("warn", "~", `${program}${restarts ? "  is restarted" : ""}`);
        for (const each of lines) line(`      ${printable(changeWords(each))}`);
      }
      for (const program of prepared.removed) mark("bad", "-", `${program}  is ended and forgotten`);
      const left = prepared.staged.filter((program) => isUntouched(program, prepared));
      for (const program of left) {
        mark("warn", "~", `${program}  is brought in line with generation ${before}`);
      }
      if (prepared.unchanged.length > 0) mark("dim", "=", `${prepared.unchanged.length} unchanged`);
      for (const { what, why, fatal } of prepared.problems) {
        mark(fatal ? "bad" : "warn", "!", `${what}: ${why}`);
      }
    }
    for (const { name, error } of pending) {
      line(
        `${palette.paint("strong", printable(name))}  ${palette.paint("warn", "pending")}  ${
          printable(error.message)
        }`,
      );
    }
  }
}

interface PlanRow {
  readonly host: string;
  readonly change: "add" | "change" | "restart" | "remove" | "resume" | "same" | "pending" | "problem";
  readonly program: string | null;
  readonly lines: readonly string[];
}

function planRows({ hosts, pending }: ShowPlan): PlanRow[] {
  const rows = hosts.flatMap(({ name: host, prepared }): PlanRow[] => [
    ...prepared.added.map((program): PlanRow => ({ host, change: "add", program, lines: [] })),
    ...prepared.changed.map(({ name, lines, restarts }): PlanRow => ({
      host,
      change: restarts ? "restart" : "change",
      program: name,
      lines: lines.map(changeWords),
    })),
    ...prepared.removed.map((program): PlanRow => ({ host, change: "remove", program, lines: [] })),
    ...prepared.staged.filter((program) => isUntouched(program, prepared))
      .map((program): PlanRow => ({ host, change: "resume", program, lines: [] })),
    ...prepared.unchanged.filter((program) => !prepared.staged.includes(program))
      .map((program): PlanRow => ({ host, change: "same", program, lines: [] })),
    ...prepared.problems.map(({ program, what, why }): PlanRow => ({
      host,
      change: "problem",
      program: program === "" ? null : program,
      lines: [`${what}: ${why}`],
    })),
  ]);
  const silent = pending.map(({ name: host, error }): PlanRow => ({
    host,
    change: "pending",
    program: null,
    lines: [error.message],
  }));
  return [...rows, ...silent];
}

function isUntouched(program: string, { changed, removed }: HostPlan["prepared"]): boolean {
  return !changed.some(({ name }) => name === program) && !removed.includes(program);
}

function hostJson({ name, outcome, plan, error, staged }: HostReport): JsonObject {
  const prepared = plan?.prepared;
  return {
    host: name,
    outcome,
    base: prepared?.base ?? null,
    platform: prepared?.platform ?? null,
    added: prepared?.added ?? [],
    changed: (prepared?.changed ?? []).map(({ name: program, lines, restarts }) => ({
      program,
      restarts,
      lines: lines.map(changeWords),
    })),
    removed: prepared?.removed ?? [],
    unchanged: prepared?.unchanged ?? [],
    staged,
    problems: (prepared?.problems ?? []).map((problem) => ({ ...problem })),
    error: error === null ? null : { code: error.code, what: error.what, why: error.why ?? null },
  };
}

function indentOf({ streams }: Cli["output"]): number | undefined {
  return streams.out.isTerminal ? 2 : undefined;
}
