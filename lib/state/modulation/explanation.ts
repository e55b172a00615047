// Why a place has its effective value, as plain data that travels.
// Types alone; modulated_values.ts works it out, sentences.ts makes the sentence.

import type { ValueType } from "../model/mod.ts";
import type { ModulationMode } from "./limits.ts";

/**
 * What becomes of what a source does:
 * - `applies`: in full.
 * - `fading`: its source let it go, or was silent for 2.5 s. `rising`: it came back, or was held down before.
 * - `outranked`: another source replaces the value with more priority, or began later.
 * - `below-floor`: whoever holds the parameter in the shared state has more priority.
 */
export type ModulationFate = "applies" | "fading" | "rising" | "outranked" | "below-floor";

/** One source and what it does to one place. */
export interface ExplainedSource {
  readonly name: string;
  /** The name of its node. */
  readonly node: string;
  readonly mode: ModulationMode;
  readonly value: number;
  readonly priority: number;
  /** When it was last said, in milliseconds. */
  readonly ageMs: number;
  /** 0 to 1. */
  readonly strength: number;
  readonly fate: ModulationFate;
  /** Values of this source that were refused, of all places. */
  readonly refused: number;
}

/** Why a place has its effective value. */
export interface ModulationExplanation {
  readonly path: string;
  /** Of a vector: 0, 1 or 2. */
  readonly part: number;
  /** The place for people: `camera/position.x`. */
  readonly name: string;
  readonly type: ValueType;
  readonly unit: string | null;
  /** What the shared state has, and the priority of who holds it there: the least that a source needs. */
  readonly base: { readonly value: number; readonly floor: number };
  /** In the order in which they are carried out. */
  readonly sources: readonly ExplainedSource[];
  readonly effective: number;
  /** Whether the range kept it from being another. */
  readonly isLimited: boolean;
  readonly range: { readonly min: number | null; readonly max: number | null };
  /** `0.42: 0.30 of shared state, + 0.12 of lfo-1 (add)`. */
  readonly text: string;
}
