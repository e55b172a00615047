// What differs between two specifications, in words for people.
// Decides one line a field, the old value before the new one; never whether a difference matters.

import type { ProgramSpec } from "../model/mod.ts";

/** Longest value that is shown whole. */
const MAX_SHOWN = 80;
/** The most lines that are given; the last one says how many were left out. */
const MAX_LINES = 32;

/** One line for each field that differs, such as `graceUs: 5000000 -> 1000000`; empty where nothing does. */
export function diffSpecs(before: ProgramSpec, after: ProgramSpec): string[] {
  const lines: string[] = [];
  compare("", before, after, lines);
  if (lines.length <= MAX_LINES) return lines;
  return [...lines.slice(0, MAX_LINES - 1), `and ${lines.length - MAX_LINES + 1} more`];
}

function compare(path: string, before: unknown, after: unknown, lines: string[]): void {
  if (isTable(before) && isTable(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    for (const key of keys) {
      compare(path === "" ? key : `${path}.${key}`, own(before, key), own(after, key), lines);
    }
    return;
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  lines.push(`${path}: ${show(before)} -> ${show(after)}`);
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function own(table: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

function show(value: unknown): string {
  if (value === undefined || value === null) return "none";
  const text = JSON.stringify(value);
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN - 1)}…`;
}
