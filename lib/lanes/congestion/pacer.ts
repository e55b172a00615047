// Spreads packets over time: a bucket of credit that fills at the rate and may go one packet into debt.
// Decides when the next packet may leave; never which. A timer fires every 2.1 ms at best, so that a burst must cover two
// of these, or the clock sets the rate (research section 1); yet never more than a stalled receiver's kernel holds.
// Hot path: asked once a packet, allocates nothing.

import { heldBytes, KERNEL_BUFFER_BYTES } from "./kernel_buffer.ts";

/** How long a timer of the shortest kind really takes in Deno, in microseconds. */
export const TIMER_QUANTUM_US = 2_100;
/** A full packet until told otherwise. */
export const FULL_PACKET_BYTES = 1_200;

/** Options of {@linkcode Pacer}. */
export interface PacerOptions {
  /** Bytes a second; Infinity never waits. */
  readonly rateBytesPerSecond: number;
  /** What the driver's timer can do at best. */
  readonly quantumUs?: number;
  /** The size of a full packet. */
  readonly packetBytes?: number;
  /** No burst is larger: what the receiver's kernel holds while nobody reads. */
  readonly maxBurstBytes?: number;
}

/** A token bucket over bytes, with the time taken from the caller. */
export class Pacer {
  readonly #quantumUs: number;
  readonly #packetBytes: number;
  readonly #maxBurstBytes: number;
  #bytesPerUs = 0;
  #burstBytes = 0;
  /** Above 0: may send. At least one packet below 0 after a packet that took the last of it. */
  #credit: number;
  #creditAtUs = -1;
  /** A packet was refused: what waits keeps the credit of a late wake-up. */
  #isWaiting = false;

  constructor(options: PacerOptions) {
    this.#quantumUs = options.quantumUs ?? TIMER_QUANTUM_US;
    this.#packetBytes = options.packetBytes ?? FULL_PACKET_BYTES;
    this.#maxBurstBytes = Math.max(
      2 * this.#packetBytes,
      options.maxBurstBytes ?? heldBytes(KERNEL_BUFFER_BYTES, this.#packetBytes),
    );
    this.setRate(options.rateBytesPerSecond);
    this.#credit = this.#burstBytes;
  }

  /** What may leave at once. */
  get burstBytes(): number {
    return this.#burstBytes;
  }

  /** When `canSend` says yes again; in the past when it does now, Infinity at rate 0. */
  get readyAtUs(): number {
    if (this.#credit > 0) return this.#creditAtUs;
    return this.#creditAtUs + Math.ceil((1 - this.#credit) / this.#bytesPerUs);
  }

  setRate(bytesPerSecond: number): void {
    this.#bytesPerUs = bytesPerSecond / 1_000_000;
    const quanta = 2 * this.#quantumUs * this.#bytesPerUs;
    this.#burstBytes = Math.min(this.#maxBurstBytes, Math.max(2 * this.#packetBytes, quanta));
    if (this.#credit > this.#burstBytes) this.#credit = this.#burstBytes;
  }

  /** Whether a packet, of any size, may leave. Only ask when there is one: a no is remembered. */
  canSend(nowUs: number): boolean {
    if (this.#bytesPerUs === Infinity) return true;
    this.#refill(nowUs);
    if (this.#credit > 0) return true;
    this.#isWaiting = true;
    return false;
  }

  /** A packet left, whether it was asked for or is exempt. */
  onSent(nowUs: number, bytes: number): void {
    if (this.#bytesPerUs === Infinity) return;
    this.#refill(nowUs);
    // Exempt packets are counted, but a flood of them must not close the pacer for longer than a burst lasts.
    this.#credit = Math.max(this.#credit - bytes, -Math.max(this.#burstBytes, bytes));
  }

  #refill(nowUs: number): void {
    if (nowUs > this.#creditAtUs) {
      if (this.#creditAtUs >= 0) this.#credit += (nowUs - this.#creditAtUs) * this.#bytesPerUs;
      this.#creditAtUs = nowUs;
    }
    // A timer that comes late owes what it held up (GameNetworkingSockets); time without data earns one burst.
    const limit = this.#isWaiting ? this.#maxBurstBytes : this.#burstBytes;
    if (this.#credit > limit) this.#credit = limit;
    if (this.#credit > 0) this.#isWaiting = this.#isWaiting && this.#credit > this.#burstBytes;
  }
}
