// The default law: as fast as the path delivers, as slow as its queues ask. Doubles from a small window until delay,
// loss or a delivery that no longer grows says stop; then steers its rate to a small queue of its own, larger for slower flows.
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
const MIN_INTERVAL_PACKETS = 16;
const MAX_STRETCH = 8;
/** A queue that stands this long stands: one stall of a driver never makes so many late samples in a row. */
const MIN_STANDING_US = 10_000;
/** A standing queue below this is none. */
const MIN_TARGET_US = 1_000;
/** Packets and time that an acknowledgement waits for at most: they lie at the peer, not in a queue. */
const ACK_PACKETS = 32;
const ACK_DELAY_US = 25_000;
/** Four full packets are always allowed, so that a lost one is found. */
const MIN_WINDOW_PACKETS = 4;
/** Below this nobody can work; tier 0 and 1 have it anyway. */
const MIN_RATE_BYTES_PER_SECOND = 32_768;
/** No round trip of startup is shorter: less than a batch of the reader says nothing about a rate. */
const MIN_ROUND_US = 1_000;
/** What startup leaves of the best rate when it met loss. */
const SETTLE_SHARE = 0.85;
/** The same where a queue stood: a late comer has to see the path without it. */
const QUEUED_SHARE = 0.5;
/**
 * The queue that a flow wants is the target times the root of this over its rate: a slow flow endures more of the queue that
 * all share, so that it grows while a fast one shrinks, until they are equal. 100 Mbit/s.
 */
const SCALE_RATE = 12_500_000;
const MIN_QUEUE_SCALE = 0.25;
const MAX_QUEUE_SCALE = 16;
/** How much of the way to its wanted queue a flow goes in an interval. */
const GAIN = 0.5;
/** The most and the least that an interval makes of the delivered rate. */
const MAX_GROWTH = 1.25;
const MIN_GROWTH = 0.6;
/** What one interval leaves of a rate at least: it may have seen nothing but a stall. */
const MIN_REST = 0.5;
/** Each interval in a row without a queue adds this to the growth: a path that got faster is found in a second. */
const ACCELERATION = 0.01;
/** What remains of the last good rate at each brake, unless more was carried. */
const GOOD_DECAY = 0.95;
/** Below this share of the last good rate, and without a queue, a flow returns in steps of this. */
const RETURN_SHARE = 0.85;
const RETURN_GROWTH = 1.15;
/** Loss up to this, and the usual times 1.3 besides, is made up for; above it, it is what the path cannot carry. */
const LOSS_MARGIN = 0.02;
const LOSS_MARGIN_PACKETS = 6;
const USUAL_LOSS_FACTOR = 1.3;
const LOSS_BRAKE = 0.7;
/** Near a rate that lost, and for so long after, steps are small: a policer has no queue that warns. */
const CAREFUL_SHARE = 0.9;
const CAREFUL_GROWTH = 1.01;
const CAREFUL_US = 1_000_000;
/** Where more is lost at any rate, loss does not tell a policer. */
const CAREFUL_LOSS = 0.005;
/** More is never usual. */
const MAX_USUAL_LOSS = 0.05;
/** Loss is judged over about so many packets, and not before a few. */
const MIN_LOSS_PACKETS = 50;
const LOSS_PACKETS = 200;
/** Below this share of the best rate, with an empty queue, loss is not our doing. */
const BELOW_SHARE = 0.9;
const SAME_LOSS = 0.7;
/** A rate that is not used says little about the path. */
const USED_SHARE = 0.65;
/** Brakes that leave this share of the queue were not about ours. */
const OTHERS_SHARE = 0.8;
/** Measured rates come short by chance, never long. */
const NOISE_FACTOR = 1.05;
/** A path that delivers this much more than was sent drains a queue. */
const DRAIN_FACTOR = 1.1;
/** Brakes in a row before that is judged: the queue still grows for a round trip after the first. */
const OTHERS_BRAKES = 3;
/** The judgement is tried again after this long, then after twice that, up to the limit. */
const OTHERS_RETRY_US = 2_000_000;
const MAX_OTHERS_RETRY_US = 16_000_000;

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

/**
 * Startup that ended early, by the jitter of a busy machine say, is taken up again after so many intervals in a row that
 * were used and saw no queue; after twice as many each time that it found little.
 */
const RESUME_INTERVALS = 6;
const MAX_RESUME_INTERVALS = 64;
/** A resumed startup that made less than this of the rate found little. */
const RESUME_GAIN = 1.5;
/** What a resumed startup that made a queue leaves of the rate before it: the rate that filled the path never drains it. */
const RESUMED_SHARE = 0.8;
/** Loss that braked makes startup wait. */
const RESUME_AFTER_LOSS_US = 10_000_000;
/** A round of fewer packets may be late as a whole by chance; two in a row are not. */
const TELLING_PACKETS = 8;

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

  #isStarting = true;
  #minUs = INITIAL_ROUND_TRIP_US;
  #smoothedUs = INITIAL_ROUND_TRIP_US;
  /** Mean size of what is sent: what a kernel holds depends on it. */
  #meanBytes: number;

  // The interval: the smallest queue seen, and what became of its packets.
  #startUs = -1;
  #queueUs = Infinity;
  #ackedPackets = 0;
  #limitedPackets = 0;

  // Startup, in rounds.
  #roundEndsUs = -1;
  /** Whether there was more to send in the round than was sent. */
  #isRoundUsed = false;
  #bestRate = 0;
  #flatRounds = 0;
  #roundPackets = 0;
  #queuedRounds = 0;
  /** Intervals in a row without a queue, how many it takes to start up again, and the rate when that was done last. */
  #clearIntervals = 0;
  #resumeAfter = RESUME_INTERVALS;
  #resumedRate = 0;
  #lossBrakedAtUs = -Infinity;

  // Delay.
  /** Since when, and how little at least, there was a queue: −1 for not now. */
  #highSinceUs = -1;
  #highUs = 0;
  /** The queue that stood when the last brake acted, and how many acted since it was last gone. */
  #brakedAtUs = 0;
  #brakes = 0;
  #countedAtUs = -Infinity;
  /** How far samples jump from one to the next: queues of our own change slowly. */
  #jitterUs = 0;
  #lastSampleUs = -1;
  #lastSampleAtUs = -1;
  /** Delay that braking does not change: jitter, or somebody else's queue. */
  #othersUs = 0;
  #othersUntilUs = Infinity;
  #othersRetryUs = OTHERS_RETRY_US;
  #holdUntilUs = -1;

  // Rate.
  #lastGoodRate = 0;
  /** The rate one interval ago: what is delivered now was sent then. */
  #rateBefore = 0;
  #steps = 0;

  // Loss: what the last hundred packets or so became, and what is usual.
  #lossAcked = 0;
  #lossLost = 0;
  /** Packets sent before the last brake say nothing about the rate after it. */
  #judgedFromUs = -1;
  #usualLoss = 0;
  /** The rate at the last brake for loss, and that loss. */
  #lossyRate = 0;
  #lossyLoss = 0;
  /** What was delivered when loss last spoke, and until when that is remembered. */
  #lossRate = 0;
  #lossUntilUs = -1;
  #ptos = 0;

  constructor(options: DelayBrakeOptions = {}) {
    this.#quantumUs = options.quantumUs ?? TIMER_QUANTUM_US;
    this.#packetBytes = options.packetBytes ?? FULL_PACKET_BYTES;
    this.#maxRate = options.maxRateBytesPerSecond ?? Infinity;
    this.#kernelBufferBytes = options.kernelBufferBytes ?? KERNEL_BUFFER_BYTES;
    this.#meanBytes = this.#packetBytes;
    this.rateBytesPerSecond = this.#startupRate();
  }

  get phase(): BrakePhase {
    if (this.#isStarting) return "startup";
    return this.#othersUs > this.targetUs ? "competing" : "steady";
  }

  /** The standing queue that this flow wants at its rate: enough to keep the path busy and to share it. */
  get wantedUs(): number {
    const scale = Math.sqrt(SCALE_RATE / this.rateBytesPerSecond);
    return this.targetUs * Math.min(MAX_QUEUE_SCALE, Math.max(MIN_QUEUE_SCALE, scale));
  }

  /** A standing queue below this cannot be told from none. */
  get targetUs(): number {
    return Math.max(
      MIN_TARGET_US,
      this.#quantumUs / 2,
      this.#minUs / 8,
      Math.min(3 * this.#jitterUs, this.#minUs / 2),
    );
  }

  /** The share of packets that is lost at any rate. */
  get usualLoss(): number {
    return this.#usualLoss;
  }

  onSent(nowUs: number, bytes: number, _inFlightBytes: number): void {
    this.#meanBytes += (bytes - this.#meanBytes) / 32;
    if (this.#startUs < 0) {
      this.#meter.restart();
      this.#beginInterval(nowUs);
    }
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
    this.#ptos = 0;
    this.#ackedPackets++;
    if (sentAtUs >= this.#judgedFromUs) this.#lossAcked++;
    if (appLimited) this.#limitedPackets++;
    this.#meter.add(nowUs, bytes, sentAtUs);
    this.#minUs = rtt.minUs;
    this.#smoothedUs = rtt.smoothedUs;
    const queueUs = rtt.latestUs - rtt.minUs;
    if (nowUs !== this.#lastSampleAtUs) this.#noteJitter(nowUs, rtt.latestUs);
    if (queueUs < this.#queueUs) this.#queueUs = queueUs;
    const limitUs = this.#othersUs + 2 * this.wantedUs;
    if (queueUs <= limitUs) this.#highSinceUs = -1;
    else if (this.#highSinceUs < 0) {
      this.#highSinceUs = nowUs;
      this.#highUs = queueUs;
    } else if (queueUs < this.#highUs) this.#highUs = queueUs;
    if (this.#isStarting) this.#grow(nowUs, bytes, inFlightBytes, appLimited);
    else if (
      this.#isStanding(nowUs) && nowUs >= this.#holdUntilUs && nowUs - this.#startUs >= MIN_STANDING_US
    ) this.#closeInterval(nowUs);
  }

  onLost(_nowUs: number, _bytes: number, sentAtUs: number): void {
    if (sentAtUs >= this.#judgedFromUs) this.#lossLost++;
  }

  /** Silence is no congestion: the window stops the sender. Long silence halves what comes after it. */
  onPto(_nowUs: number): void {
    if (++this.#ptos >= 3 && !this.#isStarting) this.#setRate(this.rateBytesPerSecond / 2);
  }

  onPathChanged(_nowUs: number): void {
    this.#isStarting = true;
    this.#resumedRate = 0;
    this.#resumeAfter = RESUME_INTERVALS;
    this.#lossBrakedAtUs = this.#countedAtUs = -Infinity;
    this.#minUs = INITIAL_ROUND_TRIP_US;
    this.#smoothedUs = INITIAL_ROUND_TRIP_US;
    this.windowBytes = INITIAL_WINDOW_BYTES;
    this.rateBytesPerSecond = this.#startupRate();
    this.#bestRate = this.#lastGoodRate = 0;
    this.#flatRounds = this.#steps = this.#ptos = 0;
    this.#roundEndsUs =
      this.#highSinceUs =
      this.#holdUntilUs =
      this.#startUs =
        -1;
    this.#brakes =
      this.#brakedAtUs =
      this.#othersUs =
      this.#jitterUs =
        0;
    this.#lastSampleUs = this.#lastSampleAtUs = -1;
    this.#othersUntilUs = Infinity;
    this.#othersRetryUs = OTHERS_RETRY_US;
    this.#lossAcked = this.#lossLost = this.#usualLoss = 0;
    this.#lossUntilUs = -1;
    this.#meter.reset();
    this.nextTickUs = Infinity;
  }

  handleTick(nowUs: number): void {
    if (nowUs < this.nextTickUs) return;
    if (this.#ackedPackets === 0) {
      // Nothing came. Silent while idle; the next packet or acknowledgement starts an interval.
      this.#startUs = -1;
      this.nextTickUs = Infinity;
      return;
    }
    if (
      this.#ackedPackets * Math.max(1, this.#meanBytes / this.#packetBytes) < MIN_INTERVAL_PACKETS &&
      nowUs < this.#startUs + MAX_STRETCH * this.#intervalUs()
    ) {
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
    this.#limitedPackets = 0;
    this.nextTickUs = nowUs + this.#intervalUs();
  }

  #noteJitter(nowUs: number, sampleUs: number): void {
    if (this.#lastSampleUs >= 0) {
      this.#jitterUs += (Math.abs(sampleUs - this.#lastSampleUs) - this.#jitterUs) / 16;
    }
    this.#lastSampleUs = sampleUs;
    this.#lastSampleAtUs = nowUs;
  }

  // --- Startup ---

  /** The window grows by what is acknowledged, that is, doubles each round trip. */
  #grow(nowUs: number, bytes: number, inFlightBytes: number, appLimited: boolean): void {
    const isUsed = !appLimited && inFlightBytes + bytes >= this.windowBytes / 2;
    this.#roundPackets++;
    if (!appLimited) this.#isRoundUsed = true;
    if (isUsed) this.windowBytes = Math.min(this.windowBytes + bytes, this.#maxWindow());
    this.rateBytesPerSecond = this.#startupRate();
    if (nowUs < this.#roundEndsUs) return;
    if (this.#roundEndsUs >= 0) {
      const rate = this.#meter.close();
      if (rate > this.#bestRate * 1.25) this.#flatRounds = 0;
      else if (isUsed && rate > 0) this.#flatRounds++; // without a delay there is no rate to see
      if (rate > this.#bestRate) this.#bestRate = rate;
      const best = this.#bestRate > 0 ? this.#bestRate : this.rateBytesPerSecond;
      const isLossy = this.#lossLost > LOSS_MARGIN_PACKETS + 0.1 * (this.#lossLost + this.#lossAcked);
      const isLate = this.#queueUs > 2 * this.wantedUs;
      this.#queuedRounds = isLate ? this.#queuedRounds + 1 : 0;
      const isQueued = isLate && (this.#roundPackets >= TELLING_PACKETS || this.#queuedRounds >= 2);
      this.#queueUs = Infinity;
      // Few messages neither make a queue nor measure a path: what they saw was jitter, and their rate is no bound.
      if (this.#isRoundUsed && (isLossy || isQueued)) {
        const share = isQueued ? QUEUED_SHARE : SETTLE_SHARE;
        return this.#settle(nowUs, share * best, best, isQueued ? RESUMED_SHARE : 1);
      }
      if (this.#flatRounds >= 3) return this.#settle(nowUs, best, best);
    }
    this.#isRoundUsed = false;
    this.#roundPackets = 0;
    this.#roundEndsUs = nowUs + Math.max(this.#smoothedUs, MIN_ROUND_US);
    this.#lossAcked = this.#lossLost = 0;
  }

  #settle(nowUs: number, found: number, goodRate: number, resumedShare = 1): void {
    this.#isStarting = false;
    const rate = Math.max(found, resumedShare * this.#resumedRate);
    if (this.#resumedRate > 0) {
      this.#resumeAfter = rate >= RESUME_GAIN * this.#resumedRate
        ? RESUME_INTERVALS
        : Math.min(MAX_RESUME_INTERVALS, 2 * this.#resumeAfter);
    }
    this.#clearIntervals = 0;
    this.#queuedRounds = 0;
    this.#lastGoodRate = Math.max(goodRate, this.#resumedRate);
    this.#lossAcked = this.#lossLost = 0;
    this.#setRate(rate);
    this.#beginInterval(nowUs);
    this.#hold(nowUs);
  }

  #startupRate(): number {
    return Math.min(this.#maxRate, 2 * this.windowBytes * 1_000_000 / Math.max(100, this.#smoothedUs));
  }

  // --- Steady state ---

  #isStanding(nowUs: number): boolean {
    return this.#highSinceUs >= 0 && nowUs - this.#highSinceUs > Math.max(this.#minUs, MIN_STANDING_US);
  }

  #closeInterval(nowUs: number): void {
    if (this.#isStarting) {
      // Startup goes by rounds: their smallest delay stays as it is.
      this.#ackedPackets = 0;
      this.#limitedPackets = 0;
      this.nextTickUs = nowUs + this.#intervalUs();
      return;
    }
    const isLimited = this.#limitedPackets * 2 > this.#ackedPackets;
    const queueUs = this.#queueUs;
    const delivered = this.#meter.close();
    if (delivered === 0) return this.#beginInterval(nowUs);
    this.#beginInterval(nowUs);
    if (nowUs < this.#holdUntilUs) return;
    if (nowUs >= this.#othersUntilUs) {
      this.#othersUs = 0;
      this.#othersUntilUs = Infinity;
    }
    if (queueUs < this.#othersUs) this.#othersUs -= (this.#othersUs - queueUs) / 8;
    const ownUs = queueUs - this.#othersUs;
    const wantedUs = this.wantedUs;
    if (ownUs > 2 * wantedUs && this.#isOthers(nowUs, queueUs, delivered)) return;
    if (ownUs < wantedUs) this.#brakes = 0;

    const seen = this.#lossAcked + this.#lossLost;
    const loss = this.#lossLost / Math.max(1, seen);
    const endured = USUAL_LOSS_FACTOR * this.#usualLoss + LOSS_MARGIN;
    const isLossy = loss > endured + LOSS_MARGIN_PACKETS / Math.max(MIN_LOSS_PACKETS, seen);
    if (isLossy || seen >= LOSS_PACKETS) this.#noteLoss(loss, queueUs, isLossy);

    // What the path delivers of ours, with what chance took from it, is our share while a queue stands.
    let rate = this.rateBytesPerSecond;
    this.#rateBefore = rate;
    const carried = delivered / (1 - Math.min(loss, endured));
    let growth = 1 + GAIN * (wantedUs - ownUs) / this.#intervalUs();
    if (ownUs < wantedUs / 2 && !isLossy) {
      growth += ACCELERATION * this.#steps++;
      if (rate < RETURN_SHARE * this.#lastGoodRate) growth = Math.max(growth, RETURN_GROWTH);
    } else this.#steps = 0;
    if (nowUs < this.#lossUntilUs && rate > CAREFUL_SHARE * this.#lossRate) {
      growth = Math.min(growth, CAREFUL_GROWTH);
    }
    growth = Math.min(MAX_GROWTH, Math.max(MIN_GROWTH, growth));
    const isClear = ownUs < wantedUs / 2 && !isLossy && !isLimited && carried >= USED_SHARE * rate;
    this.#clearIntervals = isClear ? this.#clearIntervals + 1 : 0;
    if (this.#clearIntervals >= this.#resumeAfter && nowUs - this.#lossBrakedAtUs > RESUME_AFTER_LOSS_US) {
      return this.#resume(nowUs);
    }
    if (growth > 1 && !isLossy) {
      if (isLimited || carried < USED_SHARE * rate) return this.#setRate(rate);
      // A measurement that comes short is noise while no queue says otherwise.
      rate = growth * (ownUs < wantedUs / 2 ? rate : Math.min(rate, NOISE_FACTOR * carried));
    } else if (isLossy) {
      // A full queue, or a policer: what is delivered is all there is. Less than that, so that the queue drains.
      this.counters.lossBrakes++;
      this.#lossBrakedAtUs = nowUs;
      this.#lossRate = delivered;
      this.#judgedFromUs = nowUs;
      if (this.#usualLoss < CAREFUL_LOSS && queueUs < this.targetUs) this.#lossUntilUs = nowUs + CAREFUL_US;
      rate = Math.min(rate, Math.max(MIN_REST * rate, Math.min(growth, LOSS_BRAKE) * delivered));
      this.#hold(nowUs);
    } else {
      if (growth < 1) this.counters.delayBrakes++;
      rate = Math.min(rate, Math.max(MIN_REST * rate, growth * carried));
    }
    if (growth < 1 || isLossy) {
      this.#lastGoodRate = Math.max(carried, GOOD_DECAY * this.#lastGoodRate);
    }
    this.#setRate(rate);
  }

  /** Doubles again from where it is: the path was taken for slower than it is. */
  #resume(nowUs: number): void {
    this.#isStarting = true;
    this.#resumedRate = this.rateBytesPerSecond;
    this.#bestRate = 0;
    this.#flatRounds = 0;
    this.#roundPackets = 0;
    this.#queueUs = Infinity;
    this.#roundEndsUs = nowUs + Math.max(this.#smoothedUs, MIN_ROUND_US);
  }

  /** Whether a queue that stands through brakes is somebody else's, or no queue at all. */
  #isOthers(nowUs: number, queueUs: number, delivered: number): boolean {
    // More came out than we put in: it is our queue, and it drains.
    if (delivered > DRAIN_FACTOR * this.#rateBefore) this.#brakes = 0;
    // A brake shows after a round trip, and drains a few per cent a time: those that follow at once are one.
    if (nowUs - this.#countedAtUs < Math.max(MIN_INTERVAL_US, this.#smoothedUs)) return false;
    this.#countedAtUs = nowUs;
    if (++this.#brakes === 1) this.#brakedAtUs = queueUs;
    if (this.#brakes === 2) this.#brakedAtUs = Math.max(this.#brakedAtUs, queueUs);
    if (this.#brakes <= OTHERS_BRAKES) return false;
    this.#brakes = 0;
    if (queueUs < OTHERS_SHARE * this.#brakedAtUs) return false;
    this.counters.notOurs++;
    this.#othersUs = queueUs;
    this.#othersUntilUs = nowUs + this.#othersRetryUs;
    this.#othersRetryUs = Math.min(2 * this.#othersRetryUs, MAX_OTHERS_RETRY_US);
    this.#setRate(this.#lastGoodRate);
    this.#hold(nowUs);
    return true;
  }

  /** Learns what is lost anyway from times when our rate cannot have been the cause, and forgets it from better ones. */
  #noteLoss(loss: number, queueUs: number, isLossy: boolean): void {
    this.#lossAcked = this.#lossLost = 0;
    const rate = this.rateBytesPerSecond;
    // After a brake less should be lost: where that does not come true, the rate was not the cause.
    const isBelow = isLossy
      ? rate < BELOW_SHARE * this.#lossyRate && loss > SAME_LOSS * this.#lossyLoss
      : rate < BELOW_SHARE * this.#meter.bestRate;
    if (loss < this.#usualLoss) this.#usualLoss += (loss - this.#usualLoss) / 8;
    else if (isBelow && queueUs < this.targetUs) {
      this.#usualLoss = Math.min(MAX_USUAL_LOSS, this.#usualLoss + (loss - this.#usualLoss) / 2);
    }
    if (!isLossy) return;
    this.#lossyRate = rate;
    this.#lossyLoss = loss;
  }

  /** A brake shows after a round trip, and the queue before it has to drain. */
  #hold(nowUs: number): void {
    this.#holdUntilUs = nowUs + Math.max(MIN_INTERVAL_US, this.#smoothedUs);
  }

  #setRate(rate: number): void {
    this.rateBytesPerSecond = Math.min(this.#maxRate, Math.max(MIN_RATE_BYTES_PER_SECOND, rate));
    const pathUs = this.#minUs + this.#othersUs + 2 * this.wantedUs;
    const atPeer = Math.min(
      ACK_PACKETS * this.#packetBytes,
      this.rateBytesPerSecond * ACK_DELAY_US / 1_000_000,
    );
    this.windowBytes = Math.max(
      MIN_WINDOW_PACKETS * Math.max(this.#packetBytes, this.#meanBytes),
      Math.min(this.rateBytesPerSecond * pathUs / 1_000_000 + atPeer, this.#maxWindow()),
    );
  }

  /** What a stalled reader's kernel holds, or twice what the path was seen to hold. */
  #maxWindow(): number {
    const held = heldBytes(this.#kernelBufferBytes, Math.max(64, Math.ceil(this.#meanBytes)));
    return Math.max(held, 2 * this.#meter.bestRate * (this.#minUs + this.#othersUs) / 1_000_000);
  }
}
