// A handful of JavaScript files out of the program and its packages.
// Decides what enters the executable: what cli/main.ts reaches, each module once, nothing of tests or tools.
// Plain `deno compile` would embed every package of the lock, test packages too. What is imported lazily stays in
// files of its own, so that `hana version` reads a few kilobytes.
// Never minifies: stack traces of a show that went wrong must be readable.

import { relative } from "node:path";
import { packageCache } from "./deno.ts";

/** The file in a bundle's folder that starts the program. */
export const BUNDLE_ENTRY = "main.js";

/**
 * Bundles `root`/cli/main.ts into the empty `folder`. Equal sources make equal files, wherever they are built.
 * Throws with what the bundler said when it fails, or when a path of this machine is left in the result.
 */
export async function bundle(root: string, folder: string): Promise<void> {
  const bundler = new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--frozen", "--config", "deno.json"],
      ...["--code-splitting", "--outdir", folder, "cli/main.ts"],
    ],
    cwd: root,
    stdin: "null",
    env: { NO_COLOR: "1" },
  });
  const { success, stderr } = await bundler.output();
  if (!success) throw new Error(`deno bundle failed: ${new TextDecoder().decode(stderr).trim()}`);

  // The bundler names modules by their path from the checkout, so the package cache's place would get into the
  // executable: a leak, and a difference between two machines that build the same commit.
  const cache = relative(root, await packageCache()).replaceAll("\\", "/");
  const cached = new RegExp(`${escape(cache)}/[^/"\\s]+/`, "g");
  const files = new Map<string, string>();
  for await (const { name } of Deno.readDir(folder)) {
    const code = (await Deno.readTextFile(`${folder}/${name}`)).replace(cached, "npm/");
    for (const place of [cache, root]) {
      if (code.includes(place)) throw new Error(`the bundle holds a path of this machine: ${place}`);
    }
    files.set(name, code);
    await Deno.remove(`${folder}/${name}`);
  }
  for (const [name, code] of withStableNames(files)) await Deno.writeTextFile(`${folder}/${name}`, code);
}

/** A file's name as the bundler makes it: a stem, and a hash over the content before the paths were taken out. */
const HASHED_NAME = /\b([\w$]+)-[0-9A-Z]{8}\.js\b/g;

/** The files under names that depend on nothing but what they hold: `chunk-1.js`, `chunk-2.js`, `version-1.js`. */
export function withStableNames(files: ReadonlyMap<string, string>): Map<string, string> {
  const content = (code: string) => code.replace(HASHED_NAME, (name, stem) => files.has(name) ? stem : name);
  const ordered = [...files].map(([name, code]) => ({ name, key: `${content(name)}\n${content(code)}` }))
    .sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
  const counts = new Map<string, number>();
  const names = new Map(ordered.map(({ name }) => {
    const stem = content(name);
    if (stem === name) return [name, name];
    const count = (counts.get(stem) ?? 0) + 1;
    counts.set(stem, count);
    return [name, `${stem}-${count}.js`];
  }));
  return new Map(
    [...files].map(([name, code]) => [
      names.get(name) ?? name,
      code.replace(HASHED_NAME, (found) => names.get(found) ?? found),
    ]),
  );
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
