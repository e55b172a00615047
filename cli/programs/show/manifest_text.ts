// The text of a manifest, YAML or JSON, as a tree with places.
// Decides what of YAML a manifest may use: tables, lists, plain values, and parts that are used again (&name, *name);
// no tags, no merging, one document. What the tree means, lib/supervision/manifest decides.

import {
  type ManifestEntry,
  type ManifestNode,
  type ManifestPosition,
  ManifestProblems,
  MAX_MANIFEST_DEPTH,
  MAX_MANIFEST_LENGTH,
  MAX_MANIFEST_NODES,
} from "../../../lib/supervision/mod.ts";
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from "../../deps/positioned_yaml.ts";

/** What was read: the tree, or what is wrong with the text. */
export type ParsedManifest =
  | { readonly root: ManifestNode; readonly problems: null }
  | { readonly root: null; readonly problems: ManifestProblems };

/** Reads the text. Never throws. */
export function parseManifestText(text: string): ParsedManifest {
  const problems = new ManifestProblems();
  if (text.length > MAX_MANIFEST_LENGTH) {
    problems.add(
      { line: 1, column: 1 },
      "the manifest is too long",
      `it may have ${MAX_MANIFEST_LENGTH} characters`,
    );
    return { root: null, problems };
  }
  const lines = new LineCounter();
  const tooDeep = depthProblem(text);
  if (tooDeep !== null) {
    problems.add(
      tooDeep,
      "tables and lists are nested too deep",
      `${MAX_MANIFEST_DEPTH} levels are the most`,
    );
    return { root: null, problems };
  }
  // Names that stand there twice are told by the reader, with the line of the first.
  const document = parseOrNull(text, lines);
  if (document === null) {
    problems.add(
      { line: 1, column: 1 },
      "tables and lists are nested too deep",
      `${MAX_MANIFEST_DEPTH} levels are the most`,
    );
    return { root: null, problems };
  }
  const told = new Set<number>();
  for (const { pos: [offset], code, message } of [...document.errors, ...document.warnings]) {
    const place = placeOf(lines, offset);
    if (told.has(place.line)) continue;
    told.add(place.line);
    problems.add(place, `this is no YAML: ${oneLine(message)}`);
    // What comes behind a bracket too many says nothing about the file.
    if (code === "UNEXPECTED_TOKEN") break;
  }
  const tree = new TreeMaker(document, lines, problems);
  const root = document.contents === null
    ? null
    : tree.make(document.contents as Node, placeOf(lines, document.contents.range?.[0] ?? 0), 0);
  if (document.contents === null && problems.count === 0) {
    problems.add(
      { line: 1, column: 1 },
      "the manifest is empty",
      "a show has a name and programs",
      "hana: 1",
    );
  }
  return root === null || problems.count > 0 ? { root: null, problems } : { root, problems: null };
}

/** Null where the parser ran out of room: it calls itself for every level. */
function parseOrNull(text: string, lineCounter: LineCounter): Document | null {
  try {
    return parseDocument(text, { lineCounter, uniqueKeys: false, prettyErrors: false }) as Document;
  } catch (thrown) {
    if (thrown instanceof RangeError) return null;
    throw thrown;
  }
}

class TreeMaker {
  #nodes = 0;

  constructor(
    readonly document: Document,
    readonly lines: LineCounter,
    readonly problems: ManifestProblems,
  ) {}

  /** `at` counts for nodes without a place of their own. */
  make(node: Node | null, at: ManifestPosition, depth: number): ManifestNode {
    const place = node?.range === undefined || node.range === null ? at : placeOf(this.lines, node.range[0]);
    const nothing: ManifestNode = { kind: "scalar", value: null, ...place };
    if (++this.#nodes > MAX_MANIFEST_NODES || depth > MAX_MANIFEST_DEPTH) {
      if (this.#nodes === MAX_MANIFEST_NODES + 1) {
        this.problems.add(place, "the manifest has too many values", `${MAX_MANIFEST_NODES} are the most`);
      } else if (this.#nodes <= MAX_MANIFEST_NODES) {
        const why = `${MAX_MANIFEST_DEPTH} levels are the most`;
        this.problems.add(place, "tables and lists are nested too deep", why);
      }
      return nothing;
    }
    if (isAlias(node)) {
      const meant = node.resolve(this.document) ?? null;
      if (meant !== null) return this.make(meant as Node, place, depth + 1);
      this.problems.add(place, `*${node.source} repeats nothing`, `&${node.source} stands nowhere before it`);
      return nothing;
    }
    if (isScalar(node)) return { kind: "scalar", value: plainValue(node.value), ...place };
    if (isSeq(node)) {
      return {
        kind: "list",
        items: node.items.map((item) => this.make(item as Node | null, place, depth + 1)),
        ...place,
      };
    }
    if (isMap(node)) {
      const entries = node.items.flatMap((pair): ManifestEntry[] => {
        const key = pair.key as Node | null;
        const keyPlace = key?.range === undefined || key.range === null
          ? place
          : placeOf(this.lines, key.range[0]);
        if (!isScalar(key) || key.value === null) {
          this.problems.add(keyPlace, "a name is missing before :", "names are plain texts");
          return [];
        }
        const value = this.make(pair.value as Node | null, keyPlace, depth + 1);
        return [{ key: String(key.source ?? key.value), value, ...keyPlace }];
      });
      return { kind: "table", entries, ...place };
    }
    return nothing;
  }
}

function plainValue(value: unknown): string | number | boolean | null {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return value === null || value === undefined ? null : String(value);
}

function placeOf(lines: LineCounter, offset: number): ManifestPosition {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function oneLine(message: string): string {
  const line = message.split("\n")[0] ?? "";
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}

/** Brackets beyond any use, before a parser that calls itself for each of them sees them. */
function depthProblem(text: string): ManifestPosition | null {
  let depth = 0;
  let line = 1;
  let start = -1;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "\n") {
      line++;
      start = i;
    } else if (c === "[" || c === "{") {
      if (++depth > 100 * MAX_MANIFEST_DEPTH) return { line, column: i - start };
    } else if (c === "]" || c === "}") depth = Math.max(0, depth - 1);
  }
  return null;
}
