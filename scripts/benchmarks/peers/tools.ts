// What the peers are made of: Debian packages, npm packages, drivers bundled for Node, C files compiled on the spot.
// Decides versions and places: packages of npm go to the cache of this program, all else to the run's own directory.

import { has, install } from "../discovery_tools.ts";
import type { Need, Peer } from "./peers.ts";

const HERE = new URL("./", import.meta.url).pathname;
const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;
const INSTALL_MS = 300_000;

/** Packages of npm, which neither the lock nor the executable knows. */
const NPM_PACKAGES = {
  "@nats-io/transport-node": "3.4.0",
  mqtt: "5.16.0",
  ws: "8.23.0",
  zeromq: "6.8.0",
} as const;

/** How each need is seen, and which Debian packages bring it. */
const DEBIAN: Readonly<
  Partial<Record<Need, { readonly isHere: () => boolean; readonly packages: string[] }>>
> = {
  "nats-server": { isHere: () => has("nats-server"), packages: ["nats-server"] },
  mosquitto: { isHere: () => has("mosquitto"), packages: ["mosquitto"] },
  enet: { isHere: () => compiles("enet/enet.h"), packages: ["libenet-dev", "gcc", "libc6-dev"] },
  zmq: { isHere: () => compiles("zmq.h"), packages: ["libzmq3-dev", "gcc", "libc6-dev"] },
  cable: { isHere: () => compiles("linux/if_packet.h"), packages: ["gcc", "libc6-dev", "linux-libc-dev"] },
};

/** The libraries that a C file needs. */
const NATIVE: Readonly<Record<string, readonly string[]>> = {
  enet: ["harness.c", "enet_peer.c", "-lenet"],
  zeromq: ["harness.c", "zeromq_peer.c", "-lzmq"],
  lossy_forwarder: ["lossy_forwarder.c"],
};

/** Brings what `needs` names; what could not be brought, by need, and why. */
export async function bring(
  needs: ReadonlySet<Need>,
  directory: string,
  say: (text: string) => void,
): Promise<Map<Need, string>> {
  const missing = new Map<Need, string>();
  const lacking = [...needs].filter((need) => DEBIAN[need]?.isHere() === false);
  const packages = [...new Set(lacking.flatMap((need) => DEBIAN[need]?.packages ?? []))];
  const why = packages.length === 0 ? null : await install(packages, say);
  for (const need of lacking) {
    if (DEBIAN[need]?.isHere() === false) missing.set(need, why ?? "not in its package");
  }
  if (needs.has("npm")) {
    const failure = await bringPackages(directory, say);
    if (failure !== null) missing.set("npm", failure);
  }
  for (const [need, name] of [["enet", "enet"], ["zmq", "zeromq"], ["cable", "lossy_forwarder"]] as const) {
    if (!needs.has(need) || missing.has(need)) continue;
    const failure = await compile(name, directory);
    if (failure !== null) missing.set(need, failure);
  }
  return missing;
}

/** The command of one end; its task is its last argument. */
export function commandOf(peer: Peer, directory: string, task: Readonly<Record<string, unknown>>): string[] {
  if (peer.runs === "native") {
    return [`${directory}/${peer.driver}`, ...Object.entries(task).map(([key, value]) => `${key}=${value}`)];
  }
  const args = [peer.driver, JSON.stringify(task)];
  if (peer.runs === "node") return ["node", `${directory}/driver.mjs`, ...args];
  const deno = [Deno.execPath(), "run", "--quiet", "-A", "--no-prompt"];
  if (peer.runs === "deno-npm") {
    return [
      ...deno,
      ...["--no-lock", "--node-modules-dir=manual", "--config", `${directory}/deno.json`],
      `${directory}/driver.mjs`,
      ...args,
    ];
  }
  const entry = peer.driver === "hana" ? "hana_driver.ts" : "driver.ts";
  return [...deno, "--frozen", "--config", CONFIG, `${HERE}drivers/${entry}`, ...args];
}

/** The packages into the cache, once; the drivers as one file of JavaScript beside a link to them. */
async function bringPackages(directory: string, say: (text: string) => void): Promise<string | null> {
  if (!has("npm") || !has("node")) return "there is no Node with npm";
  const manifest = JSON.stringify({ private: true, type: "module", dependencies: NPM_PACKAGES });
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(manifest)));
  const mark = Array.from(digest.subarray(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const cache = `${Deno.env.get("HANA_CACHE") ?? directory}/peers-npm-${mark}`;
  if (!exists(`${cache}/complete`)) {
    say(`installing ${Object.keys(NPM_PACKAGES).join(", ")} of npm (once)`);
    await Deno.mkdir(cache, { recursive: true });
    await Deno.writeTextFile(`${cache}/package.json`, manifest);
    const failure = await run("npm", [
      "install",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      "--loglevel=error",
    ], {
      cwd: cache,
    });
    if (failure !== null) return failure;
    await Deno.writeTextFile(`${cache}/complete`, "");
  }
  await Deno.symlink(`${cache}/node_modules`, `${directory}/node_modules`);
  await Deno.writeTextFile(`${directory}/package.json`, manifest);
  await Deno.writeTextFile(`${directory}/deno.json`, JSON.stringify({ unstable: ["net"] }));
  return await run(Deno.execPath(), [
    ...["bundle", "--quiet", "--frozen", "--config", CONFIG, "--packages=external"],
    ...["--output", `${directory}/driver.mjs`, `${HERE}drivers/driver.ts`],
  ]);
}

async function compile(name: string, directory: string): Promise<string | null> {
  const inputs = (NATIVE[name] ?? []).map((input) =>
    input.startsWith("-") ? input : `${HERE}native/${input}`
  );
  return await run("gcc", ["-O2", "-o", `${directory}/${name}`, ...inputs]);
}

/** Null when it went well, else the end of what it said. */
async function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string } = {},
): Promise<string | null> {
  const { success, stderr } = await new Deno.Command(command, {
    args: [...args],
    ...options,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.timeout(INSTALL_MS),
  }).output();
  if (success) return null;
  return `${command}: ${new TextDecoder().decode(stderr).trim().split("\n").slice(-3).join(" | ")}`;
}

function compiles(header: string): boolean {
  if (!has("gcc")) return false;
  const { success } = new Deno.Command("gcc", {
    args: ["-E", "-include", header, "-x", "c", "/dev/null"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
