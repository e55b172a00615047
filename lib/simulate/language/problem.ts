// What is wrong with a scenario, where, and what was probably meant.
// Decides how a mistake is told: one place, one reason, one hint. Never repairs anything.

import { HanaError } from "../../base/mod.ts";

/** A mistake in a scenario, at a path such as `timeline[2].isolat`. */
export class ScenarioProblem extends Error {
  override readonly name = "ScenarioProblem";
  readonly path: string;
  readonly why: string;
  readonly hint: string | undefined;

  constructor(path: string, why: string, hint?: string) {
    super(`${path}: ${why}`);
    this.path = path;
    this.why = why;
    this.hint = hint;
  }

  /** As an error that a person reads: file and path, reason, hint. */
  toHanaError(source: string): HanaError {
    const what = this.path === "" ? source : `${source}: ${this.path}`;
    // What was meant belongs to the reason; what to try is a command (contracts).
    const why = this.hint === undefined ? this.why : `${this.why}; ${this.hint}`;
    return new HanaError("config", { what, why, hint: "hana simulate schema > hana-sim.schema.json" });
  }
}

/** Path of a key of an object. */
export function pathOf(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  return path === "" ? key : `${path}.${key}`;
}

/** A value as it is shown in a message: short, on one line. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}

/** What kind of value it is, as people say it. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value === "string") return "a text";
  if (typeof value === "boolean") return "a yes or no";
  return `a ${typeof value}`;
}

/** The hint for a name that is none of `known`: the nearest one, or all while they are few. */
export function suggest(name: string, known: Iterable<string>): string | undefined {
  const names = [...known];
  const near = nearestOf(name, names);
  if (near !== null) return `did you mean ${near}?`;
  if (names.length === 0) return undefined;
  const shown = names.slice(0, 12).join(", ");
  return `there is ${shown}${names.length > 12 ? ", …" : ""}`;
}

/** The candidate that `word` most likely means; null when none is near. */
export function nearestOf(word: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    const distance = slips(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  if (best === null) return null;
  return bestDistance <= Math.max(1, Math.floor(Math.max(word.length, best.length) * 0.4)) ? best : null;
}

/** Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment). */
function slips(a: string, b: string): number {
  // Nobody mistypes that much; and the table stays small whatever was written.
  if (Math.abs(a.length - b.length) > 8 || a.length > 64) return Infinity;
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const cell = (i: number, j: number): number => rows[i]?.[j] ?? Infinity;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const replaced = cell(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? cell(i - 2, j - 2) + 1 : Infinity;
      row.push(Math.min(cell(i - 1, j) + 1, cell(i, j - 1) + 1, replaced, swapped));
    }
  }
  return cell(a.length, b.length);
}
