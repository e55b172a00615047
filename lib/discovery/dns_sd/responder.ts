// What we say of ourselves by DNS-SD, on all links.
// Decides the names that we go by: a name that a foreign service has is given up for one with a number behind it, in
// DNS-SD alone, never in the mesh (RFC 6762 §9, RFC 6763 Appendix D). Never asks for services of others.

import type { IpEndpoint, RandomStream } from "../../platform/mod.ts";
import type { DnsLink } from "./link.ts";
import { TokenBucket } from "../limiter.ts";
import { type Advertisement, instanceLabel, type Naming, recordsOn } from "./advertisement.ts";
import type { DnsSdCounters } from "./counters.ts";
import { LinkResponder } from "./link_responder.ts";
import { type DnsMessage, isAskedFor, type Question, type ResourceRecord } from "./message.ts";
import type { DnsOutbox, DnsTransmit } from "./outbox.ts";

/** So many conflicts in so long mean that somebody fights us: from then on there is a pause (RFC 6762 §8.1). */
const MAX_CONFLICTS = 15;
const CONFLICT_WINDOW_US = 10_000_000;
const CONFLICT_PAUSE_US = 5_000_000;
/** Updates of our records: ten a minute at most (RFC 6762 §8.4), five at once. */
const UPDATES_PER_SECOND = 10 / 60;
const UPDATE_BURST = 5;
const UPDATE_RETRY_US = 500_000;
/** Answers to legacy queries, the only ones that go to one address: a bound on what a forged source can cause. */
const LEGACY_PER_SECOND = 20;
const LEGACY_BURST = 40;

/** What the responder tells. */
export type ResponderEvent =
  /** A foreign service has our name; we go by another one. */
  | { readonly kind: "dns-sd-renamed"; readonly wanted: string; readonly name: string }
  /** All goodbyes are out. */
  | { readonly kind: "goodbye-sent" };

/** Our services on all links. */
export class Responder {
  readonly #links = new Map<string, { facts: DnsLink; responder: LinkResponder }>();
  readonly #events: ResponderEvent[] = [];
  readonly #conflictsUs: number[] = [];
  readonly #updates: TokenBucket;
  readonly #legacy: TokenBucket;
  #advertisement: Advertisement | null = null;
  #naming: Naming = { instanceCount: 1, hostCount: 1 };
  /** Records that wait for their turn. */
  #next: { readonly advertisement: Advertisement | null; atUs: number } | null = null;
  /** Somebody fights us; stays until there was no conflict for ten seconds. */
  #isFought = false;
  #isLeaving = false;
  #isGoneTold = false;

  constructor(
    nowUs: number,
    readonly random: RandomStream,
    readonly outbox: DnsOutbox,
    readonly counters: DnsSdCounters,
  ) {
    this.#updates = new TokenBucket(UPDATES_PER_SECOND, UPDATE_BURST, nowUs);
    this.#legacy = new TokenBucket(LEGACY_PER_SECOND, LEGACY_BURST, nowUs);
  }

  /** The instance name that we go by; null while nothing is advertised. */
  get instance(): string | null {
    return this.#advertisement === null
      ? null
      : instanceLabel(this.#advertisement.instance, this.#naming.instanceCount);
  }

  /** Whether our records stand on at least one link. */
  get isSpeaking(): boolean {
    for (const { responder } of this.#links.values()) if (responder.isSpeaking) return true;
    return false;
  }

  /** Advertises this from now on; null nothing. More than ten changes a minute are taken together. */
  advertise(nowUs: number, advertisement: Advertisement | null): void {
    if (this.#isLeaving) return;
    if (this.#next !== null) {
      this.#next = { advertisement, atUs: this.#next.atUs };
    } else if (this.#updates.canTake(nowUs)) {
      this.#apply(nowUs, advertisement);
    } else {
      this.#next = { advertisement, atUs: nowUs + UPDATE_RETRY_US };
    }
  }

  /** The links there are; new ones are probed on, and one that was made anew is new. */
  handleLinks(nowUs: number, links: readonly DnsLink[]): void {
    const wanted = new Map(links.map((link) => [link.key, link]));
    for (const key of [...this.#links.keys()]) if (!wanted.has(key)) this.#links.delete(key);
    for (const facts of links) {
      const known = this.#links.get(facts.key);
      if (known?.facts.port === facts.port) continue;
      const responder = known?.responder ??
        new LinkResponder(facts.key, this.random, this.outbox, this.counters);
      this.#links.set(facts.key, { facts, responder });
      if (!this.#isLeaving) responder.setRecords(nowUs, this.#recordsOn(facts));
    }
  }

  /** A message that came by a link; `isLegacy` when its sender is no mDNS host. */
  handleMessage(
    nowUs: number,
    linkKey: string,
    message: DnsMessage,
    from: IpEndpoint,
    isLegacy: boolean,
  ): void {
    const link = this.#links.get(linkKey);
    if (link === undefined || this.#isLeaving) return;
    const { responder } = link;
    if (message.isResponse) {
      const claim = responder.handleResponse(nowUs, message, (key) => this.#isOwn(key));
      if (claim !== null) this.#onClaim(nowUs, responder, claim.owner, claim.isProbing);
    } else if (!isLegacy) {
      responder.handleQuery(nowUs, message, from);
    } else if (message.questions.length > 0 && responder.isSpeaking) {
      if (!this.#legacy.canTake(nowUs)) this.counters.legacyLimited++;
      else if (responder.handleLegacyQuery(message, from)) this.counters.legacyAnswers++;
    }
  }

  /** Withdraws everything; `goodbye-sent` follows within 300 ms. */
  leave(nowUs: number): void {
    this.#isLeaving = true;
    this.#next = null;
    for (const { responder } of this.#links.values()) responder.leave(nowUs);
    this.#maybeGone();
  }

  /** Our own answers to a question on a link. */
  answersOn(linkKey: string, question: Question): ResourceRecord[] {
    const responder = this.#links.get(linkKey)?.responder;
    if (responder === undefined || !responder.isSpeaking) return [];
    return responder.records.filter(({ record }) => isAskedFor(question, record)).map(({ record }) => record);
  }

  /** Probes and announces anew on all links, as after a sleep. */
  restart(nowUs: number): void {
    if (this.#isLeaving) return;
    for (const { responder } of this.#links.values()) {
      if (responder.records.length > 0) responder.probe(nowUs);
    }
  }

  /** Does what time has made due. */
  handleTimeout(nowUs: number): void {
    if (this.#next !== null && this.#next.atUs <= nowUs) {
      const { advertisement } = this.#next;
      if (this.#updates.canTake(nowUs)) {
        this.#next = null;
        this.#apply(nowUs, advertisement);
      } else {
        this.#next.atUs = nowUs + UPDATE_RETRY_US;
      }
    }
    for (const { responder } of this.#links.values()) {
      if (responder.nextUs() <= nowUs) responder.handleTimeout(nowUs);
    }
    this.#maybeGone();
  }

  /** When {@linkcode handleTimeout} is due; Infinity when it is not. */
  nextUs(): number {
    let atUs = this.#next?.atUs ?? Infinity;
    for (const { responder } of this.#links.values()) atUs = Math.min(atUs, responder.nextUs());
    return atUs;
  }

  /** The next event, or null. */
  pollEvent(): ResponderEvent | null {
    return this.#events.shift() ?? null;
  }

  /** The next message to send, or null. */
  pollTransmit(): DnsTransmit | null {
    return this.outbox.poll();
  }

  #apply(nowUs: number, advertisement: Advertisement | null): void {
    const before = this.#advertisement;
    if (before?.instance !== advertisement?.instance) this.#naming = { ...this.#naming, instanceCount: 1 };
    if (before?.host !== advertisement?.host) this.#naming = { ...this.#naming, hostCount: 1 };
    this.#advertisement = advertisement;
    for (const { facts, responder } of this.#links.values()) {
      responder.setRecords(nowUs, this.#recordsOn(facts));
    }
  }

  #recordsOn(link: DnsLink): ReturnType<typeof recordsOn> {
    return this.#advertisement === null ? [] : recordsOn(this.#advertisement, this.#naming, link);
  }

  #isOwn(key: string): boolean {
    for (const { responder } of this.#links.values()) {
      if (responder.isOwn(key)) return true;
    }
    return false;
  }

  /** A name of ours is in use. While we probe it is theirs; later we ask first whether they mean it. */
  #onClaim(nowUs: number, responder: LinkResponder, owner: "instance" | "host", isProbing: boolean): void {
    this.counters.conflicts++;
    const isQuiet = nowUs - (this.#conflictsUs.at(-1) ?? Number.NEGATIVE_INFINITY) > CONFLICT_WINDOW_US;
    if (isQuiet) this.#isFought = false;
    this.#conflictsUs.push(nowUs);
    while ((this.#conflictsUs[0] ?? nowUs) < nowUs - CONFLICT_WINDOW_US) this.#conflictsUs.shift();
    if (this.#conflictsUs.length >= MAX_CONFLICTS) {
      this.#isFought = true;
      this.#conflictsUs.shift();
    }
    const waitUs = this.#isFought ? CONFLICT_PAUSE_US : 0;
    if (!isProbing) {
      responder.probe(nowUs, waitUs);
      return;
    }
    const { instanceCount, hostCount } = this.#naming;
    this.#naming = owner === "instance"
      ? { instanceCount: instanceCount + 1, hostCount }
      : { instanceCount, hostCount: hostCount + 1 };
    for (const each of this.#links.values()) {
      each.responder.setRecords(nowUs, this.#recordsOn(each.facts), true, waitUs);
    }
    if (owner === "instance" && this.#advertisement !== null) {
      const wanted = this.#advertisement.instance;
      this.#events.push({ kind: "dns-sd-renamed", wanted, name: this.instance ?? wanted });
      if (this.#events.length > MAX_CONFLICTS) this.#events.shift();
    }
  }

  #maybeGone(): void {
    if (!this.#isLeaving || this.#isGoneTold) return;
    for (const { responder } of this.#links.values()) if (!responder.isGone) return;
    this.#isGoneTold = true;
    this.#events.push({ kind: "goodbye-sent" });
  }
}
