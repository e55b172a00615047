// The programs that the comparison needs: found, or brought as Debian packages; and which hana is measured.
// Decides that installing starts no service: a daemon on the machine's own network is nobody's wish here.

import { binaryPath } from "../../tests/support/binary.ts";

/** The executable that `scripts/compile` makes. */
const BINARY = binaryPath();

const POLICY = "/usr/sbin/policy-rc.d";
const INSTALL_MS = 300_000;

/** What each program consists of. */
const TOOLS = [
  {
    name: "avahi",
    commands: ["avahi-daemon", "avahi-browse", "dbus-daemon"],
    packages: ["avahi-daemon", "avahi-utils", "dbus"],
  },
  { name: "serf", commands: ["serf"], packages: ["serf"] },
] as const;

/** What there is. */
export interface Tools {
  readonly present: ReadonlySet<string>;
  readonly missing: { readonly name: string; readonly why: string }[];
}

/** Brings what is missing where that is possible. Throws without python3: the switch is written in it. */
export async function ensureTools(say: (text: string) => void): Promise<Tools> {
  if (!has("python3")) throw new Error("the switch between the machines needs python3");
  const present = new Set<string>();
  const missing: { name: string; why: string }[] = [];
  const lacking = TOOLS.filter(({ commands }) => !commands.every(has));
  const why = lacking.length === 0 ? null : await install(lacking.flatMap(({ packages }) => packages), say);
  for (const { name, commands, packages } of TOOLS) {
    const absent = commands.filter((command) => !has(command));
    if (absent.length === 0) present.add(name);
    else {missing.push({
        name,
        why: `needs ${absent.join(", ")} (${packages.join(", ")}): ${why ?? "not in its package"}`,
      });}
  }
  return { present, missing };
}

/** Which hana is measured. */
export interface MeasuredHana {
  /** The executable; null for the source. */
  readonly binary: string | null;
  /** For the reader of the table. */
  readonly text: string;
}

/**
 * The executable where there is one, else the source; what `from` says goes first.
 * @param mustFit whether an executable of another commit than the sources is passed over, because they have to work
 * together
 */
export async function chooseHana(from: string | null, mustFit: boolean): Promise<MeasuredHana> {
  const source = { binary: null, text: "from source, by the Deno that runs this" };
  if (from === "source" || (from === null && !isFile(BINARY))) return source;
  const command = new Deno.Command(BINARY, { args: ["version", "--json"], stdin: "null", stderr: "null" });
  const { version, commit } = JSON.parse(new TextDecoder().decode((await command.output()).stdout)) as {
    version: string;
    commit: string;
  };
  const head = await headCommit();
  if (head === null || head.startsWith(commit) || commit.startsWith(head)) {
    return { binary: BINARY, text: `compiled, ${version} at ${commit}` };
  }
  if (mustFit && from === null) {
    return { ...source, text: `${source.text}; the executable is of ${commit}, the sources of ${head}` };
  }
  return {
    binary: BINARY,
    text:
      `compiled, ${version} at ${commit} (the sources are at ${head}: scripts/compile brings it up to date)`,
  };
}

async function headCommit(): Promise<string | null> {
  const root = new URL("../..", import.meta.url).pathname;
  const command = new Deno.Command("git", {
    args: ["-C", root, "rev-parse", "--short=12", "HEAD"],
    stdin: "null",
    stderr: "null",
  });
  const result = await command.output().catch(() => null);
  return result?.success === true ? new TextDecoder().decode(result.stdout).trim() : null;
}

/** Brings Debian packages, and starts no service of theirs. Null when it went well, else why not. */
export async function install(
  packages: readonly string[],
  say: (text: string) => void,
): Promise<string | null> {
  if (!has("apt-get")) return "there is no apt-get to bring it";
  say(`installing ${packages.join(", ")}`);
  const isOurs = !isFile(POLICY);
  if (isOurs) Deno.writeTextFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    for (
      const args of [["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", ...packages]]
    ) {
      const command = new Deno.Command("apt-get", {
        args,
        env: { DEBIAN_FRONTEND: "noninteractive" },
        stdin: "null",
        stdout: "null",
        stderr: "piped",
        signal: AbortSignal.timeout(INSTALL_MS),
      });
      const { success, stderr } = await command.output();
      if (!success) {
        return `apt-get ${args[0]}: ${new TextDecoder().decode(stderr).trim().split("\n").at(-1)}`;
      }
    }
    return null;
  } finally {
    if (isOurs) Deno.removeSync(POLICY);
  }
}

/** Whether the shell finds a command of this name. */
export function has(command: string): boolean {
  const args = ["-c", 'command -v "$1"', "sh", command];
  return new Deno.Command("sh", { args, stdin: "null", stdout: "null", stderr: "null" }).outputSync().success;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
