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
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(readonly perSecond: number, readonly burst: number, readonly maxSources: number) {}

  /** Whether another datagram of `source` may be looked at. */
  canTake(nowUs: number, source: string): boolean {
    let bucket = this.#buckets.get(source);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.perSecond, this.burst, nowUs);
      if (this.#buckets.size >= this.maxSources) {
        for (const oldest of this.#buckets.keys()) {
          this.#buckets.delete(oldest);
          break;
        }
      }
      this.#buckets.set(source, bucket);
    } else if (this.#buckets.size * 2 > this.maxSources) {
      this.#buckets.delete(source);
      this.#buckets.set(source, bucket);
    }
    return bucket.canTake(nowUs);
  }

  /** Sources remembered. */
  get size(): number {
    return this.#buckets.size;
  }
}
