// The manifest of a show: reading it strictly, placing its programs on hosts, the order in which they are changed.
// Decides all of it from a tree with places and from what is known of nodes; no file, no network, no YAML in here.

export {
  type ManifestEntry,
  type ManifestNode,
  MAX_MANIFEST_DEPTH,
  MAX_MANIFEST_LENGTH,
  MAX_MANIFEST_NODES,
  type Position as ManifestPosition,
} from "./tree.ts";
export { type ManifestProblem, MAX_TOLD_PROBLEMS, Problems as ManifestProblems } from "./problems.ts";
export type {
  GroupMember,
  HostSelector,
  Manifest,
  ManifestGroup,
  ManifestHost,
  ManifestProgram,
} from "./manifest.ts";
export { type ReadManifest, readManifest } from "./reader.ts";
export { changeWords } from "./spec_problem.ts";
export { manifestSchema } from "./json_schema.ts";
export {
  type HostPlacement,
  type KnownHost,
  type Placed,
  type Resolution,
  resolveManifest,
} from "./resolve.ts";
export { placeKey, type RolloutOrder, rolloutOrder } from "./rollout.ts";
