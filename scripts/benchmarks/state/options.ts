// The command line of `scripts/bench state`. Decides what is understood; never what is known.

/** The parts of the table, in the order in which they are taken. */
export const PARTS = [
  "patches",
  "growth",
  "merging",
  "capacity",
  "joining",
  "latency",
  "crowd",
  "arrivals",
  "failover",
  "soak",
] as const;

/** One part of the table. */
export type Part = (typeof PARTS)[number];

/** What is compared. */
export const SYSTEMS = ["hana", "colyseus", "yjs", "automerge"] as const;

/** A system by its name. */
export type SystemName = (typeof SYSTEMS)[number];

/** By what programs are run. */
export const RUNTIMES = ["deno", "node"] as const;

/** A runtime by its name. */
export type Runtime = (typeof RUNTIMES)[number];

/** What was asked for. */
export interface Options {
  readonly parts: readonly Part[];
  readonly systems: readonly SystemName[];
  readonly runtimes: readonly Runtime[];
  /** Minutes of sixteen faders at 30 Hz, for growth and for memory. */
  readonly minutes: number;
  readonly isQuick: boolean;
  /** Where the document goes; `-` for standard output. */
  readonly json: string | null;
}

/** How it is called. */
export const USAGE = `usage: scripts/bench state [--only ${PARTS.join(",")}] [--systems ${SYSTEMS.join(",")}]
         [--runtimes ${RUNTIMES.join(",")}] [--minutes 10] [--quick] [--json FILE]
`;

const MAX_MINUTES = 24 * 60;

/** Null for a command line that cannot be understood. */
export function parseOptions(args: readonly string[]): Options | null {
  const values = new Map<string, string>();
  let isQuick = false;
  for (let at = 0; at < args.length; at++) {
    const name = args[at] ?? "";
    if (name === "--quick") {
      isQuick = true;
      continue;
    }
    if (!["--only", "--systems", "--runtimes", "--minutes", "--json"].includes(name)) return null;
    const value = args[++at];
    if (value === undefined || value === "") return null;
    values.set(name, value);
  }
  const parts = listed(values.get("--only"), PARTS);
  const systems = listed(values.get("--systems"), SYSTEMS);
  const runtimes = listed(values.get("--runtimes"), RUNTIMES);
  const minutes = Number(values.get("--minutes") ?? (isQuick ? 0.5 : 10));
  if (parts === null || systems === null || runtimes === null) return null;
  if (!(minutes > 0 && minutes <= MAX_MINUTES)) return null;
  return { parts, systems, runtimes, minutes, isQuick, json: values.get("--json") ?? null };
}

/** The words of a list, in the order of `known`; null when one is none of these. */
function listed<W extends string>(text: string | undefined, known: readonly W[]): readonly W[] | null {
  if (text === undefined) return known;
  const words = text.split(",");
  if (!words.every((word) => (known as readonly string[]).includes(word))) return null;
  return known.filter((word) => words.includes(word));
}
