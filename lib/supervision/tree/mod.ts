// The end of a program's process tree.

export type { TreeEffect, TreeKillOptions, TreeKillStats, TreeMode, TreePhase } from "./effects.ts";
export { FORCE_US, MAX_SCAN_MEMBERS, SWEEP_US, TERMINATE_US, TreeKill } from "./tree_kill.ts";
