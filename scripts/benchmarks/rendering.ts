// A result as people read it: the verdict first, then figures beside their baselines.

import type { Baseline, Measured, Result } from "./result.ts";

/** A few lines a result. */
export function renderResult(result: Result): string {
  const rows: readonly (readonly [string, Measured])[] = [
    ["hana", result],
    [result.baseline.name, result.baseline],
    ...(result.beside ?? []).map((other: Baseline) => [other.name, other] as const),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    `${result.met ? "met   " : "MISSED"}  ${result.name}  (n = ${result.n}; ${result.how})`,
    ...rows.map(([name, measured]) => `        ${name.padEnd(width)}  ${figuresOf(measured)}`),
    `        ${"ratio".padEnd(width)}  ${namedFigures(result.ratio)}   limit  ${namedFigures(result.limit)}`,
  ].join("\n");
}

function figuresOf({ rttUs, us, msgsPerS, ms, idle }: Measured): string {
  return [
    ...(rttUs === undefined ? [] : [`${namedFigures(rttUs)} µs`]),
    ...(us === undefined ? [] : [`${namedFigures(us)} µs`]),
    ...(msgsPerS === undefined ? [] : [`${msgsPerS.toLocaleString("en")} messages/s`]),
    ...(ms === undefined ? [] : [`${namedFigures(ms)} ms`]),
    ...(idle === undefined ? [] : [namedFigures(idle)]),
  ].join(", ");
}

function namedFigures(figures: Readonly<Record<string, number>>): string {
  return Object.entries(figures).map(([name, value]) => `${name} ${value.toLocaleString("en")}`).join("  ");
}
