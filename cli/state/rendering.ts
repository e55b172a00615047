// Values of the shared state as rows, as JSON and as words.
// Decides the columns and the spelling for scripts; never what stands where.

import { toHex } from "../../lib/base/mod.ts";
import { formatNumber, formatValue, type ParameterDefinition, type StateValue } from "../../lib/state/mod.ts";
import { counted, type Json, type JsonObject, type Rendering } from "../output/mod.ts";
import type { ValueRow } from "./desk.ts";

/** A value in one line; `-` where there is none. */
export function valueText(definition: ParameterDefinition, value: StateValue): string {
  return value === null && definition.type !== "json" ? "-" : formatValue(definition, value);
}

/** A value for scripts: numbers, switches, texts and lists as they are, bytes in hex. */
export function valueJson({ type }: ParameterDefinition, value: StateValue): Json {
  if (value instanceof Uint8Array) return toHex(value);
  // What people wrote, not the nearest number of four bytes.
  const short = (part: number): number => Number(formatNumber(type === "unit" ? "unit" : "f32", part));
  if (typeof value === "number") return type === "f32" || type === "unit" ? short(value) : value;
  if (Array.isArray(value) && type !== "json") return (value as readonly number[]).map(short);
  return value as Json;
}

/** What a path takes, in words: `0 to 360°`, `on or off`, `red, green, blue`. */
export function rangeText({ type, min, max, unit, words }: ParameterDefinition): string {
  switch (type) {
    case "bool":
      return "on or off";
    case "enum":
      return words.join(", ");
    case "text":
    case "bytes":
      return max === null ? type : `${type} of at most ${max} bytes`;
    case "json":
    case "quat":
      return type;
    case "f32":
    case "unit":
    case "i32":
    case "vec3": {
      const behind = unit === null ? "" : unit === "°" || unit === "%" ? unit : ` ${unit}`;
      const [low, high] = type === "unit" ? [min ?? 0, max ?? 1] : [min, max];
      const what = type === "vec3" ? "3 numbers, " : "";
      if (low === null && high === null) return `${type === "vec3" ? "3 numbers" : type}${behind}`;
      if (type === "unit" && unit === "%") return `${(low ?? 0) * 100} to ${(high ?? 1) * 100}%`;
      if (low === null) return `${what}at most ${high}${behind}`;
      if (high === null) return `${what}at least ${low}${behind}`;
      return `${what}${low} to ${high}${behind}`;
    }
  }
}

/** A row for scripts. */
export function valueRowJson(row: ValueRow): JsonObject {
  const { path, definition, value, holder, priority, isSet } = row;
  const { type, unit, min, max, words, subsystem, merge, onLoss } = definition;
  return {
    path,
    value: valueJson(definition, value),
    text: valueText(definition, value),
    unit,
    holder: holder === null ? null : { ...holder },
    priority: holder === null ? null : priority,
    set: isSet,
    type,
    min,
    max,
    words: [...words],
    default: valueJson(definition, definition.default),
    merge,
    onLoss,
    subsystem,
  };
}

/** Values as `hana state get` and `hana state watch` show them. */
export function valuesRendering(what = "state.get"): Rendering<ValueRow> {
  return {
    what,
    row: "value",
    id: ({ definition, value }) => valueText(definition, value),
    key: ({ path }) => path,
    columns: [
      { header: "PATH", cell: ({ path }) => path },
      { header: "VALUE", cell: ({ definition, value }) => valueText(definition, value), shrinks: true },
      { header: "HOLDER", cell: ({ holder }) => holder?.name ?? null },
      {
        header: "PRIORITY",
        cell: ({ holder, priority }) => holder === null ? null : priority,
        align: "right",
      },
      { header: "TAKES", cell: ({ definition }) => rangeText(definition), spare: 1, shrinks: true },
    ],
    json: valueRowJson,
    document: (rows) => ({
      values: rows.map(valueRowJson),
      summary: { total: rows.length, held: rows.filter(({ holder }) => holder !== null).length },
    }),
    summary: (rows) => {
      if (rows.length < 2) return null;
      const held = rows.filter(({ holder }) => holder !== null).length;
      return `${counted(rows.length, "path")}, ${held} held by somebody`;
    },
  };
}
