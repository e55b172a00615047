// What we tell the peer once a second of how its packets come: received, missed, how unevenly, how late our driver is.
// Decides the figures of REPORT; never when one goes out.

/** Counts what comes. */
export class ReceptionReport {
  /** Packets received since the start, and numbers that never came below the largest. */
  received = 0;
  lost = 0;
  /** Mean deviation of the time between packets and of the peer's sending them, as far as timing frames say; µs. */
  jitterUs = 0;
  /** The latest lateness of our timers, µs. */
  loopLagUs = 0;
  #first = -1;
  #largest = -1;
  #lastAtUs = -1;
  #lastGapUs = 0;
  #reportedReceived = 0;

  /** A packet was taken in. */
  onPacket(nowUs: number, number: number): void {
    this.received++;
    if (this.#first < 0) this.#first = number;
    if (number > this.#largest) this.#largest = number;
    if (this.#lastAtUs >= 0) {
      const gapUs = nowUs - this.#lastAtUs;
      this.jitterUs += (Math.abs(gapUs - this.#lastGapUs) - this.jitterUs) / 16;
      this.#lastGapUs = gapUs;
    }
    this.#lastAtUs = nowUs;
  }

  /** A timer of the driver came this late. */
  onLate(lateUs: number): void {
    this.loopLagUs += (Math.max(0, lateUs) - this.loopLagUs) / 8;
  }

  /** Whether anything came since the last report. */
  get hasNews(): boolean {
    return this.received > this.#reportedReceived;
  }

  /** A report goes out: `lost` is what the numbers say now. */
  onReport(): void {
    this.#reportedReceived = this.received;
    this.lost = Math.max(0, this.#largest - this.#first + 1 - this.received);
  }
}
