// What a sending lane must do, with plain arrays: for property tests that run it beside the real one.
// It does not foresee how packets are cut; it takes frames as they come and says whether they were allowed.

import { assert, assertEquals } from "@std/assert";
import { isReliable, type Lane } from "../../../../lib/lanes/mod.ts";
import type { SentFrame, SentPacket } from "./bench.ts";

/** Fate of each byte of a message. An empty message has one byte here. */
const Byte = { unsent: 0, inFlight: 1, lost: 2, acked: 3 } as const;

interface Message {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly key: number;
  readonly expiryUs: number;
  readonly report: boolean;
  readonly fate: Uint8Array;
  /** Unreliable ones: nothing that happens to it counts any more. */
  isSettled: boolean;
  isRepair: boolean;
}

export class LaneModel {
  /** Accepted messages, and repairs of values, by number. */
  readonly messages = new Map<number, Message>();
  /** Messages of which not all was sent, in order. */
  queue: Message[] = [];
  /** Numbers given up. */
  readonly givenUp = new Set<number>();
  readonly told = new Map<number, string>();
  /** By key: what was sent last and may be asked for again; values that go again, by the order of their loss. */
  readonly newest = new Map<number, Message>();
  lostValues: Message[] = [];
  /** A value that is sent again in pieces. */
  #part: Message | null = null;
  accepted = 0;
  delivered = 0;
  lost = 0;
  expired = 0;
  conflated = 0;
  dropped = 0;
  sent = 0;
  readonly #isReliable: boolean;

  constructor(readonly lane: Lane) {
    this.#isReliable = isReliable(lane.kind);
  }

  get queuedBytes(): number {
    let bytes = 0;
    for (const message of this.queue) bytes += unsentBytes(message);
    return bytes;
  }

  /** Whether a push must be taken; drops and conflates as it must. */
  push(nowUs: number, bytes: Uint8Array, key: number, expiryUs: number): boolean {
    const { lane } = this;
    const { length } = bytes;
    if (length > Math.min(lane.maxMessageBytes, lane.maxQueuedBytes)) return false;
    if (key >= 0) {
      const at = this.queue.findIndex((other) => other.key === key && !isBegun(other));
      const old = this.queue[at];
      if (old !== undefined) {
        if (this.queuedBytes - old.bytes.length + length <= lane.maxQueuedBytes) {
          this.#tell(old, "expired");
          this.conflated++;
          this.queue[at] = this.#message(-1, bytes, key, expiryUs, false);
          return true;
        }
        if (lane.overflow !== "drop-oldest") return false;
        this.#tell(old, "expired");
        this.conflated++;
        this.queue.splice(at, 1);
      }
    }
    if (!this.#canTake(length)) this.expire(nowUs);
    if (!this.#canTake(length)) {
      if (lane.overflow !== "drop-oldest") return false;
      const begun = this.queue.filter(isBegun);
      const begunBytes = begun.reduce((sum, message) => sum + unsentBytes(message), 0);
      if (begun.length >= lane.maxQueuedMessages || begunBytes + length > lane.maxQueuedBytes) return false;
      while (!this.#canTake(length)) {
        const at = this.queue.findIndex((other) => !isBegun(other));
        this.dropped++;
        this.#giveUp(this.queue[at] as Message);
      }
    }
    this.lostValues = this.lostValues.filter((value) => value.key !== key || key < 0);
    this.queue.push(this.#message(-1, bytes, key, expiryUs, false));
    return true;
  }

  /** The push that was taken last got this number. */
  onAccepted(number: number, key: number, report: boolean): void {
    const at = this.queue.findIndex((message) => message.number === -1);
    const placeholder = this.queue[at] as Message;
    const message = { ...placeholder, number, key, report };
    this.queue[at] = message;
    assert(!this.messages.has(number), "a number was given twice");
    this.messages.set(number, message);
    this.accepted++;
  }

  expire(nowUs: number): void {
    for (const message of [...this.queue]) {
      if (message.expiryUs > nowUs) continue;
      this.expired++;
      this.#giveUp(message);
      message.isSettled = true;
    }
    if (this.#part !== null && this.#part.expiryUs <= nowUs) {
      this.#part.isSettled = true;
      this.#forget(this.#part);
      this.#part = null;
    }
  }

  /** A packet was filled. */
  onPacket(nowUs: number, packet: SentPacket): void {
    this.expire(nowUs);
    // Repairs come before new messages, and behind the rest of one that was begun: values that are too old go with them.
    this.#dropOldLost(nowUs);
    let isNew = false;
    let last = -1;
    for (const frame of packet.frames) {
      const message = this.messages.get(frame.number);
      const isRepair = this.#isReliable
        ? message !== undefined && message.fate[frame.offset] !== Byte.unsent
        : message === undefined || (message === this.#part);
      if (isRepair && this.#isReliable) {
        assert(!isNew, "repairs go before new messages");
        assert(frame.number >= last, "repairs go in message order");
        last = frame.number;
      }
      if (message === undefined) this.#onNewRepair(nowUs, frame);
      else if (isRepair) this.#onFrame(message, frame, this.#isReliable ? Byte.lost : Byte.unsent);
      else {
        isNew = true;
        this.#onFirst(nowUs, message, frame);
      }
    }
    this.#dropOldLost(nowUs);
    this.#boundKept();
  }

  #dropOldLost(nowUs: number): void {
    const isPartLeft = this.#part !== null || (this.queue[0] !== undefined && isBegun(this.queue[0]));
    while (!isPartLeft && (this.lostValues[0]?.expiryUs ?? Infinity) <= nowUs) this.lostValues.shift();
  }

  /** Values that are kept for repair have no more bytes than those that wait. */
  #boundKept(): void {
    for (;;) {
      const kept = [...this.newest.values(), ...this.lostValues];
      const bytes = kept.reduce((sum, message) => sum + message.bytes.length, 0);
      if (bytes <= this.lane.maxQueuedBytes) return;
      const free = kept.filter((message) =>
        message !== this.#part && !this.queue.includes(message) && !this.#waits(message.key)
      );
      if (free.length === 0) return;
      const oldest = free.reduce((a, b) => (a.number < b.number ? a : b));
      this.#forget(oldest);
      this.lostValues = this.lostValues.filter((value) => value !== oldest);
    }
  }

  #waits(key: number): boolean {
    return this.queue.some((message) => message.key === key && !isBegun(message));
  }

  /** A packet was acknowledged or lost. */
  onFate(packet: SentPacket, acked: boolean): void {
    for (const ref of packet.refs) {
      const message = this.messages.get(ref.number) as Message;
      const start = Math.max(0, ref.offset);
      const end = ref.offset < 0 ? message.fate.length : start + ref.length;
      if (this.#isReliable) this.#onReliableFate(message, start, end, acked);
      else this.#onUnreliableFate(message, start, end, acked, ref.offset < 0);
    }
  }

  /** The oldest unacknowledged message goes again. */
  onProbe(): void {
    if ([...this.messages.values()].some((message) => isOpen(message, this.givenUp) && hasLost(message))) {
      return;
    }
    for (const message of this.messages.values()) {
      if (this.givenUp.has(message.number) || isAcked(message)) continue;
      message.fate.forEach((fate, i) => {
        if (fate === Byte.inFlight) message.fate[i] = Byte.lost;
      });
      return;
    }
  }

  /** Whether everything up to `number` is acknowledged or given up. */
  isFinishedTo(number: number): boolean {
    for (const message of this.messages.values()) {
      if (message.number <= number && !this.givenUp.has(message.number) && !isAcked(message)) return false;
    }
    return true;
  }

  /** Reliable messages that are neither acknowledged nor given up, and have been sent. */
  get inFlight(): number {
    let count = 0;
    for (const message of this.messages.values()) {
      if (!this.givenUp.has(message.number) && !isAcked(message) && unsentBytes(message) === 0) {
        if (message.fate[message.fate.length - 1] !== Byte.unsent) count++;
      }
    }
    return count;
  }

  #canTake(length: number): boolean {
    return this.queue.length < this.lane.maxQueuedMessages &&
      this.queuedBytes + length <= this.lane.maxQueuedBytes;
  }

  #message(number: number, bytes: Uint8Array, key: number, expiryUs: number, isRepair: boolean): Message {
    const fate = new Uint8Array(Math.max(1, bytes.length));
    return { number, bytes, key, expiryUs, report: false, fate, isSettled: false, isRepair };
  }

  #giveUp(message: Message): void {
    this.queue.splice(this.queue.indexOf(message), 1);
    this.givenUp.add(message.number);
    this.#tell(message, "expired");
    this.#forget(message);
  }

  #forget(message: Message): void {
    if (this.newest.get(message.key) === message) this.newest.delete(message.key);
  }

  #onFirst(nowUs: number, message: Message, frame: SentFrame): void {
    assertEquals(message, this.queue[0], "first sends go in order");
    assert(message.expiryUs > nowUs, "nothing too old is sent");
    this.#onFrame(message, frame, Byte.unsent);
    if (message.key >= 0) this.newest.set(message.key, message);
    if (message.fate[message.fate.length - 1] === Byte.unsent) return;
    this.queue.shift();
    this.sent++;
  }

  #onNewRepair(nowUs: number, frame: SentFrame): void {
    this.lostValues = this.lostValues.filter((value) => value.expiryUs > nowUs);
    const value = this.lostValues.shift();
    assert(value !== undefined, "only a lost value of a key goes again");
    assertEquals(frame.key, value.key);
    const repair = this.#message(frame.number, value.bytes, value.key, value.expiryUs, true);
    this.messages.set(frame.number, repair);
    this.newest.set(value.key, repair);
    this.#part = repair;
    this.#onFrame(repair, frame, Byte.unsent);
  }

  #onFrame(message: Message, frame: SentFrame, expected: number): void {
    assertEquals(frame.key, message.key);
    const end = frame.offset + frame.bytes.length;
    assertEquals(frame.total, frame.bytes.length === message.bytes.length ? -1 : message.bytes.length);
    assertEquals(frame.bytes, message.bytes.slice(frame.offset, end));
    for (let i = frame.offset; i < Math.max(1, end); i++) {
      assertEquals(message.fate[i], expected, `byte ${i} of message ${message.number}`);
      message.fate[i] = Byte.inFlight;
    }
    if (message === this.#part && end >= message.bytes.length) this.#part = null;
  }

  #onReliableFate(message: Message, start: number, end: number, acked: boolean): void {
    if (this.givenUp.has(message.number) || isAcked(message)) return;
    for (let i = start; i < end; i++) {
      if (acked) message.fate[i] = Byte.acked;
      else if (message.fate[i] !== Byte.acked) message.fate[i] = Byte.lost;
    }
    if (!isAcked(message)) return;
    this.delivered++;
    this.#tell(message, "delivered");
  }

  #onUnreliableFate(message: Message, start: number, end: number, acked: boolean, isWhole: boolean): void {
    if (message.isSettled) {
      // Late news of a whole message is counted, and no more.
      if (isWhole) acked ? this.delivered++ : this.lost++;
      return;
    }
    if (acked) {
      message.fate.fill(Byte.acked, start, end);
      if (!isAcked(message)) return;
      message.isSettled = true;
      this.delivered++;
      this.#tell(message, "delivered");
      this.#forget(message);
      return;
    }
    message.isSettled = true;
    this.lost++;
    this.#tell(message, "lost");
    const at = this.queue.indexOf(message);
    if (at >= 0) {
      // Sent as far as it ever will be.
      this.queue.splice(at, 1);
      this.sent++;
    }
    if (message === this.#part) this.#part = null;
    if (this.newest.get(message.key) !== message || message.key < 0) return;
    this.newest.delete(message.key);
    if (!this.queue.some((other) => other.key === message.key && !isBegun(other))) {
      this.lostValues.push(message);
    }
  }

  #tell(message: Message, outcome: string): void {
    if (!message.report) return;
    assert(!this.told.has(message.number));
    this.told.set(message.number, outcome);
  }
}

function isBegun(message: Message): boolean {
  return message.fate[0] !== Byte.unsent;
}

function isAcked(message: Message): boolean {
  return message.fate.every((fate) => fate === Byte.acked);
}

function hasLost(message: Message): boolean {
  return message.fate.some((fate) => fate === Byte.lost);
}

function isOpen(message: Message, givenUp: ReadonlySet<number>): boolean {
  return !givenUp.has(message.number) && !isAcked(message);
}

function unsentBytes(message: Message): number {
  if (message.bytes.length === 0) return 0;
  let bytes = 0;
  for (const fate of message.fate) if (fate === Byte.unsent) bytes++;
  return bytes;
}
