// How fast a path delivers: bytes acknowledged over the time in which they were, or were sent, whichever is longer.
// Measures from acknowledgement to acknowledgement, so that neither a batch nor an outage's release counts as speed.
// Hot path: one call a packet, no allocation. Never decides anything.

/** Intervals whose best is remembered. */
const SLOTS = 10;

/** Delivered rate by intervals, in bytes a second. */
export class RateMeter {
  #bytes = 0;
  #ackedAtUs = -1;
  #sentAtUs = -1;
  #sinceAckedUs = -1;
  #sinceSentUs = -1;
  #slot = 0;
  readonly #rates = new Float64Array(SLOTS);
  #best = 0;

  /** The best rate of the last intervals. */
  get bestRate(): number {
    return this.#best;
  }

  /** A packet of `bytes`, sent at `sentAtUs`, is acknowledged. */
  add(nowUs: number, bytes: number, sentAtUs: number): void {
    if (this.#sinceAckedUs < 0) {
      this.#sinceAckedUs = sentAtUs;
      this.#sinceSentUs = sentAtUs;
    }
    this.#bytes += bytes;
    this.#ackedAtUs = nowUs;
    if (sentAtUs > this.#sentAtUs) this.#sentAtUs = sentAtUs;
  }

  /** The rate of the interval so far; 0 when it is not `leastUs` long. */
  rate(leastUs = 1): number {
    const acksUs = this.#ackedAtUs - this.#sinceAckedUs;
    const sendsUs = this.#sentAtUs - this.#sinceSentUs;
    const elapsedUs = Math.max(acksUs, sendsUs);
    return elapsedUs < leastUs ? 0 : this.#bytes * 1_000_000 / elapsedUs;
  }

  /** Ends the interval and returns its rate; 0 when nothing was acknowledged. */
  close(): number {
    const rate = this.rate();
    if (this.#bytes > 0) {
      this.#rates[this.#slot] = rate;
      this.#slot = (this.#slot + 1) % SLOTS;
      this.#refresh();
    }
    this.#bytes = 0;
    this.#sinceAckedUs = this.#ackedAtUs;
    this.#sinceSentUs = this.#sentAtUs;
    return rate;
  }

  /** The path got slower: only what it delivers now counts. */
  forget(rate: number): void {
    this.#rates.fill(0);
    this.#rates[0] = rate;
    this.#slot = 1;
    this.#refresh();
  }

  reset(): void {
    this.forget(0);
    this.#bytes = 0;
    this.#ackedAtUs =
      this.#sentAtUs =
      this.#sinceAckedUs =
      this.#sinceSentUs =
        -1;
  }

  /** The next packet opens a new interval from its own time of sending: the time before it was idle. */
  restart(): void {
    this.#bytes = 0;
    this.#sinceAckedUs = this.#sinceSentUs = -1;
  }

  #refresh(): void {
    let best = 0;
    for (let at = 0; at < SLOTS; at++) best = Math.max(best, this.#rates[at] ?? 0);
    this.#best = best;
  }
}
