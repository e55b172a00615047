// Readers of single values of a manifest: texts, numbers, durations, sizes, lists, tables.
// Decides what is said of a value that does not fit; a reader that finds a problem notes it and answers undefined, so that
// the rest of the file is read on.

import { nearest } from "../../base/mod.ts";
import type { Problems } from "./problems.ts";
import type { ListNode, ManifestEntry, ManifestNode, TableNode } from "./tree.ts";

/** Longest piece of a foreign value that a problem repeats. */
const MAX_SHOWN = 60;

const DURATION_US: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1_000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000,
};

const SIZE_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};

/** A value as a problem shows it. */
export function shown(node: ManifestNode): string {
  if (node.kind === "list") return `a list of ${node.items.length}`;
  if (node.kind === "table") return "a table";
  if (node.value === null) return "nothing";
  return typeof node.value === "string" ? quoted(node.value) : String(node.value);
}

/** A foreign text, cut and in quotes. */
export function quoted(text: string): string {
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  return JSON.stringify(cut);
}

/** Reads the values below one place; `path` names it in problems. */
export class Values {
  readonly problems: Problems;

  constructor(problems: Problems) {
    this.problems = problems;
  }

  /** Notes that a value does not fit. */
  misfit(path: string, node: ManifestNode, needs: string, hint?: string): undefined {
    this.problems.add(node, `${path} cannot be ${shown(node)}`, `it must be ${needs}`, hint);
    return undefined;
  }

  /** A table; with `keys` only of those. Names that stand there twice are problems, and the first one counts. */
  table(
    path: string,
    node: ManifestNode,
    keys: readonly string[] | null,
  ): Map<string, ManifestEntry> | undefined {
    if (node.kind !== "table") return this.misfit(path, node, "a table (NAME: VALUE)");
    return this.entries(path, node, keys);
  }

  entries(path: string, node: TableNode, keys: readonly string[] | null): Map<string, ManifestEntry> {
    const found = new Map<string, ManifestEntry>();
    for (const entry of node.entries) {
      const first = found.get(entry.key);
      if (first !== undefined) {
        const what = `${join(path, entry.key)} stands there twice`;
        this.problems.add(entry, what, `the first one is in line ${first.line}`, "keep one of them");
        continue;
      }
      if (keys !== null && !keys.includes(entry.key)) {
        const near = nearest(entry.key, keys);
        this.problems.add(
          entry,
          `${path === "" ? "a manifest" : path} has no field ${quoted(entry.key)}`,
          near === null ? `there are ${keys.join(", ")}` : `did you mean ${near}?`,
          near === null ? "leave it out" : `${near}:`,
        );
        continue;
      }
      found.set(entry.key, entry);
    }
    return found;
  }

  list(path: string, node: ManifestNode, hint?: string): ListNode | undefined {
    if (node.kind === "list") return node;
    return this.misfit(path, node, "a list ([A, B])", hint);
  }

  text(path: string, node: ManifestNode): string | undefined {
    if (node.kind === "scalar" && typeof node.value === "string") return node.value;
    const isPlain = node.kind === "scalar" && node.value !== null;
    return this.misfit(path, node, "a text", isPlain ? `in quotes: "${String(node.value)}"` : undefined);
  }

  boolean(path: string, node: ManifestNode): boolean | undefined {
    if (node.kind === "scalar" && typeof node.value === "boolean") return node.value;
    return this.misfit(path, node, "true or false");
  }

  number(path: string, node: ManifestNode, needs = "a number"): number | undefined {
    if (node.kind === "scalar" && typeof node.value === "number") return node.value;
    return this.misfit(path, node, needs);
  }

  word<const T extends string>(path: string, node: ManifestNode, words: readonly T[]): T | undefined {
    const value = node.kind === "scalar" ? node.value : null;
    for (const word of words) if (word === value) return word;
    const near = typeof value === "string" ? nearest(value, words) : null;
    return this.misfit(
      path,
      node,
      words.length === 1 ? String(words[0]) : `one of ${words.join(", ")}`,
      near === null ? undefined : `did you mean ${near}?`,
    );
  }

  /** `250ms`, `2s`, `1m30s`: microseconds. */
  duration(path: string, node: ManifestNode): number | undefined {
    const value = node.kind === "scalar" ? node.value : null;
    if (value === 0 || value === "0") return 0;
    if (typeof value === "number" || (typeof value === "string" && /^\d+(\.\d+)?$/.test(value))) {
      return this.misfit(path, node, "a duration with its unit: us, ms, s, m, h or d", `${value}s`);
    }
    const parts = typeof value === "string" ? [...value.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h|d)/g)] : [];
    if (parts.length === 0 || parts.map(([part]) => part).join("") !== value) {
      return this.misfit(path, node, "a duration, such as 250ms, 2s or 5m");
    }
    const us = Math.round(
      parts.reduce((sum, [, digits = "", unit = ""]) => sum + Number(digits) * (DURATION_US[unit] ?? 0), 0),
    );
    return Number.isSafeInteger(us) ? us : this.misfit(path, node, "a duration of at most a day");
  }

  /** `8MiB`, `6GB`: bytes. */
  size(path: string, node: ManifestNode): number | undefined {
    const value = node.kind === "scalar" ? node.value : null;
    if (typeof value === "number") {
      return this.misfit(path, node, "a size with its unit: B, KiB, MiB, GiB, KB, MB, GB", `${value}MiB`);
    }
    const [, digits = "", unit = ""] = typeof value === "string"
      ? /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(value) ?? []
      : [];
    const factor = Object.hasOwn(SIZE_BYTES, unit) ? SIZE_BYTES[unit] : undefined;
    if (factor === undefined) {
      const near = digits === "" ? null : nearest(unit, Object.keys(SIZE_BYTES));
      return this.misfit(
        path,
        node,
        "a size, such as 512MiB or 6GiB",
        digits === "" ? undefined : `${digits}${near ?? "MiB"}`,
      );
    }
    const bytes = Math.round(Number(digits) * factor);
    return Number.isSafeInteger(bytes) ? bytes : this.misfit(path, node, "a size that a machine can have");
  }
}

/** The path of a field. */
export function join(path: string, key: string): string {
  const name = key.length > MAX_SHOWN ? `${key.slice(0, MAX_SHOWN)}…` : key;
  return path === "" ? name : `${path}.${name}`;
}

/** Microseconds as they are written in a manifest. */
export function durationText(us: number): string {
  for (const unit of ["d", "h", "m", "s", "ms"]) {
    const size = DURATION_US[unit] ?? 1;
    if (us >= size && us % size === 0) return `${us / size}${unit}`;
  }
  return us === 0 ? "0s" : `${us}us`;
}

/** Bytes as they are written in a manifest. */
export function sizeText(bytes: number): string {
  for (const unit of ["TiB", "GiB", "MiB", "KiB"]) {
    const size = SIZE_BYTES[unit] ?? 1;
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}
