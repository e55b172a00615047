// The language in which somebody says which nodes are meant: `gpu`, `gpu.vramMb>=8000`, `free.vramMb>=4GB`,
// `display.width>=3840`, `load.cpu<50`. Decides how a condition is read and when a node meets it; never where nodes come
// from. The same in the library and on the command line.

import { HanaError, isRole, type Role } from "../base/mod.ts";
import type { Availability } from "./availability.ts";

/** As much of a node as conditions speak of; a record and a view fit. */
export interface SelectableNode {
  readonly name: string;
  readonly role: Role;
  readonly version: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly resources: Readonly<Record<string, unknown>>;
  readonly load: Availability | null;
}

/** Which nodes are meant: those that meet all of it. */
export interface Selection {
  /** One of these roles. */
  readonly role?: Role | readonly Role[];
  /** These tags; `null` for a tag of any value. */
  readonly tags?: Readonly<Record<string, string | null>>;
  /** Conditions, each as {@linkcode parseCondition} reads it. */
  readonly capabilities?: readonly string[];
}

/** Whether a node is meant. */
export type NodePredicate = (node: SelectableNode) => boolean;

type Operator = "=" | "!=" | ">" | ">=" | "<" | "<=" | "~";

/** `path`, `!path`, or `path operator value`. */
const CONDITION = /^(!?)\s*([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\s*(?:(!=|>=|<=|=|>|<|~)\s*(.*\S))?\s*$/;
/** A path goes through so many lists and maps at most; values of peers may be nested deeper. */
const MAX_DEPTH = 8;
const HINT = "hana discover --capability 'gpu.vramMb>=8000'";

/** The predicate of a selection. Throws `usage` for a condition that cannot be read. */
export function selector(selection: Selection): NodePredicate {
  const predicates: NodePredicate[] = [];
  const { role, tags = {}, capabilities = [] } = selection;
  if (role !== undefined) {
    const roles = typeof role === "string" ? [role] : role;
    predicates.push((node) => roles.includes(node.role));
  }
  for (const [key, value] of Object.entries(tags)) predicates.push(tagPredicate(key, value));
  for (const text of capabilities) predicates.push(parseCondition(text));
  return (node) => predicates.every((predicate) => predicate(node));
}

/** A role by its name. Throws `usage`; observers are no nodes that could be meant. */
export function parseRole(text: string): Role {
  if (isRole(text) && text !== "observer") return text;
  throw new HanaError("usage", {
    what: `there is no role ${text}`,
    why: "the roles are app, visualization, daemon",
    hint: "hana discover --role visualization",
  });
}

/** `KEY` (any value), `KEY=VALUE` or `KEY!=VALUE` (also nodes without the tag). */
export function parseTag(text: string): NodePredicate {
  const match = /^([^=!]+)(?:(!?=)(.*))?$/.exec(text);
  const [, key = "", operator, value = ""] = match ?? [];
  if (match === null) {
    throw new HanaError("usage", {
      what: `tag ${JSON.stringify(text)} cannot be read`,
      why: "a tag is KEY, KEY=VALUE or KEY!=VALUE",
      hint: "hana discover --tag wall=north",
    });
  }
  const has = tagPredicate(key, operator === undefined ? null : value);
  return operator === "!=" ? (node) => !has(node) : has;
}

function tagPredicate(key: string, value: string | null): NodePredicate {
  return (node) => Object.hasOwn(node.tags, key) && (value === null || node.tags[key] === value);
}

/**
 * Reads one condition. Throws `usage` when it cannot be read.
 *
 * A path names what a node can do or has (`gpu.vramMb`), what is free (`free.vramMb`, `free.memoryMb`), how busy it is in
 * percent (`load.cpu`, `load.gpu`), or `role`, `name`, `version`, `tag.KEY`. Where it meets a list, any element will do; a
 * map with a `list` in it is passed through to that. Alone it means "there, and not false"; `!` in front turns that round.
 * Operators are `= != > >= < <=` and `~` (contains, whatever the case). `!=` also means nodes that have nothing there.
 * Where the path ends in `Mb`, the value may have a unit (`8GB`, `8192MB`, `8GiB`).
 */
export function parseCondition(text: string): NodePredicate {
  const match = CONDITION.exec(text);
  const [, negation = "", path = "", operator, value = ""] = match ?? [];
  if (match === null || (negation !== "" && operator !== undefined) || /^[=<>]/.test(value)) {
    throw unreadable(text);
  }
  const find = finderOf(path);
  if (operator === undefined) {
    const isThere: NodePredicate = (node) => find(node).some((found) => found !== false);
    return negation === "" ? isThere : (node) => !isThere(node);
  }
  const test = testOf(path, operator as Operator, value);
  if (operator === "!=") return (node) => !find(node).some(test);
  return (node) => find(node).some(test);
}

function unreadable(text: string): HanaError {
  const isOperatorWrong = /[=<>]\s*[=<>]/.test(text);
  return new HanaError("usage", {
    what: `capability ${JSON.stringify(text)} cannot be read`,
    why: isOperatorWrong
      ? "the operators are = != > >= < <= ~"
      : "a condition is a name, with = != > >= < <= ~ and a value if need be",
    hint: HINT,
  });
}

// --- what stands at a path ---------------------------------------------------------------------------------------

type Finder = (node: SelectableNode) => unknown[];

const FREE: Readonly<Record<string, keyof Availability>> = {
  vramMb: "vramFreeMb",
  memoryMb: "memoryFreeMb",
};
const LOAD: Readonly<Record<string, keyof Availability>> = { cpu: "cpuPercent", gpu: "gpuPercent" };

function finderOf(path: string): Finder {
  const keys = path.split(".");
  const live = liveKey(path, keys);
  return (node) => {
    const found = valuesAt(node.capabilities, keys);
    if (found.length > 0) return found;
    if (live !== null) return knownOf(node.load?.[live]);
    const built = valuesAt(node.resources, keys);
    return built.length > 0 ? built : fieldsAt(node, keys);
  };
}

/** The live figure that a path names; null for any other path. A figure that there is not is a slip worth telling. */
function liveKey(path: string, keys: readonly string[]): keyof Availability | null {
  const [first = "", second = "", third] = keys;
  const table = first === "free" ? FREE : first === "load" ? LOAD : null;
  if (table === null) return null;
  const found = Object.hasOwn(table, second) && third === undefined ? table[second] : undefined;
  if (found !== undefined) return found;
  const known = Object.keys(table).map((key) => `${first}.${key}`);
  throw new HanaError("usage", {
    what: `nothing is known of ${path}`,
    why: `there are ${known.join(" and ")}`,
    hint: `hana discover --capability '${known[0]}${first === "free" ? ">=4000" : "<50"}'`,
  });
}

function fieldsAt(node: SelectableNode, keys: readonly string[]): unknown[] {
  const [first = "", second, third] = keys;
  if ((first === "tag" || first === "tags") && second !== undefined && third === undefined) {
    return Object.hasOwn(node.tags, second) ? [node.tags[second]] : [];
  }
  if (second !== undefined) return [];
  return first === "role" || first === "name" || first === "version" ? [node[first]] : [];
}

function knownOf(value: unknown): unknown[] {
  return value === undefined || value === null ? [] : [value];
}

/** All values at a path: more than one where it goes through a list. */
function valuesAt(root: unknown, keys: readonly string[]): unknown[] {
  const found: unknown[] = [];
  collect(root, keys, 0, MAX_DEPTH, found);
  return found;
}

function collect(at: unknown, keys: readonly string[], index: number, room: number, found: unknown[]): void {
  if (room === 0) return;
  const key = keys[index];
  if (key === undefined) {
    for (const each of Array.isArray(at) ? at : [at]) found.push(...knownOf(each));
    return;
  }
  if (Array.isArray(at)) {
    // A number names one element, anything else is looked for in each.
    if (/^\d+$/.test(key)) collect(at[Number(key)], keys, index + 1, room - 1, found);
    else for (const each of at) collect(each, keys, index, room - 1, found);
    return;
  }
  if (typeof at !== "object" || at === null) return;
  if (Object.hasOwn(at, key)) collect(Reflect.get(at, key), keys, index + 1, room - 1, found);
  else if (Object.hasOwn(at, "list") && index > 0) {
    collect(Reflect.get(at, "list"), keys, index, room - 1, found);
  }
}

// --- comparing ---------------------------------------------------------------------------------------------------

/** What a unit makes of a number, in the unit of the path. */
const MB_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  mb: 1,
  mib: 1,
  m: 1,
  gb: 1000,
  g: 1000,
  gib: 1024,
  tb: 1_000_000,
  tib: 1024 * 1024,
};

function testOf(path: string, operator: Operator, text: string): (found: unknown) => boolean {
  const number = numberOf(path, text);
  if (operator === "~") {
    const part = text.toLowerCase();
    return (found) => isScalar(found) && String(found).toLowerCase().includes(part);
  }
  if (operator === "=" || operator === "!=") {
    return (found) =>
      isScalar(found) &&
      (typeof found === "number" && number !== null ? found === number : String(found) === text);
  }
  if (number === null) {
    throw new HanaError("usage", {
      what: `${path}${operator}${text}: ${JSON.stringify(text)} is no number`,
      why: /Mb$/.test(path) ? "sizes are 8000, 8000MB, 8GB or 8GiB" : `${operator} compares numbers`,
      hint: /Mb$/.test(path) ? `hana discover --capability '${path}${operator}8GB'` : HINT,
    });
  }
  return (found) => {
    const value = typeof found === "number"
      ? found
      : typeof found === "string" && found !== ""
      ? Number(found)
      : NaN;
    switch (operator) {
      case ">":
        return value > number;
      case ">=":
        return value >= number;
      case "<":
        return value < number;
      default:
        return value <= number;
    }
  };
}

function isScalar(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** The number that a text means at this path; null for none. */
function numberOf(path: string, text: string): number | null {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([a-z%]*)$/i.exec(text);
  if (match === null) return null;
  const number = Number(match[1]);
  const unit = (match[2] ?? "").toLowerCase();
  if (/Mb$/.test(path)) {
    const factor = MB_UNITS[unit];
    return factor === undefined ? null : number * factor;
  }
  const allowed = path.startsWith("load.") ? "%" : /Hz$/.test(path) ? "hz" : "";
  return unit === "" || unit === allowed ? number : null;
}
