// Comparison with an earlier run: ratios to the bare baseline, never absolute figures, which depend on the machine and
// on what else it does. Decides which ratios are judged (medians and rates; tails are shown, but too restless for a
// limit) and which direction is worse.

import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import type { BenchResult } from "./result.ts";
import { round } from "./statistics.ts";

/** One ratio that is worse than it may be. */
export interface Regression {
  readonly name: string;
  readonly figure: string;
  readonly before: number;
  readonly now: number;
  /** How much worse, 0.12 for 12 %. */
  readonly worseBy: number;
}

/** What a comparison came to. */
export interface Comparison {
  /** Ratios that both runs have. */
  readonly compared: number;
  readonly regressions: readonly Regression[];
}

type Ratios = Readonly<Record<string, number>>;

/** Ratios that are judged, and whether more of it is better. */
const JUDGED: Readonly<Record<string, boolean>> = { p50: false, msgsPerS: true };

/** `10%` or `0.1` as a share. Throws `usage`. */
export function shareOf(text: string): number {
  const [, digits = "", percent = ""] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text.trim()) ?? [];
  const share = digits === "" ? NaN : percent === "" ? Number(digits) : Number(digits) / 100;
  if (share >= 0 && share <= 10) return share;
  throw new HanaError("usage", {
    what: `--max-regress ${JSON.stringify(text)} is no share`,
    why: "it takes per cent, such as 10%",
    hint: "--max-regress 10%",
  });
}

/** Reads the ratios of an earlier `--json`. Throws `usage` when the file is none, `storage` when it cannot be read. */
export function readBaseline(path: string): Map<string, Ratios> {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (thrown) {
    throw toHanaError(thrown, "storage", `the baseline ${path} cannot be read`);
  }
  const ratios = new Map<string, Ratios>();
  try {
    const { schema, results } = JSON.parse(text) as { schema?: unknown; results?: unknown };
    if (schema !== "hana.bench/1" || !Array.isArray(results)) {
      throw new Error(`its schema is ${String(schema)}`);
    }
    for (const { name, ratio } of results as { name: string; ratio: Ratios | null }[]) {
      if (ratio !== null && typeof ratio === "object") ratios.set(name, ratio);
    }
  } catch (thrown) {
    throw new HanaError("usage", {
      what: `${path} is no baseline`,
      why: thrown instanceof Error ? thrown.message : String(thrown),
      hint: "hana bench rtt --json > baseline.json",
    });
  }
  return ratios;
}

/** Compares; a ratio that is worse by more than `maxRegress` is a regression. */
export function compare(
  results: readonly BenchResult[],
  before: ReadonlyMap<string, Ratios>,
  maxRegress: number,
): Comparison {
  const regressions: Regression[] = [];
  let compared = 0;
  for (const { name, ratio } of results) {
    const earlier = before.get(name);
    if (ratio === null || earlier === undefined) continue;
    for (const [figure, isMoreBetter] of Object.entries(JUDGED)) {
      const [now, then] = [ratio[figure], earlier[figure]];
      if (now === undefined || then === undefined || !(now > 0) || !(then > 0)) continue;
      compared++;
      const worseBy = isMoreBetter ? then / now - 1 : now / then - 1;
      if (worseBy > maxRegress) {
        regressions.push({ name, figure, before: then, now, worseBy: round(worseBy) });
      }
    }
  }
  return { compared, regressions };
}
