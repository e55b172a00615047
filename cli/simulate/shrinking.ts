// `hana simulate shrink`: the smallest scenario that still breaks the same rule, as a file.

import { HanaError } from "../../lib/base/mod.ts";
import type { Cli } from "../frame/mod.ts";
import type { Target } from "./targets.ts";

/** How far to go. */
export interface ShrinkPlan {
  readonly seed: number;
  readonly outPath: string;
  readonly budgetMs: number;
  readonly budgetRuns: number;
}

/** Shrinks a failure, writes the file, tells the command. */
export function shrinkAndTell(
  _cli: Cli,
  target: Target,
  _plan: ShrinkPlan,
  _software: string,
): Promise<void> {
  throw new HanaError("unsupported", {
    what: `shrinking ${target.scenario.name}`,
    why: "it is not there yet",
  });
}
