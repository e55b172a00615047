// The environment that a program is given beside the daemon's own.
// Decides which names belong to hana and what is built from a specification; never reads a real environment.

import type { ProgramSpec } from "../model/mod.ts";

/** Names that hana sets itself: a specification may not. */
export const RESERVED_VARIABLE = /^(HANA_.*|NOTIFY_SOCKET|WATCHDOG_USEC|WATCHDOG_PID)$/;

/**
 * The variables of a program: those of its specification, its display and GPU, then `extras` (those of hana: sockets, token,
 * run), which win over everything.
 */
export function expandEnvironment(
  spec: Pick<ProgramSpec, "env" | "display" | "gpu">,
  extras: Readonly<Record<string, string>>,
): Record<string, string> {
  const env: Record<string, string> = { ...spec.env };
  if (spec.display !== null) env["HANA_DISPLAY"] = spec.display;
  if (spec.gpu !== null) env["HANA_GPU"] = spec.gpu;
  return { ...env, ...extras };
}
