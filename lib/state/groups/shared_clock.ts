// The time that all displays share: the clock of the host, as a node knows it from questions and answers.
// Decides how far the two clocks are apart, and how wrong that may be. Never sets a clock.
//
// Each exchange of RFC 5905 section 8 (asked t1, received t2, answered t3, arrived t4) says more than its middle: the
// host's clock less ours lies between t3 − t4 and t2 − t1, however unequal the two ways were. Two clocks drift apart by so
// much a second at most, so that older bounds stay true when they are widened with their age; all bounds together are the
// narrowest that can be said. Exchanges with small round trips count most by themselves, which is what the clock filter of
// RFC 5905 section 10 is after. Where no offset is within all of them a clock has jumped: then only what came after counts.

/** How fast two clocks may drift apart: ±50 ppm is what crystals are sold with, twice. In parts of a million. */
export const DRIFT_PPM = 100;
/** Exchanges that are remembered, as many as RFC 5905's filter has stages. */
export const EXCHANGES = 8;
/** Between two questions until there are {@linkcode EXCHANGES} answers … */
export const FIRST_ASK_US = 50_000;
/** … and from then on. */
export const ASK_US = 2_000_000;
/** An answer that takes longer says next to nothing. */
export const ASK_TIMEOUT_US = 1_000_000;
/** What the grain of two clocks of whole microseconds adds on either side. */
const GRAIN_US = 1;

/** What became of an answer. */
export type ExchangeVerdict =
  | "taken"
  /** It contradicts all that was known: one of the clocks has jumped. It alone counts now. */
  | "jumped"
  /** To a question that was given up, or of another host. */
  | "late"
  /** Its stamps cannot be true. */
  | "impossible";

/** A question about the time. */
export interface ClockQuestion {
  readonly number: number;
  /** Our clock, in microseconds. */
  readonly askedUs: number;
}

/** What a clock counts. */
export interface ClockCounters {
  asked: number;
  taken: number;
  late: number;
  impossible: number;
  unanswered: number;
  jumps: number;
}

/** Bounds of the offset that were true at a moment. */
interface Bound {
  /** Our clock, in microseconds. */
  readonly atUs: number;
  /** The host's clock less ours is not below this … */
  readonly lowUs: number;
  /** … nor above this. */
  readonly highUs: number;
}

/** The host's clock at another node. */
export class SharedClock {
  readonly counters: ClockCounters = { asked: 0, taken: 0, late: 0, impossible: 0, unanswered: 0, jumps: 0 };
  readonly #drift: number;
  readonly #bounds: Bound[] = [];
  /** We are the host. */
  #isOwn = false;
  #isFollowing = false;
  #number = 0;
  #open: ClockQuestion | null = null;
  #askUs = Infinity;
  #lastRttUs: number | null = null;

  /** @param driftPpm how fast the two clocks may drift apart, in parts of a million */
  constructor(driftPpm: number = DRIFT_PPM) {
    this.#drift = driftPpm / 1_000_000;
  }

  /** From now on the shared clock is that of a host elsewhere, of which nothing is known: a new epoch began. */
  follow(nowUs: number): void {
    this.#forget();
    this.#isOwn = false;
    this.#isFollowing = true;
    this.#askUs = nowUs;
  }

  /** From now on the shared clock is our own: this node hosts. */
  lead(): void {
    this.#forget();
    this.#isOwn = true;
    this.#isFollowing = false;
  }

  /** There is no host to be asked. What is known goes on to age. */
  rest(): void {
    this.#isFollowing = false;
    this.#open = null;
    this.#askUs = Infinity;
  }

  /** There is one again, the same as before. */
  resume(nowUs: number): void {
    if (this.#isOwn || this.#isFollowing) return;
    this.#isFollowing = true;
    this.#askUs = nowUs;
  }

  /** Whether the shared time is known at all. */
  get isKnown(): boolean {
    return this.#isOwn || this.#bounds.length > 0;
  }

  /** The last round trip, in microseconds; null before the first. */
  get rttUs(): number | null {
    return this.#isOwn ? 0 : this.#lastRttUs;
  }

  /** When a question is due or is given up; null for never. */
  deadline(): { readonly atUs: number; readonly reason: "ask" | "unanswered" } | null {
    if (!this.#isFollowing) return null;
    return this.#open === null
      ? { atUs: this.#askUs, reason: "ask" }
      : { atUs: this.#open.askedUs + ASK_TIMEOUT_US, reason: "unanswered" };
  }

  /** The question that is due; null for none. It is to be asked at once. */
  poll(nowUs: number): ClockQuestion | null {
    if (!this.#isFollowing) return null;
    if (this.#open !== null && nowUs - this.#open.askedUs >= ASK_TIMEOUT_US) {
      this.handleUnanswered(nowUs, this.#open);
    }
    if (this.#open !== null || nowUs < this.#askUs) return null;
    this.counters.asked++;
    this.#open = { number: ++this.#number, askedUs: nowUs };
    return this.#open;
  }

  /** A question will not be answered. */
  handleUnanswered(nowUs: number, question: ClockQuestion): void {
    if (this.#open?.number !== question.number) return;
    this.counters.unanswered++;
    this.#open = null;
    this.#askUs = nowUs + FIRST_ASK_US;
  }

  /** The answer: when the question arrived at the host and when the answer left, on the host's clock. */
  handleAnswer(nowUs: number, question: ClockQuestion, receivedUs: number, sentUs: number): ExchangeVerdict {
    if (this.#open?.number !== question.number) {
      this.counters.late++;
      return "late";
    }
    this.#open = null;
    const { askedUs } = question;
    const rttUs = nowUs - askedUs - (sentUs - receivedUs);
    this.#askUs = nowUs + (this.#bounds.length + 1 < EXCHANGES ? FIRST_ASK_US : ASK_US);
    if (sentUs < receivedUs || nowUs < askedUs || rttUs < -2 * GRAIN_US) {
      this.counters.impossible++;
      this.#askUs = nowUs + FIRST_ASK_US;
      return "impossible";
    }
    this.#lastRttUs = Math.max(0, rttUs);
    this.counters.taken++;
    // The host's own clock may drift against ours while the question is on its way.
    const slackUs = GRAIN_US + this.#drift * (nowUs - askedUs);
    this.#bounds.push({
      atUs: nowUs,
      lowUs: sentUs - nowUs - slackUs,
      highUs: receivedUs - askedUs + slackUs,
    });
    if (this.#bounds.length > EXCHANGES) this.#bounds.shift();
    const [lowUs, highUs] = this.#boundsAt(nowUs);
    if (lowUs <= highUs) return "taken";
    this.#bounds.splice(0, this.#bounds.length - 1);
    this.counters.jumps++;
    this.#askUs = nowUs + FIRST_ASK_US;
    return "jumped";
  }

  /** The host's clock less ours, in microseconds; 0 where nothing is known. */
  offsetUs(nowUs: number): number {
    if (!this.isKnown || this.#isOwn) return 0;
    const [lowUs, highUs] = this.#boundsAt(nowUs);
    return (lowUs + highUs) / 2;
  }

  /** How far {@linkcode offsetUs} may be from the truth, in microseconds; null where nothing is known. */
  uncertaintyUs(nowUs: number): number | null {
    if (this.#isOwn) return 0;
    if (!this.isKnown) return null;
    const [lowUs, highUs] = this.#boundsAt(nowUs);
    return Math.ceil((highUs - lowUs) / 2) + GRAIN_US;
  }

  /** The host's clock at `ownUs` of ours, in whole microseconds; null where nothing is known. `nowUs` is our time now. */
  toShared(nowUs: number, ownUs: number): number | null {
    return this.isKnown ? Math.round(ownUs + this.offsetUs(nowUs)) : null;
  }

  /** Our clock at `sharedUs` of the host's, in whole microseconds; null where nothing is known. */
  toOwn(nowUs: number, sharedUs: number): number | null {
    return this.isKnown ? Math.round(sharedUs - this.offsetUs(nowUs)) : null;
  }

  /** The bounds that all exchanges agree on, each widened with its age. */
  #boundsAt(nowUs: number): readonly [number, number] {
    let [lowUs, highUs] = [-Infinity, Infinity];
    for (const bound of this.#bounds) {
      const widerUs = this.#drift * Math.max(0, nowUs - bound.atUs);
      lowUs = Math.max(lowUs, bound.lowUs - widerUs);
      highUs = Math.min(highUs, bound.highUs + widerUs);
    }
    return [lowUs, highUs];
  }

  #forget(): void {
    this.#bounds.length = 0;
    this.#open = null;
    this.#askUs = Infinity;
    this.#lastRttUs = null;
  }
}
