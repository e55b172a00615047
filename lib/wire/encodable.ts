// Which values have a form on the wire: null, booleans, numbers, well-formed text, Uint8Array, plain arrays, plain objects.
// Decides it once for every codec, before anything is encoded, with the same limits that hold for decoding; a cycle runs
// into the depth limit. Never converts: a Date, Map, class instance or bigint is refused rather than silently altered.

import { HanaError } from "../base/mod.ts";
import type { DecodeLimits } from "./limits.ts";
import { utf8Length } from "./utf8.ts";

/** Checks one value after the other. */
export class EncodableCheck {
  readonly #limits: DecodeLimits;
  #nodes = 0;
  /** Where in the value the problem is, outermost step last. */
  #path: (string | number)[] = [];
  /** Whether the last value checked holds what JSON has no form for: bytes, NaN, infinities, keys that start with `$`. */
  needsJsonEscape = false;

  constructor(limits: DecodeLimits) {
    this.#limits = limits;
  }

  /** Throws `schema`, naming the place, when `value` cannot be encoded. */
  check(value: unknown): void {
    this.#nodes = 0;
    this.needsJsonEscape = false;
    const problem = this.#problem(value, 0);
    if (problem === null) return;
    let place = "value";
    for (const step of this.#path.reverse()) {
      place += typeof step === "number" ? `[${step}]` : `.${shorten(step)}`;
    }
    this.#path = [];
    throw new HanaError("schema", { what: `cannot encode ${place}`, why: problem });
  }

  #problem(value: unknown, depth: number): string | null {
    if (++this.#nodes > this.#limits.maxNodes) return `over ${this.#limits.maxNodes} values (limit maxNodes)`;
    switch (typeof value) {
      case "boolean":
        return null;
      case "number":
        if (!Number.isFinite(value)) this.needsJsonEscape = true;
        return null;
      case "string":
        return this.#textProblem(value);
      case "object":
        break;
      case "undefined":
        return "undefined has no form on the wire (only an object's property may be undefined, and is left out)";
      default:
        return `a ${typeof value} has no form on the wire`;
    }
    if (value === null) return null;
    if (value instanceof Uint8Array) {
      this.needsJsonEscape = true;
      if (value.length <= this.#limits.maxBinaryBytes) return null;
      return `a binary value over ${this.#limits.maxBinaryBytes} bytes (limit maxBinaryBytes)`;
    }
    if (depth >= this.#limits.maxDepth) {
      return `nested deeper than ${this.#limits.maxDepth}, or a cycle (limit maxDepth)`;
    }
    if (Array.isArray(value)) return this.#arrayProblem(value, depth);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      return `${className(value)} has no form on the wire; only plain objects, arrays and Uint8Array do`;
    }
    return this.#objectProblem(value as Record<string, unknown>, depth);
  }

  #arrayProblem(items: readonly unknown[], depth: number): string | null {
    if (items.length > this.#limits.maxArrayLength) {
      return `an array of over ${this.#limits.maxArrayLength} items (limit maxArrayLength)`;
    }
    for (let i = 0; i < items.length; i++) {
      const problem = this.#problem(items[i], depth + 1);
      if (problem !== null) {
        this.#path.push(i);
        return problem;
      }
    }
    return null;
  }

  #objectProblem(map: Record<string, unknown>, depth: number): string | null {
    let entries = 0;
    for (const key in map) {
      const value = map[key];
      if (value === undefined) continue;
      if (++entries > this.#limits.maxMapEntries) {
        return `a map of over ${this.#limits.maxMapEntries} entries (limit maxMapEntries)`;
      }
      if (key.charCodeAt(0) === DOLLAR) this.needsJsonEscape = true;
      if (key === "__proto__") return "the map key __proto__ is not allowed";
      const problem = this.#textProblem(key) ?? this.#problem(value, depth + 1);
      if (problem !== null) {
        this.#path.push(key);
        return problem;
      }
    }
    return null;
  }

  #textProblem(text: string): string | null {
    const limit = this.#limits.maxStringBytes;
    // A UTF-16 unit takes three bytes at most, so that most texts need no count.
    if (text.length * 3 > limit && (text.length > limit || utf8Length(text) > limit)) {
      return `a string over ${limit} bytes (limit maxStringBytes)`;
    }
    return text.isWellFormed() ? null : "a string with half a surrogate pair";
  }
}

const DOLLAR = 0x24;

function className(value: object): string {
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" ? `a ${shorten(name)}` : "an object with a prototype";
}

function shorten(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 39)}…`;
}
