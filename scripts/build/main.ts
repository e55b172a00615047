// scripts/compile: bundles hana and puts one executable a target into dist/.
// Same commit, same Deno and same runtime make the same bytes: no lock, no configuration, no clock and no path of this
// machine enters the result.
// Never leaves half an executable behind: a result is renamed into place when whole.

// deno-lint-ignore-file no-console
import { sourceCommit } from "../../cli/build_info.ts";
import { bundle, BUNDLE_ENTRY } from "./bundle.ts";
import { findRuntime, RuntimeMissing, sha256 } from "./runtime.ts";
import { artifactName, isTarget, type Target, TARGETS } from "./targets.ts";

const USAGE = `usage: scripts/compile [--target T | --all]\ntargets: ${TARGETS.join(", ")}`;
const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

/** Exit codes of the command line (docs: `hana help exit-codes`). */
const EXIT = { done: 0, failed: 1, usage: 2, partial: 3, network: 69 } as const;

function say(text: string): void {
  console.error(`hana: ${text}`);
}

/** The targets that the arguments ask for; null when they make no sense. */
function wantedTargets(args: string[]): readonly Target[] | null {
  const [option, name = "", ...rest] = args.flatMap((arg) => arg.split("="));
  if (option === undefined) return isTarget(Deno.build.target) ? [Deno.build.target] : null;
  if (option === "--all" && name === "") return TARGETS;
  if (option === "--target" && isTarget(name) && rest.length === 0) return [name];
  return null;
}

/** Bundles once into `program`, with the facts about the build beside the entry. */
async function prepare(program: string): Promise<void> {
  const config = JSON.parse(await Deno.readTextFile(`${root}/deno.json`)) as { version: string };
  await Deno.mkdir(program);
  await bundle(root, program);
  const info = JSON.stringify({ version: config.version, commit: sourceCommit() });
  await Deno.writeTextFile(`${program}/build_info.json`, info + "\n");
  // The executable records when its files were written: the commit's time, so that two builds of it are equal.
  const seconds = await commitTime();
  for await (const { name } of Deno.readDir(program)) {
    await Deno.utime(`${program}/${name}`, seconds, seconds);
  }
}

async function commitTime(): Promise<number> {
  const given = Number(Deno.env.get("SOURCE_DATE_EPOCH"));
  if (Number.isSafeInteger(given) && given > 0) return given;
  const git = new Deno.Command("git", { args: ["log", "-1", "--format=%ct"], cwd: root, stderr: "null" });
  const { stdout } = await git.output().catch(() => ({ stdout: new Uint8Array() }));
  return Number(new TextDecoder().decode(stdout)) || 0;
}

/** This program's environment with the runtime that was found, and with no other. */
function compilerEnvironment(runtime: string | null): Record<string, string> {
  const { DENORT_BIN: _other, ...environment } = Deno.env.toObject();
  return { ...environment, NO_COLOR: "1", ...(runtime === null ? {} : { DENORT_BIN: runtime }) };
}

async function compile(target: Target, work: string): Promise<void> {
  const runtime = await findRuntime(target, `${Deno.env.get("HANA_CACHE") ?? `${root}/dist/cache`}/denort`);
  say(`${target}: runtime from ${runtime.from}`);
  const config = JSON.parse(await Deno.readTextFile(`${root}/deno.json`)) as { unstable?: string[] };
  const made = `${work}/${artifactName(target)}`;
  const compiler = new Deno.Command(Deno.execPath(), {
    args: [
      ...[
        "compile",
        "--quiet",
        "--allow-all",
        "--no-check",
        "--no-config",
        "--no-lock",
        "--no-npm",
        "--no-remote",
      ],
      // The cache of compiled code would be a file of a guessable name in the shared temporary directory that the
      // program trusts: anybody on the machine could plant one. Without it hana starts one to three ms later.
      "--no-code-cache",
      ...(config.unstable ?? []).map((feature) => `--unstable-${feature}`),
      ...["--target", target, "--include", ".", "--output", made, BUNDLE_ENTRY],
    ],
    cwd: `${work}/program`,
    stdin: "null",
    clearEnv: true,
    env: compilerEnvironment(runtime.path),
  });
  const { success, stderr } = await compiler.output();
  if (!success) throw new Error(`deno compile failed: ${new TextDecoder().decode(stderr).trim()}`);

  const bytes = await Deno.readFile(made);
  const artifact = `${root}/dist/${artifactName(target)}`;
  await Deno.rename(made, artifact);
  const size = `${(bytes.length / 1e6).toFixed(1)} MB`;
  console.log(`dist/${artifactName(target)}\t${bytes.length}\t${await sha256(bytes)}`);
  say(`${target}: dist/${artifactName(target)}, ${size}`);
}

async function main(args: string[]): Promise<number> {
  const targets = wantedTargets(args);
  if (targets === null) {
    console.error(USAGE);
    return EXIT.usage;
  }
  await Deno.mkdir(`${root}/dist`, { recursive: true });
  const work = await Deno.makeTempDir({ dir: `${root}/dist`, prefix: ".build-" });
  let missing = 0;
  try {
    await prepare(`${work}/program`);
    for (const target of targets) {
      try {
        await compile(target, work);
      } catch (error) {
        if (!(error instanceof RuntimeMissing)) throw error;
        say(error.message);
        missing++;
      }
    }
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    return EXIT.failed;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  if (missing === 0) return EXIT.done;
  return missing < targets.length ? EXIT.partial : EXIT.network;
}

Deno.exit(await main(Deno.args));
