// What can stand at a path: types, ranges, and the rule by which several writers make one value.
// Decides the vocabulary of schemas; schema/ reads and checks them, merge/ carries the rules out.

/** The types of values. */
export type ValueType =
  | "f32"
  /** 0 to 1 in 65,536 steps. */
  | "unit"
  | "i32"
  | "bool"
  | "enum"
  | "text"
  | "bytes"
  | "vec3"
  | "quat"
  | "json";

/** A value as programs see it. Vectors and quaternions are arrays of 3 and 4 numbers. */
export type StateValue =
  | number
  | boolean
  | string
  | Uint8Array
  | readonly number[]
  | { readonly [key: string]: unknown }
  | null;

/**
 * How claims of several writers make one value: the newest among the highest priority, the highest value among them, the sum
 * of all of them, or whoever holds it.
 */
export type MergeRule = "latest" | "highest" | "sum" | "lock";

/** What becomes of the value when the last writer is gone. */
export type LossRule = "hold" | "default" | "fallback";

/** How often changes go out at most: 30, 10 or 2 times a second. */
export type RateClass = "fast" | "slow" | "rare";

/** The pause between two patches of a class, in microseconds. */
export const RATE_US: Readonly<Record<RateClass, number>> = { fast: 33_333, slow: 100_000, rare: 500_000 };

/** A parameter as a visualization or a person declares it, complete. Plain data: it travels as it is. */
export interface ParameterDefinition {
  readonly path: string;
  /** The unit of version, digest, resync and interest that it belongs to. */
  readonly subsystem: string;
  readonly type: ValueType;
  readonly default: StateValue;
  /** Bounds of numbers, inclusive; null for none. Length bounds of text and bytes are `max`. */
  readonly min: number | null;
  readonly max: number | null;
  /** For people: `°`, `Hz`, `%`. */
  readonly unit: string | null;
  /** The words of an enum. */
  readonly words: readonly string[];
  readonly merge: MergeRule;
  readonly onLoss: LossRule;
  /** How long a change of writer may take to fade, in microseconds; 0 for at once. */
  readonly fadeUs: number;
  readonly rate: RateClass;
  readonly description: string | null;
}

/** "I do not control this". */
export const MIN_PRIORITY = 0;
/** The highest priority that a client may have; those above it are the host's own (E1.31 has 200 as well). */
export const MAX_PRIORITY = 200;
/** That of an app that says nothing else. */
export const DEFAULT_PRIORITY = 100;
/** How long a claim that must be refreshed lives without (E1.31 section 6.7.1: 2.5 s of network data loss). */
export const CLAIM_LEASE_US = 2_500_000;

/** The effective value of a path, as everybody knows it. */
export interface StateEntry {
  readonly value: StateValue;
  /** The version of its subsystem at which it last changed. */
  readonly version: number;
  /** Whose value it is; 0 for nobody's (a default, or the last look of somebody who left). */
  readonly holder: number;
  readonly priority: number;
  /** The path is gone; kept until everybody knows. */
  readonly deleted: boolean;
}
