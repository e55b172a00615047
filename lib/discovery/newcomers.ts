// Nodes that were heard and have yet to prove that they are there: a recorded datagram can be played back by anybody
// near, so that a first sight, a new incarnation and a return from the dead count only once the node has answered a
// nonce of ours (discovery research 6.9).
// Decides whom to ask, how often, and when to give up; never who is admitted (core.ts).

import type { NodeId } from "../base/mod.ts";
import type { IpEndpoint } from "../platform/mod.ts";
import type { Challenges } from "./challenges.ts";
import { type Context, drawBetween, type Wake } from "./context.ts";
import { hash32 } from "./hash.ts";
import { type NamedLife, questionToOne, targetOf } from "./messages/mod.ts";
import type { Link } from "./links.ts";
import type { Life } from "./lives.ts";
import type { NodeRecord } from "./record.ts";

/**
 * Waits after each question in µs: with 30 % loss each way every second question fails, so that five are asked. The
 * third and the last go by multicast too, should unicast not get through. Whoever is heard again meanwhile is asked
 * on; after the last wait the newcomer is forgotten, and its next beat starts over.
 */
const WAITS_US = [120_000, 180_000, 300_000, 400_000, 1_000_000];
const SHOUTED: readonly number[] = [3, 5];
const ASKS_LEFT_FROM = 2;
/** When it is tried again after our own rate forbade to ask, and how long at most. */
const BUSY_RETRY_US = 100_000;
const GIVE_UP_US = 5_000_000;
/** How many of a large mesh ask a newcomer themselves. */
const MAX_ASKERS = 128;
/** Over which newcomers are counted, in µs. */
const STORM_WINDOW_US = 1_000_000;
/** Newcomers within a second from which on an echo is waited for, since so many questions would be a storm. */
const STORM_ASKS = 8;
/** Newcomers within a second that make a storm of starts. */
const STORM_STARTS = 20;
/** How long an echo of our challenge is waited for then, in µs: it comes with one of the next announcements. */
const STORM_WAITS_US: readonly [number, number] = [700_000, 2_400_000];
/** Newcomers at a time; at the bound the oldest is forgotten and counted. */
const MAX_NEWCOMERS = 512;

/** What is known of a newcomer. */
export interface Sighting {
  readonly life: Life;
  /** Null when it was heard by a message without its record. */
  readonly record: NodeRecord | null;
  readonly peerCount: number;
  readonly beatMs: number;
  readonly from: IpEndpoint;
  readonly link: Link | null;
}

interface Newcomer {
  sighting: Sighting;
  readonly metUs: number;
  asked: number;
  nextUs: number;
  /** It waits for its announcement, not for an echo. */
  isHeld: boolean;
}

/** The waiting room. */
export class Newcomers {
  readonly #waiting = new Map<NodeId, Newcomer>();
  /** The same by the first bytes of their ids, as beats name them. */
  readonly #byTarget = new Map<string, Newcomer>();
  /** When the next is due: asked for after every datagram, and while a show is switched on everybody waits. */
  #nextUs = Infinity;
  /** Whether who was due next is due later or gone, so that all must be looked at. */
  #isNextStale = false;
  #metCount = 0;
  #metSinceUs = 0;

  /** @param challenge says a challenge to everybody unless one is out, and whether an echo of it can be waited for */
  constructor(
    readonly context: Context,
    readonly challenges: Challenges,
    readonly challenge: (nowUs: number) => boolean,
  ) {}

  /** Newcomers waiting. */
  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Takes note of a newcomer and asks it: at once, or after `waitUs` should its announcement not come before.
   * An announcement is worth waiting for, because it saves asking for the record.
   */
  meet(nowUs: number, sighting: Sighting, waitUs = 0): void {
    const isHeld = waitUs > 0;
    const id = sighting.life.id;
    const known = this.#waiting.get(id);
    if (known !== undefined && known.sighting.life === sighting.life) {
      const before = known.sighting.record;
      const isNewer = sighting.record !== null &&
        (before === null || sighting.record.stateVersion > before.stateVersion);
      if (isNewer) known.sighting = sighting;
      // It is still there, and so is our question.
      if (known.asked > ASKS_LEFT_FROM) known.asked = ASKS_LEFT_FROM;
      if (known.asked === 0 && waitUs === 0 && known.isHeld) {
        known.isHeld = false;
        this.#plan(known, nowUs + this.#echoWaitUs(nowUs, id));
        if (known.nextUs === nowUs) this.#ask(nowUs, known);
      }
      return;
    }
    if (known !== undefined && known.sighting.life.incarnation > sighting.life.incarnation) return;
    if (known !== undefined) this.#forget(known);
    this.#noteMet(nowUs);
    if (waitUs === 0) waitUs = this.#echoWaitUs(nowUs, id);
    if (this.#waiting.size >= MAX_NEWCOMERS) {
      for (const oldest of this.#waiting.values()) {
        this.#forget(oldest);
        this.context.counters.dropped.candidates++;
        break;
      }
    }
    const newcomer: Newcomer = { sighting, metUs: nowUs, asked: 0, nextUs: Infinity, isHeld };
    this.#waiting.set(id, newcomer);
    this.#byTarget.set(targetOf(id), newcomer);
    this.#plan(newcomer, nowUs + waitUs);
    if (waitUs === 0) this.#ask(nowUs, newcomer);
  }

  /** How long to wait for an echo of our challenge: not at all while few come, since a question is quicker. */
  #echoWaitUs(nowUs: number, id: NodeId): number {
    const isStorm = this.#metCount > STORM_ASKS && this.challenge(nowUs);
    if (!isStorm && !this.#isLeftToOthers(id)) return 0;
    return drawBetween(this.context.random, ...STORM_WAITS_US);
  }

  /** In a large mesh a part of the nodes asks a newcomer, by rank, and the others hear of it in their beats. */
  #isLeftToOthers(id: NodeId): boolean {
    const { registry, own, isObserver } = this.context;
    const size = registry.presentCount;
    return size > MAX_ASKERS && !isObserver && hash32(own.id + id) % size >= MAX_ASKERS;
  }

  /** Newcomers that wait and that one of these lives is; they have proved themselves to somebody else. */
  takeJoined(joined: readonly NamedLife[]): Sighting[] {
    if (this.#waiting.size === 0) return [];
    const found: Sighting[] = [];
    for (const { target, incarnation } of joined) {
      const newcomer = this.#byTarget.get(target);
      if (newcomer === undefined) continue;
      const { sighting } = newcomer;
      if (sighting.life.incarnation !== incarnation || sighting.record === null) continue;
      this.#forget(newcomer);
      found.push(sighting);
    }
    return found;
  }

  /** Whether so many have come within the last second that everybody seems to start. */
  isStorm(nowUs: number): boolean {
    return nowUs - this.#metSinceUs < 2 * STORM_WINDOW_US && this.#metCount >= STORM_STARTS;
  }

  #noteMet(nowUs: number): void {
    if (nowUs - this.#metSinceUs > STORM_WINDOW_US) {
      // A storm that goes on is no new one each second.
      const goesOn = this.#metCount > STORM_ASKS && nowUs - this.#metSinceUs < 2 * STORM_WINDOW_US;
      this.#metSinceUs = nowUs;
      this.#metCount = goesOn ? STORM_ASKS : 0;
    }
    this.#metCount++;
  }

  /** What is known of a newcomer that waits; null when this life does not. */
  waitingFor(life: Life): Sighting | null {
    const newcomer = this.#waiting.get(life.id);
    return newcomer?.sighting.life === life ? newcomer.sighting : null;
  }

  /** The newcomer that has answered, taken out; null when this life was not asked. */
  take(life: Life): Sighting | null {
    const newcomer = this.#waiting.get(life.id);
    if (newcomer === undefined || newcomer.sighting.life !== life) return null;
    this.#forget(newcomer);
    return newcomer.sighting;
  }

  /** Asks again and gives up where it is time. */
  handleTimeout(nowUs: number): void {
    if (this.#dueUs() > nowUs) return;
    for (const newcomer of this.#waiting.values()) {
      if (newcomer.nextUs > nowUs) continue;
      const isOver = newcomer.asked >= WAITS_US.length || newcomer.metUs + GIVE_UP_US <= nowUs;
      if (isOver) this.#forget(newcomer);
      else this.#ask(nowUs, newcomer);
    }
  }

  /** What is due next. */
  next(): Wake | null {
    const atUs = this.#dueUs();
    return atUs === Infinity ? null : { atUs, reason: "newcomer" };
  }

  #dueUs(): number {
    if (!this.#isNextStale) return this.#nextUs;
    this.#isNextStale = false;
    this.#nextUs = Infinity;
    for (const { nextUs } of this.#waiting.values()) if (nextUs < this.#nextUs) this.#nextUs = nextUs;
    return this.#nextUs;
  }

  #plan(newcomer: Newcomer, atUs: number): void {
    if (newcomer.nextUs === this.#nextUs && atUs > newcomer.nextUs) this.#isNextStale = true;
    newcomer.nextUs = atUs;
    if (atUs < this.#nextUs) this.#nextUs = atUs;
  }

  #forget(newcomer: Newcomer): void {
    const { id } = newcomer.sighting.life;
    this.#waiting.delete(id);
    // Another one whose id begins alike may have taken the place.
    if (this.#byTarget.get(targetOf(id)) === newcomer) this.#byTarget.delete(targetOf(id));
    if (newcomer.nextUs === this.#nextUs) this.#isNextStale = true;
  }

  #ask(nowUs: number, newcomer: Newcomer): void {
    const { outbox, own, isObserver } = this.context;
    const { life, record, from, link } = newcomer.sighting;
    const nonce = this.challenges.open({ purpose: "admit", id: life.id, sentUs: nowUs, token: 0 });
    const target = targetOf(life.id);
    const message = record === null
      ? {
        kind: "query",
        bootNonce: own.bootNonce,
        question: questionToOne(nonce),
        target,
      } as const
      : { kind: "ping", bootNonce: own.bootNonce, nonce, target, observer: isObserver } as const;
    if (!outbox.toEndpoint(nowUs, from, link, message)) {
      this.#plan(newcomer, nowUs + BUSY_RETRY_US);
      return;
    }
    this.#plan(newcomer, nowUs + (WAITS_US[newcomer.asked] ?? 0));
    newcomer.asked++;
    if (SHOUTED.includes(newcomer.asked) && link !== null) outbox.toLink(nowUs, link, message, true);
  }
}
