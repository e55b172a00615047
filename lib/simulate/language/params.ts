// Parameters: `$name` in any value, sweeps over them, and what a scenario takes over from the one that it extends.
// Decides substitution and merging on plain data, before anything is read.

import { isRecord } from "./shape.ts";
import { pathOf, ScenarioProblem, suggest } from "./problem.ts";

/** Values of parameters. */
export type Parameters = Readonly<Record<string, unknown>>;

const REFERENCE = /\$([A-Za-z_][A-Za-z0-9_]*)/g;
/** Counts repetitions; not a parameter. */
export const INDEX_NAME = "i";

/** Puts values in the place of `$name` everywhere; a text that is nothing else becomes the value itself. */
export function substitute(value: unknown, parameters: Parameters, path = ""): unknown {
  if (Array.isArray(value)) {
    return value.map((each, index) => substitute(each, parameters, pathOf(path, index)));
  }
  if (isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, substitute(each, parameters, pathOf(path, key))]),
    );
  }
  if (typeof value !== "string" || !value.includes("$")) return value;
  const find = (name: string): unknown => {
    if (Object.hasOwn(parameters, name)) return parameters[name];
    throw new ScenarioProblem(path, `there is no parameter $${name}`, suggest(name, Object.keys(parameters)));
  };
  const whole = /^\$([A-Za-z_][A-Za-z0-9_]*)$/.exec(value)?.[1];
  if (whole !== undefined && whole !== INDEX_NAME) return find(whole);
  return value.replace(REFERENCE, (found, name: string) => name === INDEX_NAME ? found : String(find(name)));
}

/** Puts a number in the place of `$i`. */
export function substituteIndex(value: unknown, index: number): unknown {
  if (Array.isArray(value)) return value.map((each) => substituteIndex(each, index));
  if (isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, substituteIndex(each, index)]),
    );
  }
  if (typeof value !== "string") return value;
  return value === `$${INDEX_NAME}` ? index : value.replaceAll(/\$i(?![A-Za-z0-9_])/g, String(index));
}

/** Mappings are merged, everything else is replaced; null takes away. */
export function merge(base: unknown, own: unknown): unknown {
  if (!isRecord(base) || !isRecord(own)) return own;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(own)) {
    if (value === null) delete merged[key];
    else merged[key] = merge(merged[key], value);
  }
  return merged;
}

/** Every combination of a matrix, the last axis running fastest. */
export function combinations(matrix: Readonly<Record<string, readonly unknown[]>>): Parameters[] {
  let found: Record<string, unknown>[] = [{}];
  for (const [name, values] of Object.entries(matrix)) {
    found = found.flatMap((before) => values.map((value) => ({ ...before, [name]: value })));
  }
  return found;
}
