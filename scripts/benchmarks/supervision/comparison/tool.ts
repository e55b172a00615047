// What a supervisor is to the comparison: something that is started with programs, asked to stop and restart them, killed,
// and started again. Decides nothing.

import type { Bench } from "../row.ts";

/** A program that is to be supervised. */
export interface Program {
  readonly name: string;
  readonly argv: readonly string[];
}

/** Where a tool runs: a directory and a mark of its own. */
export interface Ground {
  readonly bench: Bench;
  readonly directory: string;
  readonly mark: string;
  readonly programs: readonly Program[];
}

/** A supervisor that runs. */
export interface Running {
  /** The process that people call the supervisor. */
  mainProcess(): number;
  /** Asks for the end of a program as its users do; resolves when the command returns. */
  stop(name: string): Promise<void>;
  /** Asks for a restart; resolves when the command returns. */
  restart(name: string): Promise<void>;
  /** Starts the supervisor again after its end, as its documentation says. */
  startAgain(): Promise<void>;
}

/** A supervisor with its settings. */
export interface Tool {
  readonly name: string;
  readonly settings: "defaults" | "best";
  /** What was set, for the reader. */
  readonly says: string;
  /** Commands that have to be there, and what brings them. */
  readonly commands: readonly string[];
  readonly packages: readonly string[];
  /** Whether it notices a program that hangs and says so itself. */
  readonly seesHangs: boolean;
  /** Starts it with the programs; may return before they run. */
  begin(ground: Ground): Promise<Running>;
}

/** How long a command of a tool may take before it counts as hung. */
export const COMMAND_MS = 30_000;

/** Thrown by a command that did not return in time. */
export class Hung extends Error {}

/** Runs a tool's command; whatever it answers. Rejects with {@linkcode Hung}. */
export async function runCommand(
  ground: Ground,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const [first = "", ...args] = [...ground.bench.isolated, ...command];
  const signal = AbortSignal.timeout(COMMAND_MS);
  const { stdout, stderr } = await new Deno.Command(first, {
    args,
    cwd: ground.directory,
    env: { ...environmentOf(ground), ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal,
  }).output();
  if (signal.aborted) throw new Hung(`${command.join(" ")} did not return within ${COMMAND_MS / 1000} s`);
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

/** What all processes of a ground carry. */
export function environmentOf({ mark, directory }: Ground): Record<string, string> {
  return { HANA_BENCH_MARK: mark, HOME: directory };
}

/** A word for a POSIX shell. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
