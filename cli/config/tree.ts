// A kind of setting whose values have names within names: capabilities and resources.
// Decides how `gpu.vramMb=8000` becomes a place in a tree and what a word means (number, yes or no, text).

import { type Kind, Misfit, type SettingJson } from "./kinds.ts";

/** Names, and below them values, lists or more names. */
export interface SettingTree {
  readonly [key: string]: SettingTreeValue;
}

/** What stands at a place of a tree. */
export type SettingTreeValue = string | number | boolean | readonly SettingTreeValue[] | SettingTree;

/** Names below names, and entries of one mapping or list. */
const MAX_DEPTH = 6;
const MAX_ENTRIES = 64;
const MAX_TEXT = 256;
const PATH = /^[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9][A-Za-z0-9_-]*)*$/;
const KEY = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

/**
 * A tree: a mapping in a file; `a.b=1` on the command line, several times; `a.b=1,c` in the environment.
 * `bare` says whether `c` alone means that it is there (true).
 */
export function tree(options: { readonly bare: boolean; readonly example: string }): Kind<SettingTree> {
  const expects = options.bare ? "KEY or KEY=VALUE" : "PATH=VALUE";
  const collect = (texts: readonly string[]): SettingTree => {
    const root: MutableTree = Object.create(null) as MutableTree;
    for (const text of texts) put(root, text, options.bare, expects, options.example);
    return checked(root, "", 0) as SettingTree;
  };
  return {
    expects,
    repeats: true,
    parseText: (given) => collect(given.split(",").map((part) => part.trim()).filter((part) => part !== "")),
    parseTexts: collect,
    parseValue(value) {
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        throw new Misfit(`is no mapping, expected names with values such as ${options.example}`);
      }
      return checked(value, "", 0) as SettingTree;
    },
    format: (value) => leavesOf(value, "").join(", "),
    json: (value) => value as SettingJson,
  };
}

interface MutableTree {
  [key: string]: SettingTreeValue | MutableTree;
}

function put(root: MutableTree, text: string, bare: boolean, expects: string, example: string): void {
  const at = text.indexOf("=");
  const path = at < 0 ? text : text.slice(0, at);
  if (!PATH.test(path) || (at < 0 && !bare)) {
    throw new Misfit(
      `is ${
        JSON.stringify(text)
      }, expected ${expects}; a key is letters, digits, _ and -, with dots between its parts`,
      example,
    );
  }
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  let node = root;
  for (const key of keys) {
    const next = Object.hasOwn(node, key) ? node[key] : undefined;
    const below = typeof next === "object" && !Array.isArray(next)
      ? next as MutableTree
      : Object.create(null) as MutableTree;
    node[key] = below;
    node = below;
  }
  node[last] = at < 0 ? true : scalarOf(text.slice(at + 1));
}

/** What a word means: yes or no, a number, else the text itself. Quotes make a text of anything. */
function scalarOf(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  const quoted = /^(["'])(.*)\1$/s.exec(text);
  if (quoted !== null) return quoted[2] ?? "";
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}

function checked(value: unknown, path: string, depth: number): SettingTreeValue {
  const where = path === "" ? "" : ` at ${path}`;
  if (typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value === "string") {
    if (value.length > MAX_TEXT) throw new Misfit(`has a text of more than ${MAX_TEXT} characters${where}`);
    if (/\p{Cc}/u.test(value)) throw new Misfit(`has a control character${where}`);
    return value;
  }
  if (typeof value !== "object" || value === null) {
    throw new Misfit(`has ${value === null ? "nothing" : typeof value}${where}, expected a text or a number`);
  }
  if (depth >= MAX_DEPTH) throw new Misfit(`is nested more than ${MAX_DEPTH} deep${where}`);
  const entries = Object.entries(value);
  if (entries.length > MAX_ENTRIES) throw new Misfit(`has more than ${MAX_ENTRIES} entries${where}`);
  if (Array.isArray(value)) return value.map((each, at) => checked(each, `${path}.${at}`, depth + 1));
  return Object.fromEntries(entries.map(([key, each]) => {
    if (!KEY.test(key)) {
      throw new Misfit(`has the key ${JSON.stringify(key)}${where}, expected letters and digits`);
    }
    return [key, checked(each, path === "" ? key : `${path}.${key}`, depth + 1)];
  }));
}

function leavesOf(value: SettingTree, path: string): string[] {
  return Object.entries(value).flatMap(([key, each]) => {
    const at = path === "" ? key : `${path}.${key}`;
    if (typeof each !== "object") return [`${at}=${each}`];
    return Array.isArray(each) ? [`${at}=${JSON.stringify(each)}`] : leavesOf(each as SettingTree, at);
  });
}
