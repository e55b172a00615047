// Plays runs for a command and tells about them: workers, progress, Ctrl-C, reports, exit code.
// Decides what is told when; the parts around it decide how runs are chosen, judged and shown.

import {
  html,
  identityOf,
  isAsWanted,
  junit,
  markdown,
  OBSERVERS,
  type RunReport,
  type Scenario,
  type ScenarioReport,
  selectObservers,
} from "../../lib/simulate/mod.ts";
import type { Cli } from "../frame/mod.ts";
import { counted, EXIT, type ExitCode, Palette } from "../output/mod.ts";
import { compareTwice, type DeterminismReport } from "./determinism.ts";
import type { PlayPlan } from "./flags.ts";
import { annotations } from "./github.ts";
import type { Job, Played } from "./job.ts";
import { WorkerTrouble } from "./job.ts";
import { codeOfReports, worstCode } from "./outcome.ts";
import { Players, workerProgram } from "./players.ts";
import {
  failureJson,
  failureLines,
  reportRendering,
  runJson,
  storyLines,
  summaryJson,
  type Whole,
} from "./rendering.ts";
import { sweep, type SweepItem, type SweepResult } from "./sweep.ts";
import { Traces } from "./traces.ts";

/** Runs that are told in full on stderr; the table counts the others. */
const MAX_STORIES = 5;
/** A single run that takes longer has lost its way. */
const RUN_LIMIT_MS = 15 * 60_000;

/** Plays all items, tells about them, and sets the exit code. */
export async function playAndTell(
  cli: Cli,
  items: readonly SweepItem[],
  plan: PlayPlan,
  software: string,
): Promise<readonly ScenarioReport[]> {
  const startedMs = performance.now();
  const controller = new AbortController();
  let interrupted: ExitCode | null = null;
  cli.signals.handle((signal) => {
    interrupted = signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated;
    controller.abort();
  });
  await using players = new Players({ program: workerProgram(), size: plan.jobs, runLimitMs: RUN_LIMIT_MS });
  const play = plan.isReal
    ? await realPlay()
    : (job: Job, signal: AbortSignal, fresh: boolean) => players.play(job, signal, fresh);
  using traces = plan.files.events === null ? null : new Traces(plan.files.events);
  const progress = new SweepProgress(cli, items);
  const determinism: DeterminismReport[] = [];
  const result = await sweep(items, {
    software,
    jobs: plan.jobs,
    keepGoing: plan.keepGoing,
    budgetMs: plan.budgetMs,
    wallLimitMs: plan.wallLimitMs,
    isReal: plan.isReal,
    confirms: !plan.isReal && !plan.checkDeterminism,
    play: plan.checkDeterminism
      ? async (job, signal) => {
        const { first, report } = await compareTwice(job, signal, (one, abort) =>
          players.play(one, abort, true));
        if (report !== null) {
          determinism.push(report);
        }
        return first;
      }
      : play,
    keeping: (item, seed) => ({
      frames: plan.frames,
      timeline: plan.isReal && plan.files.html !== null,
      digests: false,
      ...(traces === null ? {} : { traceFile: traces.pieceFor(items.indexOf(item), seed) }),
    }),
    onRun(item, outcome): void {
      progress.onRun(item, outcome);
      if (outcome.kind === "played") traces?.done(items.indexOf(item), outcome.report.result);
      if (cli.output.mode !== "ndjson") return;
      if (outcome.kind === "failed") cli.output.event("simulate.failure", failureJson(outcome.failure));
      else cli.output.event("simulate.run", runJson(item.target, outcome.report));
    },
    nowMs: () => performance.now(),
  }, controller.signal);
  progress.done();
  const whole: Whole = { software, wallMs: performance.now() - startedMs, cutOff: result.cutOff };
  await writeReports(cli, plan, result, traces, players, progress.timelineOf);
  await tell(cli, plan, result, whole, determinism);
  const codes = [codeOfReports(result.reports)];
  if (determinism.length + result.differences.length > 0) codes.push(EXIT.nondeterministic);
  if (result.cutOff > 0) codes.push(EXIT.partial);
  cli.exitWith(interrupted ?? worstCode(codes));
  return result.reports;
}

/** Ids of the invariants that watch a scenario. Throws `config` for one that nobody knows. */
export function invariantsOf(scenario: Scenario): string[] {
  return selectObservers(scenario, OBSERVERS).filter(({ kind }) => kind !== "metrics").map(({ id }) => id);
}

async function realPlay(): Promise<(job: Job, signal: AbortSignal) => Promise<Played>> {
  const [{ runReal }, { play }] = await Promise.all([import("./real/mod.ts"), import("./worker.ts")]);
  return async (job, signal) => await play(job, signal, runReal);
}

/** One line on stderr about a sweep that goes on. */
class SweepProgress {
  readonly #line: { update(text: string): void; done(): void };
  #played = 0;
  #bad = 0;
  /** The timelines that came with runs, by identity. */
  readonly timelineOf = new Map<string, Played["timeline"]>();

  constructor(cli: Cli, items: readonly SweepItem[]) {
    const [only] = items;
    const what = items.length === 1 && only !== undefined
      ? only.target.scenario.name
      : `${items.length} scenarios`;
    this.#line = cli.output.progress(`playing ${what}`);
  }

  onRun(item: SweepItem, outcome: Parameters<Parameters<typeof sweep>[1]["onRun"]>[1]): void {
    this.#played++;
    if (outcome.kind === "failed" || !isAsWanted(item.target, outcome.report.result)) this.#bad++;
    if (outcome.kind === "played" && outcome.played.timeline !== null) {
      this.timelineOf.set(identityOf(outcome.report.result), outcome.played.timeline);
    }
    const bad = this.#bad === 0 ? "" : `, ${this.#bad} not as wanted`;
    this.#line.update(`played ${this.#played}${bad}; last: ${item.target.scenario.name}`);
  }

  done(): void {
    this.#line.done();
  }
}

async function writeReports(
  cli: Cli,
  plan: PlayPlan,
  result: SweepResult,
  traces: Traces | null,
  players: Players,
  timelines: ReadonlyMap<string, Played["timeline"]>,
): Promise<void> {
  const { files } = plan;
  const { reports } = result;
  traces?.write();
  files.junit?.write(junit(reports));
  files.markdown?.write(markdown(reports));
  files.stepSummary?.append(markdown(reports) + "\n");
  if (files.html === null) return;
  const worst = worstRun(reports);
  if (worst === null) {
    return cli.output.warn(`--html ${files.html.path} is not written: no run came to its end`);
  }
  const timeline = timelines.get(identityOf(worst.run.result)) ?? await timelineOf(worst, players, cli);
  files.html.write(html({ ...worst.run, scenario: worst.report.scenario, ...timeline }));
  if (reports.length > 1 || (reports[0]?.runs.length ?? 0) > 1) {
    cli.output.message(`${files.html.path} shows ${identityOf(worst.run.result)}`);
  }
}

/** Plays a run once more with everything that a timeline shows; it comes out the same. */
async function timelineOf(
  { report, run }: { report: ScenarioReport; run: RunReport },
  players: Players,
  cli: Cli,
): Promise<NonNullable<Played["timeline"]>> {
  const nothing = { facts: [], leftOut: { facts: 0, frames: 0 } };
  const { result } = run;
  const keeping = { frames: true, timeline: true, digests: false };
  const job: Job = {
    scenario: report.scenario,
    seed: result.seed,
    software: result.software,
    keeping,
    stopAtFirst: false,
  };
  try {
    const again = await players.play(job, new AbortController().signal);
    if (again.result.verdict !== result.verdict) {
      cli.output.warn(`the run of the timeline came out differently: ${again.result.verdict}`);
    }
    return again.timeline ?? nothing;
  } catch (thrown) {
    if (!(thrown instanceof WorkerTrouble)) throw thrown;
    cli.output.warn(`the timeline holds no facts: ${thrown.message}`);
    return nothing;
  }
}

/** The run that people want to see: one that failed if there is one. */
function worstRun(reports: readonly ScenarioReport[]): { report: ScenarioReport; run: RunReport } | null {
  const all = reports.flatMap((report) => report.runs.map((run) => ({ report, run })));
  const rank = ({ report, run }: typeof all[number]): number => {
    if (isAsWanted(report, run.result)) return 2;
    return run.result.verdict === "fail" ? 0 : 1;
  };
  return all.sort((a, b) => rank(a) - rank(b))[0] ?? null;
}

async function tell(
  cli: Cli,
  plan: PlayPlan,
  { reports, differences, ended, cutOff }: SweepResult,
  whole: Whole,
  determinism: readonly DeterminismReport[],
): Promise<void> {
  const { output } = cli;
  const coloured = !plan.isCi && output.errPalette.enabled;
  const palette = new Palette(coloured);
  const bad = reports.flatMap((report) =>
    report.runs.filter(({ result }) => !isAsWanted(report, result)).map((run) => ({ report, run }))
  );
  const failures = reports.flatMap((report) => report.failures);
  if (output.mode === "quiet") {
    output.raw(
      [...bad.map(({ run }) => identityOf(run.result)), ...failures.map(({ identity }) => identity)]
        .map((line) => line + "\n").join(""),
    );
  } else if (output.mode === "ndjson") {
    output.event("simulate.summary", summaryJson(reports, whole));
  } else {
    await output.rows(reportRendering(whole, !plan.isCi), reports);
  }
  const say = (lines: readonly string[]): void => output.streams.err.write(lines.join("\n") + "\n");
  if (output.mode === "table" || output.mode === "plain") {
    for (const { report, run } of bad.slice(0, MAX_STORIES)) say(["", ...storyLines(report, run, palette)]);
    for (const failure of failures.slice(0, MAX_STORIES)) say(["", ...failureLines(failure, palette)]);
    const untold = Math.max(0, bad.length - MAX_STORIES) + Math.max(0, failures.length - MAX_STORIES);
    if (untold > 0) output.message(`and ${untold} more: --json tells all of them`);
  }
  for (const difference of determinism) say(["", ...difference.lines]);
  for (const { identity, text } of differences) {
    say([
      "",
      `not deterministic: ${identity}`,
      `  ${text}`,
      "  try: hana simulate run … --check-determinism",
    ]);
  }
  if (cutOff > 0) {
    const why = ended === "wall-limit" ? "the time for CI was up" : "ended by a signal";
    output.message(`${counted(cutOff, "run")} cut off: ${why}`);
  }
  if (plan.isCi && cli.environment.get("GITHUB_ACTIONS") === "true") {
    const lines = annotations(reports);
    if (lines.length > 0) say(lines);
  }
}
