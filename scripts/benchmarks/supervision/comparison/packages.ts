// pm2 of npm, in the cache of this program: installed once, with no scripts run.

import { has } from "../../discovery_tools.ts";

/** The version that is compared. */
export const PM2_VERSION = "7.0.4";
const INSTALL_MS = 300_000;

/** Where the command stands, or why it could not be brought. */
export async function bringPm2(
  directory: string,
  say: (text: string) => void,
): Promise<{ readonly command: string } | { readonly why: string }> {
  if (!has("npm") || !has("node")) return { why: "there is no Node with npm" };
  const folder = `${Deno.env.get("HANA_CACHE") ?? directory}/pm2-${PM2_VERSION}`;
  const command = `${folder}/node_modules/.bin/pm2`;
  if (has(command)) return { command };
  say(`installing pm2 ${PM2_VERSION} of npm (once)`);
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify({ private: true }));
  const { success, stderr } = await new Deno.Command("npm", {
    args: [
      "install",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      "--loglevel=error",
      `pm2@${PM2_VERSION}`,
    ],
    cwd: folder,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.timeout(INSTALL_MS),
  }).output();
  if (success) return { command };
  return { why: `npm install: ${new TextDecoder().decode(stderr).trim().split("\n").slice(-2).join(" | ")}` };
}
