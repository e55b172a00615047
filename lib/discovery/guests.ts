// What those may ask of discovery who hold an access key and not the mesh key: who is there, and whether somebody is.
// Their datagrams carry a MAC that nodes check and never make, so that no node takes one for another node's word: a guest
// is met by nobody, moves no replay window, has no say about others and none about who leads.
// Decides what is answered; the answers are the same as anybody's.

import type { IpEndpoint } from "../platform/mod.ts";
import type { Agreement } from "./agreement.ts";
import type { Context } from "./context.ts";
import type { Refusal } from "./counters.ts";
import { type Datagram, PATHS } from "./datagram.ts";
import type { Link } from "./links.ts";
import { type Ping, type Query, targetOf } from "./messages/mod.ts";
import type { OfferDesk } from "./offers.ts";
import type { SyncDesk } from "./sync_desk.ts";

/** What guests are answered with. */
export interface GuestParts {
  readonly agreement: Agreement;
  readonly offers: OfferDesk;
  readonly desk: SyncDesk;
  readonly mesh: (nowUs: number) => { readonly size: number; readonly isStorm: boolean };
}

/** Answers guests. Repeating what one has asked gets the same answer again, within the bounds of each desk. */
export class GuestDesk {
  constructor(readonly context: Context, readonly parts: GuestParts) {}

  /** A datagram of a guest. Returns why it was refused, or null. */
  handle(nowUs: number, { header, message }: Datagram, from: IpEndpoint, link: Link | null): Refusal | null {
    if (this.context.isObserver) return "not-for-us";
    switch (message.kind) {
      case "query":
        return this.#handleQuery(nowUs, message, header.path === "unicast", from, link);
      case "ping":
        return this.#handlePing(nowUs, message, PATHS.indexOf(header.path), from, link);
      case "sync-request":
        if (!this.parts.desk.mayAsk(nowUs, message, from, null)) return "not-allowed";
        this.parts.desk.answer(nowUs, message, from, link);
        return null;
      default:
        return "not-allowed";
    }
  }

  #handleQuery(
    nowUs: number,
    { target, question }: Query,
    isDirect: boolean,
    from: IpEndpoint,
    link: Link | null,
  ): Refusal | null {
    if (target !== null && target !== targetOf(this.context.own.id)) return "not-for-us";
    // Records are large and a source can be forged: behind a router nobody gets one who has not proved to be there.
    if (link === null) return "off-link";
    if (target === null && question.digest === this.parts.agreement.digestOn(nowUs, link)) return null;
    const address = target === null ? "all" : isDirect ? "direct" : "shouted";
    this.parts.offers.handleQuestion(nowUs, question, from, this.parts.mesh(nowUs), address);
    return null;
  }

  #handlePing(
    nowUs: number,
    { target, nonce }: Ping,
    heardBy: number,
    from: IpEndpoint,
    link: Link | null,
  ): Refusal | null {
    const { own, outbox } = this.context;
    if (target !== null && target !== targetOf(own.id)) return "not-for-us";
    const { bootNonce, stateVersion } = own;
    outbox.toEndpoint(nowUs, from, link, { kind: "ack", bootNonce, echo: nonce, stateVersion, heardBy });
    return null;
  }
}
