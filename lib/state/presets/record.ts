// A preset as entries of the shared state: one head, and parts where it is too large for one value.
// Decides what such entries hold, and that a preset is read whole or not at all. Anybody may have written them: nothing of them
// is believed.

import { HanaError } from "../../base/mod.ts";
import { describeValue } from "../../wire/mod.ts";
import type { StateValue } from "../model/mod.ts";
import { outside, readEntry } from "./entry.ts";
import { MAX_SNAPSHOT_VALUES, PRESETS_SUBSYSTEM, type Snapshot, type SnapshotEntry } from "./snapshot.ts";

/** Bytes of the text of one entry: a JSON value of the state has 16 KiB at most (schema/bounds.ts). */
export const PART_BYTES = 14 * 1024;
/** Entries of one preset. */
export const MAX_PARTS = 128;
/** Characters of what a person says about it. */
export const MAX_NOTE_LENGTH = 512;
const FORM = 1;

/** A preset as it is stored. */
export interface PresetRecord {
  readonly head: { readonly path: string; readonly value: StateValue };
  readonly parts: readonly { readonly path: string; readonly value: StateValue }[];
}

/** What the head of a preset says. */
export interface PresetHead {
  readonly name: string;
  readonly prefix: string;
  readonly note: string | null;
  /** Who stored it, as people see it. */
  readonly by: string;
  /** Counts how often it was stored. */
  readonly revision: number;
  /** How many values it has. */
  readonly values: number;
  /** How many entries. */
  readonly parts: number;
  readonly text: string;
}

/** Where a preset is. */
export function presetPath(name: string): string {
  return `${PRESETS_SUBSYSTEM}/${name}`;
}

/** Where one of its further parts is, from 2 on. */
export function partPath(name: string, revision: number, part: number): string {
  return `${presetPath(name)}/${revision}-${part}`;
}

/** The entries of a preset. Throws `overloaded` where it takes too many. */
export function toRecord(
  name: string,
  snapshot: Snapshot,
  { note, by, revision }: { readonly note: string | null; readonly by: string; readonly revision: number },
): PresetRecord {
  const rows = snapshot.entries.map((entry) => [entry.path, entry.type, outside(entry), entry.priority]);
  const [first = "", ...others] = cut(JSON.stringify(rows));
  if (others.length + 1 > MAX_PARTS) {
    throw new HanaError("overloaded", {
      what: `the preset ${name} is too large`,
      why: `one has ${MAX_PARTS * PART_BYTES} bytes at most`,
      hint: "store what lies below several prefixes as several presets",
    });
  }
  const head: StateValue = {
    hana: FORM,
    name,
    prefix: snapshot.prefix,
    note,
    by,
    revision,
    values: rows.length,
    parts: others.length + 1,
    text: first,
  };
  return {
    head: { path: presetPath(name), value: head },
    parts: others.map((text, at) => ({
      path: partPath(name, revision, at + 2),
      value: { hana: FORM, name, revision, part: at + 2, text },
    })),
  };
}

/** The head of a preset; null where the entry is none. */
export function readHead(value: StateValue): PresetHead | null {
  const table = tableOf(value);
  if (table === null || table.hana !== FORM) return null;
  const { name, prefix, note, by, revision, values, parts, text } = table;
  if (typeof name !== "string" || typeof prefix !== "string" || typeof text !== "string") return null;
  if (!isCount(revision) || !isCount(values) || !isCount(parts) || parts < 1 || parts > MAX_PARTS) {
    return null;
  }
  return {
    name,
    prefix,
    note: typeof note === "string" ? note : null,
    by: typeof by === "string" ? by : "",
    revision,
    values,
    parts,
    text,
  };
}

/**
 * The snapshot of a preset. `valueOf` is what stands at a path; null for nothing.
 * Throws `schema`, saying what is missing or wrong.
 */
export function readRecord(head: PresetHead, valueOf: (path: string) => StateValue): Snapshot {
  let text = head.text;
  for (let part = 2; part <= head.parts; part++) {
    const table = tableOf(valueOf(partPath(head.name, head.revision, part)));
    const isPart = table !== null && table.hana === FORM && table.part === part &&
      table.revision === head.revision && typeof table.text === "string";
    if (!isPart) throw broken(head.name, `part ${part} of ${head.parts} is missing`);
    text += table.text as string;
  }
  let rows: unknown;
  try {
    rows = JSON.parse(text);
  } catch (cause) {
    throw broken(head.name, cause instanceof Error ? cause.message : String(cause));
  }
  if (!Array.isArray(rows) || rows.length !== head.values || rows.length > MAX_SNAPSHOT_VALUES) {
    throw broken(head.name, `it says that it has ${head.values} values and has others`);
  }
  const entries: SnapshotEntry[] = [];
  const paths = new Set<string>();
  for (const row of rows as readonly unknown[]) {
    if (!Array.isArray(row)) throw broken(head.name, `${describeValue(row)} is no value of a preset`);
    const [path, type, value, priority = null] = row as readonly unknown[];
    const entry = readEntry(path, type, value, priority);
    if (typeof entry === "string") throw broken(head.name, entry);
    if (paths.has(entry.path)) throw broken(head.name, `${entry.path} is in it twice`);
    paths.add(entry.path);
    entries.push(entry);
  }
  return { prefix: head.prefix, entries: entries.sort((a, b) => a.path < b.path ? -1 : 1) };
}

/** A text in pieces that fit one entry each, escapes included. */
function cut(text: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  let bytes = 0;
  for (let at = 0; at < text.length; at++) {
    const size = bytesOf(text.charCodeAt(at));
    if (bytes + size > PART_BYTES && at > start) {
      // Not between the halves of a character.
      const end = isLowHalf(text.charCodeAt(at)) ? at - 1 : at;
      pieces.push(text.slice(start, end));
      start = end;
      bytes = end < at ? bytesOf(text.charCodeAt(end)) : 0;
    }
    bytes += size;
  }
  pieces.push(text.slice(start));
  return pieces;
}

/** Bytes that a UTF-16 unit takes at most in a JSON text. */
function bytesOf(unit: number): number {
  if (unit < 0x20) return 6;
  if (unit === 0x22 || unit === 0x5c) return 2;
  return unit < 0x80 ? 1 : 3;
}

function isLowHalf(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function tableOf(value: StateValue): Readonly<Record<string, unknown>> | null {
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    return null;
  }
  return value as Readonly<Record<string, unknown>>;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

function broken(name: string, why: string): HanaError {
  return new HanaError("schema", {
    what: `the preset ${name} cannot be read`,
    why,
    hint: "store it again, or delete it",
  });
}
