// A snapshot as a file that people read and write: YAML with one line a value, its unit and range behind it.
// Decides the form and what is refused, with line and column. What is loaded of it, load.ts decides.

import type { ParameterDefinition } from "../model/mod.ts";
import { formatNumber, formatRange } from "../schema/mod.ts";
import { outside } from "./entry.ts";
import { type NamedSnapshot, SNAPSHOT_VERSION } from "./yaml_form.ts";
import type { Snapshot, SnapshotEntry } from "./snapshot.ts";

/** How a file is written. */
export interface FormatOptions {
  readonly name?: string | null;
  readonly note?: string | null;
  /** Where units and ranges come from; null for a path that is not known. */
  readonly definitionOf?: (path: string) => ParameterDefinition | null;
}

/** The file of a snapshot. {@linkcode parseSnapshot} reads it back to the same values. */
export function formatSnapshot(
  snapshot: Snapshot,
  { name = null, note = null, definitionOf = () => null }: FormatOptions = {},
): string {
  const lines = [
    "# Values of the shared state, one a line: path, type, value; behind # what the path takes.",
    `hana-state: ${SNAPSHOT_VERSION}`,
  ];
  if (name !== null) lines.push(`name: ${quoted(name)}`);
  if (note !== null) lines.push(`note: ${quoted(note)}`);
  lines.push(`prefix: ${quoted(snapshot.prefix)}`);
  lines.push(snapshot.entries.length === 0 ? "values: {}" : "values:");
  for (const entry of snapshot.entries) {
    const priority = entry.priority === null ? "" : `, priority: ${entry.priority}`;
    const about = comment(entry, definitionOf(entry.path));
    lines.push(`  ${quoted(entry.path)}: { ${entry.type}: ${valueText(entry)}${priority} }${about}`);
  }
  return `${lines.join("\n")}\n`;
}

/**
 * Reads a file. Rejects with `schema`, with line and column, and says how many more places are wrong.
 * @param source what the file is called in errors.
 */
export async function parseSnapshot(text: string, source = "the snapshot"): Promise<NamedSnapshot> {
  // A parser of YAML takes longer to load than most commands take altogether: whoever reads a file waits for it.
  const { readSnapshotText } = await import("./yaml_reader.ts");
  return readSnapshotText(text, source);
}

/** `  # 0 to 360 °`: what the path takes, in as far as it is known and of one line. */
function comment({ type }: SnapshotEntry, definition: ParameterDefinition | null): string {
  if (definition === null || definition.type !== type) return "";
  if (type === "enum") {
    const words = definition.words.slice(0, 8).join(", ");
    return ` # ${printable(definition.words.length > 8 ? `${words}, …` : words)}`;
  }
  const range = formatRange(definition).trim();
  const about = range === "" ? definition.unit ?? "" : range;
  return about === "" ? "" : ` # ${printable(about)}`;
}

function valueText(entry: SnapshotEntry): string {
  const { type, value } = entry;
  if (type === "f32" || type === "unit" || type === "i32") return formatNumber(type, value as number);
  if (type === "vec3" || type === "quat") {
    return `[${(value as readonly number[]).map((part) => formatNumber("f32", part)).join(", ")}]`;
  }
  return printable(JSON.stringify(outside(entry)));
}

/** A text without quotes where nobody can take it for anything else. */
function quoted(text: string): string {
  return PLAIN.test(text) && !WORDS.test(text) ? text : printable(JSON.stringify(text));
}

const PLAIN = /^[a-z][a-z0-9._/-]*$/;
/** What YAML takes for something else than a text. */
const WORDS = /^(true|false|null|yes|no|on|off|y|n)$/;

/** JSON is YAML but for what does not print, which YAML wants escaped. */
function printable(json: string): string {
  return json.replaceAll(
    /[\p{C}\u2028\u2029\ufeff]/gu,
    (mark) =>
      Array.from(
        { length: mark.length },
        (_, at) => `\\u${mark.charCodeAt(at).toString(16).padStart(4, "0")}`,
      )
        .join(""),
  );
}
