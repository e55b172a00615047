// What is wrong with a manifest: all of it at once, each with its place, so that one look mends the file.
// Decides how many are told and in which order; never what is wrong.

import type { Position } from "./tree.ts";

/** Problems that are told; the rest is counted. */
export const MAX_TOLD_PROBLEMS = 20;
/** Problems that are kept, so that a hopeless file costs no memory. */
const MAX_KEPT = 1_000;

/** Something that has to be changed in the file. */
export interface ManifestProblem extends Position {
  /** What is wrong, naming the field. */
  readonly what: string;
  readonly why?: string;
  /** What to write instead, where that can be guessed. */
  readonly hint?: string;
}

/** Problems as they are found. */
export class Problems {
  readonly #found: ManifestProblem[] = [];
  #count = 0;

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** Those that are told, in the order of the file, at most {@linkcode MAX_TOLD_PROBLEMS}. */
  get told(): readonly ManifestProblem[] {
    const inOrder = [...this.#found].sort((a, b) => a.line - b.line || a.column - b.column);
    return inOrder.slice(0, MAX_TOLD_PROBLEMS);
  }

  add({ line, column }: Position, what: string, why?: string, hint?: string): void {
    this.#count++;
    if (this.#found.length >= MAX_KEPT) return;
    this.#found.push({
      line,
      column,
      what,
      ...(why === undefined ? {} : { why }),
      ...(hint === undefined ? {} : { hint }),
    });
  }
}
