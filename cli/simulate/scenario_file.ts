// Scenario files: YAML, JSON, and TypeScript where hana runs from source.
// Decides how a file becomes a raw scenario, and where in it a mistake stands; never what a scenario may hold.

import { parse } from "@std/yaml";
import { HanaError } from "../../lib/base/mod.ts";

/** A scenario above this size is none. */
const MAX_BYTES = 4 << 20;

/** A file as it was read. */
export interface ScenarioFile {
  readonly path: string;
  readonly raw: unknown;
  /** Its text, where lines can be found; null for TypeScript. */
  readonly text: string | null;
}

/** Whether a word on the command line is meant as a file. */
export function looksLikeFile(word: string): boolean {
  return /[/\\]/.test(word) || /\.(ya?ml|jsonc?|[cm]?[jt]s)$/i.test(word);
}

/** Reads a scenario file. Throws `storage` when it cannot be read, `config` when it is no YAML or JSON. */
export async function readScenarioFile(path: string): Promise<ScenarioFile> {
  if (/\.[cm]?[jt]s$/i.test(path)) {
    readText(path);
    return { path, raw: await evaluate(path), text: null };
  }
  const text = readText(path);
  return { path, raw: parseText(path, text), text };
}

/** As {@linkcode readScenarioFile} for YAML and JSON alone, at once. */
export function readPlainScenario(path: string): unknown {
  return parseText(path, readText(path));
}

function readText(path: string): string {
  try {
    const { size, isFile } = Deno.statSync(path);
    if (!isFile) throw new Error("is no file");
    if (size > MAX_BYTES) throw new Error(`has ${size} bytes, at most ${MAX_BYTES}`);
    return Deno.readTextFileSync(path);
  } catch (thrown) {
    throw new HanaError("storage", {
      what: `scenario file ${path} cannot be read`,
      why: thrown instanceof Deno.errors.NotFound
        ? "there is no such file"
        : thrown instanceof Error
        ? thrown.message
        : String(thrown),
      hint: "hana simulate list",
      cause: thrown,
    });
  }
}

function parseText(path: string, text: string): unknown {
  try {
    // YAML 1.2 holds JSON, and its parser tells line and column where JSON.parse does not.
    return parse(text);
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const [, why = message, line, column] =
      /^(.*?)(?: at line (\d+), column (\d+))?:?\n/s.exec(message + "\n") ?? [];
    throw new HanaError("config", {
      what: line === undefined ? path : `${path}:${line}:${column}`,
      why: `this is no valid YAML: ${why.split("\n", 1)[0]}`,
      hint: "hana simulate show link-partition (a scenario that is)",
      cause: thrown,
    });
  }
}

/** What a program of its own prints that imports the file; a compiled hana has no compiler in it. */
async function evaluate(path: string): Promise<unknown> {
  if (Deno.build.standalone) {
    throw new HanaError("unsupported", {
      what: `${path} is a program`,
      why: "a compiled hana cannot import files; it plays YAML and JSON",
      hint: `scripts/hana simulate show ${path} > scenario.yaml (in a checkout of hana)`,
    });
  }
  const url = JSON.stringify(new URL(path, `file://${Deno.cwd()}/`).href);
  const program = `const file = await import(${url});
const scenario = file.default ?? file.scenario;
if (scenario === undefined) throw new Error("it exports no scenario: export const scenario = defineScenario({ … })");
console.log(JSON.stringify(scenario));`;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-read", "--ext=ts", "--config", config, "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const stdin = child.stdin.getWriter();
  await stdin.write(new TextEncoder().encode(program));
  await stdin.close();
  const { success, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  if (!success) {
    const lines = decoder.decode(stderr).split("\n").map((line) => line.trim());
    throw new HanaError("config", {
      what: path,
      why: (lines.find((line) => /error/i.test(line)) ?? lines[0] ?? "failed").replace(/^error: /, ""),
      hint: "export const scenario = defineScenario({ … }) from it",
    });
  }
  return JSON.parse(decoder.decode(stdout));
}

/** `error` with the line of the file in it, where it names a path such as `timeline[2].isolat`. */
export function withLine(error: unknown, file: ScenarioFile): unknown {
  if (!(error instanceof HanaError) || file.text === null) return error;
  const prefix = `${file.path}: `;
  if (!error.what.startsWith(prefix)) return error;
  const where = error.what.slice(prefix.length);
  const line = lineOf(file.text, where.split(/[\s:]/, 1)[0] ?? "");
  if (line === null) return error;
  return new HanaError(error.code, {
    what: `${file.path}:${line}: ${where}`,
    ...(error.why === undefined ? {} : { why: error.why }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  });
}

/**
 * The line on which `path` (`nodes.viz.count`, `timeline[2].isolat`) stands, null when it is not found. Follows keys
 * and list items from the top; looks at indentation alone, which finds the line in what people write.
 */
export function lineOf(text: string, path: string): number | null {
  const lines = text.split("\n");
  let at = 0;
  let found: number | null = null;
  for (const [, key, index] of path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)) {
    const next = key !== undefined ? lineOfKey(lines, at, key) : lineOfItem(lines, at, Number(index));
    if (next === null) break;
    at = next;
    found = next + 1;
  }
  return found;
}

function lineOfKey(lines: readonly string[], from: number, key: string): number | null {
  const word = key.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = new RegExp(`(^|[\\s{,"'-])${word}["']?\\s*:`);
  for (let i = from; i < lines.length; i++) if (pattern.test(withoutComment(lines[i] ?? ""))) return i;
  return null;
}

function lineOfItem(lines: readonly string[], from: number, index: number): number | null {
  let indent = -1;
  let count = -1;
  for (let i = from + 1; i < lines.length; i++) {
    const item = /^(\s*)(-\s|[[{"'\d])/.exec(withoutComment(lines[i] ?? ""));
    if (item === null) continue;
    const width = item[1]?.length ?? 0;
    if (indent < 0) indent = width;
    if (width === indent && ++count === index) return i;
  }
  // `[a, b]` on one line, or one item on the key's own line.
  return from;
}

function withoutComment(line: string): string {
  return line.replace(/(^|\s)#.*$/, "");
}
