// Reads the definition of a parameter that came from anywhere: a visualization, a peer, a file.
// Decides which fields there are, what they may hold and what they are when they are missing. Strict: what it does not
// know it refuses, naming the nearest name. Never keeps an object of the peer but a JSON default that was checked.

import { HanaError, nearest } from "../../base/mod.ts";
import { describeValue, utf8Length } from "../../wire/mod.ts";
import { stepOf, UNIT_STEPS } from "../digest/mod.ts";
import {
  isPath,
  type LossRule,
  MAX_PATH_LENGTH,
  MAX_SEGMENT_LENGTH,
  type MergeRule,
  type ParameterDefinition,
  type RateClass,
  type StateValue,
  type ValueType,
} from "../model/mod.ts";
import {
  MAX_DECLARED,
  MAX_DESCRIPTION_BYTES,
  MAX_FADE_US,
  MAX_TEXT_VALUE_BYTES,
  MAX_UNIT_LENGTH,
  MAX_VALUE_BYTES,
  MAX_WORD_BYTES,
  MAX_WORDS,
} from "./bounds.ts";
import { checkValue, typeRange } from "./check.ts";
import { isRefusal } from "./refusal.ts";
import { DEFAULT_SUBSYSTEM, HOST_SUBSYSTEMS, isSubsystemName } from "./subsystems.ts";

const FIELDS: readonly (keyof ParameterDefinition)[] = [
  "path",
  "subsystem",
  "type",
  "default",
  "min",
  "max",
  "unit",
  "words",
  "merge",
  "onLoss",
  "fadeUs",
  "rate",
  "description",
];
const TYPES: readonly ValueType[] = [
  "f32",
  "unit",
  "i32",
  "bool",
  "enum",
  "text",
  "bytes",
  "vec3",
  "quat",
  "json",
];
const MERGE_RULES: readonly MergeRule[] = ["latest", "highest", "sum", "lock"];
const LOSS_RULES: readonly LossRule[] = ["hold", "default", "fallback"];
const RATES: readonly RateClass[] = ["fast", "slow", "rare"];

/** Types whose values have an order, whose values add up, and between whose values a fade can be. */
const ORDERED: readonly ValueType[] = ["f32", "unit", "i32", "bool"];
const ADDING: readonly ValueType[] = ["f32", "unit", "i32", "vec3"];
const FADING: readonly ValueType[] = ["f32", "unit", "i32", "vec3", "quat"];

type Table = Readonly<Record<string, unknown>>;

/**
 * The definition that `value` states, complete. `path` and `type` must be there, and `words` for an enum; every other
 * field has a default. Reading what was read before gives the same.
 * Throws `schema`, naming the field.
 */
export function readDefinition(value: unknown): ParameterDefinition {
  const reader = new DefinitionReader(value);
  return reader.read();
}

/** The definitions of one declaration. Throws `schema` for one that cannot be read, too many and a path twice. */
export function readDefinitions(value: unknown): ParameterDefinition[] {
  if (!Array.isArray(value)) {
    throw new HanaError("schema", {
      what: "the parameters cannot be read",
      why: `they must be a list, not ${describeValue(value)}`,
    });
  }
  if (value.length > MAX_DECLARED) {
    throw new HanaError("schema", {
      what: `${value.length} parameters are too many`,
      why: `one declaration has at most ${MAX_DECLARED}`,
    });
  }
  const list: readonly unknown[] = value;
  const definitions = list.map(readDefinition);
  const paths = new Set<string>();
  for (const { path } of definitions) {
    if (paths.has(path)) throw new HanaError("schema", { what: `the parameter ${path} is declared twice` });
    paths.add(path);
  }
  return definitions;
}

class DefinitionReader {
  readonly #table: Table;
  #path = "";

  constructor(value: unknown) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new HanaError("schema", {
        what: "a parameter cannot be read",
        why: `it must be an object with path and type, not ${describeValue(value)}`,
      });
    }
    this.#table = value as Table;
  }

  read(): ParameterDefinition {
    const path = this.#readPath();
    this.#checkFields();
    const type = this.#word("type", TYPES, null);
    const [min, max] = this.#bounds(type);
    const definition: ParameterDefinition = {
      path,
      subsystem: this.#subsystem(),
      type,
      default: null,
      min,
      max,
      unit: this.#unit(type),
      words: this.#words(type),
      merge: this.#merge(type),
      onLoss: this.#word("onLoss", LOSS_RULES, "hold"),
      fadeUs: this.#fadeUs(type),
      rate: this.#word("rate", RATES, "fast"),
      description: this.#description(),
    };
    return { ...definition, default: this.#default(definition) };
  }

  #readPath(): string {
    const path = this.#field("path");
    if (typeof path !== "string" || !isPath(path)) {
      throw new HanaError("schema", {
        what: path === undefined
          ? "a parameter has no path"
          : `a parameter's path cannot be ${describeValue(path)}`,
        why:
          `a path is segments of a-z, 0-9, ".", "_" and "-" between slashes, each of at most ${MAX_SEGMENT_LENGTH} ` +
          `characters, ${MAX_PATH_LENGTH} together`,
        hint: "such as aurora/hue",
      });
    }
    this.#path = path;
    return path;
  }

  #checkFields(): void {
    for (const key of Object.keys(this.#table)) {
      if ((FIELDS as readonly string[]).includes(key)) continue;
      const near = nearest(key, FIELDS);
      throw new HanaError("schema", {
        what: `the parameter ${this.#path} has an unknown field ${describeValue(key)}`,
        why: `there are ${FIELDS.join(", ")}`,
        hint: near === null ? "leave it out" : `did you mean ${near}?`,
      });
    }
  }

  #subsystem(): string {
    const value = this.#field("subsystem");
    if (value === undefined) return DEFAULT_SUBSYSTEM;
    if (typeof value !== "string" || !isSubsystemName(value)) {
      throw this.#misfit("subsystem", value, 'a name of a-z, 0-9, ".", "_" and "-"');
    }
    if (HOST_SUBSYSTEMS.includes(value)) {
      throw this.#misfit(
        "subsystem",
        value,
        `one that hana does not keep itself (${HOST_SUBSYSTEMS.join(", ")})`,
      );
    }
    return value;
  }

  /** Bounds as values of the type are kept, so that a value at a bound lies within it. */
  #bounds(type: ValueType): [number | null, number | null] {
    const bounds: [number | null, number | null] = [this.#bound("min", type), this.#bound("max", type)];
    const [min, max] = bounds;
    if (min !== null && max !== null && min > max) {
      throw this.#misfit("min", min, `at most max, which is ${max}`);
    }
    return bounds;
  }

  #bound(name: "min" | "max", type: ValueType): number | null {
    const value = this.#nullable(name);
    if (value === null) return null;
    const most = type === "text" ? MAX_TEXT_VALUE_BYTES : type === "bytes" ? MAX_VALUE_BYTES : null;
    if (most !== null && name === "max") {
      if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= most) return value;
      throw this.#misfit(name, value, `a whole number of bytes from 1 to ${most}`);
    }
    if (type !== "f32" && type !== "unit" && type !== "i32" && type !== "vec3") {
      throw this.#misfit(name, value, `left out: ${type} has no such bound`);
    }
    const [lowest, highest] = typeRange(type);
    if (typeof value !== "number" || !(value >= lowest && value <= highest)) {
      throw this.#misfit(name, value, `a number from ${lowest} to ${highest}`);
    }
    if (type === "i32" && !Number.isInteger(value)) throw this.#misfit(name, value, "a whole number");
    const kept = type === "unit" ? stepOf(value) / UNIT_STEPS : type === "i32" ? value : Math.fround(value);
    return kept + 0;
  }

  #unit(type: ValueType): string | null {
    const value = this.#nullable("unit");
    if (value === null) return null;
    if (type !== "f32" && type !== "unit" && type !== "i32" && type !== "vec3") {
      throw this.#misfit("unit", value, `left out: values of ${type} have no unit`);
    }
    // Letters and signs alone: a unit stands behind a number, and digits, commas or spaces would be read as its part.
    const isUnit = typeof value === "string" && value.length <= MAX_UNIT_LENGTH && UNIT.test(value);
    if (!isUnit) {
      throw this.#misfit("unit", value, `one to ${MAX_UNIT_LENGTH} letters and signs, such as °, Hz, m/s²`);
    }
    return value;
  }

  #words(type: ValueType): readonly string[] {
    const value = this.#field("words");
    if (type !== "enum") {
      if (value === undefined || (Array.isArray(value) && value.length === 0)) return [];
      throw this.#misfit("words", value, `left out: only an enum has words, and this is ${type}`);
    }
    if (!Array.isArray(value) || value.length === 0 || value.length > MAX_WORDS) {
      throw this.#misfit("words", value, `a list of 1 to ${MAX_WORDS} words`);
    }
    const words: string[] = [];
    const seen = new Set<string>();
    for (const word of value as readonly unknown[]) {
      const isWord = typeof word === "string" && word.length <= MAX_WORD_BYTES &&
        utf8Length(word) <= MAX_WORD_BYTES && word.isWellFormed() && WORD.test(word) && word.trim() === word;
      if (!isWord) {
        throw this.#misfit("words", word, `printable words of 1 to ${MAX_WORD_BYTES} bytes`);
      }
      if (seen.has(word)) throw this.#misfit("words", word, "words that differ: it stands there twice");
      seen.add(word);
      words.push(word);
    }
    return words;
  }

  #merge(type: ValueType): MergeRule {
    const rule = this.#word("merge", MERGE_RULES, "latest");
    const types = rule === "highest" ? ORDERED : rule === "sum" ? ADDING : TYPES;
    if (types.includes(type)) return rule;
    throw this.#misfit(
      "merge",
      rule,
      `latest or lock: ${rule} is for ${types.join(", ")}, and this is ${type}`,
    );
  }

  #fadeUs(type: ValueType): number {
    const value = this.#field("fadeUs");
    if (value === undefined) return 0;
    if (!(typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_FADE_US)) {
      throw this.#misfit("fadeUs", value, `a whole number of microseconds from 0 to ${MAX_FADE_US}`);
    }
    if (value === 0 || FADING.includes(type)) return value + 0;
    throw this.#misfit("fadeUs", value, `0: there is nothing between two values of ${type}`);
  }

  #description(): string | null {
    const value = this.#nullable("description");
    if (value === null) return null;
    const isText = typeof value === "string" && value.length <= MAX_DESCRIPTION_BYTES &&
      utf8Length(value) <= MAX_DESCRIPTION_BYTES && value.isWellFormed();
    if (isText) return value;
    throw this.#misfit("description", value, `a text of at most ${MAX_DESCRIPTION_BYTES} bytes`);
  }

  #default(definition: ParameterDefinition): StateValue {
    const value = this.#field("default");
    const checked = checkValue(definition, value === undefined ? ownDefault(definition) : value);
    if (!isRefusal(checked)) return checked;
    throw new HanaError("schema", {
      what: `the parameter ${this.#path}: default cannot be ${describeValue(value)}`,
      why: checked.why,
    });
  }

  #word<const T extends string>(name: keyof ParameterDefinition, words: readonly T[], fallback: T | null): T {
    const value = this.#field(name);
    if (value === undefined && fallback !== null) return fallback;
    for (const word of words) if (word === value) return word;
    const near = typeof value === "string" ? nearest(value, words) : null;
    throw this.#misfit(name, value, `one of ${words.join(", ")}`, near);
  }

  /** The table's own field: nothing that a prototype brings. */
  #field(name: keyof ParameterDefinition): unknown {
    return Object.hasOwn(this.#table, name) ? this.#table[name] : undefined;
  }

  #nullable(name: keyof ParameterDefinition): unknown {
    return this.#field(name) ?? null;
  }

  #misfit(
    name: keyof ParameterDefinition,
    value: unknown,
    needs: string,
    near: string | null = null,
  ): HanaError {
    return new HanaError("schema", {
      what: value === undefined
        ? `the parameter ${this.#path} has no ${name}`
        : `the parameter ${this.#path}: ${name} cannot be ${describeValue(value)}`,
      why: `it must be ${needs}`,
      ...(near === null ? {} : { hint: `did you mean ${near}?` }),
    });
  }
}

const UNIT = /^[\p{L}%‰°′″][\p{L}\p{No}%‰°′″/·^_-]*$/u;
const WORD = /^[^\p{C}\u2028\u2029]+$/u;

/** What stands there when nobody said: nothing, or the value nearest to it. */
function ownDefault(definition: ParameterDefinition): StateValue {
  const nought = Math.min(Math.max(0, definition.min ?? 0), definition.max ?? Infinity);
  switch (definition.type) {
    case "f32":
    case "unit":
    case "i32":
      return nought;
    case "bool":
      return false;
    case "enum":
      return definition.words[0] ?? "";
    case "text":
      return "";
    case "bytes":
      return new Uint8Array(0);
    case "vec3":
      return [nought, nought, nought];
    case "quat":
      return [0, 0, 0, 1];
    case "json":
      return null;
  }
}
