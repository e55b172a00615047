// From targets and flags to runs: which seeds each scenario is played with, and in which order.
// Decides how many seeds a suite tries, and that a call without seeds plays the same ones every time.

import { invariantsOf } from "./playing.ts";
import type { PlayPlan } from "./flags.ts";
import type { SeedMemory } from "./seed_memory.ts";
import { fixedSeeds, seedsFrom, without } from "./seeds.ts";
import type { SweepItem } from "./sweep.ts";
import type { Suite, Target } from "./targets.ts";

/** Seeds for each scenario where nobody says how many. */
const SEEDS_OF_SUITE: Readonly<Record<Suite, number>> = { smoke: 1, discovery: 5, pr: 20, nightly: 5 };

/** Far more than any budget lets be played. */
const ENDLESS = 2 ** 40;

/** The runs of `targets`. `freshSeed` is where a budget begins to look for new failures. */
export function chooseRuns(
  targets: readonly Target[],
  plan: Pick<PlayPlan, "seeds" | "budgetMs" | "isCi">,
  memory: SeedMemory | null,
  freshSeed: () => number,
): SweepItem[] {
  const first = plan.budgetMs !== null && plan.seeds === null && !plan.isCi ? freshSeed() : null;
  return targets.map((target) => ({
    target,
    seeds: without(memory?.seedsOf(target.scenario.name) ?? [], seedsOf(target, plan, first)),
    invariants: invariantsOf(target.scenario),
  }));
}

function seedsOf(
  target: Target,
  plan: Pick<PlayPlan, "seeds" | "budgetMs">,
  fresh: number | null,
): Iterable<number> {
  if (plan.seeds !== null) return seedsFrom(plan.seeds.first, plan.seeds.count);
  if (fresh !== null) return seedsFrom(fresh, ENDLESS);
  if (plan.budgetMs !== null) return fixedSeeds(target.hash, ENDLESS);
  return fixedSeeds(target.hash, target.suite === null ? 1 : SEEDS_OF_SUITE[target.suite]);
}
