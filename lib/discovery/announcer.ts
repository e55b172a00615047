// When we speak of our own accord: announcements at start and at changes, beats, questions to seeds, goodbyes.
// Decides the times (discovery research 6.4); never what others make of it.

import type { IpEndpoint } from "../platform/mod.ts";
import { type Context, drawBetween, earlier, emit, type Wake } from "./context.ts";
import {
  type Announce,
  type Heartbeat,
  type LeaveReason,
  MAX_LIVES_NAMED,
  type NamedLife,
  type Question,
} from "./messages/mod.ts";
import type { Agreement } from "./agreement.ts";
import type { Echoes } from "./echoes.ts";
import { endpointsForLink } from "./endpoint.ts";
import type { Link } from "./links.ts";
import type { Questions } from "./questions.ts";
import type { Peer } from "./peer.ts";
import type { NodeRecord } from "./record.ts";

const MS = 1_000;
const START_JITTER_US = 20 * MS;
/** Announcements after a start: earliest and latest time of each. */
const START_TIMES_US: readonly (readonly [number, number])[] = [
  [0, 0],
  [250 * MS, 300 * MS],
  [1_000 * MS, 1_100 * MS],
  [2_000 * MS, 2_100 * MS],
];
const CHANGE_TIMES_US = [0, 250 * MS, 1_000 * MS];
/** Changes are announced at most once in this time; later ones are taken along. */
const CHANGE_GAP_US = 250 * MS;
const BYE_TIMES_US = [0, 100 * MS, 300 * MS];
/** Beats that carry news are at most four a second (discovery research 6.4). */
const EARLY_GAP_US = 250 * MS;
const SEED_RETRY_US = 10_000 * MS;
/** Beats by multicast for one by broadcast, while multicast works. */
const BROADCAST_EVERY = 16;
/** Peers that get beats by unicast of their own; more than that need a relay. */
const MAX_UNICAST_BEATS = 64;
/** For so long announcements say that we were asleep, in µs: all of one change do. */
const RESUMED_TOLD_US = 2_000 * MS;
/** Announcements planned ahead: four for each of seventeen links, and changes. */
const MAX_PLANNED = 128;

/** Shortest and longest beat period, in µs. */
export const MIN_BEAT_US = 1_000 * MS;
export const MAX_BEAT_US = 10_000 * MS;

/** The beat period for a mesh of `nodes`: at most 100 beats a second altogether. */
export function beatPeriodUs(nodes: number): number {
  return Math.min(MAX_BEAT_US, Math.max(MIN_BEAT_US, 10 * MS * nodes));
}

interface Planned {
  readonly atUs: number;
  readonly linkKey: string;
  /** Which question of the start family goes along; null for an announcement of a change. */
  readonly attempt: number | null;
}

interface Seed {
  readonly endpoint: IpEndpoint;
  nextUs: number | null;
  attempt: number;
}

/** What the announcer speaks with. */
export interface AnnouncerParts {
  readonly questions: Questions;
  readonly echoes: Echoes;
  readonly agreement: Agreement;
  /** Whether so many start at once that nobody needs to be asked. */
  readonly isStorm: (nowUs: number) => boolean;
}

const NOBODY: readonly NamedLife[] = [];

/** The latest of `lives`: each is named for long enough that everybody hears it. */
function namedAt(nowUs: number, lives: (NamedLife & { readonly untilUs: number })[]): readonly NamedLife[] {
  while (lives[0] !== undefined && lives[0].untilUs <= nowUs) lives.shift();
  return lives.length === 0 ? NOBODY : lives.slice(-MAX_LIVES_NAMED);
}

/** What we say of our own accord. */
export class Announcer {
  #planned: Planned[] = [];
  #startNonce = "";
  #lastChangeUs = Number.NEGATIVE_INFINITY;
  #nextBeatUs: number | null = null;
  #lastBeatUs = Number.NEGATIVE_INFINITY;
  #beats = 0;
  #byes: number[] | null = null;
  #reason: LeaveReason = "quit";
  #resumedMs = 0;
  #resumedUntilUs = 0;
  readonly #seeds: Seed[];

  /** @param meshSize estimates the number of nodes, ourselves included */
  constructor(
    readonly context: Context,
    readonly parts: AnnouncerParts,
    seeds: readonly IpEndpoint[],
    readonly meshSize: () => number,
  ) {
    this.#seeds = seeds.map((endpoint) => ({ endpoint, nextUs: null, attempt: 0 }));
  }

  /** Our present beat period in µs, without jitter. */
  get beatUs(): number {
    return beatPeriodUs(this.meshSize());
  }

  /** Whether announcements of our start are still to come: who asks now will hear them. */
  get isStarting(): boolean {
    return this.#planned.some((plan) => plan.attempt !== null);
  }

  /** Whether goodbyes have begun. */
  get isLeaving(): boolean {
    return this.#byes !== null;
  }

  /** Starts on links that are new: announces there, and asks the seeds again. */
  startOn(nowUs: number, links: readonly Link[]): void {
    if (links.length === 0 || this.isLeaving) return;
    const startUs = nowUs + drawBetween(this.context.random, 0, START_JITTER_US);
    for (const seed of this.#seeds) {
      seed.nextUs = startUs;
      seed.attempt = 0;
    }
    if (this.context.isObserver) return;
    this.#startNonce = this.parts.questions.newFamily(nowUs);
    this.parts.echoes.renew(nowUs);
    for (const link of links) {
      START_TIMES_US.forEach(([from, to], attempt) => {
        this.#plan({
          atUs: startUs + drawBetween(this.context.random, from, to),
          linkKey: link.key,
          attempt,
        });
      });
    }
    this.#nextBeatUs ??= startUs + this.#jitteredBeatUs();
  }

  /** Announces a change of our record everywhere. */
  announceChange(nowUs: number): void {
    if (this.context.isObserver || this.isLeaving) return;
    const startUs = Math.max(nowUs, this.#lastChangeUs + CHANGE_GAP_US);
    if (startUs > nowUs && this.#planned.some((plan) => plan.attempt === null && plan.atUs <= startUs)) {
      return;
    }
    this.#lastChangeUs = startUs;
    this.#planned = this.#planned.filter((plan) => plan.attempt !== null);
    for (const link of this.context.links.all) {
      for (const afterUs of CHANGE_TIMES_US) {
        this.#plan({ atUs: startUs + afterUs, linkKey: link.key, attempt: null });
      }
    }
  }

  /** Beats as soon as the last beat is a quarter of a second ago, since there is something to tell. */
  beatEarly(nowUs: number): void {
    if (this.#nextBeatUs === null || this.isLeaving) return;
    this.#nextBeatUs = Math.min(this.#nextBeatUs, Math.max(nowUs, this.#lastBeatUs + EARLY_GAP_US));
  }

  /** Says a fresh challenge to everybody, once. */
  challengeAll(nowUs: number): void {
    if (this.context.isObserver || this.isLeaving) return;
    this.parts.echoes.renew(nowUs);
    for (const link of this.context.links.all) {
      const atUs = nowUs + drawBetween(this.context.random, 0, START_JITTER_US);
      this.#plan({ atUs, linkKey: link.key, attempt: null });
    }
  }

  /** Tells everybody that we were asleep for so long and go on as before. */
  announceResume(nowUs: number, asleepMs: number): void {
    this.#resumedMs = Math.max(1, Math.round(asleepMs));
    this.#resumedUntilUs = nowUs + RESUMED_TOLD_US;
    this.announceChange(nowUs);
  }

  /** Says a beat at once: to everybody if `toAll`, and by unicast to one who misses us. */
  refute(nowUs: number, accuser: Peer, toAll: boolean): void {
    if (this.context.isObserver || this.isLeaving) return;
    const { links, outbox } = this.context;
    if (toAll) {
      this.#beats++;
      for (const link of links.all) outbox.toLink(nowUs, link, this.heartbeat(nowUs, link), false);
    }
    const to = accuser.route.from;
    const link = links.linkOf(to.host);
    outbox.toEndpoint(nowUs, to, link, this.heartbeat(nowUs, link));
  }

  /** Begins to say goodbye. */
  leave(nowUs: number, reason: LeaveReason): void {
    if (this.isLeaving) return;
    this.#planned = [];
    this.#nextBeatUs = null;
    for (const seed of this.#seeds) seed.nextUs = null;
    this.#reason = reason;
    this.#byes = this.context.isObserver ? [nowUs] : BYE_TIMES_US.map((afterUs) => nowUs + afterUs);
  }

  /** Takes our life under this id back, so that its earlier owner is heard again and our name is free for our next life. */
  giveUpId(nowUs: number): void {
    const { links, outbox, own, isObserver } = this.context;
    if (isObserver) return;
    const message = { kind: "bye", bootNonce: own.bootNonce, reason: "id-change" } as const;
    for (const link of links.all) outbox.toLink(nowUs, link, message, true);
  }

  /** Sends what is due. Returns whether the last goodbye is out. */
  handleTimeout(nowUs: number): boolean {
    if (this.#byes !== null) return this.#sayGoodbye(nowUs);
    if (this.#planned.some((plan) => plan.atUs <= nowUs)) {
      const due = this.#planned.filter((plan) => plan.atUs <= nowUs);
      this.#planned = this.#planned.filter((plan) => plan.atUs > nowUs);
      for (const link of this.context.links.all) {
        // A change and a start that fall together are one announcement.
        const here = due.filter((plan) => plan.linkKey === link.key);
        if (here.length === 0) continue;
        const attempts = here.map((plan) => plan.attempt).filter((attempt) => attempt !== null);
        const question = attempts.length === 0
          ? null
          : this.#startQuestion(nowUs, link, Math.max(...attempts));
        const alsoBroadcast = attempts.includes(0) || !this.#isMulticastEnough(nowUs, link);
        this.context.outbox.toLink(nowUs, link, this.announcement(nowUs, link, question), alsoBroadcast);
      }
    }
    if (this.#nextBeatUs !== null && this.#nextBeatUs <= nowUs) this.#beat(nowUs);
    for (const seed of this.#seeds) {
      if (seed.nextUs !== null && seed.nextUs <= nowUs) this.#askSeed(nowUs, seed);
    }
    return false;
  }

  /** What is due next. */
  next(): Wake | null {
    if (this.#byes !== null) {
      const atUs = this.#byes[0];
      return atUs === undefined ? null : { atUs, reason: "goodbye" };
    }
    let next: Wake | null = this.#nextBeatUs === null
      ? null
      : { atUs: this.#nextBeatUs, reason: "heartbeat" };
    for (const plan of this.#planned) next = earlier(next, { atUs: plan.atUs, reason: "announce" });
    for (const seed of this.#seeds) {
      if (seed.nextUs !== null) next = earlier(next, { atUs: seed.nextUs, reason: "seed" });
    }
    return next;
  }

  /** Our record as it leaves by `link`; null stands for an address behind a router. */
  recordFor(link: Link | null): NodeRecord {
    const { own, links } = this.context;
    const facts = (link ?? links.outward)?.facts;
    return {
      id: own.id,
      incarnation: own.incarnation,
      stateVersion: own.stateVersion,
      name: own.name,
      role: own.role,
      version: own.version,
      endpoints: facts === undefined ? [] : endpointsForLink(own.endpoints, facts, links.facts),
      capabilities: own.capabilities,
      resources: own.resources,
      tags: own.tags,
    };
  }

  /** An announcement for `link`. */
  announcement(nowUs: number, link: Link | null, question: Question | null): Announce {
    return {
      kind: "announce",
      bootNonce: this.context.own.bootNonce,
      record: this.recordFor(link),
      question,
      challenge: this.parts.echoes.ownAt(nowUs),
      echoes: this.parts.echoes.at(nowUs),
      resumedMs: nowUs < this.#resumedUntilUs ? this.#resumedMs : 0,
      peerCount: this.context.registry.presentCount + 1,
      beatMs: this.beatUs / MS,
    };
  }

  /** A beat for `link`, with the number of the last one; null stands for an address behind a router. */
  heartbeat(nowUs: number, link: Link | null): Heartbeat {
    const { own, registry } = this.context;
    return {
      kind: "heartbeat",
      bootNonce: own.bootNonce,
      stateVersion: own.stateVersion,
      peerCount: registry.presentCount + 1,
      beatMs: this.beatUs / MS,
      beat: this.#beats,
      digest: this.parts.agreement.digestOn(nowUs, link),
      challenge: this.parts.isStorm(nowUs) ? this.parts.echoes.ownAt(nowUs) : null,
      echoes: this.parts.echoes.at(nowUs),
      dead: namedAt(nowUs, this.context.obituaries),
      joined: namedAt(nowUs, this.context.arrivals),
      availability: own.availability,
      leader: own.leader,
    };
  }

  /** Asks whoever is at an address, and tells who we are. */
  askAt(nowUs: number, endpoint: IpEndpoint): void {
    const { links, outbox, own, isObserver } = this.context;
    const link = links.linkOf(endpoint.host);
    const question = this.#question(nowUs, this.parts.questions.newFamily(nowUs), link, 2);
    const message = isObserver
      ? { kind: "query", bootNonce: own.bootNonce, question, target: null } as const
      : this.announcement(nowUs, link, question);
    outbox.toEndpoint(nowUs, endpoint, link, message);
  }

  /**
   * Whether broadcast would only repeat what multicast tells: while a whole show is switched on, others are heard on the
   * link by multicast, and nobody by broadcast alone. Each has announced itself by both then, and copies of all that
   * follows would be half of the storm.
   */
  #isMulticastEnough(nowUs: number, link: Link): boolean {
    if (link.isDegraded || !this.parts.isStorm(nowUs)) return false;
    let isHeard = false;
    for (const peer of this.context.registry.peers()) {
      if (!peer.isPresent || !peer.isOnLink(link.key, nowUs)) continue;
      if (peer.isHeardByMulticast(nowUs)) isHeard = true;
      else if (peer.isBroadcastOnly(nowUs)) return false;
    }
    return isHeard;
  }

  #jitteredBeatUs(): number {
    return this.beatUs * drawBetween(this.context.random, 0.9, 1.1);
  }

  #plan(plan: Planned): void {
    if (this.#planned.length < MAX_PLANNED) this.#planned.push(plan);
  }

  #startQuestion(nowUs: number, link: Link, attempt: number): Question | null {
    // When a whole show is switched on, everybody announces itself and lists are compared a beat later anyway.
    if (attempt > 0 && attempt < START_TIMES_US.length - 1 && this.parts.isStorm(nowUs)) return null;
    return this.#question(nowUs, this.#startNonce, link, attempt);
  }

  #question(nowUs: number, nonce: string, link: Link | null, attempt: number): Question {
    const { questions, agreement } = this.parts;
    return { nonce, attempt, known: questions.knownIds(), digest: agreement.digestOn(nowUs, link) };
  }

  #beat(nowUs: number): void {
    const { links, registry, outbox } = this.context;
    this.#nextBeatUs = nowUs + this.#jitteredBeatUs();
    this.#lastBeatUs = nowUs;
    this.#beats++;
    let alsoBroadcast = this.#beats % BROADCAST_EVERY === 0;
    let unicastBeats = 0;
    for (const peer of registry.peers()) {
      if (!peer.isPresent || peer.isHeardByMulticast(nowUs)) continue;
      if (peer.isBroadcastOnly(nowUs)) {
        alsoBroadcast = true;
      } else if (unicastBeats < MAX_UNICAST_BEATS && peer.isUnicastOnly(nowUs)) {
        unicastBeats++;
        const link = links.linkOf(peer.route.from.host);
        outbox.toEndpoint(nowUs, peer.route.from, link, this.heartbeat(nowUs, link));
      }
    }
    for (const link of links.all) {
      if (link.isSecondary && !this.#isNeeded(link)) continue;
      outbox.toLink(nowUs, link, this.heartbeat(nowUs, link), alsoBroadcast || link.isDegraded);
    }
  }

  /** Whether somebody is heard by this link and by no better one. */
  #isNeeded(link: Link): boolean {
    for (const peer of this.context.registry.peers()) {
      if (peer.isPresent && peer.route.link?.key === link.key) return true;
    }
    return false;
  }

  #askSeed(nowUs: number, seed: Seed): void {
    const { registry } = this.context;
    const retryUs = nowUs + SEED_RETRY_US * drawBetween(this.context.random, 0.9, 1.1);
    for (const peer of registry.peers()) {
      if (peer.isPresent && peer.route.from.host === seed.endpoint.host) {
        seed.nextUs = retryUs;
        seed.attempt = 0;
        return;
      }
    }
    this.askAt(nowUs, seed.endpoint);
    const now = START_TIMES_US[seed.attempt]?.[0];
    const then = START_TIMES_US[seed.attempt + 1]?.[1];
    seed.attempt++;
    seed.nextUs = now === undefined || then === undefined ? retryUs : nowUs + then - now;
  }

  #sayGoodbye(nowUs: number): boolean {
    const { links, registry, outbox, own, isObserver } = this.context;
    const due = this.#byes?.[0];
    if (due === undefined || due > nowUs) return false;
    this.#byes?.shift();
    if (!isObserver) {
      const message = { kind: "bye", bootNonce: own.bootNonce, reason: this.#reason } as const;
      for (const link of links.all) outbox.toLink(nowUs, link, message, true);
      for (const peer of registry.peers()) {
        if (peer.isPresent && peer.isUnicastOnly(nowUs)) {
          outbox.toEndpoint(nowUs, peer.route.from, links.linkOf(peer.route.from.host), message);
        }
      }
    }
    if (this.#byes?.length !== 0) return false;
    emit(this.context, { kind: "goodbye-sent" });
    return true;
  }
}
