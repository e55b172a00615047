// Which packets are acknowledged, which count as lost, and when to ask again (RFC 9002 section 6, lanes research 4.4).
// Decides by time, with a window for reordering that it learns; never counts packets, since at a thousand a second three
// are a millisecond. Never repeats anything, never ends a connection. Acknowledgements go before timers of the same instant.

import { DELAY_UNIT_US, expand32, MAX_EXTRA_RANGES, UNKNOWN_ACK_DELAY } from "../wire/mod.ts";
import { REPLAY_WINDOW_BITS } from "../../security/mod.ts";
import { MAX_LAZY_ACK_DELAY_US, MAX_PROMPT_ACK_DELAY_US } from "./ack_policy.ts";
import type { RttEstimator } from "./rtt.ts";
import { PacketFlag, type SentPackets, type SentVisitor } from "./sent_packets.ts";
import type { SentPath } from "./sent_path.ts";

/** An ACK frame as `FrameReader` holds it. */
export interface AckFields {
  /** The low 32 bits of the largest number. */
  readonly ackLargest: number;
  /** Units of 16 µs; 0xffff for unknown. */
  readonly ackDelay: number;
  /** At least 1, at most 32. */
  readonly ackRangeCount: number;
  ackRangeLength(i: number): number;
  ackRangeGap(i: number): number;
}

/** Why an acknowledgement is refused: the connection is to be closed with `CloseCode.protocol`. Nothing was taken. */
export const AckRefusal = {
  /** It tells of a packet that was never sent. */
  neverSent: -1,
  /** It tells of a number that was left out on purpose: the peer acknowledges what it did not get. */
  skipped: -2,
} as const;

/** Why {@linkcode LossDetector.deadlineUs} is what it is. */
export type LossDeadline = "loss-time" | "pto";

/** What the detector is told of both ends, in microseconds. */
export interface LossDetectorOptions {
  /** How late the driver's timers may be. */
  readonly quantumUs: number;
  /** How long the peer holds an acknowledgement back, of prompt packets and of others. */
  readonly maxAckDelayUs?: number;
  readonly maxLazyAckDelayUs?: number;
}

/** Waits for an answer double up to this. */
export const MAX_PTO_US = 1_000_000;
/** Lost packets are remembered this long or two waits, whichever is longer. */
export const LOST_RECORD_US = 1_000_000;
/**
 * A packet so far behind the newest acknowledged one is lost whatever its path: the peer's window for duplicates has
 * moved past it, so that it could not be taken any more.
 */
export const STRAGGLER_NUMBERS: number = REPLAY_WINDOW_BITS;

const MIN_REORDER_US = 1_000;
/**
 * What was learned is halved after so many round trips without a packet that was late. Where a halving proves wrong the
 * next one waits twice as long: else a link that always reorders costs some lost packets in vain with every halving.
 */
const REORDER_HALF_LIFE_RTTS = 16;
const MAX_REORDER_HALF_LIFE_RTTS = 256;
/** Waits are doubled no more often than this: 2^20 of the least is more than the most. */
const MAX_DOUBLINGS = 20;

/** What is known of one path. */
class PathLoss {
  /** How much later than expected packets were seen to come; 0 for nothing learned. When that changed last. */
  learnedUs = 0;
  learnedAtUs = 0;
  halfLifeRtts = REORDER_HALF_LIFE_RTTS;
  wasHalved = false;
  /** How often in a row no answer came in time, and when we asked last. */
  ptoCount = 0;
  askedAtUs = -Infinity;
  /** The round trip to expect, before the acknowledgement that is being taken. */
  expectedUs = 0;
  constructor(readonly id: number, readonly rtt: RttEstimator, readonly isTimed: boolean) {}
}

/** Judges the packets of one direction. */
export class LossDetector {
  /** Since the start: waits that ended without an answer, acknowledgements taken, those of them without any news. */
  ptos = 0;
  acks = 0;
  staleAcks = 0;
  /** Packets lost because the peer could not take them any more. */
  stragglers = 0;
  readonly #sent: SentPackets;
  readonly #quantumUs: number;
  readonly #maxAckDelayUs: number;
  readonly #maxLazyAckDelayUs: number;
  /** Paths in use: a handful. */
  readonly #paths: PathLoss[] = [];
  readonly #starts = new Float64Array(MAX_EXTRA_RANGES + 1);
  readonly #ends = new Float64Array(MAX_EXTRA_RANGES + 1);

  constructor(sent: SentPackets, options: LossDetectorOptions) {
    this.#sent = sent;
    this.#quantumUs = options.quantumUs;
    this.#maxAckDelayUs = options.maxAckDelayUs ?? MAX_PROMPT_ACK_DELAY_US;
    this.#maxLazyAckDelayUs = options.maxLazyAckDelayUs ?? MAX_LAZY_ACK_DELAY_US;
  }

  /**
   * Begins to judge packets of a path, with nothing learned; those of other paths are neither timed nor sampled.
   *
   * @param path the epoch given to `SentPackets.begin`
   * @param rtt takes the samples of packets sent by it
   * @param isTimed false for a stream, which loses nothing while it lives
   */
  openPath(path: number, rtt: RttEstimator, isTimed: boolean): void {
    this.#forgetPath(path);
    this.#paths.push(new PathLoss(path, rtt, isTimed));
  }

  /** Ends a path: what is in flight on it is lost. Returns how many packets. */
  closePath(nowUs: number, path: number, visitor: SentVisitor): number {
    this.#forgetPath(path);
    return this.loseAll(nowUs, path, visitor);
  }

  /**
   * Takes an acknowledgement: the round trip first, then what is delivered, oldest first, then what is lost by it.
   *
   * @returns how many packets are newly acknowledged, or an {@linkcode AckRefusal}, of which nothing was taken
   */
  handleAck(nowUs: number, ack: AckFields, visitor: SentVisitor): number {
    const sent = this.#sent;
    const paths = this.#paths;
    const refusal = this.#readRanges(ack);
    if (refusal < 0) return refusal;
    this.acks++;
    for (let i = 0; i < paths.length; i++) {
      const path = paths[i] as PathLoss;
      path.expectedUs = expectedUs(path.rtt);
    }
    const largest = this.#ends[0] as number;
    if (sent.isKnown(largest)) this.#sample(nowUs, largest, ack.ackDelay);
    let news = 0;
    sent.spuriousSentAtUs = Infinity;
    for (let i = ack.ackRangeCount - 1; i >= 0; i--) {
      news += sent.acknowledge(nowUs, this.#starts[i] as number, this.#ends[i] as number, visitor);
    }
    if (news === 0) this.staleAcks++;
    for (let i = 0; i < paths.length; i++) {
      const path = paths[i] as PathLoss;
      if (news > 0 && sent.path(path.id)?.newsAtUs === nowUs) path.ptoCount = 0;
      this.#learn(nowUs, path);
    }
    this.detectLost(nowUs, visitor);
    return news;
  }

  /** Declares lost what is late by now. Returns how many packets. */
  detectLost(nowUs: number, visitor: SentVisitor): number {
    const sent = this.#sent;
    const straggling = sent.largestAcked - STRAGGLER_NUMBERS;
    let lost = 0;
    for (let i = 0; i < sent.pathCount; i++) {
      const path = sent.pathAt(i);
      if (path === null) continue;
      const lateUs = this.#lateAfterUs(path);
      let number = sent.oldest(path);
      while (number >= 0) {
        const straggles = number <= straggling;
        if (!straggles && !(number < path.largestAcked && nowUs >= sent.sentAtUs(number) + lateUs)) break;
        if (straggles) this.stragglers++;
        sent.lose(nowUs, number, !straggles, visitor);
        lost++;
        number = sent.oldest(path);
      }
    }
    sent.forgetLost(nowUs - this.#keepUs());
    return lost;
  }

  /** Declares everything lost that is in flight by `path`. Returns how many packets. */
  loseAll(nowUs: number, path: number, visitor: SentVisitor): number {
    const sent = this.#sent;
    const route = sent.path(path);
    if (route === null) return 0;
    let lost = 0;
    for (let number = sent.oldest(route); number >= 0; number = sent.oldest(route)) {
      sent.lose(nowUs, number, false, visitor);
      lost++;
    }
    sent.settle();
    return lost;
  }

  /** When {@linkcode detectLost} or {@linkcode onPto} is to be called; Infinity for never. */
  get deadlineUs(): number {
    const lossTimeUs = this.lossTimeUs;
    return lossTimeUs < Infinity ? lossTimeUs : this.ptoAtUs;
  }

  /** Which of the two; null for neither. */
  get deadlineReason(): LossDeadline | null {
    if (this.lossTimeUs < Infinity) return "loss-time";
    return this.ptoAtUs < Infinity ? "pto" : null;
  }

  /** When the next packet will count as lost unless it is acknowledged; Infinity for none. */
  get lossTimeUs(): number {
    const sent = this.#sent;
    let soonest = Infinity;
    for (let i = 0; i < sent.pathCount; i++) {
      const path = sent.pathAt(i);
      if (path === null || path.outstanding === 0) continue;
      const number = sent.oldest(path);
      if (number < 0 || number >= path.largestAcked) continue;
      const atUs = sent.sentAtUs(number) + this.#lateAfterUs(path);
      if (atUs < soonest) soonest = atUs;
    }
    return soonest;
  }

  /** When to ask for an answer; Infinity while none is expected. */
  get ptoAtUs(): number {
    let soonest = Infinity;
    for (let i = 0; i < this.#paths.length; i++) {
      const atUs = this.#ptoAtUs(this.#paths[i] as PathLoss);
      if (atUs < soonest) soonest = atUs;
    }
    return soonest;
  }

  /**
   * No answer came in time on a path: it is to be asked, with up to two packets that want an acknowledgement at once.
   * Nothing is lost by it. Moves the deadline of one path, so another may be due at the same instant.
   *
   * @returns the path, −1 when none was due
   */
  onPto(nowUs: number): number {
    let due: PathLoss | null = null;
    let soonest = Infinity;
    for (let i = 0; i < this.#paths.length; i++) {
      const path = this.#paths[i] as PathLoss;
      const atUs = this.#ptoAtUs(path);
      if (atUs > nowUs || atUs >= soonest) continue;
      soonest = atUs;
      due = path;
    }
    if (due === null) return -1;
    due.ptoCount++;
    due.askedAtUs = nowUs;
    this.ptos++;
    return due.id;
  }

  /** How often in a row no answer came in time: on the path where that is most. */
  get ptoCount(): number {
    let most = 0;
    for (let i = 0; i < this.#paths.length; i++) {
      const count = (this.#paths[i] as PathLoss).ptoCount;
      if (count > most) most = count;
    }
    return most;
  }

  /** The same of one path; 0 for a path that is not open. */
  ptoCountOf(path: number): number {
    return this.#find(path)?.ptoCount ?? 0;
  }

  /** How much later than the round trip a packet of `path` may be acknowledged; 0 for a path that is not open. */
  reorderUs(path: number): number {
    const found = this.#find(path);
    return found === null ? 0 : reorderUs(found);
  }

  #find(id: number): PathLoss | null {
    for (let i = 0; i < this.#paths.length; i++) {
      const path = this.#paths[i] as PathLoss;
      if (path.id === id) return path;
    }
    return null;
  }

  #forgetPath(id: number): void {
    const at = this.#paths.findIndex((path) => path.id === id);
    if (at >= 0) this.#paths.splice(at, 1);
  }

  /** Expands the ranges, newest first. Checks all before anything is taken. */
  #readRanges(ack: AckFields): number {
    const sent = this.#sent;
    const newest = sent.nextNumber - 1;
    const first = sent.firstNumber;
    if (first < 0) return AckRefusal.neverSent;
    let end = expand32(ack.ackLargest, newest);
    if (end > newest) return AckRefusal.neverSent;
    let skipped = false;
    for (let i = 0; i < ack.ackRangeCount; i++) {
      if (i > 0) end = (this.#starts[i - 1] as number) - ack.ackRangeGap(i) - 1;
      const start = end - ack.ackRangeLength(i) + 1;
      if (start < first) return AckRefusal.neverSent;
      this.#starts[i] = start;
      this.#ends[i] = end;
      if (sent.wasSkipped(start, end)) skipped = true;
    }
    return skipped ? AckRefusal.skipped : 0;
  }

  /** The largest number is news: its round trip is a sample (RFC 9002 section 5.1). */
  #sample(nowUs: number, number: number, delay: number): void {
    const path = this.#find(this.#sent.pathOf(number));
    if (path === null || (delay === UNKNOWN_ACK_DELAY && path.rtt.hasSample)) return;
    const isPrompt = (this.#sent.flagsOf(number) & PacketFlag.prompt) !== 0;
    const mostUs = (isPrompt ? this.#maxAckDelayUs : this.#maxLazyAckDelayUs) + this.#quantumUs;
    const toldUs = delay === UNKNOWN_ACK_DELAY ? 0 : delay * DELAY_UNIT_US;
    path.rtt.update(nowUs, nowUs - this.#sent.sentAtUs(number), toldUs < mostUs ? toldUs : mostUs);
  }

  /** Widens the window when a packet that was late came after all, narrows it when none did for long. */
  #learn(nowUs: number, path: PathLoss): void {
    const sent = this.#sent;
    const rttUs = path.rtt.smoothedUs;
    if (sent.spuriousSentAtUs < Infinity && sent.spuriousPath === path.id) {
      const latenessUs = Math.ceil(1.1 * (nowUs - sent.spuriousSentAtUs - path.expectedUs));
      if (latenessUs > path.learnedUs) path.learnedUs = latenessUs;
      path.learnedAtUs = nowUs;
      if (path.wasHalved && path.halfLifeRtts < MAX_REORDER_HALF_LIFE_RTTS) path.halfLifeRtts *= 2;
      path.wasHalved = false;
    }
    if (path.learnedUs === 0) return;
    const halfLifeUs = path.halfLifeRtts * (rttUs > MIN_REORDER_US ? rttUs : MIN_REORDER_US);
    while (nowUs - path.learnedAtUs >= halfLifeUs) {
      path.learnedUs = Math.floor(path.learnedUs / 2);
      path.learnedAtUs += halfLifeUs;
      path.wasHalved = true;
      if (path.learnedUs > 0) continue;
      // Forgotten: the path is in order by now.
      path.halfLifeRtts = REORDER_HALF_LIFE_RTTS;
      path.wasHalved = false;
      return;
    }
    if (path.learnedUs > 2 * rttUs) path.learnedUs = 2 * rttUs;
  }

  /** How old a packet is when it counts as late; Infinity on a path where none does. */
  #lateAfterUs(path: SentPath): number {
    const found = this.#find(path.id);
    return found === null || !found.isTimed ? Infinity : expectedUs(found.rtt) + reorderUs(found);
  }

  #ptoAtUs(path: PathLoss): number {
    if (!path.isTimed) return Infinity;
    const route = this.#sent.path(path.id);
    if (route === null || route.outstanding === 0) return Infinity;
    const isPrompt = route.prompt > 0;
    const leastUs = path.rtt.ptoUs(this.#quantumUs, isPrompt ? this.#maxAckDelayUs : this.#maxLazyAckDelayUs);
    const doublings = path.ptoCount < MAX_DOUBLINGS ? path.ptoCount : MAX_DOUBLINGS;
    const mostUs = leastUs > MAX_PTO_US ? leastUs : MAX_PTO_US;
    const waitUs = leastUs * 2 ** doublings;
    let fromUs = isPrompt ? route.lastPromptAtUs : route.lastLazyAtUs;
    if (route.newsAtUs > fromUs) fromUs = route.newsAtUs;
    if (path.askedAtUs > fromUs) fromUs = path.askedAtUs;
    return fromUs + (waitUs < mostUs ? waitUs : mostUs);
  }

  /** How long a lost packet is remembered: forgetting early would keep a wrong round trip for ever (research 2.2). */
  #keepUs(): number {
    let keepUs = LOST_RECORD_US;
    for (let i = 0; i < this.#paths.length; i++) {
      const path = this.#paths[i] as PathLoss;
      const twoUs = 2 * path.rtt.ptoUs(this.#quantumUs, this.#maxAckDelayUs);
      if (twoUs > keepUs) keepUs = twoUs;
    }
    return keepUs;
  }
}

/** The round trip that a packet may take without being late. The delay of the peer counts: those before it had it too. */
function expectedUs(rtt: RttEstimator): number {
  const smoothedUs = rtt.smoothedUs;
  return smoothedUs > rtt.latestRawUs ? smoothedUs : rtt.latestRawUs;
}

function reorderUs(path: PathLoss): number {
  const quarterUs = Math.round(path.rtt.smoothedUs / 4);
  const leastUs = quarterUs > MIN_REORDER_US ? quarterUs : MIN_REORDER_US;
  return path.learnedUs > leastUs ? path.learnedUs : leastUs;
}
