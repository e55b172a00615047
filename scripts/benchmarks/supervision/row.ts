// A figure beside what was asked for. Decides the shape of rows and when one is missed.

import type { FoundProcess } from "./processes.ts";

/** A line of the numbers' table. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  /** Figures by name: p50, p99, max, n, … */
  readonly figures: Readonly<Record<string, number>>;
  /** What was asked for: these figures at most. Empty for a baseline. */
  readonly limit: Readonly<Record<string, number>>;
  /** These figures at least. */
  readonly atLeast?: Readonly<Record<string, number>>;
  /** What a reader needs to know of how it was taken. */
  readonly note?: string;
}

/** Whether a row keeps all that was asked for. */
export function isKept({ figures, limit, atLeast = {} }: Row): boolean {
  return Object.entries(limit).every(([name, most]) => (figures[name] ?? Infinity) <= most) &&
    Object.entries(atLeast).every(([name, least]) => (figures[name] ?? -Infinity) >= least);
}

/** What every figure is taken with. */
export interface Bench {
  /** How hana is called. */
  readonly hana: readonly string[];
  /** bench_child.c, compiled. */
  readonly benchChild: string;
  /** The chaos child's executable. */
  readonly child: string;
  /** A bare respawn loop in C. */
  readonly respawn: string;
  /** Empty, short, removed afterwards. */
  readonly directory: string;
  /** Enters a network namespace of its own with nothing but loopback. */
  readonly isolated: readonly string[];
  readonly mark: string;
  readonly isQuick: boolean;
  /** Comes before what is timed: what gives it priority, or nothing. */
  readonly ahead: readonly string[];
  say(text: string): void;
}

/** A directory of a measurement's own. */
export function ownDirectory(bench: Bench, name: string): string {
  const path = `${bench.directory}/${name}`;
  Deno.mkdirSync(path, { mode: 0o700 });
  return path;
}

/** The processes among `all` that run this file. */
export function running(all: readonly FoundProcess[], file: string): FoundProcess[] {
  return all.filter((process) => process.file === file);
}
