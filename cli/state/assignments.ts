// What the words of `hana state set` mean: PATH=VALUE several times, or PATH VALUE once.
// Decides where a path ends and its value begins; never what a value may be (lib/state/schema).

import { HanaError } from "../../lib/base/mod.ts";
import { isPath } from "../../lib/state/mod.ts";
import { shellWord } from "../output/mod.ts";

/** A value as it was typed. */
export interface Assignment {
  readonly path: string;
  readonly text: string;
}

/** Reads them. Throws `usage`, with the call that was probably meant. */
export function parseAssignments(words: readonly string[]): Assignment[] {
  const [first = "", second] = words;
  const isPair = !first.includes("=") && second !== undefined;
  if (isPair && words.length > 2) {
    const isList = words.slice(1).every((word) => !word.includes("="));
    throw new HanaError("usage", {
      what: isList ? `${first} has ${words.length - 1} values` : `${first} has no value`,
      why: isList
        ? "a value with spaces is one word, in quotes"
        : "several values are written PATH=VALUE each",
      hint: isList
        ? `hana state set ${first} ${shellWord(words.slice(1).join(" "))}`
        : `hana state set ${
          words.map((word) => word.includes("=") ? shellWord(word) : `${word}=VALUE`).join(" ")
        }`,
    });
  }
  const assignments = isPair ? [{ path: first, text: second }] : words.map(parseOne);
  const paths = new Set<string>();
  for (const { path } of assignments) {
    checkPath(path, (right) => `hana state set ${right}=VALUE`);
    if (paths.has(path)) {
      throw new HanaError("usage", {
        what: `${path} is set twice`,
        why: "only one of the values could stand",
        hint: "each path once",
      });
    }
    paths.add(path);
  }
  return assignments;
}

function parseOne(word: string): Assignment {
  const at = word.indexOf("=");
  if (at > 0) return { path: word.slice(0, at), text: word.slice(at + 1) };
  throw new HanaError("usage", {
    what: at === 0 ? `${JSON.stringify(word)} has no path` : `${word} has no value`,
    why: "a value is written PATH=VALUE, or PATH VALUE where there is one alone",
    hint: at === 0 ? "hana state get    (all paths)" : `hana state set ${shellWord(`${word}=VALUE`)}`,
  });
}

/** Throws `usage` for what cannot be a path; `call` makes the right call of one that can. */
export function checkPath(path: string, call: (path: string) => string): void {
  if (isPath(path)) return;
  const right = path.toLowerCase().replaceAll("\\", "/").replace(/^\/+|\/+$/g, "").replace(/\/{2,}/g, "/");
  throw new HanaError("usage", {
    what: `${JSON.stringify(path)} is no path`,
    why: "a path has small letters, digits and . _ - between slashes, such as stage-left/hue",
    hint: isPath(right) ? call(right) : "hana state get    (all paths)",
  });
}
