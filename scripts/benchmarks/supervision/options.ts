// The command line of `scripts/bench supervision`. Decides what is understood; never what is known.

/** The figures of hana alone, in the order in which they are taken. */
export const FIGURES = [
  "crash",
  "hang",
  "remote",
  "adoption",
  "memory",
  "flood",
  "hogs",
  "comparison",
] as const;

/** One part of the table. */
export type Part = (typeof FIGURES)[number];

/** What was asked for. */
export interface Options {
  readonly parts: readonly Part[];
  /** Tools of the comparison, by name; null for all. */
  readonly tools: readonly string[] | null;
  /** Scenarios of the comparison, by name; null for all. */
  readonly scenarios: readonly string[] | null;
  readonly isQuick: boolean;
  /** Gives what is timed priority over the rest of a busy machine: hana, its programs and the baselines alike. */
  readonly hasPriority: boolean;
  /** Compiles the executable first when a source is newer. */
  readonly compiles: boolean;
  /** Another executable than that of this checkout. */
  readonly binary: string | null;
  /** Where the document goes; `-` for standard output. */
  readonly json: string | null;
}

/** How it is called. */
export const USAGE = `usage: scripts/bench supervision [--only ${FIGURES.join(",")}] [--tools hana,pm2,…]
         [--scenarios crash,…] [--compiled] [--binary FILE] [--quick] [--priority] [--json FILE]`;

/** Null for a command line that cannot be understood. */
export function parseOptions(args: readonly string[]): Options | null {
  const values = new Map<string, string>();
  const flags = new Set<string>();
  for (let at = 0; at < args.length; at++) {
    const name = args[at] ?? "";
    if (["--quick", "--compiled", "--priority"].includes(name)) {
      flags.add(name);
      continue;
    }
    if (!["--only", "--tools", "--scenarios", "--binary", "--json"].includes(name)) return null;
    const value = args[++at];
    if (value === undefined || value === "") return null;
    values.set(name, value);
  }
  const parts = values.get("--only")?.split(",") ?? FIGURES;
  if (!parts.every((part): part is Part => (FIGURES as readonly string[]).includes(part))) return null;
  return {
    parts,
    tools: values.get("--tools")?.split(",") ?? null,
    scenarios: values.get("--scenarios")?.split(",") ?? null,
    isQuick: flags.has("--quick"),
    hasPriority: flags.has("--priority"),
    compiles: flags.has("--compiled"),
    binary: values.get("--binary") ?? null,
    json: values.get("--json") ?? null,
  };
}
