// Plays many runs: scenarios by seeds, several at a time, and gathers what came out.
// Decides the order (every scenario once before any twice, so that a failure shows early), when a scenario has been
// tried enough, and when the time is up. Never decides how a run is judged or shown.

import { HanaError } from "../../lib/base/mod.ts";
import { isAsWanted, type RunFailure, type RunReport, type ScenarioReport } from "../../lib/simulate/mod.ts";
import type { Job, Played } from "./job.ts";
import { WorkerTrouble } from "./job.ts";
import { reproOf, type Target } from "./targets.ts";

/** A scenario and the seeds to try on it. */
export interface SweepItem {
  readonly target: Target;
  /** May be endless when there is a budget. */
  readonly seeds: Iterable<number>;
  /** Ids of the invariants that are watched, for reports. */
  readonly invariants: readonly string[];
}

/** How a sweep is played. */
export interface SweepOptions {
  readonly software: string;
  /** Runs at the same time. */
  readonly jobs: number;
  /** Goes on with a scenario after a run that failed. */
  readonly keepGoing: boolean;
  /** After so long no further run begins, except the first of each scenario. Null for no end. */
  readonly budgetMs: number | null;
  /** After so long everything ends, runs under way included. Null for no end. */
  readonly wallLimitMs: number | null;
  /** Whether runs are played on real processes: so says the command that plays one again. */
  readonly isReal?: boolean;
  /** Whether a scenario's first failure is played again in a fresh place. */
  readonly confirms: boolean;
  /** Plays one run. `fresh`: where nothing was played before. Rejects with {@linkcode WorkerTrouble}. */
  play(job: Job, signal: AbortSignal, fresh: boolean): Promise<Played>;
  /** What a job keeps beside its result. */
  keeping(item: SweepItem, seed: number): Job["keeping"];
  /** Told of every run that ended. */
  onRun(item: SweepItem, outcome: RunOutcome): void;
  /** Milliseconds that only go forward. */
  nowMs(): number;
}

/** How one run ended. */
export type RunOutcome =
  | { readonly kind: "played"; readonly report: RunReport; readonly played: Played }
  | { readonly kind: "failed"; readonly failure: RunFailure };

/** A run that came out differently the second time. */
export interface Difference {
  readonly identity: string;
  readonly text: string;
}

/** What a sweep gave. */
export interface SweepResult {
  readonly reports: readonly ScenarioReport[];
  /** Runs that were to be played and were not, because the sweep was ended. */
  readonly cutOff: number;
  /** Why it was ended before its end; null when it was not. */
  readonly ended: "signal" | "wall-limit" | null;
  /** Failures that did not repeat where nothing had been played before. */
  readonly differences: readonly Difference[];
}

interface ItemState {
  readonly item: SweepItem;
  readonly seeds: Iterator<number>;
  readonly runs: RunReport[];
  readonly failures: RunFailure[];
  begun: number;
  /** Whether a failure was played twice. */
  isConfirmed: boolean;
  isOver: boolean;
}

/** Plays all items. Ends early, with what it has, when `signal` aborts. */
export async function sweep(
  items: readonly SweepItem[],
  options: SweepOptions,
  signal: AbortSignal,
): Promise<SweepResult> {
  return await new Sweep(items, options, signal).run();
}

class Sweep {
  readonly #options: SweepOptions;
  readonly #states: ItemState[];
  readonly #outside: AbortSignal;
  readonly #stop = new AbortController();
  readonly #startedMs: number;
  readonly #differences: Difference[] = [];
  #cutOff = 0;
  #ended: SweepResult["ended"] = null;
  #next = 0;

  constructor(items: readonly SweepItem[], options: SweepOptions, signal: AbortSignal) {
    this.#options = options;
    this.#outside = signal;
    this.#startedMs = options.nowMs();
    this.#states = items.map((item) => ({
      item,
      seeds: item.seeds[Symbol.iterator](),
      runs: [],
      failures: [],
      begun: 0,
      isConfirmed: false,
      isOver: false,
    }));
  }

  async run(): Promise<SweepResult> {
    const { jobs, wallLimitMs } = this.#options;
    const onSignal = (): void => this.#end("signal");
    this.#outside.addEventListener("abort", onSignal, { once: true });
    if (this.#outside.aborted) onSignal();
    const limit = wallLimitMs === null ? undefined : setTimeout(() => this.#end("wall-limit"), wallLimitMs);
    try {
      await Promise.all(Array.from({ length: jobs }, () => this.#work()));
    } finally {
      clearTimeout(limit);
      this.#outside.removeEventListener("abort", onSignal);
    }
    return {
      reports: this.#states.map(({ item, runs, failures }) => ({
        scenario: item.target.scenario,
        hash: item.target.hash,
        invariants: item.invariants,
        runs: runs.sort((a, b) => a.result.seed - b.result.seed),
        failures: failures.sort((a, b) => a.seed - b.seed),
        mustFail: item.target.mustFail,
        ...(item.target.file === null ? {} : { file: item.target.file }),
        ...(item.target.params.length === 0 ? {} : { params: item.target.params }),
      })),
      cutOff: this.#cutOff +
        (this.#ended === null ? 0 : this.#states.filter(({ begun }) => begun === 0).length),
      ended: this.#ended,
      differences: this.#differences,
    };
  }

  #end(why: "signal" | "wall-limit"): void {
    this.#ended ??= why;
    this.#stop.abort();
  }

  async #work(): Promise<void> {
    for (let job = this.#take(); job !== null; job = this.#take()) await this.#playOne(job.state, job.seed);
  }

  /** The next run: of the scenarios that are not over, each in its turn. */
  #take(): { state: ItemState; seed: number } | null {
    if (this.#ended !== null) return null;
    const { budgetMs } = this.#options;
    const isLate = budgetMs !== null && this.#options.nowMs() - this.#startedMs > budgetMs;
    for (let tried = 0; tried < this.#states.length; tried++) {
      const state = this.#states[this.#next++ % this.#states.length];
      if (state === undefined || state.isOver || (isLate && state.begun > 0)) continue;
      const { value, done } = state.seeds.next();
      if (done === true) state.isOver = true;
      else {
        state.begun++;
        return { state, seed: value };
      }
    }
    return null;
  }

  async #playOne(state: ItemState, seed: number): Promise<void> {
    const { target } = state.item;
    const { software } = this.#options;
    const job: Job = {
      scenario: target.scenario,
      seed,
      software,
      keeping: this.#options.keeping(state.item, seed),
      stopAtFirst: false,
    };
    const repro = reproOf(target, seed, software, this.#options.isReal);
    try {
      const played = await this.#options.play(job, this.#stop.signal, false);
      // A run that was ended early proves nothing, unless it had failed already.
      if (this.#ended !== null && played.result.verdict !== "fail") {
        this.#cutOff++;
        return;
      }
      const report: RunReport = {
        result: played.result,
        wallMs: played.wallMs,
        excerpt: played.excerpt,
        repro,
      };
      const isBad = !isAsWanted(target, played.result);
      state.runs.push(report);
      if (isBad && !this.#options.keepGoing) state.isOver = true;
      this.#options.onRun(state.item, { kind: "played", report, played });
      if (this.#options.confirms && !state.isConfirmed && isBad && played.result.verdict === "fail") {
        state.isConfirmed = true;
        await this.#confirm(job, played);
      }
    } catch (thrown) {
      if (!(thrown instanceof WorkerTrouble)) throw thrown;
      if (this.#ended !== null) {
        this.#cutOff++;
        return;
      }
      const failure: RunFailure = {
        seed,
        identity: `${target.scenario.name}@${target.hash}:${seed}:${software}`,
        text: thrown.message,
        repro,
      };
      state.failures.push(failure);
      if (!this.#options.keepGoing) state.isOver = true;
      this.#options.onRun(state.item, { kind: "failed", failure });
    }
  }

  /** Plays a failure again where nothing was played before: what does not repeat there would send people astray. */
  async #confirm(job: Job, first: Played): Promise<void> {
    if (this.#ended !== null) return;
    const plain = { ...job, keeping: { frames: job.keeping.frames, timeline: false, digests: false } };
    try {
      const again = await this.#options.play(plain, this.#stop.signal, true);
      if (this.#ended !== null || again.result.digest === first.result.digest) return;
      const { scenario, hash, seed, software } = first.result;
      this.#differences.push({
        identity: `${scenario}@${hash}:${seed}:${software}`,
        text: `digest ${first.result.digest} (${first.result.verdict}) the first time, ` +
          `${again.result.digest} (${again.result.verdict}) in a new process`,
      });
    } catch (thrown) {
      if (!(thrown instanceof WorkerTrouble)) throw thrown;
    }
  }
}

/** How many runs at the same time `--jobs` asks for. Throws `usage`. */
export function parseJobs(text: string, cores: number): number {
  if (text === "auto") return Math.max(1, cores);
  const jobs = Number(text);
  if (/^\d{1,3}$/.test(text) && jobs >= 1 && jobs <= 256) return jobs;
  throw new HanaError("usage", {
    what: `--jobs ${text}`,
    why: "a number from 1 to 256 or auto is wanted",
    hint: "--jobs auto",
  });
}
