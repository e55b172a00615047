// The order in which tests run: fast ones first. Each e2e network is its own, so that two files run at a time; what drives
// the executable or foreign programs runs alone.
// Decides which stage a file belongs to and how long a stage may take. Never runs anything.

/** One call of `deno test`. */
export interface Stage {
  /** The folder under `tests/`. */
  readonly name: string;
  /** Whether files may run beside each other. */
  readonly parallel: boolean;
  /** Whether the executable must be there and up to date first. */
  readonly needsBinary: boolean;
  /** After so long the stage is ended and counts as failed. */
  readonly limitMs: number;
}

const MINUTE_MS = 60_000;

/** All stages in order. The limits are for a hang; together the stages take less than 15 minutes on two cores. */
export const STAGES: readonly Stage[] = [
  { name: "architecture", parallel: true, needsBinary: false, limitMs: 2 * MINUTE_MS },
  { name: "unit", parallel: true, needsBinary: false, limitMs: 8 * MINUTE_MS },
  { name: "fuzz", parallel: true, needsBinary: false, limitMs: 5 * MINUTE_MS },
  { name: "lanes", parallel: true, needsBinary: false, limitMs: 8 * MINUTE_MS },
  { name: "simulate", parallel: true, needsBinary: false, limitMs: 5 * MINUTE_MS },
  { name: "interop", parallel: false, needsBinary: false, limitMs: 5 * MINUTE_MS },
  { name: "e2e", parallel: true, needsBinary: false, limitMs: 15 * MINUTE_MS },
  { name: "compiled", parallel: false, needsBinary: true, limitMs: 5 * MINUTE_MS },
];

/** The stage whose folder holds `file`, a path from the checkout (`tests/unit/…`); null outside all of them. */
export function stageOf(file: string): Stage | null {
  return STAGES.find((stage) => file.startsWith(`tests/${stage.name}/`)) ?? null;
}
