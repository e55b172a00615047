// Targets and plays that need no simulator: what a run comes to is given by a function of its seed.

import { hashScenario, type RunResult, type Scenario } from "../../../../lib/simulate/mod.ts";
import type { Job, Played } from "../../../../cli/simulate/job.ts";
import {
  sweep,
  type SweepItem,
  type SweepOptions,
  type SweepResult,
} from "../../../../cli/simulate/sweep.ts";
import type { Target } from "../../../../cli/simulate/targets.ts";
import { resultOf, scenarioFor } from "../reports/fixture.ts";

/** A scenario of this name, as a target. */
export function targetOf(name: string, parts: Partial<Target> = {}): Target {
  const scenario: Scenario = { ...scenarioFor(), name };
  return {
    scenario,
    hash: hashScenario(scenario),
    suite: null,
    mustFail: false,
    file: null,
    params: [],
    ...parts,
  };
}

/** A run that came to `parts`. */
export function playedOf(job: Job, parts: Partial<RunResult> = {}): Played {
  const result = resultOf(job.scenario, { seed: job.seed, software: job.software, ...parts });
  return { result, wallMs: 1, excerpt: [], timeline: null, digests: [] };
}

/** Sweeps without workers: `play` decides what each run comes to. Every run takes a millisecond of `nowMs`. */
export async function sweepWith(
  items: readonly Omit<SweepItem, "invariants">[],
  play: (job: Job, signal: AbortSignal, fresh: boolean) => Promise<Played> | Played,
  options: Partial<SweepOptions> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<SweepResult & { readonly order: readonly string[] }> {
  const order: string[] = [];
  const result = await sweep(items.map((item) => ({ invariants: [], ...item })), {
    software: "1.0+x",
    jobs: 1,
    keepGoing: false,
    budgetMs: null,
    wallLimitMs: null,
    confirms: false,
    play: async (job, abort, fresh) => {
      order.push(`${job.scenario.name}:${job.seed}${fresh ? " again" : ""}`);
      return await play(job, abort, fresh);
    },
    keeping: () => ({ frames: false, timeline: false, digests: false }),
    onRun: () => {},
    nowMs: () => order.length,
    ...options,
  }, signal);
  return { ...result, order };
}
