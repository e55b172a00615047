// The rules of the house as functions from sources to violations.
// Each names its rule in what it finds, so that whoever breaks one reads why. The tables are in house.ts.

import {
  COMMON_WORDS,
  FLOORS,
  IMPURE_IMPORTS,
  MAX_LINES,
  PURE_MODULES,
  SIDE_DOORS,
  SIDE_ROOMS,
  TEST_PACKAGES,
  WORLDLY_EXCEPTIONS,
  WORLDLY_GLOBALS,
  WORLDLY_MEMBERS,
  WORLDLY_ROOMS,
  WRAPPER,
} from "./house.ts";
import { folderOf, type Import, isIn, isMember, type Source, type Violation } from "./tree.ts";

/** Rule 1: only the real platform, the command line, tests and scripts touch the world. */
export function checkSeam(sources: readonly Source[]): Violation[] {
  return sources.filter(({ path }) => !WORLDLY_ROOMS.some((room) => isIn(path, room))).flatMap((source) => {
    const { path, tokens } = source;
    const found = source.imports.flatMap((taken) => checkRuntimeModule(path, taken));
    tokens.forEach((token, at) => {
      if (token.kind !== "name" || isMember(tokens, at)) return;
      const [next, member] = [tokens[at + 1], tokens[at + 2]];
      if (WORLDLY_EXCEPTIONS.some((exception) => exception.path === path && exception.name === token.text)) {
        return;
      }
      const what = WORLDLY_GLOBALS.has(token.text) && !isKey(source, at) && !isOwnWord(source, token.text)
        ? token.text
        : (next?.text === "." || next?.text === "?.") &&
            WORLDLY_MEMBERS[token.text]?.includes(member?.text ?? "")
        ? `${token.text}.${member?.text}`
        : null;
      if (what !== null) {
        found.push({ path, line: token.line, what: `${what} touches the world: ask the Platform for it` });
      }
    });
    return found;
  });
}

function checkRuntimeModule(path: string, { specifier, names, line }: Import): Violation[] {
  if (specifier === null || !specifier.startsWith("node:")) return [];
  if (!PURE_MODULES[specifier]?.some((room) => isIn(path, room))) {
    return [{ path, line, what: `${specifier} touches the world: ask the Platform for it` }];
  }
  return names.filter((name) => name === "*" || IMPURE_IMPORTS.has(name)).map((name) => ({
    path,
    line,
    what: `${name} of ${specifier} is not a pure computation`,
  }));
}

/** Whether the name is a key (`{ Date: 1 }`) or a declared member (`fetch?: X`), not a use. */
function isKey({ tokens }: Source, at: number): boolean {
  const before = tokens[at - 1]?.text ?? "";
  const next = tokens[at + 1]?.text ?? "";
  const last = next === "?" ? tokens[at + 2]?.text : next;
  return last === ":" && ["{", ",", ";", "readonly", "static", "private"].includes(before);
}

/** Whether a common word is declared in this file: as a variable, or as a parameter with its type. */
function isOwnWord({ tokens }: Source, word: string): boolean {
  return COMMON_WORDS.has(word) && tokens.some(({ text }, at) => {
    if (text !== word || isMember(tokens, at)) return false;
    const before = tokens[at - 1]?.text ?? "";
    return ["const", "let", "function"].includes(before) ||
      (["(", ",", "readonly"].includes(before) && tokens[at + 1]?.text === ":");
  });
}

/** Rule 4: imports point down, and enter a room by its `mod.ts`. */
export function checkLayers(sources: readonly Source[]): Violation[] {
  const paths = new Set(sources.map(({ path }) => path));
  return sources.flatMap(({ path, imports }) =>
    imports.flatMap((taken) => {
      const { specifier, target, line } = taken;
      const say = (what: string): Violation[] => [{ path, line, what }];
      if (specifier === null) {
        return isProduct(path)
          ? say("import() of a computed name cannot be compiled into the executable")
          : [];
      }
      if (target === null) return checkPackage(path, specifier, line);
      if (!paths.has(target) && target.endsWith(".ts")) return say(`${target} does not exist`);
      return [...checkDirection(path, target, say), ...checkFace(path, target, say)];
    })
  );
}

/** What goes into the executable or the library. */
function isProduct(path: string): boolean {
  return isIn(path, "lib") || isIn(path, "cli");
}

function checkPackage(path: string, specifier: string, line: number): Violation[] {
  if (/^(npm|jsr|https?|file|data|blob):/.test(specifier)) {
    return [{ path, line, what: `${specifier} must be named and pinned in deno.json` }];
  }
  if (isProduct(path) && TEST_PACKAGES.some((name) => isIn(specifier, name))) {
    return [{ path, line, what: `${specifier} is for tests alone` }];
  }
  return [];
}

type Say = (what: string) => Violation[];

function checkDirection(path: string, target: string, say: Say): Violation[] {
  const from = roomOf(path);
  const to = roomOf(target);
  if (from === null) return say("stands in no room of the house (tests/architecture/house.ts)");
  if (to === null) return say(`${target} stands in no room of the house (tests/architecture/house.ts)`);
  if (from === to) return [];

  const entered = SIDE_ROOMS.find(({ room }) => room === to);
  if (entered !== undefined) {
    return entered.usedBy.some((room) => isIn(from, room)) ? [] : say(`${from} may not import ${to}`);
  }
  const left = SIDE_ROOMS.find(({ room }) => room === from);
  if (left !== undefined) return left.imports.includes(to) ? [] : say(`${from} may not import ${to}`);
  // Tests use the scripts that build what they test, and scripts the tests' support.
  if (!isProduct(path)) return [];
  return floorOf(to) < floorOf(from) ? [] : say(`${from} may not import ${to}: imports point down`);
}

function checkFace(path: string, target: string, say: Say): Violation[] {
  if (!isProduct(path) || !isIn(target, "lib")) return [];
  if (SIDE_DOORS.some(({ door, usedBy }) => door === target && usedBy.includes(path))) return [];
  // The outermost folder that the import enters: its face stands for everything inside. The house itself is entered
  // by its rooms, and a side room by itself, not by the room that it lies in.
  const doors = [
    "lib",
    ...SIDE_ROOMS.map(({ room }) => folderOf(room)).filter((room) => isIn(roomOf(target) ?? "", room)),
  ];
  let entered: string | null = null;
  for (
    let folder = folderOf(target);
    !isIn(folderOf(path), folder) && !doors.includes(folder);
    folder = folderOf(folder)
  ) {
    entered = folder;
  }
  return entered === null || target === `${entered}/mod.ts`
    ? []
    : say(`${target} must be imported through ${entered}/mod.ts`);
}

/** The room of a file: the side room or the floor's room that it lies in. */
function roomOf(path: string): string | null {
  return [...SIDE_ROOMS.map(({ room }) => room), ...FLOORS.flat()].find((room) => isIn(path, room)) ?? null;
}

function floorOf(room: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room));
}

/**
 * No file needs itself by way of others. Types count like the rest: nothing is left of them at run time, but of two
 * files that need each other's types neither can be read, moved or replaced without the other.
 */
export function checkCycles(sources: readonly Source[]): Violation[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const state = new Map<string, "open" | "done">();
  const found: Violation[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    const source = byPath.get(path);
    if (source === undefined || state.get(path) === "done") return;
    state.set(path, "open");
    for (const { target, line } of source.imports) {
      if (target === null) continue;
      if (state.get(target) === "open") {
        const cycle = [...trail.slice(trail.indexOf(target)), target].join(" → ");
        found.push({ path, line, what: `imports go round: ${cycle}` });
      } else visit(target, [...trail, target]);
    }
    state.set(path, "done");
  };
  for (const { path } of sources) visit(path, [path]);
  return found;
}

/** No default exports: a thing has one name everywhere. */
export function checkDefaultExports(sources: readonly Source[]): Violation[] {
  return sources.flatMap(({ path, tokens }) =>
    tokens.flatMap(({ text, kind, line }, at) => {
      if (kind !== "name" || text !== "default" || isMember(tokens, at)) return [];
      const before = tokens[at - 1]?.text;
      const isExport = before === "export" || (before === "as" && isInExport(tokens.slice(0, at)));
      return isExport ? [{ path, line, what: "no default exports: name what is exported" }] : [];
    })
  );
}

/** Whether the list in braces at the end of `tokens` belongs to an `export`. */
function isInExport(tokens: Source["tokens"]): boolean {
  const brace = tokens.findLastIndex(({ text, kind }) => kind === "mark" && text === "{");
  return tokens[brace - 1]?.text === "export";
}

/** No `any` but where an untyped package gets its types; no lint rule silenced without its name. */
export function checkAny(sources: readonly Source[]): Violation[] {
  return sources.filter(({ path }) => !WRAPPER.test(path)).flatMap(({ path, text, tokens }) => {
    const found = tokens.flatMap(({ text, kind, line }, at) => {
      if (kind !== "name" || text !== "any" || isMember(tokens, at)) return [];
      const before = tokens[at - 1]?.text ?? "";
      const isType = [":", "as", "<", "is", "extends", "satisfies"].includes(before) ||
        tokens[at + 1]?.text === ">" || (tokens[at + 1]?.text === "[" && tokens[at + 2]?.text === "]");
      return isType
        ? [{ path, line, what: "no any outside of deps/ and *_adapter.ts: say unknown and check" }]
        : [];
    });
    text.split("\n").forEach((line, index) => {
      const silenced = /^\s*\/\/ deno-lint-ignore(?:-file)?(.*)$/.exec(line)?.[1];
      if (silenced === undefined) return;
      if (!/[a-z]/.test(silenced.split("--")[0] ?? "") || silenced.includes("no-explicit-any")) {
        found.push({
          path,
          line: index + 1,
          what: `silences more of lint than it may:${silenced || " everything"}`,
        });
      }
    });
    return found;
  });
}

/** Files stay short, and begin by saying what they decide. */
export function checkFiles(tree: ReadonlyMap<string, string>): Violation[] {
  return [...tree].flatMap(([path, text]) => {
    const isCode = path.endsWith(".ts") || path.startsWith("scripts/") || path.startsWith(".ci/");
    const lines = text.split("\n").length - 1;
    const found: Violation[] = [];
    if (isCode && lines > MAX_LINES) {
      found.push({ path, line: MAX_LINES + 1, what: `has ${lines} lines, at most ${MAX_LINES} are allowed` });
    }
    if (isProduct(path) && path.endsWith(".ts") && !text.startsWith("// ")) {
      found.push({ path, line: 1, what: "must begin with a comment: what it decides, what it never does" });
    }
    return found;
  });
}

/** Every folder of lib that holds code has a face. */
export function checkFaces(tree: ReadonlyMap<string, string>): Violation[] {
  const folders = new Set(
    [...tree.keys()].filter((path) => isIn(path, "lib") && path.endsWith(".ts")).map(folderOf),
  );
  return [...folders].filter((folder) => !WRAPPER.test(`${folder}/`) && !tree.has(`${folder}/mod.ts`)).map((
    folder,
  ) => ({
    path: folder,
    line: 1,
    what: "has no mod.ts, its public face",
  }));
}

/** Nothing tells where it was made: no path and no name of a machine. `own` are those of this one. */
export function checkPlaces(tree: ReadonlyMap<string, string>, own: readonly string[]): Violation[] {
  const homes =
    /(?<![\w.\-~}])\/(?:root|work|home\/[a-z][\w-]*|Users\/[A-Za-z][\w-]*|tmp\/[a-z]\w*-?\d{3,})(?![\w-])/;
  return [...tree].flatMap(([path, text]) =>
    text.split("\n").flatMap((line, index) => {
      const place = homes.exec(line)?.[0] ?? own.find((name) => line.includes(name));
      return place === undefined
        ? []
        : [{ path, line: index + 1, what: `names a place of one machine: ${place}` }];
    })
  );
}
