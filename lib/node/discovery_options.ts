// What discovery is told of a node: its record, its keys, its part in the lease.
// Decides how a node's options become those of discovery; never what discovery makes of them.

import type { Incarnation, NodeId, Role } from "../base/mod.ts";
import { DiscoveryService, type Endpoint, PRIORITY_CAPABILITY } from "../discovery/mod.ts";
import type { Platform } from "../platform/mod.ts";
import { DatagramAuthenticator, MeshKeyRing } from "../security/mod.ts";
import { type Address, formatAddress } from "../transport/mod.ts";
import { leaseSettings } from "./leadership.ts";
import type { NodeOptions } from "./options.ts";
import { PROGRAMS_CAPABILITY } from "./programs.ts";

/** A node as far as discovery is concerned. */
export interface DiscoveredNode {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  readonly role: Role;
  readonly name: string;
  /** Its state directory; null for a node that keeps nothing. */
  readonly directory: string | null;
  readonly bound: readonly Address[];
  readonly resources: Readonly<Record<string, unknown>>;
  readonly capabilities: Readonly<Record<string, unknown>>;
}

/**
 * What a node can do: as its owner says, with its priority among the apps, by which all put them into one order, and
 * whether programs can be started on it.
 * @param ofState what it brings into the shared state
 */
export function capabilitiesOf(
  { capabilities = {}, priority, programs }: NodeOptions,
  ofState: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return {
    ...ofState,
    ...(programs === undefined ? {} : { [PROGRAMS_CAPABILITY]: true }),
    ...capabilities,
    ...(priority === undefined ? {} : { [PRIORITY_CAPABILITY]: priority }),
  };
}

/** Discovery for a node, not started yet. */
export function makeDiscovery(
  platform: Platform,
  options: NodeOptions,
  node: DiscoveredNode,
): DiscoveryService {
  const { port, group, interfaces, seeds, listens } = options.discovery ?? {};
  const { capabilities } = node;
  const lease = options.keys.kind === "access"
    ? null
    : leaseSettings(platform.files, node.directory, capabilities);
  return new DiscoveryService(platform, {
    id: node.id,
    incarnation: node.incarnation,
    // Who holds an access key alone is listed by nobody, whatever its sessions say that it is.
    role: options.keys.kind === "access" ? "observer" : node.role,
    record: {
      name: node.name,
      version: options.software,
      // A wildcard stands for one endpoint an interface; discovery follows the interfaces by itself.
      endpoints: node.bound.flatMap((address): Endpoint[] => {
        const { kind } = address;
        return kind === "mem" ? [] : [{ kind, address: formatAddress(address) }];
      }),
      capabilities,
      resources: node.resources,
      tags: options.tags ?? {},
    },
    seal: new DatagramAuthenticator(options.keys),
    ...(lease === null ? {} : { lease }),
    ...(options.keys.previous === null
      ? {}
      : { alsoSeal: new DatagramAuthenticator(new MeshKeyRing(options.keys.previous, null)) }),
    ...(options.opening === undefined ? {} : { open: options.opening.openerFor(options.keys) }),
    ...(port === undefined ? {} : { port }),
    ...(group === undefined ? {} : { group }),
    ...(interfaces === undefined || interfaces.length === 0 ? {} : { interfaces }),
    ...(seeds === undefined ? {} : { seeds }),
    ...(listens === undefined ? {} : { listens }),
  });
}
