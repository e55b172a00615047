// How a node shows itself by DNS-SD and what it makes of others that do: records from its own record, hints from theirs.
// Decides what is advertised and which announcements are worth a question; never believes one, since anybody on the
// link may announce anything (discovery research 6.8).

import type { Incarnation, NodeId, Role } from "../base/mod.ts";
import {
  type Advertisement,
  canAdvertise,
  type DiscoveryService,
  type DnsSdEvent,
  DnsSdService,
  encodeText,
  HANA_TCP,
  HANA_UDP,
  hostLabelOf,
  isSameSubnet,
} from "../discovery/mod.ts";
import type { Platform } from "../platform/mod.ts";

/** Addresses of one announcement that are asked. */
const MAX_HINTED_ADDRESSES = 4;

/** What is advertised of a node. */
export interface AdvertisedNode {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  /** Read anew whenever the node is advertised: it changes while the node runs. */
  role(): Role;
  readonly version: string;
  readonly trust: "keyed" | "open";
  /** Port of sessions; null when none are taken over TCP. */
  readonly tcpPort: number | null;
}

/** DNS-SD of one node. */
export class NodeDnsSd {
  /** For its problems, counters and list of services. */
  readonly service: DnsSdService;
  #isAdvertising = true;
  #said = "";

  /** Touches nothing before `start`. */
  constructor(
    platform: Platform,
    readonly node: AdvertisedNode,
    readonly discovery: DiscoveryService,
  ) {
    this.service = new DnsSdService(platform, {
      links: () => {
        // The links are asked for every two seconds, and what we say of ourselves may have changed by then.
        this.refresh();
        return discovery.interfaces;
      },
      types: [HANA_UDP],
    });
    this.service.onEvent((event) => this.#onEvent(event));
  }

  /** Starts, once discovery runs and its ports are known. */
  start(): void {
    this.service.start();
  }

  /** Withdraws what was said and closes. */
  stop(): Promise<void> {
    return this.service.stop();
  }

  /** Advertises the node as it is now. Cheap when nothing has changed. */
  refresh(): void {
    const role = this.node.role();
    this.#isAdvertising = canAdvertise(role, this.discovery.registry.presentCount + 1, this.#isAdvertising);
    const { name, stateVersion } = this.discovery.record;
    const said = this.#isAdvertising ? `${name} ${role} ${stateVersion}` : "";
    if (said === this.#said) return;
    this.#said = said;
    this.service.advertise(this.#isAdvertising ? this.#advertisement(name, stateVersion) : null);
  }

  #advertisement(name: string, stateVersion: number): Advertisement {
    const { id, incarnation, version, trust, tcpPort } = this.node;
    const role = this.node.role();
    const text = encodeText({
      txtvers: "1",
      id,
      r: role,
      v: version,
      inc: String(incarnation),
      st: String(stateVersion),
      auth: trust === "keyed" ? "1" : "0",
    });
    const subtypes = [`_${role}`];
    return {
      instance: name,
      host: hostLabelOf(name, id),
      services: [
        { type: HANA_UDP, subtypes, port: "link", text },
        ...(tcpPort === null ? [] : [{ type: HANA_TCP, subtypes, port: tcpPort, text }]),
      ],
    };
  }

  /** Somebody announces a node: it is asked, unless it is ourselves or one that we know. */
  #onEvent(event: DnsSdEvent): void {
    if (!("op" in event) || event.op === "removed" || event.service.type !== HANA_UDP) return;
    const { text, addresses, port } = event.service;
    const { id, inc } = text;
    if (id === this.node.id || port === 0) return;
    const known = id === undefined ? undefined : this.discovery.registry.get(id as NodeId);
    if (known?.state === "alive" && String(known.record.incarnation) === inc) return;
    const links = this.discovery.interfaces;
    // An announcement is heard on its link alone: one that leads elsewhere would have us ask strangers.
    const near = addresses.filter((host) =>
      links.some((link) => isSameSubnet(link.address, host, link.prefix))
    );
    for (const host of near.slice(0, MAX_HINTED_ADDRESSES)) {
      const isOurselves = links.some((link) => link.address === host && link.port === port);
      if (!isOurselves) this.discovery.addHint({ host, port });
    }
  }
}
