// Sends a reliable lane: every message until the peer has acknowledged it whole.
// Decides what goes again, what may begin under the peer's credit, and what is given up; never when a packet leaves.
//
// A message is given up (time to live over, or dropped for a newer one) only while not all of its bytes were sent: then
// the peer can never have it, so "expired" and "delivered" exclude each other. What was sent whole is repaired until it
// is acknowledged, whatever its time to live. SKIP tells of what was given up, once everything before it is finished.
// Hot path: typed arrays by message number, no allocation a message; sets of ranges for messages in pieces alone.

import type { Lane } from "../lane.ts";
import { MAX_DATA_OVERHEAD_BYTES, type PacketWriter } from "../wire/mod.ts";
import type { Admission } from "./admission.ts";
import { Arena } from "./arena.ts";
import { Credit } from "./credit.ts";
import { Outcome, type Outcomes } from "./outcomes.ts";
import { Fit, MIN_PIECE_ROOM, Packing } from "./packing.ts";
import { Pieces } from "./pieces.ts";
import { Repairs } from "./repairs.ts";
import { KEPT_BYTES, type PacketRefs, type Sender, SHRINK_AFTER_US } from "./sender.ts";
import { Slots, SlotState } from "./slots.ts";

/** Numbers from the oldest unfinished message to the newest begun one; four times the credit that peers start with. */
const MAX_UNACKED_MESSAGES = 65_536;
/** Bytes from the oldest unfinished message to the newest begun one: 50 MB/s over 80 ms. */
const MAX_UNACKED_BYTES: number = 4 * 1024 * 1024;
/** A message of which the peer has so many separate ranges gets no new bytes until holes are filled (it keeps 1024). */
const MAX_ACKED_RANGES = 512;

/** The sending half of a reliable lane. */
export class ReliableSender implements Sender {
  readonly forgottenKeys = 0;
  readonly #lane: Lane;
  readonly #id: number;
  readonly #admission: Admission;
  readonly #outcomes: Outcomes;
  readonly #arena: Arena;
  readonly #slots: Slots;
  readonly #repairs: Repairs;
  readonly #credit: Credit;
  readonly #packing = new Packing();
  readonly #pieces = new Map<number, Pieces>();
  /** The oldest message that is neither acknowledged nor given up. */
  #base: number;
  /** The oldest message of which not all bytes were sent, and how many were. */
  #current: number;
  #currentSent = 0;
  /** The number of the next new message. */
  #next: number;
  /** No message that waits wholly unsent has a lower number, the current one aside. */
  #oldestWaiting: number;
  /** No time to live ends before this; it may have ended meanwhile for other reasons. */
  #expiryUs = Infinity;
  #shrinkAtUs = Infinity;
  /** Messages up to this one are finished, and some were given up; what of that was sent and acknowledged. */
  #skipThrough: number;
  #skipSent: number;
  #skipAcked: number;
  readonly #maxUnackedBytes: number;

  constructor(lane: Lane, admission: Admission, outcomes: Outcomes, firstNumber: number) {
    this.#lane = lane;
    this.#id = lane.id;
    this.#admission = admission;
    this.#outcomes = outcomes;
    this.#maxUnackedBytes = Math.max(MAX_UNACKED_BYTES, lane.maxMessageBytes);
    this.#arena = new Arena(lane.maxQueuedBytes + this.#maxUnackedBytes);
    this.#slots = new Slots(lane.maxQueuedMessages + MAX_UNACKED_MESSAGES);
    this.#repairs = new Repairs(this.#slots.capacity);
    this.#credit = new Credit(firstNumber, lane.maxMessageBytes);
    this.#base = firstNumber;
    this.#current = firstNumber;
    this.#next = firstNumber;
    this.#oldestWaiting = firstNumber;
    this.#skipThrough = firstNumber - 1;
    this.#skipSent = firstNumber - 1;
    this.#skipAcked = firstNumber - 1;
  }

  push(nowUs: number, bytes: Uint8Array, _key: number, ttlUs: number, report: boolean): number {
    const { length } = bytes;
    const admission = this.#admission;
    if (length > admission.longest) return admission.refuseTooLarge();
    if (!admission.canTake(length) && !this.#makeRoom(nowUs, length)) return this.#refuse();
    const number = this.#next;
    const slots = this.#slots;
    // Both fail only where an unacknowledged message holds up what was given up behind it.
    if (number - this.#base > slots.mask && !this.#growSlots()) return this.#refuse();
    if (!this.#arena.append(bytes)) return this.#refuse();
    const slot = number & slots.mask;
    slots.position[slot] = this.#arena.position;
    slots.length[slot] = length;
    let state = report ? SlotState.report : 0;
    if (ttlUs !== Infinity) {
      const expiryUs = nowUs + ttlUs;
      slots.expiry[slot] = expiryUs;
      if (expiryUs < this.#expiryUs) this.#expiryUs = expiryUs;
      state |= SlotState.mortal;
    }
    slots.state[slot] = state;
    this.#next = number + 1;
    this.#shrinkAtUs = Infinity;
    admission.onQueued(length);
    this.#outcomes.tell();
    return number;
  }

  hasWork(nowUs: number): boolean {
    if (nowUs >= this.#expiryUs) this.handleTimeout(nowUs);
    return this.#repairs.count > 0 || (this.#current < this.#next && this.#canSend());
  }

  fill(nowUs: number, writer: PacketWriter, refs: PacketRefs, budgetBytes: number): number {
    if (nowUs >= this.#expiryUs) this.handleTimeout(nowUs);
    const from = writer.length;
    const limit = from + budgetBytes;
    if (this.#repairs.count === 0 || this.#repair(writer, refs, from, limit)) {
      this.#sendNew(writer, refs, from, limit);
    }
    const written = writer.length - from;
    this.#settle();
    return written;
  }

  onRun(first: number, count: number, acked: boolean, nowUs: number): void {
    const slots = this.#slots;
    const end = Math.min(first + count, this.#current);
    for (let number = Math.max(first, this.#base); number < end; number++) {
      const state = slots.state[number & slots.mask] as number;
      if ((state & SlotState.done) !== 0) continue;
      if (acked) this.#finish(number, state);
      else {
        if ((state & SlotState.pieces) !== 0) {
          this.#pieces.get(number)?.onLost(0, slots.length[number & slots.mask] as number);
        }
        this.#repairs.add(number);
      }
    }
    if (!acked) return;
    this.#advance(nowUs);
    this.#settle();
  }

  onPiece(number: number, offset: number, length: number, acked: boolean, nowUs: number): void {
    if (number < this.#base || number >= this.#next) return;
    const state = this.#slots.state[number & this.#slots.mask] as number;
    if ((state & SlotState.done) !== 0) return;
    const pieces = this.#pieces.get(number);
    if (pieces === undefined) return;
    if (acked) {
      pieces.onAcked(offset, offset + length);
      if (pieces.isWhole) {
        this.#finish(number, state);
        this.#advance(nowUs);
        this.#settle();
      } else if (pieces.lost.count === 0) this.#repairs.remove(number);
    } else {
      pieces.onLost(offset, offset + length);
      if (pieces.lost.count > 0) this.#repairs.add(number);
    }
  }

  handleCredit(messageLimit: number, byteLimit: number): void {
    this.#credit.raise(messageLimit, byteLimit);
  }

  handleTimeout(nowUs: number): void {
    if (nowUs >= this.#expiryUs) this.#expire(nowUs);
    if (nowUs >= this.#shrinkAtUs) {
      this.#shrinkAtUs = Infinity;
      if (this.#base === this.#next) this.#shrink();
    }
  }

  get nextExpiryUs(): number {
    return Math.min(this.#expiryUs, this.#shrinkAtUs);
  }

  get hasSkip(): boolean {
    return Math.min(this.#skipThrough, this.#credit.messageLimit - 1) > this.#skipSent;
  }

  pollSkip(): number {
    const number = Math.min(this.#skipThrough, this.#credit.messageLimit - 1);
    if (number <= this.#skipSent) return -1;
    this.#skipSent = number;
    return number;
  }

  onSkip(number: number, acked: boolean): void {
    if (acked) {
      if (number > this.#skipAcked) this.#skipAcked = number;
      if (number > this.#skipSent) this.#skipSent = number;
      this.#credit.onSkipped(number);
    } else if (number === this.#skipSent && number > this.#skipAcked) this.#skipSent = this.#skipAcked;
  }

  probe(): boolean {
    if (this.#repairs.count > 0) return true;
    const number = this.#base;
    if (number < this.#current) {
      const slots = this.#slots;
      const pieces = this.#pieces.get(number);
      pieces?.onLost(0, slots.length[number & slots.mask] as number);
      this.#repairs.add(number);
      return true;
    }
    if (this.#currentSent === 0) return false;
    const pieces = this.#pieces.get(number);
    if (pieces === undefined) return false;
    pieces.onLost(0, this.#currentSent);
    if (pieces.lost.count === 0) return false;
    this.#repairs.add(number);
    return true;
  }

  get hasUnacked(): boolean {
    return this.#base < this.#current || this.#currentSent > 0;
  }

  get isIdle(): boolean {
    return this.#base === this.#next && this.#skipAcked >= this.#skipThrough;
  }

  get heldBytes(): number {
    return this.#arena.capacity + this.#slots.heldBytes;
  }

  close(): void {
    const slots = this.#slots;
    for (let number = this.#base; number < this.#next; number++) {
      const state = slots.state[number & slots.mask] as number;
      if ((state & SlotState.done) !== 0 || (state & SlotState.report) === 0) continue;
      this.#outcomes.note(number < this.#current ? Outcome.lost : Outcome.expired, number);
    }
    const { stats } = this.#admission;
    stats.queuedMessages = 0;
    stats.queuedBytes = 0;
    this.#base = this.#next;
    this.#current = this.#next;
    this.#currentSent = 0;
    this.#skipThrough = this.#skipAcked;
    this.#pieces.clear();
    this.#repairs.clear();
    this.#arena.releaseAll();
    this.#shrink();
    this.#expiryUs = Infinity;
    this.#shrinkAtUs = Infinity;
    this.#outcomes.tell();
  }

  /** Sends what was lost; true when nothing of it is left. */
  #repair(writer: PacketWriter, refs: PacketRefs, from: number, limit: number): boolean {
    const id = this.#id;
    const slots = this.#slots;
    const { stats } = this.#admission;
    while (this.#repairs.count > 0) {
      const number = this.#repairs.first();
      const slot = number & slots.mask;
      const length = slots.length[slot] as number;
      const index = this.#arena.indexOf(slots.position[slot] as number);
      const pieces = this.#pieces.get(number);
      const start = pieces === undefined ? 0 : pieces.lost.start(0);
      const end = pieces === undefined ? length : pieces.lost.end(0);
      if (start === 0 && end === length) {
        const needed = writer.dataRoom(id, number, -1, length);
        if (writer.length > from && writer.length + needed > limit) return false;
        const fit = this.#packing.fit(writer, needed);
        if (fit === Fit.wait) return false;
        if (fit === Fit.whole) {
          writer.data(id, number, -1, this.#arena.bytes, index, length);
          refs.addRun(id, number);
          pieces?.lost.remove(0, length);
          this.#repairs.remove(number);
          stats.repairedPieces++;
          stats.repairedBytes += length;
          continue;
        }
        if (pieces === undefined) {
          this.#cut(number, length).onLost(0, length);
          continue;
        }
      }
      if (pieces === undefined) return false;
      const size = this.#pieceSize(writer, number, start, end - start, length, from, limit);
      if (size === 0) return false;
      writer.fragment(id, number, -1, start, length, this.#arena.bytes, index + start, size);
      refs.addPiece(id, number, start, size);
      pieces.lost.remove(start, start + size);
      if (pieces.lost.count === 0) this.#repairs.remove(number);
      stats.repairedPieces++;
      stats.repairedBytes += size;
    }
    return true;
  }

  /** Sends what was never sent. */
  #sendNew(writer: PacketWriter, refs: PacketRefs, from: number, limit: number): void {
    const id = this.#id;
    const slots = this.#slots;
    const arena = this.#arena;
    const { stats } = this.#admission;
    while (this.#current < this.#next && this.#canSend()) {
      const number = this.#current;
      const slot = number & slots.mask;
      const length = slots.length[slot] as number;
      const index = arena.indexOf(slots.position[slot] as number);
      if (this.#currentSent === 0) {
        const needed = writer.dataRoom(id, number, -1, length);
        if (writer.length > from && writer.length + needed > limit) return;
        const fit = this.#packing.fit(writer, needed);
        if (fit === Fit.wait) return;
        if (fit === Fit.whole) {
          writer.data(id, number, -1, arena.bytes, index, length);
          refs.addRun(id, number);
          this.#credit.use(length);
          stats.queuedMessages--;
          stats.queuedBytes -= length;
          stats.sentMessages++;
          stats.sentBytes += length;
          this.#moveOn();
          continue;
        }
      }
      const offset = this.#currentSent;
      const size = this.#pieceSize(writer, number, offset, length - offset, length, from, limit);
      if (size === 0) return;
      if (offset === 0) {
        this.#cut(number, length);
        this.#credit.use(length);
      }
      writer.fragment(id, number, -1, offset, length, arena.bytes, index + offset, size);
      refs.addPiece(id, number, offset, size);
      stats.queuedBytes -= size;
      stats.sentBytes += size;
      this.#currentSent = offset + size;
      if (this.#currentSent < length) continue;
      stats.queuedMessages--;
      stats.sentMessages++;
      this.#moveOn();
    }
  }

  /** How many bytes of a message go into the packet now, of `rest` from `offset` on; 0 for none. */
  #pieceSize(
    writer: PacketWriter,
    number: number,
    offset: number,
    rest: number,
    total: number,
    from: number,
    limit: number,
  ): number {
    const room = writer.fragmentRoom(this.#id, number, -1, offset, total);
    if (room < rest && room < MIN_PIECE_ROOM) return 0;
    const size = Math.min(room, rest);
    // A turn may exceed its budget by its first frame alone: pieces cut to budgets would waste packets.
    return writer.length > from && writer.length + size + MAX_DATA_OVERHEAD_BYTES > limit ? 0 : size;
  }

  /** Whether the current message may go: it is begun, or the peer's credit and our own bounds let it begin. */
  #canSend(): boolean {
    const number = this.#current;
    const slots = this.#slots;
    const slot = number & slots.mask;
    if (this.#currentSent > 0) {
      const pieces = this.#pieces.get(number);
      return pieces === undefined || pieces.acked.count < MAX_ACKED_RANGES;
    }
    const length = slots.length[slot] as number;
    if (!this.#credit.covers(number, length)) return false;
    if (number === this.#base) return true;
    return number - this.#base < MAX_UNACKED_MESSAGES &&
      this.#arena.spanTo(slots.position[slot] as number) + length <= this.#maxUnackedBytes;
  }

  /** From here on the message travels in pieces. */
  #cut(number: number, length: number): Pieces {
    const pieces = new Pieces(length);
    const slots = this.#slots;
    const slot = number & slots.mask;
    this.#pieces.set(number, pieces);
    slots.state[slot] = (slots.state[slot] as number) | SlotState.pieces;
    return pieces;
  }

  /** The current message was sent or given up: on to the next that was not. */
  #moveOn(): void {
    const slots = this.#slots;
    this.#currentSent = 0;
    let number = this.#current + 1;
    while (number < this.#next && ((slots.state[number & slots.mask] as number) & SlotState.done) !== 0) {
      number++;
    }
    this.#current = number;
    if (this.#oldestWaiting < number) this.#oldestWaiting = number;
    if (number === this.#next) this.#expiryUs = Infinity;
  }

  /** The peer has all of a message. */
  #finish(number: number, state: number): void {
    const slots = this.#slots;
    slots.state[number & slots.mask] = state | SlotState.done;
    if (this.#repairs.count > 0) this.#repairs.remove(number);
    if ((state & SlotState.pieces) !== 0) this.#pieces.delete(number);
    if ((state & SlotState.report) !== 0) this.#outcomes.note(Outcome.delivered, number);
    this.#admission.stats.deliveredMessages++;
  }

  /** Moves the window past what is finished and frees its bytes. */
  #advance(nowUs: number): void {
    const slots = this.#slots;
    const next = this.#next;
    let base = this.#base;
    while (base < next) {
      const state = slots.state[base & slots.mask] as number;
      if ((state & SlotState.done) === 0) break;
      if ((state & SlotState.givenUp) !== 0) this.#skipThrough = base;
      base++;
    }
    if (base !== this.#base) {
      this.#base = base;
      if (base < next) this.#arena.releaseTo(slots.position[base & slots.mask] as number);
      else {
        this.#arena.releaseAll();
        if (this.heldBytes > KEPT_BYTES) this.#shrinkAtUs = nowUs + SHRINK_AFTER_US;
      }
    }
  }

  /** Ends an input: the lane is whole, its owner may be told and may send. */
  #settle(): void {
    if (this.#admission.pollWritable()) this.#outcomes.noteWritable();
    this.#outcomes.tell();
  }

  /** Drops what is too old, then waiting messages, oldest first, where the lane's policy says so; false in vain. */
  #makeRoom(nowUs: number, length: number): boolean {
    const admission = this.#admission;
    if (nowUs >= this.#expiryUs) this.#expire(nowUs);
    if (admission.canTake(length)) return true;
    if (this.#lane.overflow !== "drop-oldest") return false;
    const { stats } = admission;
    // One that is partly sent stays: dropping those would let none ever arrive.
    const begun = this.#currentSent > 0 ? 1 : 0;
    const begunBytes = begun === 0 ? 0 : this.#lengthOf(this.#current) - this.#currentSent;
    if (begun >= admission.maxMessages || begunBytes + length > admission.maxBytes) return false;
    let number = Math.max(this.#oldestWaiting, this.#current + begun);
    for (; !admission.canTake(length); number++) {
      if (this.#isDone(number)) continue;
      stats.droppedOldest++;
      this.#giveUp(number);
    }
    this.#oldestWaiting = number;
    this.#advance(nowUs);
    return true;
  }

  #expire(nowUs: number): void {
    const slots = this.#slots;
    const { stats } = this.#admission;
    let soonestUs = Infinity;
    const mask = slots.mask;
    for (let number = this.#current; number < this.#next; number++) {
      const state = slots.state[number & mask] as number;
      if ((state & (SlotState.mortal | SlotState.done)) !== SlotState.mortal) continue;
      const expiryUs = slots.expiry[number & mask] as number;
      if (expiryUs > nowUs) {
        if (expiryUs < soonestUs) soonestUs = expiryUs;
        continue;
      }
      stats.expired++;
      this.#giveUp(number);
    }
    this.#expiryUs = soonestUs;
    this.#advance(nowUs);
    this.#settle();
  }

  /** A message of which not all bytes were sent never will be. */
  #giveUp(number: number): void {
    const slots = this.#slots;
    const slot = number & slots.mask;
    const state = slots.state[slot] as number;
    const length = slots.length[slot] as number;
    slots.state[slot] = state | SlotState.done | SlotState.givenUp;
    const isCurrent = number === this.#current;
    this.#admission.onUnqueued(isCurrent ? length - this.#currentSent : length);
    if ((state & SlotState.report) !== 0) this.#outcomes.note(Outcome.expired, number);
    if (!isCurrent) return;
    if (this.#currentSent > 0) {
      this.#credit.onGivenUp(number, length);
      this.#pieces.delete(number);
      this.#repairs.remove(number);
    }
    this.#moveOn();
  }

  #refuse(): number {
    const admission = this.#admission;
    if (this.#lane.overflow !== "refuse") return admission.dropNewest();
    const isBlocked = this.#current < this.#next && this.#currentSent === 0 &&
      !this.#credit.covers(this.#current, this.#lengthOf(this.#current));
    return isBlocked ? admission.refuseNoCredit() : admission.refuseFull();
  }

  #growSlots(): boolean {
    if (!this.#slots.grow(this.#base, this.#next)) return false;
    this.#repairs.grow(this.#slots.capacity);
    return true;
  }

  #shrink(): void {
    this.#arena.shrink();
    this.#slots.shrink();
    this.#repairs.grow(this.#slots.capacity);
  }

  #lengthOf(number: number): number {
    return this.#slots.length[number & this.#slots.mask] as number;
  }

  #isDone(number: number): boolean {
    return ((this.#slots.state[number & this.#slots.mask] as number) & SlotState.done) !== 0;
  }
}
