// Our own links: which interface an address belongs to, and whether what we multicast there comes back.
// Decides on the list it is given; never looks for interfaces itself (service.ts does).

import { splitZone, withoutZone } from "../platform/mod.ts";
import { isLinkLocalHost, isLoopbackHost } from "./address.ts";
import { isOnLink, type LinkInterface, type LinkIpv6 } from "./endpoint.ts";
import type { Peer } from "./peer.ts";

/** A link with the watch over its echo. */
export class Link {
  /** Since when we wait for our own multicast to come back. */
  watchFromUs: number;
  echoMisses = 0;
  /** Whether it ever came back: only what worked before can be lost. */
  hasEchoed = false;
  /** Whether others are heard by broadcast and nobody by multicast: beats then leave by both. */
  isDegraded = false;
  /** Since when; Infinity while it is not so. */
  degradedUs = Infinity;
  nextRejoinUs = 0;

  constructor(readonly facts: LinkInterface, readonly sinceUs: number) {
    this.watchFromUs = sinceUs;
  }

  get key(): string {
    return this.facts.key;
  }

  /** Whether it is the IPv6 link of an interface that IPv4 serves as well. */
  get isSecondary(): boolean {
    return this.facts.ipv6?.isSecondary ?? false;
  }
}

function isSameFacts(a: LinkInterface, b: LinkInterface): boolean {
  return a.port === b.port && isSameIpv6(a.ipv6, b.ipv6);
}

function isSameIpv6(a: LinkIpv6 | undefined, b: LinkIpv6 | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.zone === b.zone && a.isSecondary === b.isSecondary && a.further.join() === b.further.join() &&
    a.networks.join() === b.networks.join();
}

/** What {@linkcode Links.replace} found. */
export interface LinkChanges {
  readonly added: Link[];
  readonly removed: Link[];
  /** Same link, but its port became known or changed, or its IPv6 networks did. */
  readonly isChanged: boolean;
}

/** Where a host is, and what reception remembers of it, so that its next datagram costs one look-up. */
export class Place {
  /** Where its bucket is among the limited sources; −1 while that is not known. */
  bucket = -1;
  /** The node that was heard from there last. */
  speaker: Peer | null = null;

  /** @param link the link that it is reached by, null for none @param isOwn whether it is this machine */
  constructor(readonly link: Link | null, readonly isOwn: boolean) {}
}

/** Hosts whose link is remembered; past this the table starts again. */
const MAX_KNOWN_HOSTS = 1024;

/** All links of the machine that discovery uses. */
export class Links {
  #links: Link[] = [];
  /** Where hosts belong, for those that were asked for: every datagram asks. */
  readonly #known = new Map<string, Place>();

  /** In the order of the owner's list. */
  get all(): readonly Link[] {
    return this.#links;
  }

  /** The facts alone. */
  get facts(): LinkInterface[] {
    return this.#links.map((link) => link.facts);
  }

  /** Takes the new list; links are the same when their key is. */
  replace(nowUs: number, list: readonly LinkInterface[]): LinkChanges {
    const before = this.#links;
    const old = new Map(before.map((link) => [link.key, link]));
    const added: Link[] = [];
    let isChanged = false;
    this.#links = list.map((facts) => {
      const known = old.get(facts.key);
      old.delete(facts.key);
      if (known !== undefined && isSameFacts(known.facts, facts)) return known;
      const link = new Link(facts, nowUs);
      if (known === undefined) added.push(link);
      else isChanged = true;
      return link;
    });
    const removed = [...old.values()];
    if (this.#links.length !== before.length || this.#links.some((link, at) => link !== before[at])) {
      this.#known.clear();
    }
    return { added, removed, isChanged: isChanged || added.length > 0 || removed.length > 0 };
  }

  /**
   * The link that an address is reached by: our own address, else the narrowest subnet that holds it, for a link-local
   * IPv6 address the link of its zone; without a zone the only one that there is. Else null.
   */
  linkOf(host: string): Link | null {
    return this.placeOf(host).link;
  }

  /** What is known of where a host is. */
  placeOf(host: string): Place {
    const known = this.#known.get(host);
    if (known !== undefined) return known;
    const isOwn = isLoopbackHost(host) ||
      this.#links.some(({ facts }) => facts.address === host || facts.ipv6?.further.includes(host) === true);
    const place = new Place(this.#findLink(host), isOwn);
    if (this.#known.size >= MAX_KNOWN_HOSTS) this.#known.clear();
    this.#known.set(host, place);
    return place;
  }

  #findLink(host: string): Link | null {
    if (isLinkLocalHost(host) && host.includes(":")) return this.#zoneLink(host);
    let best: Link | null = null;
    for (const link of this.#links) {
      if (link.facts.address === host) return link;
      if (link.facts.loopback) {
        if (isLoopbackHost(host)) return link;
      } else if (isOnLink(link.facts, host)) {
        if (best === null || link.facts.prefix > best.facts.prefix) best = link;
      }
    }
    return best;
  }

  #zoneLink(host: string): Link | null {
    const { zone } = splitZone(host);
    const ours = this.#links.filter((link) => link.facts.ipv6 !== undefined);
    if (zone !== null) return ours.find((link) => link.facts.ipv6?.zone === zone) ?? null;
    const own = ours.find((link) => withoutZone(link.facts.address) === host);
    return own ?? (ours.length === 1 ? ours[0] ?? null : null);
  }

  /** Whether `host` is an address of this machine. */
  isOwn(host: string): boolean {
    return this.placeOf(host).isOwn;
  }

  /** Whether a link leads to other machines. */
  get hasNetwork(): boolean {
    return this.#links.some((link) => !link.facts.loopback);
  }

  /** The link whose addresses stand first in a record that goes behind a router. */
  get outward(): Link | null {
    return this.#links.find((link) => !link.facts.loopback) ?? this.#links[0] ?? null;
  }
}
