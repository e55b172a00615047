// What a benchmark says: figures, the baseline of the same run, limits, and whether they are kept.
// Decides the exit code and the shape that `--json` promises; never what a figure is worth.

import { EXIT, type ExitCode } from "../../cli/output/exit_codes.ts";

/** Figures by name; the unit stands in the name of the field that holds them, or in the figure's own. */
export type Figures = Readonly<Record<string, number>>;

/** What was measured, in one of these units. */
export interface Measured {
  /** Round trips in microseconds. */
  readonly rttUs?: Figures;
  /** What one operation costs, in microseconds. */
  readonly us?: Figures;
  /** Messages a second. */
  readonly msgsPerS?: number;
  /** Durations in milliseconds. */
  readonly ms?: Figures;
  /** What an idle process takes: per cent of a core, megabytes resident. */
  readonly idle?: Figures;
}

/** A baseline: the same work done without hana, in the same run. */
export interface Baseline extends Measured {
  readonly name: string;
}

/** One benchmark's answer. */
export interface Result extends Measured {
  readonly name: string;
  /** How many values stand behind the figures, over all rounds. */
  readonly n: number;
  readonly baseline: Baseline;
  /** Further baselines and variants, for whoever wants to know why. */
  readonly beside?: readonly Baseline[];
  /** hana's figure by the baseline's. */
  readonly ratio: Figures;
  /** What is promised, under names of `ratio` or of a figure. */
  readonly limit: Figures;
  readonly met: boolean;
  /** How it was measured, in a sentence. */
  readonly how: string;
}

/** A benchmark that could not be run here, and why. */
export interface Unmeasured {
  readonly name: string;
  readonly why: string;
}

/** 5 when a limit was missed, 3 when something could not be measured, else 0 (`hana help exit-codes`). */
export function exitCodeOf(results: readonly Result[], unmeasured: readonly Unmeasured[]): ExitCode {
  if (results.some(({ met }) => !met)) return EXIT.threshold;
  return unmeasured.length > 0 ? EXIT.partial : EXIT.done;
}

/** Thrown by a benchmark that this machine cannot run. */
export class CannotMeasure extends Error {}

/** A benchmark by its name. */
export interface Benchmark {
  readonly name: string;
  /** What it measures and what is promised, in a line. */
  readonly summary: string;
  run(context: Context): Promise<Result>;
}

/** What benchmarks are given. */
export interface Context {
  /** An empty directory of this run's own, removed afterwards; short, for the socket paths below it. */
  readonly directory: string;
  /** Says what goes on, on stderr. */
  say(text: string): void;
}
