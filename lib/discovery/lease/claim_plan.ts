// When a candidate claims next: after every promise that binds it, in the order of candidates, a little at random.
// Decides times alone; the claim itself is campaign.ts's. The random part is drawn once for each occasion, so that
// being asked often changes nothing.

import { LEASE_US } from "./acceptor.ts";
import type { Desk } from "./desk.ts";
import { isSameLife } from "./life.ts";
import { isBinding, MIN_VOTERS } from "./voters.ts";

/** Candidates claim this far apart, in µs. */
export const RANK_US = 250_000;
/** Between two who lead without voters, the second waits for the first to be heard. */
const SOLO_RANK_US = 1_500_000;
/** Times are spread by as much, in µs. */
export const JITTER_US = 100_000;
/** Promises of voters end a little after ours on clocks that run a little slower. */
const SETTLE_US = 20_000;
/** A fresh process listens first: whoever leads is heard within two beats. */
const LISTEN_US = 2_000_000;
const RECLAIM_US = 1_000_000;
const MAX_RANK = 8;
const QUICK_RETRIES = 3;

/** What the next claim depends on. */
export interface Occasion {
  readonly isCandidate: boolean;
  readonly priority: number;
  readonly isClaiming: boolean;
  /** How we lead now: not at all, without voters, or with them. */
  readonly leads: "no" | "alone" | "elected";
  /** Until when the leader that we follow is believed; `-Infinity` for none. */
  readonly knownUntilUs: number;
}

/** When to claim. */
export class ClaimPlan {
  /** When the next claim is due; `Infinity` for never. */
  atUs = Infinity;
  #notBeforeUs: number;
  #reclaimUs = Infinity;
  #key = "";
  /** Claims in a row that failed. */
  #failures = 0;
  /** The set can never elect again: all of its voters answered, and too many had lost their memory. */
  #isHopeless = false;

  constructor(readonly bornUs: number, readonly desk: Desk) {
    this.#notBeforeUs = bornUs + LISTEN_US;
  }

  /** Whether there is a set that could elect us; one that does not bind is tried every other time. */
  get canBeElected(): boolean {
    const { set } = this.desk.acceptor;
    if (set === null || this.#isHopeless) return false;
    return isBinding(set) || this.#failures % 2 === 0;
  }

  /** Not before `us`, whatever else allows it. */
  defer(us: number): void {
    this.#notBeforeUs = Math.max(this.#notBeforeUs, us);
  }

  /** As soon as nothing binds us, `us` at the earliest: what was deferred counts no more. */
  advance(us: number): void {
    this.#notBeforeUs = us;
  }

  /** We lead, and a voter follows a higher term that did not win: only a claim above it brings that voter back. */
  reclaim(nowUs: number): void {
    if (this.#reclaimUs === Infinity) this.#reclaimUs = nowUs + SETTLE_US + this.desk.drawUs(0, JITTER_US);
  }

  /** A claim has begun. */
  onClaim(): void {
    this.#reclaimUs = Infinity;
    this.#isHopeless = false;
  }

  /** A claim has won, or leading has ended. */
  onSettled(): void {
    this.#reclaimUs = Infinity;
    this.#failures = 0;
  }

  /** A voter knew better: what it said is used soon, the first times at once. */
  onDenied(nowUs: number): void {
    this.#failures++;
    const waitUs = this.#failures <= QUICK_RETRIES ? SETTLE_US : RECLAIM_US;
    this.#notBeforeUs = nowUs + waitUs + this.desk.drawUs(0, JITTER_US);
  }

  /** A claim has failed. */
  onFailed(nowUs: number, priority: number, isLeading: boolean, isHopeless: boolean): void {
    const { roster, acceptor } = this.desk;
    this.#failures++;
    this.#isHopeless = isHopeless;
    if (isLeading) this.#reclaimUs = nowUs + RECLAIM_US;
    const rank = Math.min(MAX_RANK, roster.rankOf(priority, acceptor.holder));
    this.#notBeforeUs = nowUs + rank * RANK_US + this.desk.drawUs(0, 3 * JITTER_US);
  }

  /** Plans anew. Calling it often is harmless. */
  update(nowUs: number, occasion: Occasion): void {
    const { isCandidate, isClaiming, leads, priority } = occasion;
    if (!isCandidate || isClaiming || leads !== "no") {
      this.#key = "";
      if (!isCandidate || isClaiming) this.atUs = Infinity;
      else if (leads === "elected") this.atUs = this.#reclaimUs;
      // Alone until now: as soon as there are enough, they are asked to become voters.
      else this.atUs = this.#hasEnough ? Math.max(this.#notBeforeUs, nowUs) : Infinity;
      return;
    }
    const { acceptor, roster, life } = this.desk;
    const listenedUs = this.canBeElected ? acceptor.quietUntilUs : this.bornUs + LEASE_US;
    const boundUs = Math.max(occasion.knownUntilUs, acceptor.boundUntilUs(life));
    const baseUs = Math.max(this.#notBeforeUs, boundUs, listenedUs);
    const rank = isSameLife(acceptor.holder, life) ? 0 : roster.rankOf(priority, acceptor.holder);
    const stepUs = this.canBeElected || this.#hasEnough ? RANK_US : SOLO_RANK_US;
    const key = `${baseUs} ${rank} ${stepUs}`;
    if (key === this.#key) return;
    this.#key = key;
    this.atUs = baseUs + rank * stepUs + SETTLE_US + this.desk.drawUs(0, JITTER_US);
  }

  get #hasEnough(): boolean {
    return this.desk.roster.aliveCount >= MIN_VOTERS;
  }
}
