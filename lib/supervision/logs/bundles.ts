// What is kept of runs that ended: the material of `hana why`, a file a run.
// Decides how many are kept and what is left out of one that is too big; never what a run's events mean. A bundle is in
// memory at once and in its file after the next flush: a restart does not wait for the disk.

import { HanaError } from "../../base/mod.ts";
import type { Files } from "../../platform/mod.ts";
import type { CrashBundle } from "../model/mod.ts";

/** Runs that are kept. */
const KEPT_RUNS = 5;
/** The largest file. */
export const MAX_BUNDLE_BYTES = 256 << 10;
/** What a line may keep where a bundle is too big. */
const SHORT_LINE = 500;
const NAME = /^(\d{1,15})\.json$/;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Where bundles are kept. */
export interface BundleKeeperOptions {
  readonly files: Files;
  /** The program's directory: bundles are in `runs` in it. */
  readonly directory: string;
  /** Runs that are kept; 5 unless given. */
  readonly keep?: number;
}

/** Bundles of one program. */
export class BundleKeeper {
  /** Bundles that the disk refused. */
  refused = 0;
  /** Bundles of which something was left out. */
  cut = 0;
  readonly #files: Files;
  readonly #directory: string;
  readonly #keep: number;
  /** Not in a file yet: run and text. */
  readonly #unwritten = new Map<number, Uint8Array>();

  constructor(options: BundleKeeperOptions) {
    this.#files = options.files;
    this.#directory = `${options.directory}/runs`;
    this.#keep = Math.max(1, options.keep ?? KEPT_RUNS);
  }

  /** Keeps the bundle of a run that ended, in place of an earlier one of the same run. */
  keep(bundle: CrashBundle): void {
    const bytes = this.#fitted(bundle);
    const { run } = bundle.snapshot;
    this.#unwritten.delete(run);
    this.#unwritten.set(run, bytes);
    if (this.#unwritten.size > this.#keep) {
      const [oldest] = this.#unwritten.keys();
      if (oldest !== undefined) this.#unwritten.delete(oldest);
    }
  }

  /** Whether {@linkcode flush} has something to write. */
  get isBehind(): boolean {
    return this.#unwritten.size > 0;
  }

  /** Writes what is not in a file yet and removes the oldest. False: the disk refuses; all stays in memory. */
  flush(): boolean {
    try {
      if (this.#unwritten.size > 0) this.#files.makeDirectory(this.#directory, 0o700);
      for (const [run, bytes] of this.#unwritten) {
        this.#files.write(this.#path(run), bytes, 0o600);
        this.#unwritten.delete(run);
      }
      const runs = this.#writtenRuns();
      for (const run of runs.slice(0, Math.max(0, runs.length - this.#keep))) {
        this.#files.remove(this.#path(run));
      }
      return true;
    } catch {
      this.refused++;
      return false;
    }
  }

  /** The runs that there are bundles of, oldest first. */
  runs(): number[] {
    let written: number[] = [];
    try {
      written = this.#writtenRuns();
    } catch {
      this.refused++;
    }
    return [...new Set([...written, ...this.#unwritten.keys()])].sort((a, b) => a - b).slice(-this.#keep);
  }

  /** The bundle of a run, of the newest one unless given; null where there is none that can be read. */
  bundle(run?: number): CrashBundle | null {
    const wanted = run ?? this.runs().at(-1);
    if (wanted === undefined) return null;
    const waiting = this.#unwritten.get(wanted);
    if (waiting !== undefined) return parseBundle(waiting);
    try {
      const bytes = this.#files.read(this.#path(wanted));
      return bytes === null ? null : parseBundle(bytes);
    } catch {
      this.refused++;
      return null;
    }
  }

  #path(run: number): string {
    return `${this.#directory}/${run}.json`;
  }

  #writtenRuns(): number[] {
    return this.#files.list(this.#directory).flatMap((name) => {
      const run = NAME.exec(name)?.[1];
      return run === undefined ? [] : [Number(run)];
    }).sort((a, b) => a - b);
  }

  /** The text of a bundle, as much of it as may be: long lines are cut first, then the oldest lines and events go. */
  #fitted(bundle: CrashBundle): Uint8Array {
    let bytes = encoder.encode(JSON.stringify(bundle));
    if (bytes.length <= MAX_BUNDLE_BYTES) return bytes;
    this.cut++;
    let { lines, events, changes } = bundle;
    lines = lines.map((record) => {
      return record.text.length <= SHORT_LINE
        ? record
        : { ...record, text: `${record.text.slice(0, SHORT_LINE)} …`, partial: true };
    });
    for (;;) {
      bytes = encoder.encode(JSON.stringify({ ...bundle, lines, events, changes }));
      if (bytes.length <= MAX_BUNDLE_BYTES) return bytes;
      if (lines.length === 0 && events.length === 0 && changes.length === 0) break;
      lines = lines.slice(Math.ceil(lines.length / 2));
      if (lines.length < 16) {
        events = events.slice(Math.ceil(events.length / 2));
        changes = changes.slice(0, Math.floor(changes.length / 2));
      }
    }
    // What is left is the snapshot, with a command line of the largest size at most.
    return bytes;
  }
}

/** Reads a bundle; null where the bytes are none. */
function parseBundle(bytes: Uint8Array): CrashBundle | null {
  try {
    const value: unknown = JSON.parse(decoder.decode(bytes));
    return isBundle(value) ? value : null;
  } catch {
    return null;
  }
}

function isBundle(value: unknown): value is CrashBundle {
  if (typeof value !== "object" || value === null) return false;
  const { snapshot, events, lines, samples, changes } = value as Record<string, unknown>;
  return typeof snapshot === "object" && snapshot !== null && "run" in snapshot &&
    [events, lines, samples, changes].every(Array.isArray);
}

/** Bundles of a program whose shim is gone. Throws `not-found` where there is none. */
export function readBundle(files: Files, directory: string, run?: number): CrashBundle {
  const bundle = new BundleKeeper({ files, directory }).bundle(run);
  if (bundle !== null) return bundle;
  throw new HanaError("not-found", {
    what: run === undefined ? "a run that ended" : `what was kept of run ${run}`,
    why: `nothing of it is in ${directory}/runs`,
  });
}
