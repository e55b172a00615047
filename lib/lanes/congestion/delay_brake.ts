// The default law: as fast as the path delivers, as slow as its queues ask. Doubles from a small window until delay,
// loss or a delivery that no longer grows says stop; then adds a little each interval and brakes when its own packets queue.
// Decides a rate and a window; knows nothing of lanes. Every threshold has an absolute floor above the timer's quantum.
// Hot path: one call a packet, no allocation, fixed fields. What was tried and refuted stands in docs/lanes.md.

import type { CongestionControl, RoundTrip } from "./control.ts";
import { heldBytes, KERNEL_BUFFER_BYTES } from "./kernel_buffer.ts";
import { FULL_PACKET_BYTES, TIMER_QUANTUM_US } from "./pacer.ts";
import { RateMeter } from "./rate_meter.ts";

/** The window of the first round trip: 27 full packets. */
const INITIAL_WINDOW_BYTES = 32_768;
/** The round trip until the first sample. */
const INITIAL_ROUND_TRIP_US = 50_000;
/** No interval is shorter: acknowledgements wait up to 25 ms, stalls of a driver last 16 ms. */
const MIN_INTERVAL_US = 25_000;
/** An interval that saw fewer packets goes on, up to this many times its length. */
const MIN_INTERVAL_PACKETS = 8;
const MAX_STRETCH = 8;
/** Queueing delay below this is noise. */
const MIN_TARGET_US = 4_000;
/** How long an acknowledgement may wait at the peer, for the window. */
const ACK_SLACK_US = 25_000;
/** Four full packets are always allowed, so that a lost one is found. */
const MIN_WINDOW_PACKETS = 4;
/** Below this nobody can work; tier 0 and 1 have it anyway. */
const MIN_RATE_BYTES_PER_SECOND = 32_768;
/** What remains of the delivered rate after a brake. */
const BRAKE = 0.85;
/** Loss of this share above the usual is a sign of congestion. */
const LOSS_MARGIN = 0.02;
/** Without it an interval says little about the path. */
const USED_SHARE = 0.65;

/** Options of {@linkcode DelayBrake}. */
export interface DelayBrakeOptions {
  /** The driver's timer quantum. */
  readonly quantumUs?: number;
  readonly packetBytes?: number;
  /** Never faster. */
  readonly maxRateBytesPerSecond?: number;
  /** What the receiver's kernel holds. */
  readonly kernelBufferBytes?: number;
}

/** Where the law stands; for statistics. */
export type BrakePhase = "startup" | "steady" | "competing";

/** Counters of one law. Monotonic. */
export interface BrakeCounters {
  /** Brakes because of queueing delay. */
  delayBrakes: number;
  /** Brakes because of loss. */
  lossBrakes: number;
  /** Times that braking changed neither delay nor loss: it was not ours. */
  notOurs: number;
}

/** Delay decides, loss counts when it comes with delay or follows the rate. */
export class DelayBrake implements CongestionControl {
  readonly name = "delay-brake";
  rateBytesPerSecond: number;
  windowBytes = INITIAL_WINDOW_BYTES;
  nextTickUs = Infinity;
  readonly counters: BrakeCounters = { delayBrakes: 0, lossBrakes: 0, notOurs: 0 };

  readonly #quantumUs: number;
  readonly #packetBytes: number;
  readonly #maxRate: number;
  readonly #kernelBufferBytes: number;
  readonly #meter = new RateMeter();

  #phase: BrakePhase = "startup";
  #minUs = INITIAL_ROUND_TRIP_US;
  #smoothedUs = INITIAL_ROUND_TRIP_US;
  /** Mean size of what is sent: what a kernel holds depends on it. */
  #meanBytes: number;

  // The interval.
  #startUs = -1;
  #queueUs = Infinity;
  #ackedPackets = 0;
  #lostPackets = 0;
  #limitedPackets = 0;

  // Startup, in rounds.
  #roundEndsUs = -1;
  #bestRate = 0;
  #flatRounds = 0;

  // Steady state.
  #highSinceUs = -1;
  #holdUntilUs = -1;
  #lastGoodRate = 0;
  #increases = 0;
  #usualLoss = 0;

  constructor(options: DelayBrakeOptions = {}) {
    this.#quantumUs = options.quantumUs ?? TIMER_QUANTUM_US;
    this.#packetBytes = options.packetBytes ?? FULL_PACKET_BYTES;
    this.#maxRate = options.maxRateBytesPerSecond ?? Infinity;
    this.#kernelBufferBytes = options.kernelBufferBytes ?? KERNEL_BUFFER_BYTES;
    this.#meanBytes = this.#packetBytes;
    this.rateBytesPerSecond = this.#startupRate();
  }

  get phase(): BrakePhase {
    return this.#phase;
  }

  /** Above this, queueing delay is a queue. */
  get targetUs(): number {
    return Math.max(MIN_TARGET_US, 2 * this.#quantumUs, this.#minUs / 2);
  }

  onSent(nowUs: number, bytes: number, _inFlightBytes: number): void {
    this.#meanBytes += (bytes - this.#meanBytes) / 32;
    if (this.#startUs < 0) this.#beginInterval(nowUs);
  }

  onAcked(
    nowUs: number,
    bytes: number,
    sentAtUs: number,
    rtt: RoundTrip,
    inFlightBytes: number,
    appLimited: boolean,
  ): void {
    if (this.#startUs < 0) this.#beginInterval(nowUs);
    this.#ackedPackets++;
    if (appLimited) this.#limitedPackets++;
    this.#meter.add(nowUs, bytes, sentAtUs);
    this.#minUs = rtt.minUs;
    this.#smoothedUs = rtt.smoothedUs;
    const queueUs = rtt.latestUs - rtt.minUs;
    if (queueUs < this.#queueUs) this.#queueUs = queueUs;
    if (queueUs <= 2 * this.targetUs) this.#highSinceUs = -1;
    else if (this.#highSinceUs < 0) this.#highSinceUs = nowUs;
    if (this.#phase === "startup") this.#grow(nowUs, bytes, inFlightBytes, appLimited, queueUs);
    else if (
      this.#highSinceUs >= 0 && nowUs - this.#highSinceUs > Math.max(this.#minUs, MIN_INTERVAL_US) &&
      nowUs >= this.#holdUntilUs
    ) this.#closeInterval(nowUs);
  }

  onLost(_nowUs: number, _bytes: number, _sentAtUs: number): void {
    this.#lostPackets++;
  }

  onPto(_nowUs: number): void {}

  onPathChanged(_nowUs: number): void {
    this.#phase = "startup";
    this.#minUs = INITIAL_ROUND_TRIP_US;
    this.#smoothedUs = INITIAL_ROUND_TRIP_US;
    this.windowBytes = INITIAL_WINDOW_BYTES;
    this.rateBytesPerSecond = this.#startupRate();
    this.#bestRate = 0;
    this.#flatRounds = 0;
    this.#roundEndsUs = -1;
    this.#highSinceUs = -1;
    this.#holdUntilUs = -1;
    this.#lastGoodRate = 0;
    this.#increases = 0;
    this.#usualLoss = 0;
    this.#startUs = -1;
    this.#meter.reset();
    this.nextTickUs = Infinity;
  }

  handleTick(nowUs: number): void {
    if (nowUs < this.nextTickUs) return;
    const seen = this.#ackedPackets + this.#lostPackets;
    if (seen === 0) {
      // Nothing came: neither good nor bad, unless the law waits for what never comes. Silent while idle.
      this.#startUs = -1;
      this.nextTickUs = Infinity;
      return;
    }
    if (seen < MIN_INTERVAL_PACKETS && nowUs < this.#startUs + MAX_STRETCH * this.#intervalUs()) {
      this.nextTickUs = nowUs + this.#intervalUs();
      return;
    }
    this.#closeInterval(nowUs);
  }

  #intervalUs(): number {
    return Math.max(MIN_INTERVAL_US, this.#smoothedUs);
  }

  #beginInterval(nowUs: number): void {
    this.#startUs = nowUs;
    this.#queueUs = Infinity;
    this.#ackedPackets = 0;
    this.#lostPackets = 0;
    this.#limitedPackets = 0;
    this.nextTickUs = nowUs + this.#intervalUs();
  }

  /** Startup: the window grows by what is acknowledged, that is, doubles each round trip. */
  #grow(nowUs: number, bytes: number, inFlightBytes: number, appLimited: boolean, queueUs: number): void {
    const isLimited = !appLimited && inFlightBytes + bytes >= this.windowBytes / 2;
    if (isLimited) this.windowBytes = Math.min(this.windowBytes + bytes, this.#maxWindow());
    this.rateBytesPerSecond = this.#startupRate();
    if (nowUs < this.#roundEndsUs) return;
    if (this.#roundEndsUs >= 0) {
      const rate = this.#meter.close();
      if (rate > this.#bestRate * 1.25) this.#flatRounds = 0;
      else if (isLimited) this.#flatRounds++;
      if (rate > this.#bestRate) this.#bestRate = rate;
      if (
        this.#flatRounds >= 3 || this.#lostPackets > Math.max(3, this.#ackedPackets / 10) ||
        queueUs > 2 * this.targetUs
      ) {
        this.#settle(nowUs);
        return;
      }
    }
    this.#roundEndsUs = nowUs + Math.max(this.#smoothedUs, 1_000);
  }

  #settle(nowUs: number): void {
    this.#phase = "steady";
    this.#setRate(this.#bestRate);
    this.#lastGoodRate = this.rateBytesPerSecond;
    this.#beginInterval(nowUs);
  }

  #closeInterval(nowUs: number): void {
    const delivered = this.#meter.close();
    const acked = this.#ackedPackets;
    const loss = this.#lostPackets / Math.max(1, acked + this.#lostPackets);
    const isLimited = this.#limitedPackets * 2 > acked;
    const queueUs = this.#queueUs;
    const isHigh = this.#highSinceUs >= 0 &&
      nowUs - this.#highSinceUs > Math.max(this.#minUs, MIN_INTERVAL_US);
    this.#beginInterval(nowUs);
    if (this.#phase === "startup" || nowUs < this.#holdUntilUs || acked === 0) return;
    if (isHigh) {
      this.counters.delayBrakes++;
      this.#brake(nowUs, delivered);
      return;
    }
    if (loss > this.#usualLoss + LOSS_MARGIN && queueUs > this.targetUs / 2) {
      this.counters.lossBrakes++;
      this.#brake(nowUs, delivered);
      return;
    }
    if (queueUs < this.targetUs && !isLimited && delivered > USED_SHARE * this.rateBytesPerSecond) {
      this.#increase();
    } else this.#setRate(this.rateBytesPerSecond);
  }

  #increase(): void {
    const rate = this.rateBytesPerSecond;
    const step = 2 * this.#packetBytes * 1_000_000 / this.#intervalUs();
    this.#increases++;
    this.#setRate(rate < this.#lastGoodRate ? Math.min(rate * 1.08, this.#lastGoodRate + step) : rate + step);
  }

  #brake(nowUs: number, delivered: number): void {
    this.#lastGoodRate = delivered;
    this.#increases = 0;
    this.#setRate(Math.min(this.rateBytesPerSecond, BRAKE * delivered));
    this.#highSinceUs = -1;
    this.#holdUntilUs = nowUs + Math.min(200_000, Math.max(10_000, this.#smoothedUs));
  }

  #setRate(rate: number): void {
    this.rateBytesPerSecond = Math.min(this.#maxRate, Math.max(MIN_RATE_BYTES_PER_SECOND, rate));
    const usUs = this.#minUs + 2 * this.targetUs + ACK_SLACK_US;
    this.windowBytes = Math.max(
      MIN_WINDOW_PACKETS * this.#packetBytes,
      Math.min(this.rateBytesPerSecond * usUs / 1_000_000, this.#maxWindow()),
    );
  }

  /** What a stalled reader's kernel holds, or twice what the path was seen to hold. */
  #maxWindow(): number {
    const held = heldBytes(this.#kernelBufferBytes, Math.max(64, Math.ceil(this.#meanBytes)));
    return Math.max(held, 2 * this.#meter.bestRate * this.#minUs / 1_000_000);
  }

  #startupRate(): number {
    return Math.min(this.#maxRate, 2 * this.windowBytes * 1_000_000 / Math.max(1_000, this.#smoothedUs));
  }
}
