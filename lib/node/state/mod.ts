// Shared state as a node has it: hosting, copies, its own client, the parameters that visualizations declare.
// Decides how the state's services find each other in the mesh; never what they say.

export { type Divergence, Healing } from "./healing.ts";
export { type StateElection } from "./election.ts";
export { SharedState, type StateClientOptions } from "./shared_state.ts";
export { type DisplayProgram, NodeDisplays } from "./displays.ts";
export { parametersPrefix } from "./parameters.ts";
export {
  HOSTS_STATE_CAPABILITY,
  PARAMETERS_CAPABILITY,
  type StateNode,
  type StateSettings,
} from "./surroundings.ts";
