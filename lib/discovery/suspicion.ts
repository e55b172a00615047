// What is held against one silent node, and what speaks for it: who else misses it, who has heard it meanwhile, what was
// asked in vain. Decides by these alone what it is to be taken for (discovery research 6.6); never sends anything.

import type { NodeId } from "../base/mod.ts";

/** From suspicion to death when enough others confirm it, when only one of two does, and when nobody can, in µs. */
export const CONFIRMED_US = 1_500_000;
export const HALF_CONFIRMED_US = 3_000_000;
export const ALONE_US = 2_000_000;
/** Unanswered for so long, it is `unreachable`: by others' word it lives, or nobody confirms that it does not. */
export const VOUCHED_US = 1_500_000;
export const UNCONFIRMED_US = 3_000_000;
/** Without anybody's word for or against it, it is dead after this. */
export const FORSAKEN_US = 30_000_000;
/** Others that must confirm a death, where there are as many. */
export const MAX_CONFIRMERS = 2;

/** How long an accusation counts, in µs: who still misses the node says so again by then, at least by its beats. */
const ACCUSATION_US = 3_000_000;
const MAX_ACCUSERS = 8;

/** What a verdict depends on beside the suspicion itself. */
export interface Court {
  /** Other nodes that could confirm. */
  readonly others: number;
  /** How long a node may be silent before it is suspect, in µs: for so long the word of others counts. */
  readonly patienceUs: number;
  /** Questions that must have gone unanswered. */
  readonly probes: number;
  /** By what verdicts take longer since we are not well ourselves; 1 and more. */
  readonly factor: number;
}

/** What a suspect is to be taken for. */
export type Verdict = "suspect" | "unreachable" | "dead";

/** The case of one node. */
export class Suspicion {
  /** Since when we miss it ourselves; infinite while only others do. */
  sinceUs = Infinity;
  /** When it lived last by the word of those who heard it themselves. */
  vouchedUs = Number.NEGATIVE_INFINITY;
  /** Questions that were sent and not answered. */
  probes = 0;
  /** How often we have told everybody, and when we do next. */
  told = 0;
  tellUs = Infinity;
  /** Rounds of asking others to ask it; when the next is due; how many were asked in the last, and have answered. */
  rounds = 0;
  askOthersUs = Infinity;
  helpers = 0;
  nacks = 0;
  /** Others heard it say goodbye. */
  hasLeft = false;
  /** When it is suspect before its own silence says so, because several others miss it. */
  earlyUs = Infinity;
  /** We were cut off from it and hear others again: it is asked like a suspect. */
  isRetried = false;
  /** When it is dead although we took ourselves for cut off; infinite while we still do. */
  endsUs = Infinity;
  readonly #accusers = new Map<NodeId, number>();

  /** Somebody else misses the node, or has declared it dead. At the bound further accusers add nothing. */
  noteAccusation(nowUs: number, by: NodeId): void {
    if (this.#accusers.size >= MAX_ACCUSERS && !this.#accusers.has(by)) {
      for (const [oldest, atUs] of this.#accusers) {
        if (nowUs - atUs > ACCUSATION_US) this.#accusers.delete(oldest);
      }
      if (this.#accusers.size >= MAX_ACCUSERS) return;
    }
    this.#accusers.set(by, nowUs);
  }

  /** By the word of another the node lived at `aliveUs`: what was said against it before is void. */
  noteVouch(aliveUs: number): void {
    if (aliveUs <= this.vouchedUs) return;
    this.vouchedUs = aliveUs;
    this.hasLeft = false;
    this.#accusers.clear();
  }

  /** Begins anew: what was said and asked until now does not count. */
  restart(nowUs: number): void {
    this.sinceUs = nowUs;
    this.probes = 0;
    this.told = 0;
    this.rounds = 0;
    this.helpers = 0;
    this.nacks = 0;
    this.earlyUs = Infinity;
    this.endsUs = Infinity;
    this.isRetried = false;
    this.#accusers.clear();
  }

  /** We heard nobody for a while: what was asked and said in vain until now does not count. */
  postpone(nowUs: number): void {
    if (this.sinceUs !== Infinity) this.sinceUs = nowUs;
    this.probes = 0;
    this.#accusers.clear();
  }

  /** How many others miss it at present. */
  accusersAt(nowUs: number): number {
    let count = 0;
    for (const atUs of this.#accusers.values()) if (nowUs - atUs <= ACCUSATION_US) count++;
    return count;
  }

  /** Whether others' word for it still counts. */
  isVouched(nowUs: number, { patienceUs }: Court): boolean {
    return nowUs < this.vouchedUs + patienceUs;
  }

  /** What the node is to be taken for now. */
  verdictAt(nowUs: number, court: Court): Verdict {
    const { factor } = court;
    if (this.isVouched(nowUs, court)) {
      return nowUs >= this.sinceUs + VOUCHED_US * factor ? "unreachable" : "suspect";
    }
    if (nowUs >= this.#deathUs(nowUs, court)) return "dead";
    const isAlone = court.others === 0;
    return !isAlone && nowUs >= this.#baseUs(court) + UNCONFIRMED_US * factor ? "unreachable" : "suspect";
  }

  /** When the verdict may change next if nobody says anything. */
  nextUs(nowUs: number, court: Court): number {
    const { factor } = court;
    if (this.isVouched(nowUs, court)) {
      const lapseUs = this.vouchedUs + court.patienceUs;
      const atUs = this.sinceUs + VOUCHED_US * factor;
      return atUs > nowUs ? Math.min(atUs, lapseUs) : lapseUs;
    }
    const deathUs = this.#deathUs(nowUs, court);
    const unreachableUs = this.#baseUs(court) + UNCONFIRMED_US * factor;
    return unreachableUs > nowUs && court.others > 0 ? Math.min(deathUs, unreachableUs) : deathUs;
  }

  /** The clock of a verdict starts anew when the word of others has lapsed. */
  #baseUs({ patienceUs }: Court): number {
    return Math.max(this.sinceUs, this.vouchedUs + patienceUs);
  }

  #deathUs(nowUs: number, court: Court): number {
    const baseUs = this.#baseUs(court);
    const wanted = Math.min(MAX_CONFIRMERS, court.others);
    const confirmed = wanted === 0 ? 0 : this.accusersAt(nowUs);
    const afterUs = wanted === 0
      ? ALONE_US
      : confirmed >= wanted
      ? CONFIRMED_US
      : confirmed > 0
      ? HALF_CONFIRMED_US
      : FORSAKEN_US;
    const deathUs = baseUs + afterUs * (afterUs === FORSAKEN_US ? 1 : court.factor);
    // A verdict needs questions that went unanswered, and not only time in which none may have been sent.
    return this.probes >= court.probes ? deathUs : Infinity;
  }
}
