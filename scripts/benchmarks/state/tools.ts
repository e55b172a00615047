// What the comparison is made of: packages of npm in the cache of this program, the driver as one file beside them.
// Decides versions and places. hana itself depends on none of it.

import { has } from "../discovery_tools.ts";
import type { Runtime } from "./options.ts";

const HERE = new URL("./", import.meta.url).pathname;
const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;
const INSTALL_MS = 300_000;

/** Packages of npm, which neither the lock nor the executable knows. */
export const NPM_PACKAGES = {
  // What `colyseus` is made of, without the transport that npm does not have.
  "@colyseus/core": "0.18.17",
  "@colyseus/schema": "5.0.34",
  "@colyseus/sdk": "0.18.4",
  "@colyseus/ws-transport": "0.18.4",
  msgpackr: "2.1.3",
  yjs: "13.6.33",
  "y-protocols": "1.0.7",
  lib0: "0.2.120",
  ws: "8.23.0",
  "@automerge/automerge": "3.5.0",
} as const;

/** Brings the packages into the cache, once, and links to them from `directory`. Null when it went well. */
export async function bringPackages(directory: string, say: (text: string) => void): Promise<string | null> {
  const manifest = JSON.stringify({ private: true, type: "module", dependencies: NPM_PACKAGES });
  if (!has("npm") || !has("node")) return "there is no Node with npm";
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(manifest)));
  const mark = Array.from(digest.subarray(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const cache = `${Deno.env.get("HANA_CACHE") ?? directory}/state-npm-${mark}`;
  if (!exists(`${cache}/complete`)) {
    say(`installing ${Object.keys(NPM_PACKAGES).join(", ")} of npm (once)`);
    await Deno.mkdir(cache, { recursive: true });
    await Deno.writeTextFile(`${cache}/package.json`, manifest);
    const install = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    const failure = await run("npm", install, cache);
    if (failure !== null) return failure;
    await Deno.writeTextFile(`${cache}/complete`, "");
  }
  await Deno.symlink(`${cache}/node_modules`, `${directory}/node_modules`);
  await Deno.writeTextFile(`${directory}/package.json`, manifest);
  return null;
}

/** Bundles a program of this folder into `directory`, without the packages that it loads by name. */
export async function bundle(directory: string, name: string): Promise<void> {
  await Deno.writeTextFile(`${directory}/deno.json`, "{}");
  const failure = await run(Deno.execPath(), [
    ...["bundle", "--quiet", "--frozen", "--config", CONFIG, "--packages=external"],
    ...["--output", `${directory}/${name}.mjs`, `${HERE}${name}.ts`],
  ]);
  if (failure !== null) throw new Error(failure);
}

/** The command of a bundled program; what it is told is its last argument. */
export function commandOf(runtime: Runtime, directory: string, name: string, task: unknown): string[] {
  const program = [`${directory}/${name}.mjs`, JSON.stringify(task)];
  if (runtime === "node") return ["node", "--expose-gc", ...program];
  return [
    ...[Deno.execPath(), "run", "--quiet", "-A", "--no-prompt", "--no-lock", "--node-modules-dir=manual"],
    ...["--v8-flags=--expose-gc", "--config", `${directory}/deno.json`],
    ...program,
  ];
}

/** Null when it went well, else the end of what it said. */
async function run(command: string, args: readonly string[], cwd?: string): Promise<string | null> {
  const { success, stderr } = await new Deno.Command(command, {
    args: [...args],
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.timeout(INSTALL_MS),
  }).output();
  if (success) return null;
  return `${command}: ${new TextDecoder().decode(stderr).trim().split("\n").slice(-3).join(" | ")}`;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
