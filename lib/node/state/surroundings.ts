// What shared state needs of its node.
// Types alone.

import type { NodeId, Role } from "../../base/mod.ts";
import type { DiscoveryService } from "../../discovery/mod.ts";
import type { Platform } from "../../platform/mod.ts";
import type { HandlerTable, LaneAcceptor, Session } from "../../session/mod.ts";
import type { ParameterDefinition } from "../../state/mod.ts";
import type { LaneHandlerOptions } from "../lane_services.ts";
import type { ReachableNode, ReachOptions } from "../reach.ts";

/** How a node takes part in shared state. */
export interface StateSettings {
  /** Whether it hosts the shared state wherever it is there, instead of the leader; of several such nodes one does. */
  readonly host?: boolean;
  /** Its own parameters, as a visualization declares them: paths below its name. */
  readonly parameters?: readonly ParameterDefinition[];
}

/** The capability of a node that hosts whenever it is there. */
export const HOSTS_STATE_CAPABILITY = "hostsState";
/** The capability of a node with parameters: their hash. */
export const PARAMETERS_CAPABILITY = "parameters";

/** A node, as far as shared state is concerned. */
export interface StateNode {
  readonly platform: Platform;
  readonly id: NodeId;
  /** Its state directory; null for one that keeps nothing. */
  readonly directory: string | null;
  readonly handlers: HandlerTable;
  readonly settings: StateSettings;
  name(): string;
  role(): Role;
  discovery(): DiscoveryService | null;
  open(target: string | ReachableNode, options: ReachOptions): Promise<Session>;
  onLane(name: string, accept: LaneAcceptor<Session>, options?: LaneHandlerOptions): () => void;
  /** What the node's record says of shared state has changed. */
  announce(): void;
}
