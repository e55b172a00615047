// Token buckets: how many datagrams we send, and how many one source may make us look at.
// Decides yes or no at a given time; never what is dropped first and never counts (counters.ts does).

/** A bucket that fills at a steady rate up to a burst. */
export class TokenBucket {
  #tokens: number;
  #filledAtUs: number;

  /** @param perSecond tokens a second @param burst tokens in a full bucket, which it is at first */
  constructor(readonly perSecond: number, readonly burst: number, nowUs: number) {
    this.#tokens = burst;
    this.#filledAtUs = nowUs;
  }

  /** Takes one token if there is one. */
  canTake(nowUs: number): boolean {
    this.#tokens = this.#level(nowUs);
    this.#filledAtUs = nowUs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  #level(nowUs: number): number {
    return Math.min(this.burst, this.#tokens + (nowUs - this.#filledAtUs) * this.perSecond / 1e6);
  }
}

/**
 * One bucket a source, so that a flood from one address costs that address its voice and nobody else's.
 * Holds at most `maxSources`; at the bound the source that was looked at longest ago is forgotten. Who that is is only
 * kept track of while the table is more than half full.
 */
export class SourceLimiter {
  /** Sources with their places in the table of buckets. */
  readonly #places = new Map<string, number>();
  /** When a source that had just used up all that it owes would have a full bucket again: one number is a bucket. */
  readonly #fullUs: Float64Array;
  readonly #tokenUs: number;
  readonly #burstUs: number;

  constructor(readonly perSecond: number, readonly burst: number, readonly maxSources: number) {
    this.#fullUs = new Float64Array(maxSources);
    this.#tokenUs = 1e6 / perSecond;
    this.#burstUs = burst * this.#tokenUs;
  }

  /** Whether another datagram of `source` may be looked at. */
  canTake(nowUs: number, source: string): boolean {
    let place = this.#places.get(source);
    if (place === undefined) {
      place = this.#places.size < this.maxSources ? this.#places.size : this.#forgetOldest();
      this.#fullUs[place] = nowUs;
      this.#places.set(source, place);
    } else if (this.#places.size * 2 > this.maxSources) {
      this.#places.delete(source);
      this.#places.set(source, place);
    }
    return this.canTakeAt(nowUs, place);
  }

  /**
   * The place of a source that was let in before, for {@linkcode canTakeAt}; −1 where it must be looked up each time,
   * because the table is so full that who was looked at last matters.
   */
  placeOf(source: string): number {
    return this.isRoomy ? this.#places.get(source) ?? -1 : -1;
  }

  /** Whether places stay: nobody is forgotten yet, and nobody is kept track of. */
  get isRoomy(): boolean {
    return this.#places.size * 2 <= this.maxSources;
  }

  /** The same as {@linkcode canTake} by the place of the source, which is only good while {@linkcode isRoomy}. */
  canTakeAt(nowUs: number, place: number): boolean {
    const fullUs = Math.max(this.#fullUs[place] ?? 0, nowUs) + this.#tokenUs;
    if (fullUs - nowUs > this.#burstUs) return false;
    this.#fullUs[place] = fullUs;
    return true;
  }

  /** Sources remembered. */
  get size(): number {
    return this.#places.size;
  }

  #forgetOldest(): number {
    for (const [source, place] of this.#places) {
      this.#places.delete(source);
      return place;
    }
    return 0;
  }
}
