// Configuration files: YAML, or JSON, one flat mapping from setting to value.
// Decides what a readable file is and finds the line of a key for error texts; never what a value means.

import { HanaError } from "../../lib/base/mod.ts";
import type { Environment } from "./environment.ts";

/** A configuration file that was read. */
export interface ConfigFile {
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** The line on which `key` stands, counted from 1; null when not found. */
  lineOf(key: string): number | null;
}

/** Reads a file; null when there is none and it was not `demanded`. Throws `config`. */
export async function readConfigFile(
  env: Environment,
  path: string,
  demanded: boolean,
): Promise<ConfigFile | null> {
  let text: string | null;
  try {
    text = env.readFile(path);
  } catch (thrown) {
    throw new HanaError("config", {
      what: `${path} cannot be read`,
      why: thrown instanceof Error ? thrown.message : String(thrown),
      hint: "hana config path",
      cause: thrown,
    });
  }
  if (text === null) {
    if (!demanded) return null;
    throw new HanaError("config", {
      what: `${path} cannot be read`,
      why: "no such file",
      hint: "hana config path",
    });
  }
  const value = await parseText(path, text);
  // An empty file, or one of comments alone, sets nothing.
  if (value === null || value === undefined) return { path, values: {}, lineOf: () => null };
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new HanaError("config", {
      what: `${path} holds no settings`,
      why: "expected lines such as 'name: left-wall'",
      hint: "hana config show",
    });
  }
  const lines = text.split("\n");
  return { path, values: value as Record<string, unknown>, lineOf: (key) => lineOf(lines, key) };
}

async function parseText(path: string, text: string): Promise<unknown> {
  try {
    // Loaded only when there is a file: most machines have none. YAML 1.2 reads JSON as well.
    return (await import("@std/yaml")).parse(text);
  } catch (thrown) {
    const { line, why } = whereAndWhy(thrown instanceof Error ? thrown.message : String(thrown));
    throw new HanaError("config", {
      what: `${path}${line === null ? "" : `:${line}`} is not well-formed YAML or JSON`,
      why,
      hint: `correct line ${line ?? 1} of that file, then: hana config show`,
      cause: thrown,
    });
  }
}

// The parser's first line ends with "at line 4, column 7:"; the lines below quote the text.
function whereAndWhy(message: string): { line: number | null; why: string } {
  const first = message.split("\n")[0] ?? "";
  const match = /^(.*?) at line (\d+), column \d+:?$/.exec(first);
  return match === null ? { line: null, why: first } : { line: Number(match[2]), why: match[1] ?? first };
}

function lineOf(lines: readonly string[], key: string): number | null {
  const escaped = key.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = new RegExp(`(^|[{,\\s])["']?${escaped}["']?\\s*:`);
  const at = lines.findIndex((line) => pattern.test(line));
  return at < 0 ? null : at + 1;
}
