// The canary: a scenario with a bug on purpose, which must fail, so that a green suite means something.

import { type CatalogueEntry, entry, SMOKE } from "./entry.ts";

/** Must fail. */
export const CANARY: readonly CatalogueEntry[] = [
  entry(SMOKE, {
    name: "canary",
    summary:
      "Nodes forget in which life they are, on purpose: a run that passes means that the checkers sleep.",
    tags: ["planted-bug:forgets-incarnation"],
    nodes: { viz: { count: 3 } },
    timeline: [{ at: "8s", restart: "viz-1" }],
    warmup: "4s",
    quiet: "6s",
    expect: { invariants: ["incarnation_monotonic"] },
  }),
];
