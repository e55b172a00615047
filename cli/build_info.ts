// What this hana was made from: version, commit, Deno, target.
// Decides where that is read: compiled, from the small file that scripts/compile embeds beside the program;
// from source, from deno.json and git, and only when somebody asks.
// Never fails: what cannot be known reads "unknown".

/** What a build is known by. */
export interface BuildInfo {
  /** hana's own version, from deno.json. */
  readonly version: string;
  /** The commit, abbreviated to 12 digits, with `-dirty` behind it when tracked files differ from it. */
  readonly commit: string;
  /** Deno's version. */
  readonly deno: string;
  /** The machine it runs on, as Deno names targets: `x86_64-unknown-linux-gnu`. */
  readonly target: string;
  /** Whether this is the one executable, not the source. */
  readonly compiled: boolean;
}

/** The file that `scripts/compile` embeds: the part of {@linkcode BuildInfo} that the runtime does not know. */
export interface EmbeddedBuildInfo {
  readonly version: string;
  readonly commit: string;
}

const UNKNOWN = "unknown";
let known: BuildInfo | undefined;

/** What this hana was made from. Cheap: one small read, once; from source also one call of git. */
export function buildInfo(): BuildInfo {
  known ??= {
    ...(Deno.build.standalone ? embeddedInfo() : sourceInfo()),
    deno: Deno.version.deno,
    target: Deno.build.target,
    compiled: Deno.build.standalone,
  };
  return known;
}

function embeddedInfo(): EmbeddedBuildInfo {
  return textFieldsOf(new URL("./build_info.json", import.meta.url));
}

function sourceInfo(): EmbeddedBuildInfo {
  return { ...textFieldsOf(new URL("../deno.json", import.meta.url)), commit: sourceCommit() };
}

function textFieldsOf(file: URL): EmbeddedBuildInfo {
  try {
    const { version, commit } = JSON.parse(Deno.readTextFileSync(file)) as Record<string, unknown>;
    return {
      version: typeof version === "string" ? version : UNKNOWN,
      commit: typeof commit === "string" ? commit : UNKNOWN,
    };
  } catch {
    return { version: UNKNOWN, commit: UNKNOWN };
  }
}

/** The commit of the checkout that this file stands in; `unknown` without git or without a checkout. */
export function sourceCommit(): string {
  try {
    const git = new Deno.Command("git", {
      args: ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
      cwd: new URL(".", import.meta.url),
      stdin: "null",
      stderr: "null",
    }).outputSync();
    const commit = new TextDecoder().decode(git.stdout).trim();
    return git.success && commit !== "" ? commit : UNKNOWN;
  } catch {
    return UNKNOWN;
  }
}
