// Which paths words mean: a path, or the beginning of paths (`stage-left`, `stage-left/`, `stage-left/*`).
// Decides what is offered for a path that is not there. Never what may be done with one.

import { HanaError, nearest } from "../../lib/base/mod.ts";
import { isBelow } from "../../lib/state/mod.ts";
import { counted } from "../output/mod.ts";
import { type Desk, isTold, type ValueRow } from "./desk.ts";

/** Paths among which the nearest to an unknown one is looked for. */
const MAX_CANDIDATES = 2_048;
const LISTED = 6;

/** What the words of a command mean. */
export interface Selected {
  readonly rows: readonly ValueRow[];
  /** One for each word that means nothing. */
  readonly unknown: readonly HanaError[];
}

/** The beginning of paths that a word means, without what says so. */
export function prefixOf(word: string): string {
  return word.replace(/\/(\*\*?|\.\.\.)?$/, "").replace(/^\*\*?$/, "");
}

/** The paths that the words mean, each once; all that are told where there are none. */
export function select(
  desk: Desk,
  words: readonly string[],
  command = "hana state get",
): Selected {
  const all = desk.rows();
  if (words.length === 0) return { rows: all.filter(isTold), unknown: [] };
  const rows = new Set<ValueRow>();
  const unknown: HanaError[] = [];
  for (const word of words) {
    const prefix = prefixOf(word);
    const found = all.filter(({ path }) => isBelow(path, prefix));
    const told = prefix === "" ? found.filter(isTold) : found;
    if (told.length === 0 && prefix !== "") {
      unknown.push(unknownPath(word, all, (path) => `${command} ${path}`));
    }
    for (const row of told) rows.add(row);
  }
  return { rows: [...rows], unknown };
}

/** The row of exactly this path. Throws `not-found`, naming the nearest in a `call`; `usage` for the beginning of several. */
export function selectOne(desk: Desk, path: string, call: (path: string) => string): ValueRow {
  const row = desk.row(path);
  if (row !== null) return row;
  const all = desk.rows();
  const below = all.filter((each) => isBelow(each.path, prefixOf(path)));
  if (below.length === 0) throw unknownPath(path, all, call);
  throw new HanaError("usage", {
    what: `${path} is no parameter`,
    why: `it is where ${counted(below.length, "path")} ${below.length === 1 ? "begins" : "begin"}: ${
      listOf(below.map((each) => each.path))
    }`,
    hint: call(below[0]?.path ?? path),
  });
}

/** The path that a mistyped one most likely means, segment by segment: long beginnings must not make ends alike. */
function meantBy(word: string, candidates: ReadonlySet<string>): string | null {
  const segments = word.split("/");
  let at = "";
  for (const segment of segments) {
    const wanted = at === "" ? segment : `${at}/${segment}`;
    if (!candidates.has(wanted)) {
      const depth = at === "" ? 0 : at.length + 1;
      const beside = [...candidates].filter((path) => (at === "" || isBelow(path, at)) && path !== at)
        .map((path) => path.slice(depth).split("/")[0] ?? "");
      const near = nearest(segment, new Set(beside));
      if (near === null) {
        // Whoever leaves out where a parameter is means the one that is called so.
        return [...candidates].find((path) => path.endsWith(`/${word}`)) ?? null;
      }
      at = at === "" ? near : `${at}/${near}`;
    } else at = wanted;
  }
  return candidates.has(at) ? at : null;
}

/** There is no such path: what it may have meant, and the `call` with that. */
export function unknownPath(
  word: string,
  rows: readonly ValueRow[],
  call: (path: string) => string,
): HanaError {
  const told = rows.filter(isTold);
  const candidates = new Set<string>();
  for (const { path } of told.slice(0, MAX_CANDIDATES)) {
    candidates.add(path);
    for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
      candidates.add(path.slice(0, at));
    }
  }
  const meant = meantBy(word, candidates);
  const what = `there is no path ${word}`;
  if (meant !== null) {
    return new HanaError("not-found", { what, why: `did you mean ${meant}?`, hint: call(meant) });
  }
  const leaf = told.find(({ path }) => word.startsWith(`${path}/`))?.path;
  if (leaf !== undefined) {
    return new HanaError("not-found", {
      what,
      why: `${leaf} is a parameter itself, with nothing below it`,
      hint: call(leaf),
    });
  }
  const above = word.slice(0, Math.max(0, word.lastIndexOf("/")));
  const beside = told.filter(({ path }) => above !== "" && isBelow(path, above)).map(({ path }) => path);
  if (beside.length > 0) {
    return new HanaError("not-found", {
      what,
      why: `below ${above} there ${beside.length === 1 ? "is" : "are"} ${listOf(beside)}`,
      hint: `hana state get ${above}`,
    });
  }
  if (told.length === 0) {
    return new HanaError("not-found", {
      what,
      why: "there are no paths at all: no visualization with parameters has been here",
      hint: 'hana serve --role visualization --parameter "hue:f32:0..360:°"',
    });
  }
  return new HanaError("not-found", {
    what,
    why: `there ${told.length === 1 ? "is" : "are"} ${listOf([...new Set(told.map(({ path }) => path))])}`,
    hint: "hana state get",
  });
}

function listOf(names: readonly string[]): string {
  const more = names.length - LISTED;
  return names.slice(0, LISTED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
