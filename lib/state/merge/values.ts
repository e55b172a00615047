// Equality and a total order of values.
// Decides when a write changes nothing, and which of two copies counts where all else is equal.
// Never checks a value against its definition (schema/).

import type { StateValue } from "../model/mod.ts";

/** Whether two values are the same to everybody who sees them. Allocates nothing but for JSON values. */
export function equalValues(a: StateValue, b: StateValue): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return typeof a === "number" && typeof b === "number" && Number.isNaN(a) && Number.isNaN(b);
  }
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && equalElements(a, b);
  }
  if (isNumbers(a) && isNumbers(b)) return equalElements(a, b);
  return compareValues(a, b) === 0;
}

/** Compares two values in a total order that says nothing to people: by type, then by content. */
export function compareValues(a: StateValue, b: StateValue): number {
  const rank = rankOf(a) - rankOf(b);
  if (rank !== 0) return rank;
  if (typeof a === "number" && typeof b === "number") return compareNumbers(a, b);
  if (a === b) return 0;
  const [left, right] = [textOf(a), textOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Whether a value is an array of numbers: a vector or a quaternion. */
export function isNumbers(value: StateValue): value is readonly number[] {
  return Array.isArray(value) && value.every((element) => typeof element === "number");
}

/** What the rule `highest` compares; NaN for values that have no size. */
export function sizeOf(value: StateValue): number {
  return typeof value === "number" ? value : typeof value === "boolean" ? Number(value) : NaN;
}

function equalElements(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) {
    if (a[at] !== b[at]) return false;
  }
  return true;
}

function compareNumbers(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

function rankOf(value: StateValue): number {
  if (value === null) return 0;
  if (typeof value === "boolean") return 1;
  if (typeof value === "number") return 2;
  if (typeof value === "string") return 3;
  return value instanceof Uint8Array ? 4 : 5;
}

/** Canonical text: the keys of objects sorted, so that one value has one text. */
function textOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "";
  if (value instanceof Uint8Array) return value.join();
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  return `{${
    Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([key, inner]) =>
      `${JSON.stringify(key)}:${textOf(inner)}`
    ).join()
  }}`;
}
