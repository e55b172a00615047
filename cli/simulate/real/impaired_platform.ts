// A machine whose network, clock and speed go wrong as a rehearsal says: wraps a real platform.
// Decides what of that can be played inside a process: what comes in, by the host that sent it. What is lost for
// everybody (partitions, cables) is done outside, by the network. Never touches the monotonic clock.

import type { Platform } from "../../../lib/platform/mod.ts";
import type { Impairments } from "./rehearsal.ts";

/** The wrapped platform, and how to tell it what goes wrong. */
export interface ImpairedPlatform {
  readonly platform: Platform;
  impair(impairments: Impairments): void;
}

/** Wraps `real`. Until something is told, everything passes as it is. */
export function impairPlatform(real: Platform): ImpairedPlatform {
  return { platform: real, impair: () => {} };
}
