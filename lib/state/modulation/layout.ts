// The places of a visualization that can be modulated: one for each parameter that is a number, three for a vector.
// Decides their order (that of the definitions) and the mark by which a source knows that it counts them alike.

import { HanaError } from "../../base/mod.ts";
import type { ParameterDefinition, ValueType } from "../model/mod.ts";
import { TableHash } from "../stream/mod.ts";
import { MAX_FACTOR, MAX_MODULATED_SLOTS, MODULATION_MODES } from "./limits.ts";

/** A place in a layout, from 0 on. */
export type ModulationSlot = number & { readonly __brand: "ModulationSlot" };

const MAX_F32 = (2 - 2 ** -23) * 2 ** 127;
const MAX_I32 = 0x7fff_ffff;
/** How many places a value of each type has; none where it is not there. */
const PARTS: Partial<Record<ValueType, number>> = { f32: 1, unit: 1, i32: 1, bool: 1, vec3: 3 };
const PART_NAMES = ["x", "y", "z"];

/** The places of one list of definitions. */
export class ModulationLayout {
  /** The mark of this layout, 1 to 2^32 − 1. */
  readonly mark: number;
  /** How many places there are. */
  readonly count: number;
  readonly #definitions: ParameterDefinition[] = [];
  readonly #parts: number[] = [];
  readonly #first = new Map<string, number>();
  readonly #lows: Float64Array;
  readonly #highs: Float64Array;
  readonly #defaults: Float64Array;
  readonly #isWhole: Uint8Array;
  /** Bounds of what sources say, which are values of 32 bits: a bound itself as f32 is inside. */
  readonly #lows32: Float64Array;
  readonly #highs32: Float64Array;
  readonly #spans: Float64Array;

  /** Throws `overloaded` beyond {@linkcode MAX_MODULATED_SLOTS}. */
  constructor(definitions: readonly ParameterDefinition[]) {
    const hash = new TableHash();
    for (const definition of definitions) {
      const { path, type, min, max } = definition;
      const parts = PARTS[type] ?? 0;
      if (parts === 0) continue;
      this.#first.set(path, this.#definitions.length);
      for (let part = 0; part < parts; part++) {
        this.#definitions.push(definition);
        this.#parts.push(part);
      }
      hash.text(path).text(type).number(min).number(max);
    }
    this.count = this.#definitions.length;
    if (this.count > MAX_MODULATED_SLOTS) {
      throw new HanaError("overloaded", {
        what: `${this.count} places to modulate`,
        why: `a visualization has at most ${MAX_MODULATED_SLOTS}: numbers count once, vectors three times`,
      });
    }
    this.mark = hash.number(this.count).finish();
    this.#lows = new Float64Array(this.count);
    this.#highs = new Float64Array(this.count);
    this.#defaults = new Float64Array(this.count);
    this.#isWhole = new Uint8Array(this.count);
    this.#lows32 = new Float64Array(this.count);
    this.#highs32 = new Float64Array(this.count);
    this.#spans = new Float64Array(this.count);
    this.#definitions.forEach((definition, slot) => {
      const { type, min, max } = definition;
      const isShare = type === "unit" || type === "bool";
      const most = isShare ? 1 : type === "i32" ? MAX_I32 : MAX_F32;
      const low = min ?? (isShare ? 0 : type === "i32" ? -MAX_I32 - 1 : -MAX_F32);
      const high = max ?? most;
      this.#lows[slot] = low;
      this.#highs[slot] = high;
      this.#lows32[slot] = Math.min(low, Math.fround(low));
      this.#highs32[slot] = Math.max(high, Math.fround(high));
      this.#spans[slot] = Math.max(high - low, Math.fround(high - low));
      this.#isWhole[slot] = type === "i32" || type === "bool" ? 1 : 0;
      const value = Array.isArray(definition.default)
        ? definition.default[this.partOf(slot as ModulationSlot)]
        : definition.default;
      this.#defaults[slot] = Number(value ?? 0);
    });
  }

  /** The place of a parameter, of a vector that of its part 0, 1 or 2; -1 where there is none. */
  slotOf(path: string, part = 0): ModulationSlot | -1 {
    const first = this.#first.get(path);
    if (first === undefined) return -1;
    const slot = first + part;
    return this.#definitions[slot]?.path === path && this.#parts[slot] === part ? slot as ModulationSlot : -1;
  }

  /** The parameter of a place; null where there is no such place. */
  definitionOf(slot: ModulationSlot): ParameterDefinition | null {
    return this.#definitions[slot] ?? null;
  }

  /** Which part of its parameter a place is. */
  partOf(slot: ModulationSlot): number {
    return this.#parts[slot] ?? 0;
  }

  /** A place for people: `aurora/hue`, `camera/position.x`. */
  nameOf(slot: ModulationSlot): string {
    const definition = this.#definitions[slot];
    if (definition === undefined) return `place ${slot}`;
    return definition.type === "vec3"
      ? `${definition.path}.${PART_NAMES[this.partOf(slot)]}`
      : definition.path;
  }

  /** What stands where nothing else is known. */
  defaultOf(slot: number): number {
    return this.#defaults[slot] ?? 0;
  }

  lowOf(slot: number): number {
    return this.#lows[slot] ?? 0;
  }

  highOf(slot: number): number {
    return this.#highs[slot] ?? 0;
  }

  /** The nearest value that may stand there: in its range, whole where only whole numbers may. */
  clamp(slot: number, value: number): number {
    const inside = Math.min(Math.max(value, this.#lows[slot] as number), this.#highs[slot] as number);
    return this.#isWhole[slot] === 1 ? Math.round(inside) : inside;
  }

  /** As {@linkcode clamp}, of the value that stands in `values`. */
  clampAt(slot: number, values: Float64Array): void {
    const low = this.#lows[slot] as number;
    const high = this.#highs[slot] as number;
    if ((values[slot] as number) < low) values[slot] = low;
    else if ((values[slot] as number) > high) values[slot] = high;
    if (this.#isWhole[slot] === 1) values[slot] = Math.round(values[slot] as number);
  }

  /**
   * Whether a source may say that, by the number of its mode. What replaces lies in the range; nothing that is added leads
   * further than from one end of the range to the other.
   */
  isInRange(slot: number, mode: number, value: number): boolean {
    if (mode === REPLACE) {
      return value >= (this.#lows32[slot] as number) && value <= (this.#highs32[slot] as number);
    }
    const most = mode === ADD ? this.#spans[slot] as number : MAX_FACTOR;
    return value >= -most && value <= most;
  }
}

const REPLACE = MODULATION_MODES.indexOf("replace");
const ADD = MODULATION_MODES.indexOf("add");
