// The flags of everything that plays runs, read once.
// Decides what their values mean and which do not go together; never acts on them.

import type { Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import { collect } from "../frame/mod.ts";
import { parseDuration } from "../output/mod.ts";
import { OutputFile } from "./outputs.ts";
import { type AskedSeeds, parseSeeds } from "./seeds.ts";
import { parseJobs } from "./sweep.ts";

/** Flags of `run`, as the parser gives them. */
export interface PlayFlags {
  readonly seed?: string;
  readonly seeds?: string;
  readonly jobs?: string;
  readonly ci?: true;
  readonly events?: string;
  readonly frames?: true;
  readonly junit?: string;
  readonly html?: string;
  readonly md?: string;
  readonly budget?: string;
  readonly keepGoing?: true;
  readonly checkDeterminism?: true;
  readonly param?: readonly string[];
  readonly real?: true;
}

/** The files that a call asks for. */
export interface ReportFiles {
  readonly events: OutputFile | null;
  readonly junit: OutputFile | null;
  readonly html: OutputFile | null;
  readonly markdown: OutputFile | null;
  /** A file that others write to as well: Markdown is added to it. */
  readonly stepSummary: OutputFile | null;
}

/** What the flags mean. */
export interface PlayPlan {
  readonly seeds: AskedSeeds | null;
  readonly jobs: number;
  readonly isCi: boolean;
  readonly frames: boolean;
  readonly budgetMs: number | null;
  readonly wallLimitMs: number | null;
  readonly keepGoing: boolean;
  readonly checkDeterminism: boolean;
  readonly params: readonly string[];
  readonly isReal: boolean;
  readonly files: ReportFiles;
}

/** In CI everything ends after so long: a safety net far above what a suite takes, no measure. */
const CI_LIMIT_MS = 20 * 60_000;

/** Declares the flags about reports; `run` and `replay` share them. */
export function addReportFlags(command: Command): void {
  command
    .option("--events <FILE>", "every fact of every run, one JSON line each")
    .option("--frames", "frames count as facts in --events")
    .option("--html <FILE>", "a timeline of the worst run, one page that needs no network")
    .option("--junit <FILE>", "results as JUnit XML")
    .option("--md <FILE>", "results as Markdown")
    .option("--param <NAME=VALUE>", "a value for $NAME in the scenario; repeatable", collect)
    .option("--jobs <N|auto>", "runs at the same time", "auto")
    .option("--real", "play on real processes in network namespaces (Linux, root)");
}

/** Reads the flags. Throws `usage`, and `storage` for a file that cannot be written. */
export function readFlags(flags: PlayFlags, env: (name: string) => string | undefined): PlayPlan {
  const isCi = flags.ci === true;
  const isReal = flags.real === true;
  if (isReal && flags.checkDeterminism === true) {
    throw new HanaError("usage", {
      what: "--real and --check-determinism together",
      why: "real processes never do exactly the same twice",
      hint: "without --real",
    });
  }
  if (flags.frames === true && flags.events === undefined) {
    throw new HanaError("usage", {
      what: "--frames without --events",
      why: "it says what stands in that file",
      hint: "--events FILE",
    });
  }
  const summary = isCi && flags.md === undefined ? env("GITHUB_STEP_SUMMARY") : undefined;
  const junitPath = flags.junit ?? (isCi ? "simulate-junit.xml" : undefined);
  const markdownPath = flags.md ?? (isCi && summary === undefined ? "simulate-summary.md" : undefined);
  const file = (flag: string, path: string | undefined): OutputFile | null =>
    path === undefined ? null : new OutputFile(flag, path);
  return {
    seeds: parseSeeds(flags.seed, flags.seeds),
    // Real processes share one machine: two scenarios at once would be measured against each other.
    jobs: isReal ? 1 : parseJobs(flags.jobs ?? "auto", navigator.hardwareConcurrency),
    isCi,
    frames: flags.frames === true,
    budgetMs: flags.budget === undefined ? null : parseDuration(flags.budget, "--budget") / 1000,
    wallLimitMs: isCi ? CI_LIMIT_MS : null,
    keepGoing: flags.keepGoing === true,
    checkDeterminism: flags.checkDeterminism === true,
    params: flags.param ?? [],
    isReal,
    files: {
      events: file("--events", flags.events),
      junit: file("--junit", junitPath),
      html: file("--html", flags.html),
      markdown: file("--md", markdownPath),
      stepSummary: file("$GITHUB_STEP_SUMMARY", summary),
    },
  };
}
