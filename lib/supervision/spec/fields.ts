// Readers of single values: texts, numbers, lists, tables, each with its bounds and the path that errors name.
// Decides what a value may look like; reader.ts decides which fields there are. Never throws anything but HanaError.

import { HanaError, nearest } from "../../base/mod.ts";

const utf8 = new TextEncoder();
/** Longest piece of a foreign value that an error repeats. */
const MAX_SHOWN = 60;

/** A JSON object. */
export type Table = Readonly<Record<string, unknown>>;

/** A value whose shape is wrong. `needs` says what it must be. */
export function misfit(path: string, value: unknown, needs: string, hint?: string): HanaError {
  return new HanaError("schema", {
    what: `the program's ${path} cannot be ${shown(value)}`,
    why: `it must be ${needs}`,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** A value that is more than there may be. `most` says how much that is. */
export function excess(path: string, most: string): HanaError {
  return new HanaError("schema", { what: `the program's ${path} is too much`, why: `there may be ${most}` });
}

/** A value of the right shape that cannot be used. */
export function unusable(path: string, why: string, hint?: string): HanaError {
  return new HanaError("config", {
    what: `the program's ${path} cannot be used`,
    why,
    ...(hint === undefined ? {} : { hint }),
  });
}

function shown(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "string") {
    // JSON writes control characters and lone halves of characters so that they can be printed.
    const text = JSON.stringify(value.slice(0, MAX_SHOWN));
    return value.length > MAX_SHOWN ? `${text}…` : text;
  }
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value !== null && typeof value === "object") return "a table";
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  return String(value);
}

/** A table; with `keys` only of those. */
export function readTable(path: string, value: unknown, keys: readonly string[] | null): Table {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw misfit(path, value, "a table (a JSON object)");
  }
  const table = value as Table;
  if (keys === null) return table;
  for (const key of Object.keys(table)) {
    if (keys.includes(key)) continue;
    const near = nearest(key, keys);
    const name = key.slice(0, MAX_SHOWN);
    throw new HanaError("schema", {
      what: `the program's ${path} has an unknown field ${JSON.stringify(name)}`,
      why: `there are ${keys.join(", ")}`,
      hint: near === null ? "leave it out" : `did you mean ${near}?`,
    });
  }
  return table;
}

/** The value of a table's own field; undefined where it has none. */
export function field(table: Table, key: string): unknown {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

/** A whole number within bounds, both included. */
export function readInteger(path: string, value: unknown, least: number, most: number, unit: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most) {
    return value === 0 ? 0 : value; // -0 is no number of anything
  }
  throw misfit(path, value, `a whole number${unit === "" ? "" : ` of ${unit}`} from ${least} to ${most}`);
}

export function readBoolean(path: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw misfit(path, value, "true or false");
}

/** One of some words. */
export function readWord<const T extends string>(path: string, value: unknown, words: readonly T[]): T {
  for (const word of words) if (word === value) return word;
  const near = typeof value === "string" ? nearest(value, words) : null;
  const needs = words.length === 1 ? String(words[0]) : `one of ${words.join(", ")}`;
  throw misfit(path, value, needs, near === null ? undefined : `did you mean ${near}?`);
}

/** What a text may hold. */
export interface TextRules {
  readonly maxBytes: number;
  readonly mayBeEmpty?: boolean;
  /** Refuses line ends and other control characters; NUL is refused always. */
  readonly plain?: boolean;
}

/** A text that a system call can carry: no NUL, and every character whole. */
export function readText(path: string, value: unknown, rules: TextRules): string {
  if (typeof value !== "string") throw misfit(path, value, "a text");
  if (value === "" && rules.mayBeEmpty !== true) throw misfit(path, value, "a text that is not empty");
  // Cheap before exact: UTF-8 has at least as many bytes as there are code units.
  if (value.length > rules.maxBytes || byteLength(value) > rules.maxBytes) {
    throw excess(path, `${rules.maxBytes} bytes at most`);
  }
  if (value.includes("\0")) throw misfit(path, value, "a text without NUL");
  if (!value.isWellFormed()) throw misfit(path, value, "a text of whole characters (no lone surrogates)");
  if (rules.plain === true && /\p{Cc}/u.test(value)) throw misfit(path, value, "a text of one line");
  return value;
}

/** A list with bounds on its length. */
export function readList(path: string, value: unknown, least: number, most: number): readonly unknown[] {
  if (!Array.isArray(value)) throw misfit(path, value, "a list");
  if (value.length < least || value.length > most) {
    throw misfit(path, value, `a list of ${least} to ${most} items`);
  }
  // A list with holes is none that JSON can carry; `Array.from` makes them undefined, which no item may be.
  return Array.from(value as unknown[]);
}

/** The bytes of a text in UTF-8. */
export function byteLength(text: string): number {
  return utf8.encode(text).length;
}
