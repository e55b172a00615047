// One lane of one direction, at its receiver: frames in, messages out.
// Decides which of the two ways of receiving a kind needs; the face that a connection drives. Never throws on what the
// peer sent, never waits, never looks at a clock.

import { isReliable } from "../lane.ts";
import type { LaneSink } from "../sink.ts";
import type { LaneStats } from "../stats.ts";
import type { ReassemblyBudget } from "./budget.ts";
import type { ReceiveLaneOptions, Receiver } from "./receiver.ts";
import { ReliableReceiver } from "./reliable_receiver.ts";
import { UnreliableReceiver } from "./unreliable_receiver.ts";

/** The receiving half of a lane. */
export class ReceiveLane {
  readonly options: ReceiveLaneOptions;
  readonly #receiver: Receiver;

  /**
   * @param options the lane as both ends agreed on it
   * @param budget what the connection may keep in memory
   * @param sink gets the messages
   * @param stats counts; only the counters of received messages are touched
   * @param firstNumber number of the lane's first message; 0 but in tests
   */
  constructor(
    options: ReceiveLaneOptions,
    budget: ReassemblyBudget,
    sink: LaneSink,
    stats: LaneStats,
    firstNumber = 0,
  ) {
    this.options = options;
    this.#receiver = isReliable(options.kind)
      ? new ReliableReceiver(options, budget, sink, stats, firstNumber)
      : new UnreliableReceiver(options, budget, sink, stats, firstNumber);
  }

  /**
   * A DATA frame: `bytes[start … start + length)`, a whole message or a piece of one. May call the sink.
   *
   * @param number32 message number, low 32 bits
   * @param key the message's key, −1 without one
   * @param offset where the piece stands in the message, in bytes
   * @param total length of the whole message in bytes; −1 when this is all of it
   * @returns 0, or the code with which the connection must be closed
   */
  handleData(
    nowUs: number,
    number32: number,
    key: number,
    offset: number,
    total: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): number {
    return this.#receiver.handleData(nowUs, number32, key, offset, total, bytes, start, length);
  }

  /**
   * A SKIP frame: messages up to and including `number32` that are not whole here will never be. Whole ones among them
   * are handed on in their turn. May call the sink.
   *
   * @returns 0, or the code with which the connection must be closed
   */
  handleSkip(number32: number): number {
    return this.#receiver.handleSkip(number32);
  }

  /** Whether a CREDIT frame should go out: more than half of a window was used up, or the newest one was lost. */
  get creditDue(): boolean {
    return this.#receiver.creditDue;
  }

  /** The sender may use message numbers below this one (full value). Infinity on unreliable lanes. */
  get messageLimit(): number {
    return this.#receiver.messageLimit;
  }

  /** Payload bytes that the sender may use since the start (full value, a multiple of 256). Infinity on unreliable lanes. */
  get byteLimit(): number {
    return this.#receiver.byteLimit;
  }

  /** Both limits were written into a packet. */
  onCreditSent(): void {
    this.#receiver.onCreditSent();
  }

  /** The packet with the newest CREDIT is lost. */
  onCreditLost(): void {
    this.#receiver.onCreditLost();
  }

  /** Drops unfinished messages of unreliable lanes whose time is over. */
  handleTimeout(nowUs: number): void {
    this.#receiver.handleTimeout(nowUs);
  }

  /** When {@linkcode handleTimeout} has something to do; Infinity for never. */
  get nextExpiryUs(): number {
    return this.#receiver.nextExpiryUs;
  }

  /** Sets the smoothed round-trip time, in microseconds: unfinished unreliable messages wait three of them, at least 100 ms. */
  setRoundTrip(smoothedUs: number): void {
    this.#receiver.setRoundTrip(smoothedUs);
  }

  /**
   * The reader takes no more for now. A reliable lane keeps what comes and grants nothing; an unreliable one keeps the
   * newest. May be called from inside the sink: the message that it was given counts as taken.
   */
  pause(): void {
    this.#receiver.pause();
  }

  /** The reader takes messages again: those that wait are handed on at once, until it pauses. */
  resume(): void {
    this.#receiver.resume();
  }

  get isPaused(): boolean {
    return this.#receiver.isPaused;
  }

  /** Whole messages, and their bytes, that wait for an earlier one or for the reader. */
  get queuedMessages(): number {
    return this.#receiver.queuedMessages;
  }
  get queuedBytes(): number {
    return this.#receiver.queuedBytes;
  }

  /** Unfinished messages, and the bytes that they will have. */
  get partialMessages(): number {
    return this.#receiver.partialMessages;
  }
  get partialBytes(): number {
    return this.#receiver.partialBytes;
  }

  /** Keys that were forgotten because there were more than the lane remembers. */
  get forgottenKeys(): number {
    return this.#receiver.forgottenKeys;
  }

  /** Lets go of all memory; nothing is handed on afterwards. */
  close(): void {
    this.#receiver.close();
  }
}
