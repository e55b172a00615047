// The types of service that matter at a show, and who of us advertises.
// Decides names and the policy for large meshes; never asks or answers.

import type { Role } from "../../base/mod.ts";

/** Where nodes of hana announce their discovery. */
export const HANA_UDP = "_hana._udp";
/** Where they announce their sessions. */
export const HANA_TCP = "_hana._tcp";

/** What show gear announces, with what it is; the meta query finds the rest. */
export const SHOW_SERVICES: Readonly<Record<string, string>> = {
  [HANA_UDP]: "hana discovery",
  [HANA_TCP]: "hana sessions",
  "_osc._udp": "Open Sound Control",
  "_oscjson._tcp": "OSCQuery",
  "_apple-midi._udp": "RTP-MIDI",
  "_companion-satellite._tcp": "Companion satellite",
  "_ndi._tcp": "NDI video",
};

/** Nodes above which only apps advertise: browsing them all would cost every browser a burst (discovery research 1.4). */
export const MAX_ADVERTISED_NODES = 200;
/** Who has stopped begins again below this, so that one node that comes and goes does not make all of them speak. */
const RESUME_NODES = 180;

/**
 * Whether a node of this role advertises in a mesh of so many nodes. An observer never does.
 * @param isAdvertising whether it has until now
 */
export function canAdvertise(role: Role, nodes: number, isAdvertising = true): boolean {
  if (role === "observer") return false;
  return role === "app" || nodes <= (isAdvertising ? MAX_ADVERTISED_NODES : RESUME_NODES);
}
