// The table of a source: what its columns are called, in which unit and range.
// Decides which tables can be, and the mark by which both ends know that they have the same one. Rows are appended only,
// so that the columns of an older table stay where they were.

import { HanaError } from "../../base/mod.ts";
import { isBelow, isPath, MAX_PATH_LENGTH } from "../model/mod.ts";
import { TableHash } from "../stream/mod.ts";
import { MAX_METER_UNIT, MAX_METERS } from "./limits.ts";

/** One meter. */
export interface MeterDefinition {
  /** Below the source's name: `audio/left`. A path. */
  readonly name: string;
  /** For people: `dB`, `fps`; null for none. */
  readonly unit: string | null;
  /** What a display shows; values may lie outside. Null for no bound. */
  readonly min: number | null;
  readonly max: number | null;
}

/** The table of one source. */
export interface MeterTable {
  /** The mark of these rows, 1 to 2^32 − 1. */
  readonly mark: number;
  readonly meters: readonly MeterDefinition[];
}

/** The table of a source without meters. */
export const NO_METERS: MeterTable = { mark: markOf([]), meters: [] };

/** The mark of a table. */
export function markOf(meters: readonly MeterDefinition[]): number {
  const hash = new TableHash().number(meters.length);
  for (const { name, unit, min, max } of meters) hash.text(name).text(unit).number(min).number(max);
  return hash.finish();
}

/** What is wrong with a meter; null where nothing is. */
export function problemOfMeter({ name, unit, min, max }: MeterDefinition): string | null {
  if (typeof name !== "string" || !isPath(name)) {
    return `a name is a path of at most ${MAX_PATH_LENGTH} characters such as audio/left`;
  }
  if (unit !== null && (typeof unit !== "string" || unit.length > MAX_METER_UNIT || !unit.isWellFormed())) {
    return `a unit is a text of at most ${MAX_METER_UNIT} characters`;
  }
  if (!isBound(min) || !isBound(max)) return "min and max are finite numbers, or null";
  return min !== null && max !== null && min >= max ? "min is below max" : null;
}

/**
 * A table as it came from another node. Null where it is none: too many rows, a name twice, a row that cannot be.
 */
export function readMeterTable(rows: readonly MeterDefinition[]): MeterTable | null {
  if (rows.length > MAX_METERS) return null;
  const names = new Set<string>();
  const meters: MeterDefinition[] = [];
  for (const row of rows) {
    if (problemOfMeter(row) !== null || names.has(row.name)) return null;
    names.add(row.name);
    meters.push({ name: row.name, unit: row.unit, min: row.min, max: row.max });
  }
  return { mark: markOf(meters), meters };
}

/** A table with one meter more. Throws `schema` for one that cannot be, `overloaded` beyond {@linkcode MAX_METERS}. */
export function withMeter(table: MeterTable, meter: MeterDefinition): MeterTable {
  const problem = problemOfMeter(meter);
  if (problem !== null) throw new HanaError("schema", { what: `meter ${String(meter.name)}`, why: problem });
  const at = table.meters.findIndex(({ name }) => name === meter.name);
  if (at < 0 && table.meters.length >= MAX_METERS) {
    throw new HanaError("overloaded", {
      what: `meter ${meter.name}`,
      why: `a source has at most ${MAX_METERS} meters`,
      hint: "leave out what nobody looks at, or send several values as one",
    });
  }
  const { name, unit, min, max } = meter;
  const meters = at < 0
    ? [...table.meters, { name, unit, min, max }]
    : table.meters.with(at, { name, unit, min, max });
  return { mark: markOf(meters), meters };
}

/** The columns of a source that somebody wants, from `first` on; `count` 0 for none. */
export interface ColumnRange {
  readonly first: number;
  readonly count: number;
}

/** The shortest range that has every meter at or below one of the prefixes. */
export function rangeBelow(source: string, table: MeterTable, prefixes: readonly string[]): ColumnRange {
  let [first, last] = [-1, -1];
  table.meters.forEach(({ name }, at) => {
    const path = `${source}/${name}`;
    if (!prefixes.some((prefix) => isBelow(path, prefix))) return;
    if (first < 0) first = at;
    last = at;
  });
  return first < 0 ? { first: 0, count: 0 } : { first, count: last - first + 1 };
}

function isBound(bound: unknown): boolean {
  return bound === null || (typeof bound === "number" && Number.isFinite(bound));
}
