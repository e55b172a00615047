// The state of one search for a smaller failure: the smallest one so far, what was tried, what it may still cost.
// Decides whether a candidate counts: it is new, the budget allows it, and it breaks the same rule. What a run is, the
// caller knows. Never chooses candidates (passes.ts, values.ts) nor their order (shrink.ts).

import { hashScenario } from "../language/mod.ts";
import type { RunResult } from "../observe.ts";
import type { Scenario } from "../scenario.ts";
import { sizeOf } from "./reductions.ts";

/** How to shrink. */
export interface ShrinkOptions {
  /** Plays a candidate. One that rejects counts as one that does not break the rule. */
  readonly run: (candidate: Scenario, seed: number) => Promise<RunResult>;
  /** The seed that fails. */
  readonly seed: number;
  /** The rule that must go on being broken. */
  readonly violationId: string;
  /** Runs in all; 500 unless given. */
  readonly budgetRuns?: number;
  /** Milliseconds of `nowMs` in all; 30,000 unless given. */
  readonly budgetMs?: number;
  /** A clock; without one only runs are counted. */
  readonly nowMs?: () => number;
  /** Other seeds that are tried in the end, for one that fails earlier; 20 unless given. */
  readonly otherSeeds?: number;
  readonly onProgress?: (progress: ShrinkProgress) => void;
  /** Ends the search; what was found so far is returned. */
  readonly signal?: AbortSignal;
}

/** How far it is. */
export interface ShrinkProgress {
  readonly runs: number;
  /** The smallest one so far, for people: `3 nodes, 1 action, 12 s`. */
  readonly size: string;
}

/** One thing that was taken away. */
export interface ShrinkStep {
  /** After so many runs. */
  readonly runs: number;
  /** What was done: `removed the action t3`. */
  readonly what: string;
  /** What is left. */
  readonly size: string;
}

/** What came of it. */
export interface ShrinkResult {
  /** The smallest scenario found; the given one when the failure did not repeat. */
  readonly scenario: Scenario;
  readonly seed: number;
  /** The run of it that breaks the rule; null when the failure did not repeat. */
  readonly result: RunResult | null;
  readonly runs: number;
  readonly log: readonly ShrinkStep[];
  /** Why it ended. */
  readonly ended: "smallest" | "not-repeated" | "runs" | "time" | "aborted";
}

const DEFAULT_BUDGET_RUNS = 500;
const DEFAULT_BUDGET_MS = 30_000;
const DEFAULT_OTHER_SEEDS = 20;

/** The smallest failure so far, and what may still be tried. Passes work on it. */
export class ShrinkSession {
  #scenario: Scenario;
  #seed: number;
  #result: RunResult | null = null;
  #runs = 0;
  #ended: ShrinkResult["ended"] | null = null;
  readonly #log: ShrinkStep[] = [];
  readonly #options: ShrinkOptions;
  readonly #tried = new Set<string>();
  readonly #startMs: number;

  constructor(scenario: Scenario, options: ShrinkOptions) {
    this.#scenario = scenario;
    this.#seed = options.seed;
    this.#options = options;
    this.#startMs = options.nowMs?.() ?? 0;
  }

  get scenario(): Scenario {
    return this.#scenario;
  }
  get violationId(): string {
    return this.#options.violationId;
  }
  get runs(): number {
    return this.#runs;
  }
  /** When the rule was broken first in the smallest failure. */
  get violatedAtUs(): number {
    return this.#result === null ? this.#scenario.durationUs : this.#atUs(this.#result);
  }
  /** Whether nothing more may be tried. */
  get isOver(): boolean {
    return this.#ended !== null;
  }

  /** Plays a candidate and makes it the smallest one if it breaks the rule. Null and what was tried before do not. */
  async try(candidate: Scenario | null, what: string): Promise<boolean> {
    if (candidate === null || !this.#isNew(candidate, this.#seed)) return false;
    const result = await this.#play(candidate, this.#seed);
    if (result === null) return false;
    this.#keep(candidate, this.#seed, result, what);
    return true;
  }

  /** Whether the failure repeats. */
  async verify(): Promise<boolean> {
    this.#isNew(this.#scenario, this.#seed);
    this.#result = await this.#play(this.#scenario, this.#seed);
    if (this.#result === null && this.#ended === null) this.#ended = "not-repeated";
    return this.#result !== null;
  }

  /** Tries other seeds and keeps the one with which the rule is broken first. */
  async tryOtherSeeds(): Promise<void> {
    const count = this.#options.otherSeeds ?? DEFAULT_OTHER_SEEDS;
    const own = this.#seed;
    for (let seed = 1; seed <= count && !this.isOver; seed++) {
      if (seed === own) continue;
      const result = await this.#play(this.#scenario, seed);
      if (result === null || this.#atUs(result) >= this.violatedAtUs) continue;
      this.#keep(this.#scenario, seed, result, `took seed ${seed}, which fails earlier`);
    }
  }

  result(): ShrinkResult {
    return {
      scenario: this.#scenario,
      seed: this.#seed,
      result: this.#result,
      runs: this.#runs,
      log: this.#log,
      ended: this.#ended ?? "smallest",
    };
  }

  #keep(scenario: Scenario, seed: number, result: RunResult, what: string): void {
    this.#scenario = scenario;
    this.#seed = seed;
    this.#result = result;
    this.#log.push({ runs: this.#runs, what, size: sizeOf(scenario) });
    this.#tell();
  }

  #isNew(candidate: Scenario, seed: number): boolean {
    const key = `${hashScenario(candidate)}:${seed}`;
    if (this.#tried.has(key)) return false;
    this.#tried.add(key);
    return true;
  }

  /** The run, when it breaks the rule. */
  async #play(scenario: Scenario, seed: number): Promise<RunResult | null> {
    if (!this.#mayRun()) return null;
    this.#runs++;
    let result: RunResult;
    try {
      result = await this.#options.run(scenario, seed);
    } catch {
      // A candidate that cannot even be played is none.
      return null;
    } finally {
      this.#tell();
    }
    // A run that never got warm proves nothing, whatever it broke.
    if (result.verdict === "invalid" || this.#options.signal?.aborted === true) return null;
    return result.violations.some(({ id }) => id === this.violationId) ? result : null;
  }

  #mayRun(): boolean {
    if (this.#ended !== null) return false;
    const { budgetRuns = DEFAULT_BUDGET_RUNS, budgetMs = DEFAULT_BUDGET_MS, nowMs, signal } = this.#options;
    if (signal?.aborted === true) this.#ended = "aborted";
    else if (this.#runs >= budgetRuns) this.#ended = "runs";
    else if (nowMs !== undefined && nowMs() - this.#startMs >= budgetMs) this.#ended = "time";
    return this.#ended === null;
  }

  #atUs(result: RunResult): number {
    return Math.min(...result.violations.filter(({ id }) => id === this.violationId).map(({ atUs }) => atUs));
  }

  #tell(): void {
    this.#options.onProgress?.({ runs: this.#runs, size: sizeOf(this.#scenario) });
  }
}
