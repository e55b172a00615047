// One lane of one direction, at its sender: messages in, frames and references out.
// Decides which of the two ways of sending a kind needs; the face that a connection drives. Never looks at a clock,
// never decides when a packet leaves, never knows packets: it is told what became of what it wrote.
//
// Whoever is told of outcomes may send from inside the call: they are told at the end of an input, in order.

import { isReliable, type Lane, type LaneId } from "../lane.ts";
import { SendRefusal } from "../refusal.ts";
import type { Schedulable } from "../schedule/mod.ts";
import type { LaneReports } from "../sink.ts";
import { type LaneStats, newLaneStats } from "../stats.ts";
import type { PacketWriter } from "../wire/mod.ts";
import { Admission } from "./admission.ts";
import { Outcomes } from "./outcomes.ts";
import { ReliableSender } from "./reliable_sender.ts";
import type { PacketRefs, Sender } from "./sender.ts";
import { UnreliableSender } from "./unreliable_sender.ts";

/** The sending half of a lane. */
export class SendLane implements Schedulable {
  readonly id: LaneId;
  readonly tier: number;
  readonly weight: number;
  /** Counters; those of sent messages are kept here, and the gauges `queued…` are exact at any time. */
  readonly stats: LaneStats;
  readonly #ttlUs: number;
  readonly #sender: Sender;
  #isClosed = false;

  /**
   * @param lane the lane, with its bounds
   * @param reports told what becomes of messages sent with `report`, and when a lane that refused is writable
   * @param firstNumber number of the first message; 0 but in tests
   * @param stats counters to use
   */
  constructor(
    readonly lane: Lane,
    reports: LaneReports,
    firstNumber = 0,
    stats: LaneStats = newLaneStats(),
  ) {
    this.id = lane.id;
    this.tier = lane.tier;
    this.weight = lane.weight;
    this.stats = stats;
    this.#ttlUs = lane.ttlUs > 0 ? lane.ttlUs : Infinity;
    const admission = new Admission(lane, stats);
    const outcomes = new Outcomes(lane, reports);
    this.#sender = isReliable(lane.kind)
      ? new ReliableSender(lane, admission, outcomes, firstNumber)
      : new UnreliableSender(lane, admission, outcomes, firstNumber);
  }

  /**
   * Takes a message; its bytes are copied.
   *
   * @param key 0 … 2^30 − 1, or −1; means something on keyed unreliable-sequenced lanes alone, where the newest value
   *   of a key takes the place of the one that waits
   * @param ttlUs the message is dropped when not all of it was sent after so many microseconds; 0 or less for the
   *   lane's own, Infinity for never
   * @param report tell what becomes of it: delivered, lost (unreliable lanes, or the lane closed) or expired, once
   * @returns the message's number, or a {@linkcode SendRefusal}. A lane that drops instead of refusing says `full` for
   *   a new message that it dropped.
   */
  push(nowUs: number, bytes: Uint8Array, key = -1, ttlUs = 0, report = false): number {
    if (this.#isClosed) return SendRefusal.closed;
    return this.#sender.push(nowUs, bytes, key, ttlUs > 0 ? ttlUs : this.#ttlUs, report);
  }

  /** Whether {@linkcode fill} would write into an empty packet. */
  hasWork(nowUs: number): boolean {
    return this.#sender.hasWork(nowUs);
  }

  /**
   * Writes what was lost, then what is new, as frames and as references to them.
   *
   * @param writer the packet at hand
   * @param refs where is noted what it carries: the connection's `SentPackets`
   * @param budgetBytes bytes of frames that the lane may write; only its first frame may exceed that
   * @returns bytes written; 0 when nothing fits into the rest of the packet, or there is nothing to send
   */
  fill(nowUs: number, writer: PacketWriter, refs: PacketRefs, budgetBytes: number): number {
    return this.#sender.fill(nowUs, writer, refs, budgetBytes);
  }

  /** A packet with `count` whole messages from number `first` on was acknowledged or lost; lost may be acked later. */
  onRun(first: number, count: number, acked: boolean, nowUs: number): void {
    if (!this.#isClosed) this.#sender.onRun(first, count, acked, nowUs);
  }

  /** A packet with `length` bytes from `offset` on of a message was acknowledged or lost; lost may be acked later. */
  onPiece(number: number, offset: number, length: number, acked: boolean, nowUs: number): void {
    if (!this.#isClosed) this.#sender.onPiece(number, offset, length, acked, nowUs);
  }

  /**
   * CREDIT came. Until the first one, or until this is called before anything is sent, the limits are those that
   * lib/lanes/receiving starts with.
   *
   * @param messageLimit the peer takes numbers below this one (full value)
   * @param byteLimit payload bytes that it takes since the start (full value)
   */
  handleCredit(messageLimit: number, byteLimit: number): void {
    this.#sender.handleCredit(messageLimit, byteLimit);
  }

  /** Drops what waited too long, and gives back memory of a lane that has been idle. */
  handleTimeout(nowUs: number): void {
    this.#sender.handleTimeout(nowUs);
  }

  /** When {@linkcode handleTimeout} has something to do, at the earliest; Infinity for never. */
  get nextExpiryUs(): number {
    return this.#sender.nextExpiryUs;
  }

  /** Whether {@linkcode pollSkip} has something to tell. */
  get hasSkip(): boolean {
    return this.#sender.hasSkip;
  }

  /** The number that a SKIP frame should tell now, −1 for none. The frame counts as sent: else call `onSkip(…, false)`. */
  pollSkip(): number {
    return this.#sender.pollSkip();
  }

  /** A packet with a SKIP frame was acknowledged or lost. */
  onSkip(number: number, acked: boolean): void {
    if (!this.#isClosed) this.#sender.onSkip(number, acked);
  }

  /** For probes: lets the oldest unacknowledged message go again though it is not lost; false when there is none. */
  probe(): boolean {
    return this.#sender.probe();
  }

  /** Whether anything that was sent is kept until its fate is known. */
  get hasUnacked(): boolean {
    return this.#sender.hasUnacked;
  }

  /** Messages of which not all bytes were sent. */
  get queuedMessages(): number {
    return this.stats.queuedMessages;
  }

  /** Their bytes that were not sent. */
  get queuedBytes(): number {
    return this.stats.queuedBytes;
  }

  /** Bytes that may still be queued. */
  get freeBytes(): number {
    return this.lane.maxQueuedBytes - this.stats.queuedBytes;
  }

  /** Memory held for messages, in bytes. */
  get heldBytes(): number {
    return this.#sender.heldBytes;
  }

  /** Values of keys that are not repaired because more than 1024 keys, or too many bytes of them, were in use. */
  get forgottenKeys(): number {
    return this.#sender.forgottenKeys;
  }

  /** Whether nothing waits and nothing that is watched is on its way. */
  get isIdle(): boolean {
    return this.#sender.isIdle;
  }

  /** The lane is over: what waits counts as expired, what is on its way as lost. Nothing is told afterwards. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#sender.close();
  }
}
