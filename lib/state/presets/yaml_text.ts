// A snapshot as a file that people read and write: YAML with one line a value, its unit and range behind it.
// Decides the form and what is refused, with line and column. What is loaded of it, load.ts decides.

import { HanaError, nearest } from "../../base/mod.ts";
import { describeValue } from "../../wire/mod.ts";
import type { ParameterDefinition } from "../model/mod.ts";
import { formatNumber, formatRange } from "../schema/mod.ts";
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "./yaml_adapter.ts";
import { outside, readEntry, VALUE_TYPES } from "./entry.ts";
import { MAX_SNAPSHOT_VALUES, type Snapshot, type SnapshotEntry } from "./snapshot.ts";

/** Characters of a file. */
export const MAX_SNAPSHOT_LENGTH = 8 * 1024 * 1024;
/** The form that is written; newer ones are refused. */
export const SNAPSHOT_VERSION = 1;
const MAX_DEPTH = 24;
const KEYS = ["hana-state", "name", "note", "prefix", "values"];

/** A snapshot with what people call it. */
export interface NamedSnapshot {
  /** Null where it has none. */
  readonly name: string | null;
  readonly note: string | null;
  readonly snapshot: Snapshot;
}

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
 * Reads a file. Throws `schema` with line and column, and says how many more places are wrong.
 * @param source what the file is called in errors.
 */
export function parseSnapshot(text: string, source = "the snapshot"): NamedSnapshot {
  return new SnapshotReader(text, source).read();
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

/** One file. The first problem is told with its place, the others are counted. */
class SnapshotReader {
  readonly #text: string;
  readonly #source: string;
  readonly #lines = new LineCounter();
  #first: HanaError | null = null;
  #problems = 0;

  constructor(text: string, source: string) {
    this.#text = text;
    this.#source = source;
  }

  read(): NamedSnapshot {
    if (this.#text.length > MAX_SNAPSHOT_LENGTH) {
      throw new HanaError("schema", {
        what: `${this.#source} is too long`,
        why: `${MAX_SNAPSHOT_LENGTH} characters are the most`,
      });
    }
    const root = this.#parse();
    const fields = this.#table(root, "the file", KEYS);
    this.#readVersion(fields.get("hana-state") ?? null);
    const name = this.#readText(fields.get("name") ?? null, "name");
    const note = this.#readText(fields.get("note") ?? null, "note");
    const prefix = this.#readText(fields.get("prefix") ?? null, "prefix") ?? "";
    const entries = this.#readValues(fields.get("values") ?? null);
    this.#finish();
    return { name, note, snapshot: { prefix, entries } };
  }

  #parse(): Node | null {
    this.#checkDepth();
    let document;
    try {
      document = parseDocument(this.#text, {
        lineCounter: this.#lines,
        uniqueKeys: false,
        prettyErrors: false,
      });
    } catch (thrown) {
      if (!(thrown instanceof RangeError)) throw thrown;
      throw this.#error(0, "tables and lists are nested too deep");
    }
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) {
      const [line = ""] = problem.message.split("\n");
      throw this.#error(problem.pos[0], `this is no YAML: ${line.slice(0, 200)}`);
    }
    return document.contents;
  }

  /** Brackets beyond any use, before a parser that calls itself for each of them sees them. */
  #checkDepth(): void {
    let depth = 0;
    for (let at = 0; at < this.#text.length; at++) {
      const mark = this.#text[at];
      if (mark === "[" || mark === "{") {
        if (++depth > 100 * MAX_DEPTH) throw this.#error(at, "tables and lists are nested too deep");
      } else if (mark === "]" || mark === "}") depth = Math.max(0, depth - 1);
    }
  }

  /** A table of names, each once. */
  #table(node: Node | null, what: string, known: readonly string[] | null): Map<string, Node | null> {
    const fields = new Map<string, Node | null>();
    if (!isMap(node)) {
      throw this.#error(offsetOf(node), `${what} must be a table of names and values`, "hana-state: 1");
    }
    for (const { key, value } of node.items) {
      const at = offsetOf(key as Node | null);
      const name = isScalar(key) ? String(key.value) : null;
      if (name === null) this.#note(at, "names are plain texts");
      else if (fields.has(name)) this.#note(at, `${name} stands there twice`);
      else if (known !== null && !known.includes(name)) {
        const near = nearest(name, known);
        this.#note(
          at,
          `${what} has no ${describeValue(name)}: there are ${known.join(", ")}`,
          near === null ? undefined : `did you mean ${near}?`,
        );
      } else fields.set(name, value as Node | null);
    }
    return fields;
  }

  #readVersion(node: Node | null): void {
    if (node === null) {
      throw this.#error(0, "this is no snapshot of the shared state: hana-state is missing", "hana-state: 1");
    }
    const version = isScalar(node) ? node.value : null;
    if (version === SNAPSHOT_VERSION) return;
    const isNewer = typeof version === "number" && version > SNAPSHOT_VERSION;
    const what = isNewer
      ? `it is of version ${version}, and this hana reads version ${SNAPSHOT_VERSION}`
      : `hana-state must be ${SNAPSHOT_VERSION}`;
    throw this.#error(offsetOf(node), what);
  }

  #readText(node: Node | null, name: string): string | null {
    if (node === null) return null;
    const value = isScalar(node) ? node.value : undefined;
    if (value === null) return null;
    if (typeof value === "string" && value.length <= 4_096) return value;
    this.#note(offsetOf(node), `${name} must be a text of at most 4096 characters`);
    return null;
  }

  #readValues(node: Node | null): SnapshotEntry[] {
    if (node === null) {
      throw this.#error(this.#text.length, "values are missing", "values: {}");
    }
    if (isScalar(node) && node.value === null) return [];
    const entries: SnapshotEntry[] = [];
    for (const [path, value] of this.#table(node, "values", null)) {
      if (entries.length === MAX_SNAPSHOT_VALUES) {
        this.#note(offsetOf(value), `${MAX_SNAPSHOT_VALUES} values are the most`);
        break;
      }
      const entry = this.#readEntry(path, value);
      if (entry !== null) entries.push(entry);
    }
    return entries.sort((a, b) => a.path < b.path ? -1 : 1);
  }

  #readEntry(path: string, node: Node | null): SnapshotEntry | null {
    if (!isMap(node)) {
      this.#note(offsetOf(node), `${path} must have its type and value`, `${path}: { f32: 0.5 }`);
      return null;
    }
    const fields = this.#table(node, path, [...VALUE_TYPES, "priority"]);
    const priority = fields.get("priority") ?? null;
    fields.delete("priority");
    const [first] = fields;
    if (first === undefined || fields.size > 1) {
      if (this.#first === null || fields.size > 1) {
        this.#note(offsetOf(node), `${path} must have one type and value`, `${path}: { f32: 0.5 }`);
      }
      return null;
    }
    const [type, value] = first;
    const entry = readEntry(
      path,
      type,
      this.#plain(value, 0),
      priority === null ? null : this.#plain(priority, 0),
    );
    if (typeof entry !== "string") return entry;
    this.#note(offsetOf(value), entry);
    return null;
  }

  /** What a node stands for. */
  #plain(node: Node | null, depth: number): unknown {
    if (node === null) return null;
    if (depth > MAX_DEPTH) {
      this.#note(offsetOf(node), "tables and lists are nested too deep");
      return null;
    }
    if (isScalar(node)) return node.value;
    if (isSeq(node)) return node.items.map((item) => this.#plain(item as Node | null, depth + 1));
    if (!isMap(node)) {
      this.#note(offsetOf(node), "&name and *name have no meaning here");
      return null;
    }
    const table: [string, unknown][] = [];
    for (const { key, value } of node.items) {
      if (isScalar(key)) table.push([String(key.value), this.#plain(value as Node | null, depth + 1)]);
      else this.#note(offsetOf(key as Node | null), "names are plain texts");
    }
    return Object.fromEntries(table);
  }

  #note(offset: number, what: string, hint?: string): void {
    this.#problems++;
    this.#first ??= this.#error(offset, what, hint);
  }

  #finish(): void {
    const first = this.#first;
    if (first === null) return;
    const others = this.#problems - 1;
    if (others === 0) throw first;
    throw new HanaError("schema", {
      what: first.what,
      why: `${first.why ?? ""} (and ${others} more)`,
      ...(first.hint === undefined ? {} : { hint: first.hint }),
    });
  }

  #error(offset: number, why: string, hint?: string): HanaError {
    const { line, col } = this.#lines.linePos(offset);
    const place = `line ${Math.max(1, line)}, column ${Math.max(1, col)}`;
    return new HanaError("schema", {
      what: `${this.#source} cannot be read`,
      why: `${place}: ${why}`,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

function offsetOf(node: Node | null): number {
  return node?.range?.[0] ?? 0;
}
