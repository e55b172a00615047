// Two searches for the least that still does it: over lists and over numbers.
// Decides which candidates are tried in which order; whether one does it, the caller tells.

/** Whether a candidate still does it; false as well when nothing more may be tried. */
export type Test<T> = (candidate: T) => Promise<boolean>;

/**
 * A sublist that still does it and of which no single item can be left out: delta debugging by complements (Zeller and
 * Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE TSE 2002), none and halves first.
 */
export async function minimiseList<T>(items: readonly T[], test: Test<readonly T[]>): Promise<readonly T[]> {
  if (items.length === 0 || await test([])) return [];
  let kept = items;
  let parts = 2;
  while (kept.length >= 2) {
    const size = Math.ceil(kept.length / parts);
    let reduced: readonly T[] | null = null;
    for (let at = 0; at < kept.length && reduced === null; at += size) {
      const rest = [...kept.slice(0, at), ...kept.slice(at + size)];
      // The empty list has been tried.
      if (rest.length > 0 && await test(rest)) reduced = rest;
    }
    if (reduced !== null) {
      kept = reduced;
      parts = Math.max(2, parts - 1);
    } else if (size === 1) break;
    else parts = Math.min(kept.length, parts * 2);
  }
  return kept;
}

/**
 * The least multiple of `step` above `least` that still does it, as far as halving finds it; `value` when none does.
 * `least` itself is tried first.
 */
export async function minimiseNumber(
  value: number,
  least: number,
  step: number,
  test: Test<number>,
): Promise<number> {
  if (value <= least) return value;
  if (await test(least)) return least;
  let fails = value;
  let passes = least;
  while (fails - passes > step) {
    const middle = passes + Math.max(step, Math.floor((fails - passes) / 2 / step) * step);
    if (middle >= fails) break;
    if (await test(middle)) fails = middle;
    else passes = middle;
  }
  return fails;
}
