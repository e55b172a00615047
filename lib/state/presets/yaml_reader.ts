// A snapshot's file, read: every place that is wrong is told with its line and column.
// Decides what is refused; the form is yaml_text.ts. Loaded when a file is read, and not before: the parser is large.

import { HanaError, nearest } from "../../base/mod.ts";
import { describeValue } from "../../wire/mod.ts";
import { readEntry, VALUE_TYPES } from "./entry.ts";
import { MAX_SNAPSHOT_VALUES, type SnapshotEntry } from "./snapshot.ts";
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "./yaml_adapter.ts";
import { MAX_SNAPSHOT_LENGTH, type NamedSnapshot, SNAPSHOT_VERSION } from "./yaml_form.ts";

const KEYS = ["hana-state", "name", "note", "prefix", "values"];
const MAX_DEPTH = 24;
/** The snapshot that `text` states. Throws `schema`. @param source what the file is called in errors */
export function readSnapshotText(text: string, source = "the snapshot"): NamedSnapshot {
  return new SnapshotReader(text, source).read();
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
