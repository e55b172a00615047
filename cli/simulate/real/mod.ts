// Rehearsals: a scenario's timeline on real processes in network namespaces, judged like a simulated run.
// Decides nothing of what a scenario is or what counts as failing (lib/simulate).

export { whyNoNamespaces } from "./namespaces.ts";
export { type RealOptions, runReal, whatCannotBePlayed } from "./run.ts";
