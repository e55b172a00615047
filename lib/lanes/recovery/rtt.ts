// How long a round trip takes: smoothed, its variation, its newest sample, the smallest of the last ten seconds.
// Decides the estimate alone (RFC 9002 section 5, lanes research 4.3); never which packet is a fair sample.

/** What is assumed before the first sample. */
export const INITIAL_RTT_US = 50_000;

/** Delays are told in units of 16 µs, rounded; clocks of two machines go up to 1,000 ppm apart. */
const ACK_DELAY_SLACK_US = 16;
const CLOCK_DRIFT = 1_000;

/** The smallest sample is forgotten after ten seconds, since a station roams: a bucket a second. */
const MIN_BUCKETS = 10;
const BUCKET_US = 1_000_000;

/** The estimator of one path. All times are microseconds, and whole when they are read. */
export class RttEstimator {
  /** Whether there was a sample; until then the figures are a guess. */
  hasSample = false;
  /** The newest sample without the peer's delay, and as it was measured. */
  latestUs: number = INITIAL_RTT_US;
  latestRawUs: number = INITIAL_RTT_US;
  /** The smallest measured within ten seconds before the newest sample. */
  minUs: number = INITIAL_RTT_US;
  /** How many samples there were. */
  samples = 0;
  #smoothedUs: number = INITIAL_RTT_US;
  #varianceUs: number = INITIAL_RTT_US / 2;
  readonly #buckets = new Float64Array(MIN_BUCKETS).fill(Infinity);
  /** The second that the newest bucket stands for. */
  #second = -1;

  /**
   * @param nowUs when `firstSampleUs` was measured
   * @param firstSampleUs a round trip that is known already, of the handshake say; negative for none
   */
  constructor(nowUs = 0, firstSampleUs = -1) {
    if (firstSampleUs >= 0) this.update(nowUs, firstSampleUs, 0);
  }

  /** The smoothed round trip. */
  get smoothedUs(): number {
    return Math.round(this.#smoothedUs);
  }

  /** Its mean deviation. */
  get varianceUs(): number {
    return Math.round(this.#varianceUs);
  }

  /**
   * Takes a sample. A negative one is taken for zero.
   *
   * @param nowUs when the acknowledgement came
   * @param sampleUs from sending to the acknowledgement
   * @param ackDelayUs how long the peer says it waited before it acknowledged; 0 where it does not know
   */
  update(nowUs: number, sampleUs: number, ackDelayUs: number): void {
    const sample = sampleUs > 0 ? sampleUs : 0;
    this.#noteMin(nowUs, sample);
    // A delay that would make the path faster than it ever was is not believed (RFC 9002 section 5.3), but for what the
    // units of delays and the pace of another clock make of a true one: else every delay of a steady path would count.
    const slack = ACK_DELAY_SLACK_US + ackDelayUs / CLOCK_DRIFT;
    const without = sample - ackDelayUs;
    const adjusted = without >= this.minUs ? without : without + slack >= this.minUs ? this.minUs : sample;
    this.latestRawUs = sample;
    this.latestUs = adjusted;
    this.samples++;
    if (!this.hasSample) {
      this.hasSample = true;
      this.#smoothedUs = adjusted;
      this.#varianceUs = adjusted / 2;
      return;
    }
    this.#varianceUs += (Math.abs(this.#smoothedUs - adjusted) - this.#varianceUs) / 4;
    this.#smoothedUs += (adjusted - this.#smoothedUs) / 8;
  }

  /**
   * How long to wait for an acknowledgement before asking for one (lanes research 4.4).
   *
   * @param quantumUs how late the driver's timers may be
   * @param maxAckDelayUs how long the peer may wait before it acknowledges
   */
  ptoUs(quantumUs: number, maxAckDelayUs: number): number {
    return Math.round(this.#smoothedUs + Math.max(4 * this.#varianceUs, 2 * quantumUs) + maxAckDelayUs);
  }

  /** Forgets everything: the path is another one. */
  reset(): void {
    this.hasSample = false;
    this.latestUs = INITIAL_RTT_US;
    this.latestRawUs = INITIAL_RTT_US;
    this.minUs = INITIAL_RTT_US;
    this.samples = 0;
    this.#smoothedUs = INITIAL_RTT_US;
    this.#varianceUs = INITIAL_RTT_US / 2;
    this.#buckets.fill(Infinity);
    this.#second = -1;
  }

  #noteMin(nowUs: number, sample: number): void {
    const buckets = this.#buckets;
    const second = Math.floor(nowUs / BUCKET_US);
    if (second > this.#second) {
      const passed = Math.min(MIN_BUCKETS, second - this.#second);
      for (let i = 0; i < passed; i++) buckets[(second - i) % MIN_BUCKETS] = Infinity;
      this.#second = second;
    }
    const at = this.#second % MIN_BUCKETS;
    if (sample < (buckets[at] as number)) buckets[at] = sample;
    let min = Infinity;
    for (let i = 0; i < MIN_BUCKETS; i++) {
      const bucket = buckets[i] as number;
      if (bucket < min) min = bucket;
    }
    this.minUs = min;
  }
}
