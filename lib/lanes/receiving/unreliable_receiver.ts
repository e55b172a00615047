// Receives an unreliable lane: each message as it is whole, or, sequenced, only what is newer than anything before it
// of its key. Decides which messages are stale, which unfinished ones go, what a paused reader finds later.
// Never asks for anything again. Hot path: a whole message goes to the sink straight from the packet.

import { CloseCode } from "../close_code.ts";
import type { LaneId } from "../lane.ts";
import type { LaneSink } from "../sink.ts";
import type { LaneStats } from "../stats.ts";
import { expand32 } from "../wire/mod.ts";
import type { ReassemblyBudget } from "./budget.ts";
import { type KeptMessage, KeptMessages } from "./kept_messages.ts";
import { NewestPerKey } from "./newest.ts";
import { type PartialMessage, PieceResult } from "./reassembly.ts";
import type { ReceiveLaneOptions, Receiver } from "./receiver.ts";
import { UnreliablePartials } from "./unreliable_partials.ts";
import { WaitingQueue } from "./waiting_queue.ts";

/** Messages that wait for a paused reader. */
export const MAX_WAITING_MESSAGES = 1024;
/** And their bytes. */
export const MAX_WAITING_BYTES: number = 1024 * 1024;
/** Numbers of fragmented messages that were whole lately: a late copy of a piece must not begin them again. */
const FINISHED = 16;

export class UnreliableReceiver implements Receiver {
  isPaused = false;
  readonly creditDue = false;
  readonly messageLimit = Infinity;
  readonly byteLimit = Infinity;
  readonly #id: LaneId;
  readonly #isSequenced: boolean;
  readonly #isKeyed: boolean;
  readonly #maxMessageBytes: number;
  readonly #sink: LaneSink;
  readonly #stats: LaneStats;
  readonly #partials: UnreliablePartials;
  readonly #kept: KeptMessages;
  readonly #waiting = new WaitingQueue<KeptMessage>();
  readonly #finished = new Float64Array(FINISHED).fill(-1);
  #finishedAt = 0;
  /** One more than the highest number that was seen. */
  #next: number;
  /** Sequenced: newest number without a key. */
  #newest = -1;
  /** Sequenced with keys; made with the first key that comes. */
  #keys: NewestPerKey | null = null;
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
    this.#isSequenced = options.kind === "unreliable-sequenced";
    this.#isKeyed = this.#isSequenced && options.keyed;
    this.#maxMessageBytes = options.maxMessageBytes;
    this.#kept = new KeptMessages(budget, false);
    this.#sink = sink;
    this.#stats = stats;
    this.#partials = new UnreliablePartials(budget, stats);
    this.#next = firstNumber;
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
    if (this.#isClosed) return 0;
    const number = expand32(number32, this.#next);
    if (key >= 0 && !this.#isKeyed) return CloseCode.protocol;
    if (total >= 0) return this.#handlePiece(nowUs, number, key, offset, total, bytes, start, length);
    if (length > this.#maxMessageBytes) return CloseCode.limit;
    if (number >= this.#next) this.#next = number + 1;
    if (this.#isSequenced && !this.#isNewer(key, number)) return 0;
    if (this.#partials.count > 0) {
      const partial = this.#partials.find(number);
      if (partial !== null) {
        if (partial.total !== length || partial.key !== key) return CloseCode.protocol;
        this.#partials.remove(partial);
      }
    }
    this.#accept(key, number);
    if (this.isPaused || this.#waiting.length > 0) {
      this.#keep(key, number, bytes, start, length);
    } else {
      this.#handOn(bytes, start, length, number);
    }
    return 0;
  }

  handleSkip(_number32: number): number {
    return this.#isClosed ? 0 : CloseCode.protocol;
  }

  onCreditSent(): void {}
  onCreditLost(): void {}

  handleTimeout(nowUs: number): void {
    this.#partials.handleTimeout(nowUs);
  }
  get nextExpiryUs(): number {
    return this.#partials.nextExpiryUs;
  }
  setRoundTrip(smoothedUs: number): void {
    this.#partials.setRoundTrip(smoothedUs);
  }

  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    if (!this.isPaused || this.#isClosed) return;
    this.isPaused = false;
    this.#drain();
  }

  get queuedMessages(): number {
    return this.#waiting.length;
  }
  get queuedBytes(): number {
    return this.#waiting.bytes;
  }
  get partialMessages(): number {
    return this.#partials.count;
  }
  get partialBytes(): number {
    return this.#partials.bytes;
  }
  get forgottenKeys(): number {
    return this.#keys?.forgotten ?? 0;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#partials.close();
    for (let message = this.#waiting.shift(); message !== null; message = this.#waiting.shift()) {
      this.#kept.release(message);
    }
    this.#keys = null;
  }

  #handlePiece(
    nowUs: number,
    number: number,
    key: number,
    offset: number,
    total: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): number {
    if (length < 1 || offset < 0 || offset + length > total || length >= total) return CloseCode.malformed;
    if (total > this.#maxMessageBytes) return CloseCode.limit;
    if (number >= this.#next) this.#next = number + 1;
    if (this.#isSequenced && !this.#isNewer(key, number)) return 0;
    let partial = this.#partials.find(number);
    if (partial === null) {
      if (this.#finished.includes(number)) {
        this.#stats.receivedDuplicates++;
        return 0;
      }
      partial = this.#partials.begin(nowUs, number, key, total);
      if (partial === null) {
        this.#stats.partialsDropped++;
        return 0;
      }
    } else if (partial.total !== total || partial.key !== key) {
      return CloseCode.protocol;
    }
    switch (partial.add(nowUs, offset, bytes, start, length)) {
      case PieceResult.complete:
        this.#finish(partial);
        return 0;
      case PieceResult.duplicate:
        this.#stats.receivedDuplicates++;
        return 0;
      case PieceResult.tooManyRanges:
        return CloseCode.limit;
      default:
        return 0;
    }
  }

  /** Whether a message is newer than what was accepted of its key; counts it when not. */
  #isNewer(key: number, number: number): boolean {
    const newest = key < 0 ? this.#newest : this.#keys === null ? -1 : this.#keys.newest(key);
    if (number > newest) return true;
    if (number === newest) this.#stats.receivedDuplicates++;
    else this.#stats.receivedStale++;
    return false;
  }

  /** Notes a whole message. */
  #accept(key: number, number: number): void {
    if (!this.#isSequenced) return;
    if (key < 0) this.#newest = number;
    else {
      if (this.#keys === null) this.#keys = new NewestPerKey();
      this.#keys.update(key, number);
    }
    if (this.#partials.count > 0) this.#partials.dropOlder(key, number);
  }

  #finish(partial: PartialMessage): void {
    this.#partials.remove(partial);
    this.#finished[this.#finishedAt] = partial.number;
    this.#finishedAt = (this.#finishedAt + 1) % FINISHED;
    this.#accept(partial.key, partial.number);
    if (this.isPaused || this.#waiting.length > 0) {
      this.#keep(partial.key, partial.number, partial.bytes, 0, partial.total);
    } else this.#handOn(partial.bytes, 0, partial.total, partial.number);
  }

  /** Keeps a message for a paused reader: in the place of an older one of its key, else behind all others. */
  #keep(key: number, number: number, bytes: Uint8Array, start: number, length: number): void {
    const position = key < 0 ? -1 : this.#keys?.position(key) ?? -1;
    while (!this.#tryKeep(position, key, number, bytes, start, length)) {
      if (this.#dropOldest()) continue;
      this.#stats.receiveDropped++;
      return;
    }
  }

  #tryKeep(
    position: number,
    key: number,
    number: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): boolean {
    const waiting = this.#waiting;
    const isReplacing = waiting.has(position);
    const freed = isReplacing ? waiting.lengthAt(position) : 0;
    if (waiting.bytes - freed + length > MAX_WAITING_BYTES) return false;
    if (!isReplacing && waiting.length >= MAX_WAITING_MESSAGES) return false;
    const message = this.#kept.keep(bytes, start, length);
    if (message === null) return false;
    if (isReplacing) {
      const replaced = waiting.replace(position, message, number);
      if (replaced !== null) this.#kept.release(replaced);
      this.#stats.receiveDropped++;
    } else {
      const at = waiting.push(message, number);
      if (key >= 0) this.#keys?.setPosition(key, at);
    }
    return true;
  }

  #dropOldest(): boolean {
    const message = this.#waiting.shift();
    if (message === null) return false;
    this.#kept.release(message);
    this.#stats.receiveDropped++;
    return true;
  }

  #drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      while (!this.isPaused && !this.#isClosed && this.#waiting.length > 0) {
        const number = this.#waiting.firstNumber;
        const message = this.#waiting.shift();
        if (message === null) return;
        this.#kept.release(message);
        this.#handOn(message.bytes, message.start, message.length, number);
      }
    } finally {
      this.#isDraining = false;
    }
  }

  #handOn(bytes: Uint8Array, start: number, length: number, number: number): void {
    this.#stats.receivedMessages++;
    this.#stats.receivedBytes += length;
    this.#sink.onMessage(this.#id, bytes, start, length, number);
  }
}
