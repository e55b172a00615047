// What a show finds on a machine before anything is changed: files, folders, checksums, room on the disk.
// Decides what is in the way and what people should merely know. Changes nothing.

import { HanaError } from "../../base/mod.ts";
import type { Host, Platform } from "../../platform/mod.ts";
import { Sha256 } from "../../security/mod.ts";
import type { ProgramSpec } from "../model/mod.ts";
import type { ShowProblem, ShowProgram } from "./calls.ts";

/** Files are read in such pieces, with room for others between them. */
const PIECE_BYTES = 1 << 20;
/** Larger files are not read: that would take minutes. */
const MAX_HASHED_BYTES = 4 * 2 ** 30;
/** With less, what is wanted can hardly be written down. */
const LEAST_FREE_BYTES = 16 << 20;
/** With less, logs end soon. */
const SCARCE_FREE_BYTES = 512 << 20;

/** `linux-x64`, `darwin-arm64`: how manifests call this machine. */
export function platformName({ os, arch }: Pick<Host, "os" | "arch">): string {
  return `${os}-${arch === "x86_64" ? "x64" : "arm64"}`;
}

/** What is in the way of these programs. `directory` is where hana keeps its things. */
export async function checkPrograms(
  platform: Platform,
  directory: string,
  programs: readonly ShowProgram[],
): Promise<ShowProblem[]> {
  const problems: ShowProblem[] = [];
  for (const { name, spec, want } of programs) {
    if (want === "down") continue;
    const problem = checkFolder(platform, name, spec) ??
      checkFile(platform, name, spec.argv[0], spec.cwd, true) ??
      await checkSum(platform, name, spec);
    if (problem !== null) problems.push(problem);
    const slate = spec.fallback;
    if (slate === null) continue;
    const missing = checkFile(platform, name, slate.argv[0], spec.cwd, false);
    if (missing !== null) problems.push({ ...missing, what: `the safe look of ${missing.what}` });
  }
  const free = freeBytes(platform, directory);
  if (free !== null && free < SCARCE_FREE_BYTES) {
    const fatal = free < LEAST_FREE_BYTES;
    const why = `${Math.floor(free / 2 ** 20)} MiB are left where hana keeps what is wanted and the logs`;
    problems.push({ program: "", what: fatal ? "the disk is full" : "the disk is almost full", why, fatal });
  }
  return problems;
}

/** Why the file of a program is not the one that its show means; null where it is, or nothing is said. */
export async function checkSum(
  platform: Platform,
  name: string,
  { argv, cwd, sha256 }: ProgramSpec,
): Promise<ShowProblem | null> {
  const sums = Object.keys(sha256);
  if (sums.length === 0) return null;
  const machine = platformName(platform.host);
  const wanted = Object.hasOwn(sha256, machine) ? sha256[machine] : undefined;
  if (wanted === undefined) {
    const why = `sha256 has ${sums.join(", ")}, and not ${machine}`;
    return { program: name, what: `${name}: its file is not checked`, why, fatal: false };
  }
  if (!isPath(argv[0])) {
    const why = `${argv[0]} names no folder, so that nobody knows which file is meant`;
    return { program: name, what: `${name}: its file cannot be checked`, why, fatal: true };
  }
  const path = pathOf(argv[0], cwd);
  const found = await digestOf(platform, path);
  if (found === wanted) return null;
  const why = found === null ? "it cannot be read" : `its SHA-256 is ${found}, and the show wants ${wanted}`;
  return { program: name, what: `${name}: ${path} is another file`, why, fatal: true };
}

/** Rejects with `config` where the file of a program is not the one that its specification means. */
export async function requireFile(platform: Platform, name: string, spec: ProgramSpec): Promise<void> {
  const problem = await checkSum(platform, name, spec);
  if (problem?.fatal === true) throw new HanaError("config", { what: problem.what, why: problem.why });
}

async function digestOf(platform: Platform, path: string): Promise<string | null> {
  const hash = new Sha256();
  try {
    for (let offset = 0; offset < MAX_HASHED_BYTES;) {
      const piece = platform.files.readAt(path, offset, PIECE_BYTES);
      if (piece === null) return null;
      if (piece.length === 0) return hash.hex();
      hash.update(piece);
      offset += piece.length;
      await new Promise<void>((resolve) => platform.timers.defer(resolve));
    }
  } catch (thrown) {
    if (!(thrown instanceof HanaError)) throw thrown;
  }
  return null;
}

function checkFolder({ files }: Platform, name: string, { cwd }: ProgramSpec): ShowProblem | null {
  if (cwd === null) return null;
  try {
    // The dot follows a link.
    const kind = (files.stat(cwd)?.kind === "other" ? files.stat(`${cwd}/.`) : files.stat(cwd))?.kind;
    if (kind === "directory") return null;
    const why = kind === undefined ? `${cwd} is missing` : `${cwd} is no folder`;
    return { program: name, what: `${name}: its folder cannot be used`, why, fatal: true };
  } catch (thrown) {
    if (!(thrown instanceof HanaError)) throw thrown;
    return { program: name, what: `${name}: its folder cannot be used`, why: thrown.message, fatal: true };
  }
}

function checkFile(
  { files }: Platform,
  name: string,
  program: string,
  cwd: string | null,
  fatal: boolean,
): ShowProblem | null {
  const path = pathOf(program, cwd);
  try {
    if (files.isExecutable(path)) return null;
    const what = `${name} cannot be started`;
    if (!isPath(program)) {
      return { program: name, what, why: `no program ${program} is installed there`, fatal };
    }
    const kind = files.stat(path)?.kind;
    const why = kind === undefined
      ? `${path} is missing`
      : kind === "directory"
      ? `${path} is a folder`
      : `${path} is not marked as a program (chmod +x)`;
    return { program: name, what, why, fatal };
  } catch (thrown) {
    if (!(thrown instanceof HanaError)) throw thrown;
    return { program: name, what: `${name} cannot be started`, why: thrown.message, fatal };
  }
}

function freeBytes({ files }: Platform, directory: string): number | null {
  try {
    return files.freeBytes(directory);
  } catch (thrown) {
    if (!(thrown instanceof HanaError)) throw thrown;
    return null;
  }
}

function isPath(program: string): boolean {
  return program.includes("/") || program.includes("\\");
}

/** A relative path stands below the program's folder. */
function pathOf(program: string, cwd: string | null): string {
  const isAbsolute = program.startsWith("/") || /^[a-z]:/i.test(program) || program.startsWith("\\\\");
  return !isPath(program) || isAbsolute || cwd === null ? program : `${cwd}/${program}`;
}
