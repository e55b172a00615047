// A manifest from a file, from standard input, or from what a node kept: read whole, or every problem told.
// Decides how problems are worded for people: FILE:LINE:COLUMN, what, why, what to write.

import { HanaError } from "../../../lib/base/mod.ts";
import { sha256Hex } from "../../../lib/security/mod.ts";
import {
  type Manifest,
  type ManifestProblem,
  type ManifestProblems,
  MAX_MANIFEST_LENGTH,
  readManifest,
} from "../../../lib/supervision/mod.ts";
import type { Cli } from "../../frame/mod.ts";
import { counted } from "../../output/mod.ts";
import { parseManifestText } from "./manifest_text.ts";

/** A manifest that was read. */
export interface LoadedShow {
  /** The file, or where else it came from. */
  readonly source: string;
  readonly text: string;
  readonly sha256: string;
  readonly manifest: Manifest;
}

/** Bytes of a manifest: its characters have four at most. */
const MAX_BYTES = 4 * MAX_MANIFEST_LENGTH;

/** A manifest cannot be used. Its problems were told by then. */
export class ManifestRefused extends HanaError {
  readonly problems: readonly ManifestProblem[];

  constructor(source: string, problems: ManifestProblems) {
    const left = problems.count - problems.told.length;
    super("config", {
      what: `${source} was not applied`,
      why: `${counted(problems.count, "problem")} in it${left > 0 ? `, ${left} of them not shown` : ""}`,
      hint: "hana apply --schema > hana-manifest.json    (for an editor that checks while you type)",
    });
    this.problems = problems.told;
  }
}

/** Reads a file, or standard input (`-`). Throws `not-found`, `storage`, and {@linkcode ManifestRefused} with all problems. */
export async function loadManifest(path: string): Promise<LoadedShow> {
  const bytes = path === "-" ? await readInput() : readFile(path);
  return readShow(path === "-" ? "standard input" : path, textOf(path, bytes));
}

/** Reads a manifest's text. Throws {@linkcode ManifestRefused}. */
export function readShow(source: string, text: string): LoadedShow {
  const parsed = parseManifestText(text);
  if (parsed.root === null) throw new ManifestRefused(source, parsed.problems);
  const read = readManifest(parsed.root);
  if (read.manifest === null) throw new ManifestRefused(source, read.problems);
  const sha256 = sha256Hex(new TextEncoder().encode(text));
  return { source, text, sha256, manifest: read.manifest };
}

/** Tells problems, one after the other. */
export function tellProblems(cli: Cli, source: string, problems: readonly ManifestProblem[]): void {
  for (const problem of problems) cli.output.error(asError(source, problem));
}

function asError(source: string, { line, column, what, why, hint }: ManifestProblem): HanaError {
  return new HanaError("config", {
    what: `${source}:${line}:${column}: ${what}`,
    ...(why === undefined ? {} : { why }),
    ...(hint === undefined ? {} : { hint }),
  });
}

function readFile(path: string): Uint8Array {
  try {
    const { size, isFile, isFifo } = Deno.statSync(path);
    if (!isFile && isFifo !== true) throw unreadable(path, "it is no file; standard input is -");
    if (size > MAX_BYTES) throw unreadable(path, `it has ${size} bytes, a manifest at most ${MAX_BYTES}`);
    return Deno.readFileSync(path);
  } catch (thrown) {
    if (thrown instanceof HanaError) throw thrown;
    if (thrown instanceof Deno.errors.NotFound) {
      throw new HanaError("config", {
        what: `there is no file ${path}`,
        why: "a show is described by a manifest",
        hint: "hana apply --help",
      });
    }
    throw unreadable(path, thrown instanceof Error ? thrown.message : String(thrown));
  }
}

async function readInput(): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of Deno.stdin.readable) {
    pieces.push(piece);
    length += piece.length;
    if (length > MAX_BYTES) throw unreadable("standard input", `a manifest has at most ${MAX_BYTES} bytes`);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function textOf(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw unreadable(path, "it is no text in UTF-8");
  }
}

function unreadable(path: string, why: string): HanaError {
  return new HanaError("config", { what: `${path} cannot be read as a manifest`, why });
}
