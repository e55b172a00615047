// The command line of `scripts/bench peers`. Decides what is a number and what is not; never what is known.

/** What was asked for. */
export interface Options {
  readonly only: readonly string[] | null;
  readonly workloads: readonly string[] | null;
  readonly repetitions: number;
  readonly isQuick: boolean;
  /** Where the document goes; `-` for standard output. */
  readonly json: string | null;
  readonly seed: number;
}

/** How it is called. */
export const USAGE =
  `usage: scripts/bench peers [--only nats,enet] [--workload rtt,rate,fanout,mixed,loss] [--repetitions 3]
         [--quick] [--seed 1] [--json FILE]`;

const MAX_REPETITIONS = 101;

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
    if (!["--only", "--workload", "--repetitions", "--json", "--seed"].includes(name)) return null;
    const value = args[++at];
    if (value === undefined || value === "") return null;
    values.set(name, value);
  }
  const repetitions = Number(values.get("--repetitions") ?? (isQuick ? 1 : 3));
  const seed = Number(values.get("--seed") ?? 1);
  if (!Number.isInteger(repetitions) || repetitions < 1 || repetitions > MAX_REPETITIONS) return null;
  if (!Number.isInteger(seed) || seed < 0 || seed > 2 ** 31) return null;
  return {
    only: values.get("--only")?.split(",") ?? null,
    workloads: values.get("--workload")?.split(",") ?? null,
    repetitions,
    isQuick,
    json: values.get("--json") ?? null,
    seed,
  };
}
