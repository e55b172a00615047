// Pages of others' lists, and requests for ours: what they mean for the registry.
// Decides what of a page is believed: that somebody is there, until silence shows otherwise; that somebody is gone, as one
// voice among others. Never decides whom to ask (sync_puller.ts) or what a page of ours holds (sync_desk.ts).

import type { IpEndpoint } from "../platform/mod.ts";
import type { Admission } from "./admission.ts";
import type { Context } from "./context.ts";
import type { Refusal } from "./counters.ts";
import type { Datagram } from "./datagram.ts";
import { relayedSource } from "./endpoint.ts";
import type { Link } from "./links.ts";
import type { Life, LifeBook } from "./lives.ts";
import type { Liveness } from "./liveness.ts";
import type { SyncEntry, SyncPage, SyncRequest } from "./messages/mod.ts";
import type { Newcomers } from "./newcomers.ts";
import type { Peer } from "./peer.ts";
import type { SyncDesk } from "./sync_desk.ts";
import type { SyncPuller } from "./sync_puller.ts";

/** What pages are taken in with. */
export interface PageIntakeParts {
  readonly admission: Admission;
  readonly desk: SyncDesk;
  readonly lives: LifeBook;
  readonly liveness: Liveness;
  readonly newcomers: Newcomers;
  readonly puller: SyncPuller;
}

/** Takes pages in and answers requests for ours. */
export class PageIntake {
  constructor(readonly context: Context, readonly parts: PageIntakeParts) {}

  /** Answers a request, if its sender may ask; a cookie of ours that comes back proves a newcomer, too. */
  handleRequest(
    nowUs: number,
    life: Life,
    message: SyncRequest,
    datagram: Datagram,
    from: IpEndpoint,
    link: Link | null,
  ): Refusal | null {
    const peer = this.context.registry.peer(life.id);
    if (this.context.isObserver) return "not-for-us";
    if (!this.parts.desk.mayAsk(nowUs, message, from, peer?.life === life ? peer : null)) {
      return "not-allowed";
    }
    // Our cookie came back: that is an answer to a nonce, too.
    const waiting = this.parts.newcomers.waitingFor(life);
    if (waiting !== null && waiting.record !== null) {
      this.parts.newcomers.take(life);
      this.parts.admission.admit(nowUs, waiting, datagram, null, true);
    }
    this.parts.desk.answer(nowUs, message, from, link);
    return null;
  }

  /** Takes a page in. */
  handlePage(nowUs: number, life: Life, message: SyncPage, link: Link | null): Refusal | null {
    if (this.parts.puller.take(nowUs, message.echo, life.id, message.next) === null) return "stale-nonce";
    const from = this.context.registry.peer(life.id) ?? null;
    const zone = link?.facts.ipv6?.zone ?? null;
    for (const entry of message.entries) this.#noteEntry(nowUs, entry, from, zone);
    this.parts.puller.handleTimeout(nowUs);
    return null;
  }

  /** What the list of another node says: of one that we do not know, and of one that we know otherwise. */
  #noteEntry(nowUs: number, entry: SyncEntry, source: Peer | null, zone: string | null): void {
    const { own, registry } = this.context;
    if (entry.id === own.id) return;
    const peer = registry.peer(entry.id);
    if (peer !== undefined && entry.incarnation < peer.incarnation) return;
    const life = peer?.incarnation === entry.incarnation
      ? peer.life
      : this.parts.lives.lifeOf(entry.id, entry.incarnation, entry.bootNonce);
    if (life.bootNonce !== entry.bootNonce) return;
    const from = relayedSource(entry.from, zone);
    if (entry.record === null || from === null) {
      if (peer?.life === life) this.parts.liveness.noteGoneElsewhere(nowUs, peer, entry, source);
      return;
    }
    if (entry.record.role === "observer") return;
    const isFresher = life.window.highest > entry.seq;
    if (peer?.life === life) {
      const link = this.context.links.linkOf(peer.route.from.host);
      if (peer.isPresent) this.parts.admission.applyRecord(nowUs, peer, entry.record, peer.route.from, link);
      // Somebody still hears it: worth asking.
      else if (peer.state !== "left" && entry.seq > life.window.highest) {
        this.parts.liveness.ask(nowUs, peer, "probe");
      }
      return;
    }
    life.notBefore = Math.max(life.notBefore, entry.seq);
    const waited = this.parts.newcomers.take(life);
    const at = waited?.from ?? from;
    if (this.parts.admission.admitRelayed(nowUs, life, entry, entry.record, at) !== null) return;
    // We have heard it since: nobody can have recorded that before.
    const admitted = registry.peer(entry.id);
    if (isFresher && waited !== null && admitted?.life === life) admitted.isRelayed = false;
  }
}
