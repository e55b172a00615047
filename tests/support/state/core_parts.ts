// What runs of shared state on its cores are made of: nodes that host, clients, the ways between them.
// Types, and the parameters that every host declares.

import type { NodeId } from "../../../lib/base/mod.ts";
import type { LinkNumber } from "../../../lib/state/holding/mod.ts";
import type { StandbyCopy, StateHost } from "../../../lib/state/host/mod.ts";
import type { ParameterDefinition } from "../../../lib/state/model/mod.ts";
import type { StateReplica } from "../../../lib/state/replica/mod.ts";
import { readDefinition } from "../../../lib/state/schema/mod.ts";
import type { AppHands } from "../../../lib/simulate/run/state/mod.ts";
import type { Draws } from "../lanes/random.ts";

export const MS = 1_000;
export const SECOND = 1_000_000;

/** One direction between two nodes. */
export interface Way {
  readonly from: string;
  readonly to: string;
  lastUs: number;
  readonly queue: { readonly atUs: number; readonly sentUs: number; readonly take: () => void }[];
  isOpen(): boolean;
  /** When whoever is at its end runs again. */
  awakeUs(): number;
  breakIt(): void;
}

export interface Candidate {
  readonly name: string;
  copy: StandbyCopy;
  host: HostRun | null;
  isUp: boolean;
  frozenUntilUs: number;
  upSinceUs: number;
}

export interface HostRun {
  readonly host: StateHost;
  readonly links: Map<LinkNumber, Link>;
  readonly standbys: Map<string, LinkNumber>;
  lastLink: number;
  aloneSinceUs: number;
  zombieSinceUs: number | null;
  isOver: boolean;
}

export interface Link {
  readonly number: LinkNumber;
  readonly host: Candidate;
  readonly run: HostRun;
  readonly desk: Desk;
  isOpen: boolean;
  readonly up: Way;
  readonly down: Way;
}

export interface Desk {
  readonly name: string;
  readonly node: string;
  readonly id: NodeId;
  readonly random: Draws;
  replica: StateReplica;
  hands: AppHands;
  link: Link | null;
  /** Tokens that it ever had, the newest last. */
  readonly tokens: Uint8Array[];
  frozenUntilUs: number;
  sinceUs: number;
  undisturbedSinceUs: number;
  spoil: { loss: number; duplicate: number; reorder: number } | null;
  reconnectUs: number;
}

/** A machine by a number. */
export const idOf = (number: number): NodeId => number.toString(16).padStart(32, "0") as NodeId;

/** What every host declares. */
export const PARAMETERS: readonly ParameterDefinition[] = [
  { path: "wall/hue", type: "f32", min: 0, max: 1 },
  { path: "wall/size", type: "f32", min: 0, max: 9 },
  { path: "wall/level", type: "unit", merge: "highest" },
  { path: "wall/look", type: "enum", words: ["a", "b", "c"], default: "a", subsystem: "cues" },
  { path: "wall/text", type: "text", default: "", subsystem: "cues" },
  { path: "layer-0", type: "i32", min: 0, max: 1000 },
  { path: "layer-1", type: "i32", min: 0, max: 1000, onLoss: "fallback" },
  { path: "layer-2", type: "bool", default: false, onLoss: "default" },
  { path: "sum", type: "i32", min: 0, max: 100_000, merge: "sum" },
  { path: "camera", type: "vec3", min: -1, max: 1, merge: "lock" },
].map((each) => readDefinition(each));
