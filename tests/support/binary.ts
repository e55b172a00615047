// The compiled executable, for tests that drive or inspect it.
// Decides when it must be compiled again: when it is missing or older than a source.
// Never compiles twice in one process, and never falls back to the source.

import { artifactName, type Target } from "../../scripts/build/targets.ts";

const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

/** Whatever enters the executable, or decides how it is made. */
const SOURCES = ["cli", "lib", "scripts/build", "scripts/compile", "deno.json", "deno.lock"];

/** The target that the tests run. */
export const TESTED_TARGET: Target = "x86_64-unknown-linux-gnu";

/** What a program wrote and how it ended. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const building = new Map<Target, Promise<string>>();

/** Where the executable for `target` stands. It need not be there. */
export function binaryPath(target: Target = TESTED_TARGET): string {
  return `${root}/dist/${artifactName(target)}`;
}

/** The path of an executable that is not older than any source, compiled if need be. Throws what the compiler said. */
export function ensureBinary(target: Target = TESTED_TARGET): Promise<string> {
  const running = building.get(target) ?? build(target);
  building.set(target, running);
  return running;
}

/** Runs the executable to its end. */
export async function runBinary(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const command = new Deno.Command(await ensureBinary(), { args: [...args], env, stdin: "null" });
  const { code, stdout, stderr } = await command.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

async function build(target: Target): Promise<string> {
  const path = binaryPath(target);
  if (modifiedAt(path) > Math.max(...SOURCES.map((source) => newestUnder(`${root}/${source}`)))) return path;
  const compiler = new Deno.Command(`${root}/scripts/compile`, { args: ["--target", target], stdin: "null" });
  const { success, stderr } = await compiler.output();
  if (!success) {
    throw new Error(`scripts/compile --target ${target} failed: ${new TextDecoder().decode(stderr)}`);
  }
  return path;
}

/** When a file was last written, in ms since 1970; 0 when there is none. */
function modifiedAt(path: string): number {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch {
    return 0;
  }
}

function newestUnder(path: string): number {
  let newest = modifiedAt(path);
  if (Deno.statSync(path).isDirectory) {
    for (const entry of Deno.readDirSync(path)) {
      newest = Math.max(newest, newestUnder(`${path}/${entry.name}`));
    }
  }
  return newest;
}
