// Parameters as a program declares them: once, with types that its compiler knows.
// Decides what types the values have; schema/ checks the rest when they are declared.

import { HanaError } from "../../base/mod.ts";
import type {
  LossRule,
  MergeRule,
  ParameterDefinition,
  RateClass,
  StateValue,
  ValueType,
} from "../model/mod.ts";
import { Hash64 } from "../digest/mod.ts";
import { canonicalDefinition, readDefinition } from "../schema/mod.ts";

/** One parameter; all but the type has a default (docs/state-library.md). */
export interface ParameterSpec {
  readonly type: ValueType;
  /** What stands there until somebody writes; nothing, or the bound nearest to it. */
  readonly default?: StateValue;
  /** Bounds of numbers, inclusive; `max` of text and bytes is their length. */
  readonly min?: number;
  readonly max?: number;
  /** For people: `°`, `Hz`. */
  readonly unit?: string;
  /** The words of an enum. */
  readonly words?: readonly string[];
  /** How several writers make one value; the newest among the highest priority. */
  readonly merge?: MergeRule;
  /** What becomes of the value when its writer is gone; it stays. */
  readonly onLoss?: LossRule;
  /** How long a change of writer fades, in microseconds. */
  readonly fadeUs?: number;
  /** How often changes go out at most; `fast`. */
  readonly rate?: RateClass;
  /** `params`. */
  readonly subsystem?: string;
  readonly description?: string;
}

/** Parameters by name; a name may have several segments (`wave/speed`). */
export type ParameterSpecs = Readonly<Record<string, ParameterSpec>>;

/** The type of the values of a parameter. */
export type ParameterValue<S extends ParameterSpec> = S["type"] extends "f32" | "unit" | "i32" ? number
  : S["type"] extends "bool" ? boolean
  : S["type"] extends "enum" ? (S["words"] extends readonly (infer W extends string)[] ? W : string)
  : S["type"] extends "text" ? string
  : S["type"] extends "bytes" ? Uint8Array
  : S["type"] extends "vec3" | "quat" ? readonly number[]
  : StateValue;

/** The values of a set, by name. */
export type ParameterValues<S extends ParameterSpecs> = {
  readonly [K in keyof S]: ParameterValue<S[K]>;
};

/** The names of a set whose values are numbers. */
export type NumberName<S extends ParameterSpecs> = {
  [K in keyof S]: S[K]["type"] extends "f32" | "unit" | "i32" ? K : never;
}[keyof S];

/** Declared parameters. */
export class ParameterSet<S extends ParameterSpecs = ParameterSpecs> {
  readonly specs: S;
  readonly names: readonly (keyof S & string)[];
  /** As they are below nothing: each path is its name. */
  readonly definitions: readonly ParameterDefinition[];

  constructor(specs: S) {
    this.specs = specs;
    this.names = Object.keys(specs);
    this.definitions = this.names.map((name) => readDefinition({ path: name, ...specs[name] }));
  }

  /** As they are below a prefix, such as the name of a node. Throws `schema` where a path becomes too long. */
  below(prefix: string): ParameterDefinition[] {
    if (prefix === "") return [...this.definitions];
    return this.definitions.map((definition) =>
      readDefinition({ ...definition, path: `${prefix}/${definition.path}` })
    );
  }

  /** 16 hex digits; another set has others. For the capability `parameters` of a node. */
  get hash(): string {
    const hash = new Hash64();
    const encoder = new TextEncoder();
    hash.begin();
    for (const definition of [...this.definitions].sort((a, b) => a.path < b.path ? -1 : 1)) {
      hash.bytes(encoder.encode(canonicalDefinition(definition)));
    }
    hash.finish();
    return [hash.high, hash.low].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
  }
}

/**
 * Declares parameters, checked at once: `defineParameters({ hue: { type: "f32", min: 0, max: 360, unit: "°" } })`.
 * Throws `schema`, naming the parameter and its field.
 */
export function defineParameters<const S extends ParameterSpecs>(specs: S): ParameterSet<S> {
  if (Object.keys(specs).length > MAX_PARAMETERS) {
    throw new HanaError("schema", { what: `at most ${MAX_PARAMETERS} parameters can be declared together` });
  }
  return new ParameterSet(specs);
}

/** Parameters of one set: as many as a visualization may declare. */
export const MAX_PARAMETERS = 1_024;
