// Answers to questions of others: who answers, when, and how many at most.
// Decides by rank, so that a newcomer in a large mesh gets eight answers and not all (discovery research 6.5);
// never answers anybody that the core has not authenticated.

import { fromHex, type NodeId } from "../base/mod.ts";
import type { IpEndpoint, RandomStream } from "../platform/mod.ts";
import type { DiscoveryCounters } from "./counters.ts";
import { type Question, SHORT_ID_BYTES } from "./messages/mod.ts";
import { hash32 } from "./hash.ts";
import { SourceLimiter, TokenBucket } from "./limiter.ts";

const MS = 1_000;
/** How many answer the first, the second and every later question of a family. */
const RANKS_BY_ATTEMPT = [8, 8];
const LATER_RANKS = 32;
/** How many answer when a whole show is switched on: announcements and compared lists do the rest. */
const STORM_RANKS = 2;
const BASE_DELAY_US = 5 * MS;
const RANK_DELAY_US = 5 * MS;
const JITTER_US = 5 * MS;
/** In a mesh of so few all that is quicker by this. */
const FEW_NODES = 16;
const FEW_SCALE = 0.2;
const MAX_DELAY_US = 500 * MS;
const PER_SOURCE = 5;
const OVERALL = 50;
const MAX_SOURCES = 256;
const MAX_PENDING = 64;

/** An answer that waits for its turn. */
export interface PendingOffer {
  readonly atUs: number;
  readonly nonce: string;
  readonly to: IpEndpoint;
  /** Asked of us alone, but by multicast: the answer goes that way too. */
  readonly isShouted: boolean;
  readonly isForAll: boolean;
}

/** How a question came: to all, or to us alone by either way. */
export type Address = "all" | "direct" | "shouted";

/** Our rank among `meshSize` nodes for the questions of one family: evenly spread, and the same for all attempts. */
export function rankOf(id: NodeId, nonce: string, meshSize: number): number {
  return hash32(id + nonce) % Math.max(1, meshSize);
}

/** Answers on their way. */
export class OfferDesk {
  #pending: PendingOffer[] = [];
  readonly #sources = new SourceLimiter(PER_SOURCE, PER_SOURCE, MAX_SOURCES);
  readonly #overall: TokenBucket;
  readonly #ownShortId: Uint8Array;

  constructor(
    readonly id: NodeId,
    readonly random: RandomStream,
    readonly counters: DiscoveryCounters,
    nowUs: number,
  ) {
    this.#overall = new TokenBucket(OVERALL, OVERALL, nowUs);
    this.#ownShortId = fromHex(id.slice(0, 2 * SHORT_ID_BYTES));
  }

  /**
   * Takes a question in. Where we alone were asked there is nobody to take turns with.
   * At its bounds (5 a second and source, 50 altogether, 64 waiting) a question goes unanswered and is counted.
   */
  handleQuestion(
    nowUs: number,
    question: Question,
    from: IpEndpoint,
    mesh: { readonly size: number; readonly isStorm: boolean },
    address: Address,
  ): void {
    if (this.#isKnown(question.known)) return;
    let delayUs = 0;
    if (address === "all") {
      const rank = rankOf(this.id, question.nonce, mesh.size);
      if (rank >= (mesh.isStorm ? STORM_RANKS : RANKS_BY_ATTEMPT[question.attempt] ?? LATER_RANKS)) return;
      // A handful of answers need not take turns.
      const scale = mesh.size <= FEW_NODES ? FEW_SCALE : 1;
      const turnUs = BASE_DELAY_US + RANK_DELAY_US * rank + JITTER_US * this.random.float();
      delayUs = Math.min(MAX_DELAY_US, scale * turnUs);
    }
    const isWaiting = this.#pending.some((offer) =>
      offer.nonce === question.nonce && offer.to.host === from.host && offer.to.port === from.port
    );
    if (isWaiting) return;
    const source = `${from.host} ${from.port}`;
    if (
      this.#pending.length >= MAX_PENDING || !this.#sources.canTake(nowUs, source) ||
      !this.#overall.canTake(nowUs)
    ) {
      this.counters.dropped["offer-limit"]++;
      return;
    }
    this.#pending.push({
      atUs: nowUs + delayUs,
      nonce: question.nonce,
      to: { host: from.host, port: from.port },
      isShouted: address === "shouted",
      isForAll: address === "all",
    });
  }

  #isKnown(known: Uint8Array): boolean {
    for (let at = 0; at + SHORT_ID_BYTES <= known.length; at += SHORT_ID_BYTES) {
      let same = 0;
      while (same < SHORT_ID_BYTES && known[at + same] === this.#ownShortId[same]) same++;
      if (same === SHORT_ID_BYTES) return true;
    }
    return false;
  }

  /** Takes out what is due. */
  takeDue(nowUs: number): PendingOffer[] {
    if (this.nextUs() > nowUs) return [];
    const due = this.#pending.filter((offer) => offer.atUs <= nowUs);
    this.#pending = this.#pending.filter((offer) => offer.atUs > nowUs);
    return due;
  }

  /** When the next one is due; infinite when none waits. */
  nextUs(): number {
    let atUs = Infinity;
    for (const offer of this.#pending) atUs = Math.min(atUs, offer.atUs);
    return atUs;
  }
}
