// Which seeds are played: given ones, remembered failures, or ones that follow from the scenario.
// Decides the order alone. A call without seeds plays the same ones every time: a verdict must never be a coin flip.

import { HanaError } from "../../lib/base/mod.ts";

/** Seeds are integers below 2^53. */
const MAX_SEEDS = 1_000_000;

/** The seeds that a call asks for; null where it leaves the choice. */
export interface AskedSeeds {
  readonly first: number;
  readonly count: number;
}

/** Reads `--seed` and `--seeds`. Throws `usage`. */
export function parseSeeds(seed: string | undefined, seeds: string | undefined): AskedSeeds | null {
  if (seed !== undefined && seeds !== undefined) {
    throw new HanaError("usage", {
      what: "--seed and --seeds together",
      why: "each of them says which seeds are played",
      hint: "without --seed",
    });
  }
  if (seed !== undefined) {
    const value = seedOf(seed);
    if (value === null) throw notASeed("--seed", seed, "--seed 7");
    return { first: value, count: 1 };
  }
  if (seeds === undefined) return null;
  const [, from = "", to = ""] = /^(\d+)\.\.(\d+)$/.exec(seeds) ?? [];
  const first = seedOf(from);
  const last = seedOf(to);
  if (first === null || last === null || last < first) throw notASeed("--seeds", seeds, "--seeds 1..100");
  if (last - first >= MAX_SEEDS) {
    throw new HanaError("usage", {
      what: `--seeds ${seeds}`,
      why: `at most ${MAX_SEEDS} seeds at once`,
      hint: `--seeds ${first}..${first + MAX_SEEDS - 1}`,
    });
  }
  return { first, count: last - first + 1 };
}

function notASeed(flag: string, text: string, hint: string): HanaError {
  return new HanaError("usage", {
    what: `${flag} ${text}`,
    why: flag === "--seed"
      ? "a whole number from 0 to 2^53 - 1 is wanted"
      : "a range of seeds A..B is wanted",
    hint,
  });
}

function seedOf(text: string): number | null {
  const value = Number(text);
  return /^\d{1,16}$/.test(text) && Number.isSafeInteger(value) ? value : null;
}

/** The seeds of a scenario that follow from its hash, in order: always the same ones, others for every scenario. */
export function* fixedSeeds(hash: string, count: number): Generator<number> {
  const first = Number.parseInt(hash.slice(0, 8), 16);
  for (let i = 0; i < count; i++) yield (first + i) % 2 ** 32;
}

/** `first`, `first + 1`, … */
export function* seedsFrom(first: number, count: number): Generator<number> {
  for (let i = 0; i < count; i++) yield first + i;
}

/** All of the first, then those of the second that were not among them. */
export function* without(repeated: readonly number[], seeds: Iterable<number>): Generator<number> {
  yield* repeated;
  const known = new Set(repeated);
  for (const seed of seeds) if (!known.has(seed)) yield seed;
}
