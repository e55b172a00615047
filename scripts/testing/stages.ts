// The order in which tests run: fast ones first. Each e2e network is its own, so that files run beside each other; what drives
// the executable or foreign programs runs alone.
// Decides which stage a file belongs to and how long a stage may take. Never runs anything.

/** One call of `deno test`. */
export interface Stage {
  /** The folder under `tests/`, unless `files` says which. */
  readonly name: string;
  /** These files alone, of whatever folder. */
  readonly files?: readonly string[];
  /** Whether files may run beside each other: one a core, or so many. */
  readonly parallel: boolean | number;
  /** Files that begin before the others: each takes a minute or more, and must not be the last one to run alone. */
  readonly first?: readonly string[];
  /** Whether the executable must be there and up to date first. */
  readonly needsBinary: boolean;
  /** After so long the stage is ended and counts as failed. */
  readonly limitMs: number;
}

const MINUTE_MS = 60_000;

/** Tests that measure how soon something happens: a machine with more to do than it has cores would answer for them. */
const TIMED = [
  "tests/e2e/leader_test.ts",
  "tests/e2e/state/apps_test.ts",
  "tests/e2e/supervision/numbers_test.ts",
  "tests/e2e/supervision/patience_test.ts",
  "tests/e2e/supervision/strangers_test.ts",
];

/** End-to-end tests of a minute and more. */
const LONG = [
  "tests/e2e/state_cli_test.ts",
  "tests/e2e/switches_test.ts",
  "tests/e2e/apply_test.ts",
  "tests/e2e/supervision/losses_test.ts",
  "tests/e2e/doctor_test.ts",
];

/** All stages in order. The limits are for a hang; together the stages take less than 15 minutes on two cores. */
export const STAGES: readonly Stage[] = [
  { name: "architecture", parallel: true, needsBinary: false, limitMs: 2 * MINUTE_MS },
  { name: "unit", parallel: true, needsBinary: false, limitMs: 8 * MINUTE_MS },
  { name: "fuzz", parallel: true, needsBinary: false, limitMs: 5 * MINUTE_MS },
  { name: "lanes", parallel: true, needsBinary: false, limitMs: 8 * MINUTE_MS },
  { name: "state", parallel: true, needsBinary: false, limitMs: 5 * MINUTE_MS },
  { name: "simulate", parallel: true, needsBinary: false, limitMs: 5 * MINUTE_MS },
  { name: "interop", parallel: true, needsBinary: false, limitMs: 5 * MINUTE_MS },
  // Most of these wait for the clock, so that more of them than there are cores can do so together.
  { name: "e2e", first: LONG, parallel: 4, needsBinary: false, limitMs: 15 * MINUTE_MS },
  { name: "timed", files: TIMED, parallel: true, needsBinary: false, limitMs: 6 * MINUTE_MS },
  { name: "compiled", parallel: false, needsBinary: true, limitMs: 5 * MINUTE_MS },
];

/** The stage whose folder holds `file`, a path from the checkout (`tests/unit/…`); null outside all of them. */
export function stageOf(file: string): Stage | null {
  const own = STAGES.find(({ files }) => files?.includes(file) === true);
  return own ?? STAGES.find(({ name, files }) => files === undefined && file.startsWith(`tests/${name}/`)) ??
    null;
}
