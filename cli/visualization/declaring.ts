// The parameters that the reference visualization declares, from `--parameter` and `--parameters FILE`.
// Decides their short form, `hue:f32:0..360:°=120`; what may be declared is the schema's (lib/state/schema).

import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import { type ParameterDefinition, parseDefinitionText, readDefinitions } from "../../lib/state/mod.ts";
import { readYaml } from "../state/files.ts";

/** Names that take a value with `=` within a definition: what follows another one is the default. */
const NAMED = /^(merge|onLoss|rate|subsystem|fade|unit|description)=/;
const EXAMPLE = 'hana serve --role visualization --parameter "hue:f32:0..360:°=120"';

/** All that was declared. Throws `usage`, naming the parameter. */
export async function readParameters(
  texts: readonly string[],
  file: string | undefined,
): Promise<ParameterDefinition[]> {
  const fromFile: unknown = file === undefined ? [] : await readYaml(file, EXAMPLE);
  const list = Array.isArray(fromFile) ? fromFile : (fromFile as { parameters?: unknown } | null)?.parameters;
  if (file !== undefined && !Array.isArray(list)) {
    throw new HanaError("usage", {
      what: `${file} declares no parameters`,
      why: "a list is wanted, or a list under parameters:",
      hint: EXAMPLE,
    });
  }
  try {
    const all: readonly unknown[] = [...(list as unknown[] | undefined ?? []), ...texts];
    return readDefinitions(all.map((each) => typeof each === "string" ? readParameter(each) : each));
  } catch (thrown) {
    const { what, why } = toHanaError(thrown, "schema", "--parameter cannot be read");
    throw new HanaError("usage", {
      what,
      ...(why === undefined ? {} : { why }),
      hint: EXAMPLE,
      cause: thrown,
    });
  }
}

/** One parameter: `hue:f32:0..360:°=120`, or with spaces as in `hana state define`. Throws `schema`. */
export function readParameter(text: string): ParameterDefinition {
  const trimmed = text.trim();
  if (trimmed.startsWith("{") || /\s/.test(trimmed.split("=")[0] ?? "")) return parseDefinitionText(trimmed);
  const parts = trimmed.split(":");
  // A default may hold colons itself: from the first `=` that names nothing on it is one.
  const at = parts.findIndex((part) => part.replace(NAMED, "").includes("="));
  if (at < 0) return parseDefinitionText(parts.join(" "));
  const part = parts[at] ?? "";
  const begin = (NAMED.exec(part)?.[0].length ?? 0) + part.replace(NAMED, "").indexOf("=");
  const value = [part.slice(begin + 1), ...parts.slice(at + 1)].join(":");
  const head = [...parts.slice(0, at), part.slice(0, begin)].filter((each) => each !== "");
  return parseDefinitionText(`${head.join(" ")} = ${value}`);
}
