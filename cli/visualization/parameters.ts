// The parameters of the reference visualization: a small table from names to numbers, texts, switches and colours.
// Decides which values it takes and how many; never draws and never sends.

import { HanaError } from "../../lib/base/mod.ts";

/** How many there may be. */
export const MAX_PARAMETERS = 256;
/** The longest name and the longest text. */
export const MAX_NAME_CHARS = 64;
const MAX_TEXT_CHARS = 1_024;

/** What a value is. A colour is a text like `#ff8800`, or `#ff880080` with its opacity. */
export type ParameterKind = "number" | "text" | "switch" | "colour";

/** One parameter. */
export interface Parameter {
  readonly name: string;
  readonly kind: ParameterKind;
  readonly value: number | string | boolean;
  /** As a person reads it, where that is not the value itself: `120°`. */
  readonly text?: string;
  /** Where the value lies between its bounds, 0 to 1. */
  readonly share?: number;
  /** Whether it was written on this machine alone. */
  readonly local?: boolean;
}

/** Red, green and blue, 0 to 255 each, of a colour's text. */
export function rgbOf(colour: string): readonly [number, number, number] {
  const part = (at: number): number => parseInt(colour.slice(at, at + 2), 16);
  return [part(1), part(3), part(5)];
}

/** The table, in the order in which the names came. */
export class ParameterTable {
  readonly #parameters = new Map<string, Parameter>();
  /** Counts changes: whoever draws compares it. */
  changes = 0;

  get all(): Parameter[] {
    return [...this.#parameters.values()];
  }

  get(name: string): Parameter | null {
    return this.#parameters.get(name) ?? null;
  }

  /** Sets one. Throws `schema` for a value that is none, `overloaded` for one name too many. */
  set(name: string, value: unknown): Parameter {
    const parameter = parameterOf(name, value);
    if (!this.#parameters.has(name) && this.#parameters.size >= MAX_PARAMETERS) {
      throw new HanaError("overloaded", {
        what: `parameter ${name}`,
        why: `there are ${MAX_PARAMETERS} already, and there may be no more`,
      });
    }
    this.#parameters.set(name, parameter);
    this.changes++;
    return parameter;
  }
}

function parameterOf(name: string, value: unknown): Parameter {
  if (typeof value === "number" && Number.isFinite(value)) return { name, kind: "number", value };
  if (typeof value === "boolean") return { name, kind: "switch", value };
  if (typeof value === "string" && value.length <= MAX_TEXT_CHARS) {
    const isColour = /^#([0-9a-f]{6}|[0-9a-f]{8})$/i.test(value);
    return { name, kind: isColour ? "colour" : "text", value: isColour ? value.toLowerCase() : value };
  }
  throw new HanaError("schema", {
    what: `value of ${name}`,
    why: `is neither a number, true or false, a colour nor a text of ${MAX_TEXT_CHARS} characters`,
    hint: `hana call NODE hana.viz.set name=${name} value=0.5`,
  });
}
