// The exit codes that scripts branch on, and which error leads to which.
// Decides the number; never ends the process (main.ts does) and never words an error (errors.ts does).

import type { ErrorCode, HanaError } from "../../lib/base/mod.ts";

/** Every exit code of hana by name. A promise to scripts: adding is free, changing one breaks them. */
export const EXIT = {
  done: 0,
  negative: 1,
  usage: 2,
  partial: 3,
  timeout: 4,
  threshold: 5,
  nondeterministic: 6,
  refused: 7,
  network: 69,
  bug: 70,
  interrupted: 130,
  terminated: 143,
} as const;

/** One of the exit codes. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** One line of `hana help exit-codes`. */
export interface ExitCodeRow {
  readonly code: ExitCode;
  readonly name: keyof typeof EXIT;
  readonly meaning: string;
}

const MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: "done",
  negative: "negative answer: not found, check failed, invariant violated, no reply",
  usage: "wrong usage or configuration",
  partial: "partial or inconclusive: some peers silent, a run that tested nothing",
  timeout: "timed out",
  threshold: "a threshold was missed",
  nondeterministic: "a simulation was not deterministic",
  refused: "refused: permission, ownership or key",
  network: "the network cannot be used",
  bug: "a bug in hana",
  interrupted: "ended by SIGINT (Ctrl-C)",
  terminated: "ended by SIGTERM; `serve` says goodbye and ends with 0",
};

/** All exit codes with their meaning, in ascending order. */
export const EXIT_CODE_ROWS: readonly ExitCodeRow[] = (Object.keys(EXIT) as (keyof typeof EXIT)[])
  .map((name) => ({ code: EXIT[name], name, meaning: MEANINGS[name] }));

const BY_ERROR: Readonly<Record<ErrorCode, ExitCode>> = {
  "usage": EXIT.usage,
  "config": EXIT.usage,
  "storage": EXIT.usage,
  "unsupported": EXIT.usage,
  "not-found": EXIT.negative,
  "unreachable": EXIT.negative,
  "closed": EXIT.negative,
  "protocol": EXIT.negative,
  "frame-too-large": EXIT.negative,
  "decode": EXIT.negative,
  "schema": EXIT.negative,
  "unknown-message": EXIT.negative,
  "version": EXIT.negative,
  "overloaded": EXIT.negative,
  "timeout": EXIT.timeout,
  "refused": EXIT.refused,
  "authentication": EXIT.refused,
  "conflict": EXIT.refused,
  "address-in-use": EXIT.network,
  "network-unusable": EXIT.network,
  "cancelled": EXIT.interrupted,
  "internal": EXIT.bug,
};

/** The exit code of a command that ended with `error`. */
export function exitCodeOf(error: HanaError): ExitCode {
  return BY_ERROR[error.code];
}
