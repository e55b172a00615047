// One JavaScript file out of the program and its packages.
// Decides what enters the executable: what cli/main.ts reaches, each module once, nothing of tests or tools.
// Plain `deno compile` would embed every package of the lock, test packages too, and start slower.
// Never minifies: stack traces of a show that went wrong must be readable.

import { relative } from "node:path";

/**
 * Bundles `root`/cli/main.ts into `output`. Lazy imports stay lazy: their modules run when first asked for.
 * Throws with what the bundler said when it fails or when a path of this machine is left in the result.
 */
export async function bundle(root: string, output: string): Promise<void> {
  const bundler = new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--frozen", "--config", "deno.json", "--output", output, "cli/main.ts"],
    cwd: root,
    stdin: "null",
    env: { NO_COLOR: "1" },
  });
  const { success, stderr } = await bundler.output();
  if (!success) throw new Error(`deno bundle failed: ${new TextDecoder().decode(stderr).trim()}`);

  // The bundler names modules by their path from the checkout, so the package cache's place would get into the
  // executable: a leak, and a difference between two machines that build the same commit.
  const cache = relative(root, await packageCache()).replaceAll("\\", "/");
  const code = (await Deno.readTextFile(output)).replace(
    new RegExp(`${escape(cache)}/[^/"\\s]+/`, "g"),
    "npm/",
  );
  for (const place of [cache, root]) {
    if (code.includes(place)) throw new Error(`the bundle holds a path of this machine: ${place}`);
  }
  await Deno.writeTextFile(output, code);
}

async function packageCache(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"], stderr: "null" })
    .output();
  return (JSON.parse(new TextDecoder().decode(stdout)) as { npmCache: string }).npmCache;
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
