// The project's files as the checks see them: path, text, tokens, imports.
// Never looks into what is generated or kept out of the repository.

import { type Token, tokensOf } from "./tokens.ts";

/** One import or re-export of a file. */
export interface Import {
  /** As written: `../base/mod.ts`, `node:crypto`, `fast-check`. Null for `import()` of something computed. */
  readonly specifier: string | null;
  /** The file from the checkout when the specifier is relative, else null. */
  readonly target: string | null;
  /** The names taken from it; `*` for all. */
  readonly names: readonly string[];
  readonly line: number;
}

/** One file of TypeScript. */
export interface Source {
  /** From the checkout, with slashes: `lib/base/mod.ts`. */
  readonly path: string;
  readonly text: string;
  readonly tokens: readonly Token[];
  readonly imports: readonly Import[];
}

/** Something that breaks a rule. */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly what: string;
}

/** The checkout. */
export const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

const TOP_LEVEL = [
  "cli",
  "lib",
  "tests",
  "scripts",
  "docs",
  ".ci",
  "README.md",
  "deno.json",
  "deno.lock",
  "LICENSE",
];

/** Every text file of the project: path to content. */
export function readTree(): Map<string, string> {
  const files = new Map<string, string>();
  const visit = (path: string) => {
    const stat = statOf(path);
    if (stat === null) return;
    if (stat.isFile) files.set(path, Deno.readTextFileSync(`${root}/${path}`));
    else if (stat.isDirectory) {
      for (const { name } of Deno.readDirSync(`${root}/${path}`)) visit(`${path}/${name}`);
    }
  };
  TOP_LEVEL.forEach(visit);
  return new Map([...files].sort(([a], [b]) => a < b ? -1 : 1));
}

/** Null for what went away meanwhile: other work goes on in the same checkout. */
function statOf(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(`${root}/${path}`);
  } catch {
    return null;
  }
}

/** The TypeScript files of a tree. */
export function sourcesOf(tree: ReadonlyMap<string, string>): Source[] {
  return [...tree].filter(([path]) => path.endsWith(".ts")).map(([path, text]) => {
    const tokens = tokensOf(text);
    return { path, text, tokens, imports: importsOf(path, tokens) };
  });
}

/** Whether `path` is `room` or lies in it. */
export function isIn(path: string, room: string): boolean {
  return path === room || path.startsWith(`${room}/`);
}

/** The folder of a file. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function importsOf(path: string, tokens: readonly Token[]): Import[] {
  const imports: Import[] = [];
  tokens.forEach(({ kind, text, line }, at) => {
    if (kind !== "name" || isMember(tokens, at)) return;
    const next = tokens[at + 1];
    const add = (specifier: string | null, names: readonly string[]) =>
      imports.push({ specifier, target: targetOf(path, specifier), names, line });

    if (text === "import" && next?.text === "(" && next.kind === "mark") {
      const argument = tokens[at + 2];
      const literal = argument?.kind === "text" && [")", ","].includes(tokens[at + 3]?.text ?? "");
      add(literal ? argument.text : null, ["*"]);
    } else if (text === "import" && next?.kind === "text") {
      add(next.text, []);
    } else if (
      (text === "import" && next?.text !== ".") ||
      (text === "export" && ["{", "*", "type"].includes(next?.text ?? ""))
    ) {
      const from = fromAfter(tokens, at);
      if (from !== null) add(from.specifier, from.names);
    }
  });
  return imports;
}

/** A list of names and where they come from. */
type From = Pick<Import, "names"> & { readonly specifier: string };

/** Reads `… from "specifier"` behind an `import` or `export`; null when the statement has none. */
function fromAfter(tokens: readonly Token[], at: number): From | null {
  const names: string[] = [];
  let inBraces = false;
  for (let i = at + 1; i < tokens.length; i++) {
    const token = tokens[i];
    if (token === undefined || token.text === ";" || token.text === "=" || token.text === "(") return null;
    const next = tokens[i + 1];
    if (token.kind === "name" && token.text === "from" && next?.kind === "text") {
      return { specifier: next.text, names };
    }
    if (token.text === "{" || token.text === "}") inBraces = token.text === "{";
    else if (token.text === "*") names.push("*");
    else if (token.kind === "name" && !["type", "as"].includes(token.text) && tokens[i - 1]?.text !== "as") {
      names.push(inBraces ? token.text : "default");
    }
  }
  return null;
}

/** Whether the token at `at` is a member (`x.name`), not a name of its own. */
export function isMember(tokens: readonly Token[], at: number): boolean {
  const before = tokens[at - 1];
  return before?.kind === "mark" && (before.text === "." || before.text === "?.");
}

function targetOf(path: string, specifier: string | null): string | null {
  if (specifier === null || !specifier.startsWith(".")) return null;
  const parts = folderOf(path).split("/");
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.filter((part) => part !== "").join("/");
}
