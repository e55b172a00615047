// A node as tools show it: plain data, the same in `hana discover --json`, in `hana.nodes.list` and in the library.
// Decides the shape that contracts.md promises; never what is true of a node (lib/discovery).

import type { Incarnation, NodeId, Role } from "../base/mod.ts";
import {
  type Availability,
  decodeAvailability,
  type Endpoint,
  ENTRY_STATES,
  type EntryState,
  priorityOf,
  type RegistryEntry,
} from "../discovery/mod.ts";

/** What is thought of a node (see `EntryState`). */
export type NodeState = EntryState;

/** All of them, the best first. */
export const NODE_STATES: readonly NodeState[] = ENTRY_STATES;

/** One node. Times are milliseconds at the moment of asking. */
export interface NodeView {
  readonly id: NodeId;
  readonly name: string;
  readonly role: Role;
  readonly state: NodeState;
  readonly incarnation: Incarnation;
  readonly version: string;
  readonly endpoints: readonly { readonly kind: string; readonly address: string }[];
  /** The interface on which it was heard last; null for ourselves and for nodes behind a router. */
  readonly interface: string | null;
  readonly capabilities: Readonly<Record<string, unknown>>;
  /** What its machine has: `cpu`, `memory`, `gpu`, `display` as far as known, and what its owner says. */
  readonly resources: Readonly<Record<string, unknown>>;
  /** How busy its machine is; null while it does not tell, and once it is silent. */
  readonly load: Availability | null;
  readonly tags: Readonly<Record<string, string>>;
  /** Since it was heard last. */
  readonly ageMs: number;
  /** Since it is in this state. */
  readonly sinceMs: number;
  readonly rttMs: number | null;
  readonly trust: "keyed" | "open";
  /** Whether it leads the apps, as far as the node that was asked knows. */
  readonly leader: boolean;
  /** Of the apps the one of the highest priority leads first; 0 unless its owner says otherwise. */
  readonly priority: number;
  /** Whether this is the node that was asked. */
  readonly self: boolean;
}

/** The view of an entry at `nowUs`, when `leaderId` leads. */
export function viewOf(entry: RegistryEntry, nowUs: number, leaderId: NodeId | null = null): NodeView {
  const { record } = entry;
  return {
    id: record.id,
    name: record.name,
    role: record.role,
    state: entry.state,
    incarnation: record.incarnation,
    version: record.version,
    endpoints: record.endpoints.map(({ kind, address }: Endpoint) => ({ kind, address })),
    interface: entry.interface,
    capabilities: record.capabilities,
    resources: record.resources,
    // What a silent node said of its load says nothing about now.
    load: entry.state === "alive" || entry.state === "suspect"
      ? decodeAvailability(entry.availability)
      : null,
    tags: record.tags,
    ageMs: Math.max(0, Math.round((nowUs - entry.lastHeardUs) / 1000)),
    sinceMs: Math.max(0, Math.round((nowUs - entry.sinceUs) / 1000)),
    rttMs: entry.rttUs === null ? null : Math.round(entry.rttUs) / 1000,
    trust: entry.trust,
    leader: record.id === leaderId,
    priority: priorityOf(record.capabilities),
    self: false,
  };
}
