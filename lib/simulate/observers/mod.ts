// Everything that watches runs: metrics and invariants.

import type { ObserverDefinition } from "../observe.ts";

/** All observers, in the order in which they are shown. */
export const OBSERVERS: ObserverDefinition[] = [];
