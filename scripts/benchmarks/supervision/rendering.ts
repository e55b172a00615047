// The numbers and the comparison as people read them. Decides digits and marks; never what a figure is worth.

import { table } from "../peers/rendering.ts";
import type { Comparison } from "./comparison/compare.ts";
import { isKept, type Row } from "./row.ts";

/** A line a figure: kept or missed, what, figures, what was asked for. */
export function renderRows(rows: readonly Row[]): string {
  return table(rows.map((row) => {
    const { what, unit, figures, limit, atLeast = {}, note } = row;
    const asked = [
      ...Object.entries(limit).map(([name, most]) => `${name} ≤ ${most}`),
      ...Object.entries(atLeast).map(([name, least]) => `${name} ≥ ${least}`),
    ];
    return [
      asked.length === 0 ? "" : isKept(row) ? "kept" : "MISSED",
      what,
      `${Object.entries(figures).map(([name, value]) => `${name} ${value.toLocaleString("en")}`).join("  ")}`,
      unit,
      asked.length === 0 ? "" : `asked ${asked.join(", ")}`,
      note ?? "",
    ];
  }));
}

/** Scenarios down, tools across. */
export function renderComparison({ tools, scenarios, cells }: Comparison): string {
  const heads = ["", ...tools.map(({ name, settings }) => `${name} ${settings}`)];
  const rows = scenarios.map(({ name, text }) => [
    text,
    ...tools.map((tool) => {
      const cell = cells.find((each) =>
        each.scenario === name && each.tool === tool.name && each.settings === tool.settings
      );
      return cell?.text ?? "-";
    }),
  ]);
  return table([heads, ...rows]);
}
