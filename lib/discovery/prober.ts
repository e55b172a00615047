// Pings: to a node by its best route, by all of its routes, by multicast.
// Decides nothing but how a ping is made; who is asked when is the business of those who use this.

import type { IpEndpoint } from "../platform/mod.ts";
import type { ChallengePurpose, Challenges } from "./challenges.ts";
import type { Context } from "./context.ts";
import { type Ping, targetOf } from "./messages/mod.ts";
import type { Peer } from "./peer.ts";

/** Sends pings. */
export class Prober {
  constructor(readonly context: Context, readonly challenges: Challenges) {}

  /** Sends a ping with a fresh nonce. Returns false when our own rate of sending forbade it. */
  ask(
    nowUs: number,
    peer: Peer,
    purpose: ChallengePurpose,
    to: IpEndpoint = peer.route.from,
    token = 0,
  ): boolean {
    const { outbox, links } = this.context;
    const message = this.#ping(peer, this.#nonce(nowUs, peer, purpose, token));
    return outbox.toEndpoint(nowUs, to, links.linkOf(to.host), message);
  }

  /** Asks on every route, and by multicast and broadcast on the link where it was heard last. */
  askEverywhere(nowUs: number, peer: Peer): boolean {
    let isSent = false;
    for (const route of peer.routes) isSent = this.ask(nowUs, peer, "probe", route.from) || isSent;
    const link = this.context.links.linkOf(peer.route.from.host);
    if (link !== null) {
      this.context.outbox.toLink(nowUs, link, this.#ping(peer, this.#nonce(nowUs, peer, "probe", 0)), true);
    }
    return isSent;
  }

  #nonce(nowUs: number, peer: Peer, purpose: ChallengePurpose, token: number): string {
    return this.challenges.open({ purpose, id: peer.id, sentUs: nowUs, token });
  }

  #ping(peer: Peer, nonce: string): Ping {
    const { own, isObserver } = this.context;
    return { kind: "ping", bootNonce: own.bootNonce, nonce, target: targetOf(peer.id), observer: isObserver };
  }
}
