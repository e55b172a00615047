// Values as people read them, in one line: `0.5`, `180°`, `2.5 Hz`, `1, 2, 3`, `hex:00ff`.
// Decides the spelling; text.ts reads every line back to the same value. Never shortens: who prints it may.

import { toHex } from "../../base/mod.ts";
import { canonicalJson, stepOf } from "../digest/mod.ts";
import type { ParameterDefinition, StateValue, ValueType } from "../model/mod.ts";

/** A checked value in one printable line. */
export function formatValue(definition: ParameterDefinition, value: StateValue): string {
  switch (definition.type) {
    case "f32":
    case "i32":
      return withUnit(formatNumber(definition.type, value as number), definition.unit);
    case "unit":
      return isShare(definition)
        ? `${formatPercent(value as number)}%`
        : withUnit(formatNumber("unit", value as number), definition.unit);
    case "bool":
      return value === true ? "true" : "false";
    case "enum":
      return value as string;
    case "text":
      return formatText(value as string);
    case "bytes":
      return `hex:${toHex(value as Uint8Array)}`;
    case "vec3":
    case "quat": {
      const parts = (value as readonly number[]).map((part) => formatNumber("f32", part)).join(", ");
      return withUnit(parts, definition.unit);
    }
    case "json":
      return printable(canonicalJson(value));
  }
}

/** The shortest decimal number that is read as this value of its type. */
export function formatNumber(type: ValueType, value: number): string {
  if (type === "f32") return shortest(value, 9, (near) => Math.fround(near) === value);
  if (type === "unit") return shortest(value, 6, (near) => stepOf(near) === stepOf(value));
  return String(value);
}

/** The bounds of numbers as they stand behind `a number`: ` from 0 to 360°`; empty where there are none. */
export function formatRange(definition: ParameterDefinition): string {
  const { type, unit } = definition;
  const least = definition.min ?? (type === "unit" ? 0 : null);
  const most = definition.max ?? (type === "unit" ? 1 : null);
  const own = type === "vec3" ? "f32" : type;
  const behind = isShare(definition) ? null : unit;
  if (least === null) return most === null ? "" : ` of at most ${withUnit(formatNumber(own, most), behind)}`;
  if (most === null) return ` of at least ${withUnit(formatNumber(own, least), behind)}`;
  return ` from ${formatNumber(own, least)} to ${withUnit(formatNumber(own, most), behind)}`;
}

/** Whether a value from 0 to 1 is shown in percent. */
export function isShare({ type, unit }: ParameterDefinition): boolean {
  return type === "unit" && unit === "%";
}

function formatPercent(value: number): string {
  return shortest(value * 100, 6, (near) => stepOf(near / 100) === stepOf(value));
}

/** `value` with as few digits as `isSame` allows. */
function shortest(value: number, mostDigits: number, isSame: (near: number) => boolean): string {
  for (let digits = 1; digits <= mostDigits; digits++) {
    const near = Number(value.toPrecision(digits));
    if (isSame(near)) return String(near);
  }
  return String(value);
}

function withUnit(text: string, unit: string | null): string {
  if (unit === null) return text;
  return unit === "°" || unit === "%" ? `${text}${unit}` : `${text} ${unit}`;
}

/** A text as it is, or in quotes where it could be taken for something else or cannot be seen. */
function formatText(text: string): string {
  const isPlain = text !== "" && text.trim() === text && !text.startsWith('"') && !UNPRINTABLE.test(text);
  return isPlain ? text : printable(JSON.stringify(text));
}

/** Controls, marks that turn the direction of writing, line and paragraph separators. */
const UNPRINTABLE = /[\p{C}\u2028\u2029]/u;

/** JSON with an escape for everything that does not print. */
function printable(json: string): string {
  return json.replaceAll(
    /[\p{C}\u2028\u2029]/gu,
    (mark) => Array.from({ length: mark.length }, (_, i) => escaped(mark.charCodeAt(i))).join(""),
  );
}

function escaped(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, "0")}`;
}
