// Receives a reliable lane: every message once, in order or as each is whole, within the credit that was granted.
// Decides what is kept, what is handed on and when credit grows. Never throws on what the peer sent; a peer that breaks
// the rules gets a close code. Hot path: a whole message whose turn it is goes to the sink straight from the packet.

import { CloseCode } from "../close_code.ts";
import type { LaneId } from "../lane.ts";
import type { LaneSink } from "../sink.ts";
import type { LaneStats } from "../stats.ts";
import { expand32 } from "../wire/mod.ts";
import type { ReassemblyBudget } from "./budget.ts";
import { CreditWindow } from "./credit_window.ts";
import { HeldRing } from "./held_ring.ts";
import { copyBytes, partialCost, PartialMessage, PieceResult } from "./reassembly.ts";
import { type KeptMessage, KeptMessages } from "./kept_messages.ts";
import type { ReceiveLaneOptions, Receiver } from "./receiver.ts";
import { WaitingQueue } from "./waiting_queue.ts";
import { DoneWindow } from "./window.ts";

export class ReliableReceiver implements Receiver {
  isPaused = false;
  readonly forgottenKeys = 0;
  readonly #id: LaneId;
  readonly #isOrdered: boolean;
  readonly #maxMessageBytes: number;
  readonly #budget: ReassemblyBudget;
  readonly #sink: LaneSink;
  readonly #stats: LaneStats;
  readonly #credit: CreditWindow;
  /** Ordered: done and not handed on yet. Unordered: done, and behind a number that is not. */
  readonly #window: DoneWindow;
  /** Ordered: whole messages ahead of their turn, or of a paused reader. */
  readonly #ring = new HeldRing<KeptMessage>();
  /** Unordered: whole messages that a paused reader has not taken. */
  readonly #waiting = new WaitingQueue<KeptMessage>();
  readonly #kept: KeptMessages;
  readonly #partials = new Map<number, PartialMessage>();
  #partialBytes = 0;
  /** Numbers handed on or given up, counted from the first number. */
  #settled: number;
  #isDraining = false;
  #isClosed = false;

  constructor(
    options: ReceiveLaneOptions,
    budget: ReassemblyBudget,
    sink: LaneSink,
    stats: LaneStats,
    firstNumber: number,
  ) {
    this.#id = options.id;
    this.#isOrdered = options.kind === "reliable-ordered";
    this.#maxMessageBytes = options.maxMessageBytes;
    this.#budget = budget;
    this.#sink = sink;
    this.#stats = stats;
    this.#credit = new CreditWindow(
      firstNumber,
      options.windowMessages,
      options.windowBytes,
      options.maxMessageBytes,
    );
    this.#window = new DoneWindow(firstNumber, options.windowMessages);
    this.#kept = new KeptMessages(budget, true);
    this.#settled = firstNumber;
  }

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
    const window = this.#window;
    const number = expand32(number32, window.base);
    if (
      number === window.base && total < 0 && key < 0 && window.doneCount === 0 && this.#partials.size === 0 &&
      !this.isPaused && !this.#isClosed && length <= this.#maxMessageBytes && this.#waiting.length === 0
    ) {
      // Its turn, nothing else open: no copy, no state but the numbers.
      window.base = number + 1;
      this.#settled++;
      this.#credit.base = number + 1;
      this.#handOn(bytes, start, length, number);
      return 0;
    }
    if (this.#isClosed) return 0;
    if (key >= 0) return CloseCode.protocol;
    return total < 0
      ? this.#handleWhole(number, bytes, start, length)
      : this.#handlePiece(nowUs, number, offset, total, bytes, start, length);
  }

  handleSkip(number32: number): number {
    if (this.#isClosed) return 0;
    const window = this.#window;
    const last = expand32(number32, window.base);
    if (last < window.base) return 0; // an old one, repeated
    if (last >= this.messageLimit) return CloseCode.protocol;
    for (let number = window.base; number <= last; number++) {
      if (window.has(number)) continue; // whole: handed on in its turn
      const partial = this.#partials.get(number);
      if (partial !== undefined) this.#forget(partial);
      window.add(number);
      if (!this.#isOrdered) this.#settled++;
      this.#stats.skipped++;
    }
    this.#proceed();
    return 0;
  }

  get creditDue(): boolean {
    return this.#credit.isDue;
  }
  get messageLimit(): number {
    return this.#credit.messageLimit;
  }
  get byteLimit(): number {
    return this.#credit.byteLimit;
  }
  onCreditSent(): void {
    this.#credit.onSent();
  }
  onCreditLost(): void {
    this.#credit.onLost();
  }

  handleTimeout(_nowUs: number): void {}
  readonly nextExpiryUs = Infinity;
  setRoundTrip(_smoothedUs: number): void {}

  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    if (!this.isPaused || this.#isClosed) return;
    this.isPaused = false;
    this.#proceed();
  }

  get queuedMessages(): number {
    return this.#ring.count + this.#waiting.length;
  }
  get queuedBytes(): number {
    return this.#ring.bytes + this.#waiting.bytes;
  }
  get partialMessages(): number {
    return this.#partials.size;
  }
  get partialBytes(): number {
    return this.#partialBytes;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const partial of this.#partials.values()) this.#budget.release(partial.cost);
    this.#partials.clear();
    this.#partialBytes = 0;
    for (let number = this.#window.base; this.#ring.count > 0; number++) {
      this.#release(this.#ring.take(number));
    }
    while (this.#waiting.length > 0) this.#release(this.#waiting.shift());
  }

  #handleWhole(number: number, bytes: Uint8Array, start: number, length: number): number {
    if (this.#isKnown(number)) return 0;
    const partial = this.#partials.get(number);
    if (partial !== undefined) {
      // A resend may come whole when the path takes larger packets than before; it is the same message.
      if (partial.total !== length) return CloseCode.protocol;
      copyBytes(bytes, start, length, partial.bytes, 0);
      return this.#finish(partial);
    }
    const refused = this.#checkCredit(number, length);
    if (refused !== 0) return refused;

    const isNext = !this.#isOrdered || number === this.#window.base;
    if (isNext && !this.isPaused && this.#waiting.length === 0 && !this.#isDraining) {
      this.#window.add(number);
      this.#advanceUnordered();
      if (this.#isOrdered) this.#window.advance();
      this.#settled++;
      this.#updateCredit();
      this.#handOn(bytes, start, length, number);
      this.#proceed();
      return 0;
    }
    const kept = this.#kept.keep(bytes, start, length);
    if (kept === null) return CloseCode.limit;
    this.#keep(number, kept);
    return 0;
  }

  #handlePiece(
    nowUs: number,
    number: number,
    offset: number,
    total: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): number {
    if (length < 1 || offset < 0 || offset + length > total || length >= total) return CloseCode.malformed;
    if (this.#isKnown(number)) return 0;
    let partial = this.#partials.get(number);
    if (partial === undefined) {
      const refused = this.#checkCredit(number, total);
      if (refused !== 0) return refused;
      if (!this.#budget.take(partialCost(total))) return CloseCode.limit;
      partial = new PartialMessage(nowUs, number, -1, total);
      this.#partials.set(number, partial);
      this.#partialBytes += total;
    } else if (partial.total !== total) {
      return CloseCode.protocol;
    }
    switch (partial.add(nowUs, offset, bytes, start, length)) {
      case PieceResult.complete:
        return this.#finish(partial);
      case PieceResult.duplicate:
        this.#stats.receivedDuplicates++;
        return 0;
      case PieceResult.tooManyRanges:
        return CloseCode.limit;
      default:
        return 0;
    }
  }

  /** Whether a message was whole or given up before; counts it. */
  #isKnown(number: number): boolean {
    const window = this.#window;
    if (number >= window.base && (number >= this.messageLimit || !window.has(number))) return false;
    this.#stats.receivedDuplicates++;
    return true;
  }

  /** What the sender may not do: numbers, lengths or bytes beyond what it was granted. */
  #checkCredit(number: number, total: number): number {
    if (number >= this.messageLimit || total > this.#maxMessageBytes) return CloseCode.limit;
    return this.queuedBytes + this.#partialBytes + total > this.#credit.windowBytes ? CloseCode.limit : 0;
  }

  /** A fragmented message is whole. */
  #finish(partial: PartialMessage): number {
    this.#partials.delete(partial.number);
    this.#partialBytes -= partial.total;
    this.#keep(partial.number, this.#kept.adopt(partial));
    return 0;
  }

  #forget(partial: PartialMessage): void {
    this.#partials.delete(partial.number);
    this.#partialBytes -= partial.total;
    this.#budget.release(partial.cost);
  }

  /** Keeps a whole message until its turn, which may be now. */
  #keep(number: number, message: KeptMessage): void {
    this.#window.add(number);
    if (this.#isOrdered) {
      this.#ring.put(this.#window.base, number, message);
    } else {
      this.#waiting.push(message, number);
    }
    this.#proceed();
  }

  /** Moves the window over what is done, hands on what has its turn, and lets credit grow. */
  #proceed(): void {
    this.#advanceUnordered();
    this.#updateCredit();
    if (this.isPaused || this.#isDraining) return;
    // A sink that pauses, resumes or closes from inside is honoured after the message that it was given.
    this.#isDraining = true;
    try {
      if (this.#isOrdered) this.#drainRing();
      else this.#drainWaiting();
    } finally {
      this.#isDraining = false;
    }
  }

  #drainRing(): void {
    const window = this.#window;
    while (!this.isPaused && !this.#isClosed && window.doneCount > 0 && window.has(window.base)) {
      const number = window.base;
      const message = this.#ring.take(number);
      window.advance();
      this.#settled++;
      this.#updateCredit();
      if (message === null) continue; // given up
      this.#release(message);
      this.#handOn(message.bytes, message.start, message.length, number);
    }
  }

  #drainWaiting(): void {
    while (!this.isPaused && !this.#isClosed && this.#waiting.length > 0) {
      const number = this.#waiting.firstNumber;
      const message = this.#waiting.shift();
      if (message === null) return;
      this.#release(message);
      this.#settled++;
      this.#updateCredit();
      this.#handOn(message.bytes, message.start, message.length, number);
    }
  }

  /** Unordered: done numbers at the base are over with, whether or not a reader took them. */
  #advanceUnordered(): void {
    if (this.#isOrdered) return;
    const window = this.#window;
    while (window.doneCount > 0 && window.has(window.base)) window.advance();
  }

  /** Credit follows the slower of the window, which cannot slide over a hole, and the reader. */
  #updateCredit(): void {
    this.#credit.base = Math.min(this.#window.base, this.#settled);
  }

  #release(message: KeptMessage | null): void {
    if (message !== null) this.#kept.release(message);
  }

  #handOn(bytes: Uint8Array, start: number, length: number, number: number): void {
    this.#credit.consumedBytes += length;
    this.#stats.receivedMessages++;
    this.#stats.receivedBytes += length;
    this.#sink.onMessage(this.#id, bytes, start, length, number);
  }
}
