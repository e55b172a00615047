// Quantities as people write them: a number and a unit, `250ms`, `2%`, `1Mbit/s`.
// Decides which units there are and what they mean in the simulator's own unit; a bare number is never a quantity,
// because simulators have been off by two and by eight for want of a unit (research 1.2).

import { ScenarioProblem, show } from "./problem.ts";

/** What a quantity measures. */
export interface QuantityKind {
  /** As people say it: `a duration`. */
  readonly name: string;
  readonly example: string;
  /** Each unit in the simulator's own unit, the smallest one first. */
  readonly units: ReadonlyMap<string, number>;
  readonly integer: boolean;
  readonly signed: boolean;
}

const MS_US = 1_000;
const SECOND_US = 1_000_000;

const DURATION_UNITS: ReadonlyArray<[string, number]> = [
  ["us", 1],
  ["µs", 1],
  ["ms", MS_US],
  ["s", SECOND_US],
  ["min", 60 * SECOND_US],
  ["m", 60 * SECOND_US],
  ["h", 3600 * SECOND_US],
];

const kind = (
  name: string,
  example: string,
  units: ReadonlyArray<[string, number]>,
  { integer = true, signed = false } = {},
): QuantityKind => ({ name, example, units: new Map(units), integer, signed });

/** Durations in microseconds. */
export const DURATION = kind("a duration", "250ms", DURATION_UNITS);
/** Differences of wall clocks in milliseconds, either way. */
export const CLOCK_DIFFERENCE = kind(
  "a time difference",
  "-1.5s",
  DURATION_UNITS.map(([unit, us]) => [unit, us / MS_US]),
  { integer: false, signed: true },
);
/** Shares from 0 to 1. */
export const SHARE = kind("a share", "2%", [["%", 0.01]], { integer: false });
/** How often, a second. */
export const FREQUENCY = kind("a frequency", "60Hz", [["Hz", 1], ["kHz", 1000]], { integer: false });
/** Bits a second. */
export const BIT_RATE = kind("a bit rate", "100Mbit/s", [
  ["bit/s", 1],
  ["kbit/s", 1e3],
  ["Mbit/s", 1e6],
  ["Gbit/s", 1e9],
]);
/** Bytes. */
export const SIZE = kind("a size", "512kB", [
  ["B", 1],
  ["kB", 1e3],
  ["KiB", 1024],
  ["MB", 1e6],
  ["MiB", 1048576],
  ["GB", 1e9],
]);
/** Parts per million by which a clock is fast. */
export const DRIFT = kind("a drift", "40ppm", [["ppm", 1]], { integer: false, signed: true });

/** What a written quantity looks like, for the schema: anchored at both ends. */
export function quantityPattern({ units, signed }: QuantityKind): string {
  const names = [...units.keys()].map((unit) => unit.replaceAll("/", "\\/"));
  return `^${signed ? "[+-]?" : ""}[0-9]+(\\.[0-9]+)? ?(${names.join("|")})$`;
}

/** Twelve digits: what survives a change of unit in floating point. */
const tidy = (value: number): number => Number(value.toPrecision(12));

/** Reads a quantity into the simulator's unit. Throws {@linkcode ScenarioProblem}. */
export function readQuantity(kind: QuantityKind, raw: unknown, path: string): number {
  if (typeof raw === "number") {
    const units = [...kind.units.keys()].filter((unit) => unit !== "µs").join(", ");
    throw new ScenarioProblem(
      path,
      `${raw} has no unit; ${kind.name} has one of ${units}`,
      `write ${kind.example}`,
    );
  }
  const match = typeof raw === "string" ? /^([+-]?[0-9]+(?:\.[0-9]+)?) ?([^\s0-9.]+)$/.exec(raw) : null;
  const factor = kind.units.get(match?.[2] ?? "");
  if (match === null || factor === undefined) {
    throw new ScenarioProblem(path, `${show(raw)} is not ${kind.name}`, `write it like ${kind.example}`);
  }
  const written = match[1] ?? "";
  if (!kind.signed && /^[+-]/.test(written)) {
    throw new ScenarioProblem(path, `${show(raw)} has a sign`, `write it like ${kind.example}`);
  }
  const value = tidy(Number(written) * factor);
  return kind.integer ? Math.round(value) : value;
}

/** Writes a value in the unit in which it is shortest and exact. */
export function writeQuantity(kind: QuantityKind, value: number): string {
  // Nothing has no shortest unit: that of seconds, or the first one.
  if (value === 0) return kind.units.has("s") ? "0s" : `0${[...kind.units.keys()][0]}`;
  let best: string | null = null;
  for (const [unit, factor] of kind.units) {
    if (unit === "µs" || unit === "m") continue;
    const written = tidy(value / factor);
    if (!/^[+-]?\d+(\.\d+)?$/.test(String(written))) continue;
    const text = `${written}${unit}`;
    if (readQuantity({ ...kind, signed: true }, text, "") !== value) continue;
    if (best === null || text.length <= best.length) best = text;
  }
  // A share of a billionth has no short form in any unit: all its digits then.
  const [unit, factor] = [...kind.units][0] ?? ["", 1];
  return best ?? `${(value / factor).toFixed(12).replace(/\.?0+$/, "")}${unit}`;
}
