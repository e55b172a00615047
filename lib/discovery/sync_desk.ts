// Answers requests for pages of our list.
// Decides who may ask (whoever has shown that it is reached where it says), what of the list concerns it (the nodes of
// its network), and how much fits. Keeps no memory of a request: the asker says where to go on.

import type { IpEndpoint } from "../platform/mod.ts";
import { type Context, drawNonce } from "./context.ts";
import { MAX_BODY_BYTES } from "./datagram.ts";
import { isLinkLocalHost } from "./address.ts";
import { hostOf, hostUrl } from "./endpoint.ts";
import { TokenBucket } from "./limiter.ts";
import type { Link } from "./links.ts";
import {
  KNOWN_ROW_BYTES,
  MAX_PAGE_ENTRIES,
  SHORT_ID_BYTES,
  type SyncEntry,
  syncEntryToMap,
  type SyncRequest,
  targetOf,
} from "./messages/mod.ts";
import type { Peer } from "./peer.ts";

/** How long a cookie counts, in µs. */
const COOKIE_LIFE_US = 10_000_000;
const MAX_COOKIES = 256;
const PAGES_PER_SECOND = 200;
const PAGES_BURST = 100;
/** Bytes of a page's other fields. */
const PAGE_BYTES = 48;
/** Lost nodes are named for as long as beats of an asker could still be on their way to another verdict, in µs. */
const GONE_TOLD_US = 60_000_000;

interface Cookie {
  readonly host: string;
  readonly port: number;
  readonly untilUs: number;
}

/** Gives pages. */
export class SyncDesk {
  readonly #cookies = new Map<string, Cookie>();
  readonly #pages: TokenBucket;

  constructor(readonly context: Context, nowUs: number) {
    this.#pages = new TokenBucket(PAGES_PER_SECOND, PAGES_BURST, nowUs);
  }

  /** A cookie for an offer to `to`: who returns it is reached there. At the bound the oldest counts no more. */
  cookieFor(nowUs: number, to: IpEndpoint): string {
    for (const [cookie, { untilUs }] of this.#cookies) {
      if (untilUs > nowUs && this.#cookies.size < MAX_COOKIES) break;
      this.#cookies.delete(cookie);
    }
    const cookie = drawNonce(this.context.random);
    this.#cookies.set(cookie, { host: to.host, port: to.port, untilUs: nowUs + COOKIE_LIFE_US });
    return cookie;
  }

  /** Whether a request from `from` may be answered: by a cookie, or because `peer` has proved to live there. */
  mayAsk(nowUs: number, request: SyncRequest, from: IpEndpoint, peer: Peer | null): boolean {
    const cookie = this.#cookies.get(request.cookie);
    if (cookie !== undefined && cookie.untilUs > nowUs && isAt(cookie, from)) return true;
    return peer !== null && peer.isPresent && !peer.isRelayed && isAt(peer.route.from, from);
  }

  /** Answers a request that may be answered. At 200 pages a second it goes unanswered and is counted. */
  answer(nowUs: number, request: SyncRequest, from: IpEndpoint, link: Link | null): void {
    if (!this.#pages.canTake(nowUs)) {
      this.context.counters.dropped["page-limit"]++;
      return;
    }
    const { own, outbox } = this.context;
    const known = knownRows(request.known);
    const entries: SyncEntry[] = [];
    let bytes = PAGE_BYTES;
    let next: string | null = null;
    for (const peer of this.#range(request)) {
      const hash = known.get(peer.id.slice(0, 2 * SHORT_ID_BYTES));
      if (hash === peer.knownHash) continue;
      const entry = this.#entryOf(nowUs, peer, link);
      if (entry === null) continue;
      const size = outbox.sender.codec.encode(syncEntryToMap(entry)).length;
      // A record that fills a page by itself is shortened by the outbox, as an announcement is.
      if (entries.length > 0 && (bytes + size > MAX_BODY_BYTES || entries.length === MAX_PAGE_ENTRIES)) {
        next = targetOf(peer.id);
        break;
      }
      entries.push(entry);
      bytes += size;
    }
    outbox.toEndpoint(nowUs, from, link, {
      kind: "sync-page",
      bootNonce: own.bootNonce,
      echo: request.nonce,
      next,
      entries,
    });
  }

  /** The nodes of a range in the order of their ids. */
  #range({ from, until }: SyncRequest): Peer[] {
    const peers: Peer[] = [];
    for (const peer of this.context.registry.peers()) {
      const target = targetOf(peer.id);
      if (target >= from && (until === null || target < until)) peers.push(peer);
    }
    return peers.sort((a, b) => a.id < b.id ? -1 : 1);
  }

  #entryOf(nowUs: number, peer: Peer, link: Link | null): SyncEntry | null {
    const isPresent = peer.isPresent && peer.state !== "unreachable";
    const isGone = peer.state === "dead" || peer.state === "left";
    if (!isPresent && !(isGone && nowUs - peer.sinceUs < GONE_TOLD_US)) return null;
    if (!this.#concerns(nowUs, peer, link)) return null;
    const { host, port } = peer.route.from;
    return {
      id: peer.id,
      incarnation: peer.incarnation,
      bootNonce: peer.life.bootNonce,
      seq: Math.max(0, peer.life.window.highest, peer.life.notBefore),
      ageMs: Math.max(0, Math.round((nowUs - peer.lastHeardUs) / 1000)),
      beatMs: Math.round(peer.beatUs / 1000),
      peerCount: peer.peerCount,
      from: hostUrl("udp", host, port).slice("udp://".length),
      state: isPresent ? "present" : peer.state === "left" ? "left" : "dead",
      record: isPresent ? { ...peer.record, endpoints: this.#endpointsFor(peer, link) } : null,
    };
  }

  /** An asker hears of the nodes of its own network; across a router, of all that a router could reach. */
  #concerns(nowUs: number, peer: Peer, link: Link | null): boolean {
    if (link === null) return !isLinkLocalHost(peer.route.from.host);
    return peer.isOnLink(link.key, nowUs) || (!link.facts.loopback && peer.route.link === null);
  }

  #endpointsFor(peer: Peer, link: Link | null): Peer["record"]["endpoints"] {
    if (link?.facts.loopback === true) return peer.record.endpoints;
    return peer.record.endpoints.filter((endpoint) => {
      const at = hostOf(endpoint);
      if (at === null) return false; // a path or a pipe means something on its own machine alone
      return !isLinkLocalHost(at.host) || (link !== null && this.context.links.linkOf(at.host) === link);
    });
  }
}

function isAt(known: IpEndpoint, from: IpEndpoint): boolean {
  return known.host === from.host && known.port === from.port;
}

/** The rows of a request: eight hex digits of an id to the hash of what is known of it. */
function knownRows(bytes: Uint8Array): Map<string, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const rows = new Map<string, number>();
  for (let at = 0; at + KNOWN_ROW_BYTES <= bytes.length; at += KNOWN_ROW_BYTES) {
    rows.set(view.getUint32(at).toString(16).padStart(8, "0"), view.getUint32(at + 4));
  }
  return rows;
}
