// What happened to a node of the list, where the list alone would not say it: why a delta came.
// Decides which of discovery's events a user of the list sees, and which node each is about.

import type { Incarnation, NodeId } from "../base/mod.ts";
import type { DiscoveryEvent } from "../discovery/mod.ts";

/** Why a node of the list changed. */
export type NodeEvent =
  /** Its process started anew: handshakes and leadership of the earlier life are void. */
  | { readonly kind: "restarted"; readonly was: Incarnation; readonly now: Incarnation }
  /** It is back in the same life after it was silent or asleep. */
  | { readonly kind: "resumed" }
  /** It goes by another name now. */
  | { readonly kind: "renamed"; readonly was: string; readonly now: string }
  /** It said goodbye. */
  | { readonly kind: "left"; readonly reason: string }
  /** This node: another process has its id, and it is mute from now on. */
  | { readonly kind: "id-conflict"; readonly from: string }
  /** This node: its list is full, and so many did not fit. */
  | { readonly kind: "peer-limit"; readonly overflow: number };

/** The node that a discovery event is about, and what it says; null for events that are none of the list's. */
export function nodeEventOf(
  event: DiscoveryEvent,
  self: { readonly id: NodeId; readonly name: string },
): { readonly id: NodeId; readonly event: NodeEvent } | null {
  switch (event.kind) {
    case "restarted":
      return { id: event.id, event: { kind: "restarted", was: event.was, now: event.now } };
    case "returned":
      return { id: event.id, event: { kind: "resumed" } };
    case "left":
      return { id: event.id, event: { kind: "left", reason: event.reason } };
    case "renamed":
      return { id: self.id, event: { kind: "renamed", was: self.name, now: event.name } };
    case "id-conflict":
      return { id: self.id, event: { kind: "id-conflict", from: event.from.host } };
    case "peer-limit":
      return { id: self.id, event: { kind: "peer-limit", overflow: event.overflow } };
    default:
      return null;
  }
}
