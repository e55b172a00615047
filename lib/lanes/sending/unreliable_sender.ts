// Sends an unreliable lane: every message once, the newest value of each key until it has arrived.
// Decides which waiting value a newer one replaces, what is too old to go, what is dropped when the queue is full, and
// which lost values go again; never when a packet leaves.
//
// A value replaced while it waits is gone. Once its first byte was sent a value is finished, and a newer one waits
// behind it. The newest value of a key is kept until a packet with it is acknowledged; when its packet is lost instead,
// and no newer value waits, it goes again under a new number, counted as repaired, not as sent. What a key's value was
// lost as has been told by then: its repair has no report.
// Hot path: a message without key and report costs no state once it is sent; counts alone tell what became of it.

import type { Lane } from "../lane.ts";
import { MAX_DATA_OVERHEAD_BYTES, type PacketWriter } from "../wire/mod.ts";
import type { Admission } from "./admission.ts";
import { Arena } from "./arena.ts";
import { Conflation } from "./conflation.ts";
import { Outcome, type Outcomes } from "./outcomes.ts";
import { Fit, MIN_PIECE_ROOM, Packing } from "./packing.ts";
import { KEPT_BYTES, type PacketRefs, type Sender, SHRINK_AFTER_US } from "./sender.ts";
import { NO_ROW, Waiting } from "./waiting.ts";
import { Watched } from "./watched.ts";

/** The sending half of an unreliable lane. */
export class UnreliableSender implements Sender {
  forgottenKeys = 0;
  readonly #lane: Lane;
  readonly #id: number;
  readonly #isConflating: boolean;
  readonly #admission: Admission;
  readonly #outcomes: Outcomes;
  readonly #arena: Arena;
  #waiting = new Waiting();
  #conflation = new Conflation();
  #watched = new Watched();
  readonly #packing = new Packing();
  #next: number;
  /** The message that is partly sent: −1 for none. */
  #partNumber = -1;
  #partRow: number = NO_ROW;
  #partPosition = 0;
  #partLength = 0;
  #partSent = 0;
  #partExpiryUs = Infinity;
  #partIsRepair = false;
  /** No time to live ends before this; it may have ended meanwhile for other reasons. */
  #expiryUs = Infinity;
  #shrinkAtUs = Infinity;

  constructor(lane: Lane, admission: Admission, outcomes: Outcomes, firstNumber: number) {
    this.#lane = lane;
    this.#id = lane.id;
    this.#isConflating = lane.keyed && lane.kind === "unreliable-sequenced";
    this.#admission = admission;
    this.#outcomes = outcomes;
    // Twice: a message that lives long holds up the bytes of those that expired behind it.
    this.#arena = new Arena(2 * lane.maxQueuedBytes);
    this.#next = firstNumber;
  }

  push(nowUs: number, bytes: Uint8Array, key: number, ttlUs: number, report: boolean): number {
    const { length } = bytes;
    const admission = this.#admission;
    if (length > admission.longest) return admission.refuseTooLarge();
    const expiryUs = nowUs + ttlUs;
    const number = key >= 0 && this.#isConflating
      ? this.#pushValue(nowUs, bytes, key, expiryUs, report)
      : this.#pushMessage(nowUs, bytes, expiryUs, report);
    if (number >= 0) {
      if (expiryUs < this.#expiryUs) this.#expiryUs = expiryUs;
      this.#shrinkAtUs = Infinity;
    }
    this.#outcomes.tell();
    return number;
  }

  hasWork(nowUs: number): boolean {
    if (nowUs >= this.#expiryUs) this.handleTimeout(nowUs);
    if (this.#partNumber >= 0) return true;
    return this.#waiting.count + this.#conflation.lostCount > 0 && !this.#watched.isFull;
  }

  fill(nowUs: number, writer: PacketWriter, refs: PacketRefs, budgetBytes: number): number {
    if (nowUs >= this.#expiryUs) this.handleTimeout(nowUs);
    const from = writer.length;
    const limit = from + budgetBytes;
    if (
      this.#sendPart(writer, refs, from, limit) && this.#repair(nowUs, writer, refs, from, limit)
    ) this.#sendNew(writer, refs, from, limit);
    if (this.#conflation.sentBytes > this.#admission.maxBytes) this.#boundKept();
    const written = writer.length - from;
    this.#settle(nowUs);
    return written;
  }

  onRun(first: number, count: number, acked: boolean, nowUs: number): void {
    const { stats } = this.#admission;
    if (acked) stats.deliveredMessages += count;
    else stats.lostMessages += count;
    if (this.#watched.size === 0) return;
    const end = first + count;
    for (let number = first; number < end; number++) {
      const record = this.#watched.find(number);
      if (record >= 0) this.#resolve(record, acked);
    }
    this.#settle(nowUs);
  }

  onPiece(number: number, _offset: number, length: number, acked: boolean, nowUs: number): void {
    const watched = this.#watched;
    const record = watched.find(number);
    if (record < 0) return; // lost or given up by another piece
    const { stats } = this.#admission;
    if (acked) {
      const missing = (watched.missing[record] as number) - length;
      watched.missing[record] = missing;
      if (missing > 0) return;
      stats.deliveredMessages++;
    } else {
      stats.lostMessages++;
      // The rest would be of no use to anybody.
      if (number === this.#partNumber) {
        if (!this.#partIsRepair) stats.sentMessages++; // as far as it ever will be
        this.#dropPart();
      }
    }
    this.#resolve(record, acked);
    this.#settle(nowUs);
  }

  handleCredit(_messageLimit: number, _byteLimit: number): void {}

  handleTimeout(nowUs: number): void {
    if (nowUs >= this.#expiryUs) this.#expire(nowUs);
    if (nowUs >= this.#shrinkAtUs) {
      this.#shrinkAtUs = Infinity;
      if (this.isIdle) this.#shrink();
    }
  }

  get nextExpiryUs(): number {
    return Math.min(this.#expiryUs, this.#shrinkAtUs);
  }

  readonly hasSkip = false;

  pollSkip(): number {
    return -1;
  }

  onSkip(_number: number, _acked: boolean): void {}

  probe(): boolean {
    return false;
  }

  get hasUnacked(): boolean {
    return this.#watched.size > 0;
  }

  get isIdle(): boolean {
    return this.#waiting.count === 0 && this.#partNumber < 0 && this.#watched.size === 0 &&
      this.#conflation.lostCount === 0;
  }

  get heldBytes(): number {
    return this.#arena.capacity + this.#conflation.bytes.length + this.#waiting.heldBytes +
      this.#watched.heldBytes;
  }

  close(): void {
    const watched = this.#watched;
    const waiting = this.#waiting;
    for (let record = 0; record < watched.used; record++) {
      const number = watched.reportedNumber(record);
      if (number >= 0) this.#outcomes.note(Outcome.lost, number);
    }
    for (let place = waiting.head; place < waiting.tail; place++) {
      const index = waiting.at(place);
      if (index >= 0) this.#noteExpired(index);
    }
    const { stats } = this.#admission;
    stats.queuedMessages = 0;
    stats.queuedBytes = 0;
    this.#partNumber = -1;
    this.#arena.releaseAll();
    this.#shrink();
    this.#expiryUs = Infinity;
    this.#shrinkAtUs = Infinity;
    this.#outcomes.tell();
  }

  /** A message without a key. */
  #pushMessage(nowUs: number, bytes: Uint8Array, expiryUs: number, report: boolean): number {
    const { length } = bytes;
    if (!this.#makeRoom(nowUs, length)) return this.#refuse();
    while (!this.#arena.append(bytes)) {
      if (this.#lane.overflow !== "drop-oldest" || this.#waiting.count === 0) return this.#refuse();
      this.#dropOldest();
    }
    const waiting = this.#waiting;
    const index = waiting.append(NO_ROW);
    const number = this.#next++;
    waiting.number[index] = number;
    waiting.position[index] = this.#arena.position;
    waiting.length[index] = length;
    waiting.expiry[index] = expiryUs;
    waiting.report[index] = report ? 1 : 0;
    this.#admission.onQueued(length);
    return number;
  }

  /** The newest value of a key. */
  #pushValue(nowUs: number, bytes: Uint8Array, key: number, expiryUs: number, report: boolean): number {
    const { length } = bytes;
    const conflation = this.#conflation;
    const { stats } = this.#admission;
    let row = conflation.rowOf(key);
    if (row >= 0 && conflation.waitingNumber[row] !== -1) {
      const before = conflation.waitingLength[row] as number;
      if (stats.queuedBytes - before + length <= this.#admission.maxBytes) {
        // In place: the new value goes when the old one would have gone.
        if (conflation.waitingReport[row] === 1) {
          this.#outcomes.note(Outcome.expired, conflation.waitingNumber[row] as number);
        }
        stats.conflated++;
        stats.queuedBytes += length - before;
        conflation.dropWaiting(row);
        const number = this.#next++;
        conflation.setWaiting(row, number, bytes, expiryUs, report);
        return number;
      }
      if (this.#lane.overflow !== "drop-oldest") return this.#refuse();
      // A longer value for which older ones must go: it gives up its place for a new one at the end.
      this.#dropWaiting(this.#indexOfRow(row));
      stats.conflated++;
      row = conflation.rowOf(key);
    }
    if (!this.#makeRoom(nowUs, length)) return this.#refuse();
    // Values that went out to make room may have closed their rows: this key's among them.
    row = conflation.rowOf(key);
    if (row < 0) {
      if (conflation.isFull && !this.#freeRow()) return this.#refuse();
      row = conflation.open(key);
    }
    // What was lost of this key is no longer the newest.
    if (conflation.isLost[row] === 1) conflation.dropSent(row);
    const number = this.#next++;
    conflation.setWaiting(row, number, bytes, expiryUs, report);
    this.#waiting.append(row);
    this.#admission.onQueued(length);
    return number;
  }

  /** Goes on with the message that is partly sent; true when there is none left. */
  #sendPart(writer: PacketWriter, refs: PacketRefs, from: number, limit: number): boolean {
    while (this.#partNumber >= 0) {
      const number = this.#partNumber;
      const total = this.#partLength;
      const offset = this.#partSent;
      const rest = total - offset;
      const key = this.#partRow >= 0 ? this.#conflation.key[this.#partRow] as number : -1;
      const room = writer.fragmentRoom(this.#id, number, key, offset, total);
      if (room < rest && room < MIN_PIECE_ROOM) return false;
      const size = Math.min(room, rest);
      if (writer.length > from && writer.length + size + MAX_DATA_OVERHEAD_BYTES > limit) return false;
      const bytes = this.#partRow >= 0 ? this.#conflation.bytes : this.#arena.bytes;
      const start = this.#partRow >= 0
        ? this.#conflation.sentStart[this.#partRow] as number
        : this.#arena.indexOf(this.#partPosition);
      writer.fragment(this.#id, number, key, offset, total, bytes, start + offset, size);
      refs.addPiece(this.#id, number, offset, size);
      this.#partSent = offset + size;
      const { stats } = this.#admission;
      if (this.#partIsRepair) {
        stats.repairedPieces++;
        stats.repairedBytes += size;
      } else {
        stats.queuedBytes -= size;
        stats.sentBytes += size;
        if (size === rest) {
          stats.queuedMessages--;
          stats.sentMessages++;
        }
      }
      if (size === rest) this.#endPart();
    }
    return true;
  }

  /** Sends lost values of keys again; true when none is left. */
  #repair(nowUs: number, writer: PacketWriter, refs: PacketRefs, from: number, limit: number): boolean {
    const conflation = this.#conflation;
    const { stats } = this.#admission;
    while (conflation.lostCount > 0) {
      if (this.#watched.isFull) return false;
      const row = conflation.firstLost();
      if ((conflation.sentExpiry[row] as number) <= nowUs) {
        // It counts as lost already.
        conflation.dropSent(row);
        conflation.closeIfEmpty(row);
        continue;
      }
      const number = this.#next;
      const key = conflation.key[row] as number;
      const length = conflation.sentLength[row] as number;
      const needed = writer.dataRoom(this.#id, number, key, length);
      if (writer.length > from && writer.length + needed > limit) return false;
      const fit = this.#packing.fit(writer, needed);
      if (fit === Fit.wait) return false;
      if (fit === Fit.cut && !this.#canCut(writer, number, key, length)) return false;
      this.#next = number + 1;
      conflation.onResending(row, number);
      this.#watched.add(number, row, false, length);
      if (fit === Fit.cut) {
        this.#beginPart(number, row, 0, length, conflation.sentExpiry[row] as number, true);
        if (!this.#sendPart(writer, refs, from, limit)) return false;
        continue;
      }
      writer.data(this.#id, number, key, conflation.bytes, conflation.sentStart[row] as number, length);
      refs.addRun(this.#id, number);
      stats.repairedPieces++;
      stats.repairedBytes += length;
    }
    return true;
  }

  /** Sends what waits. */
  #sendNew(writer: PacketWriter, refs: PacketRefs, from: number, limit: number): void {
    const id = this.#id;
    const waiting = this.#waiting;
    const conflation = this.#conflation;
    const watched = this.#watched;
    const { stats } = this.#admission;
    while (waiting.count > 0 && !watched.isFull) {
      const index = waiting.first();
      const row = waiting.row[index] as number;
      const isValue = row >= 0;
      const number = (isValue ? conflation.waitingNumber[row] : waiting.number[index]) as number;
      const length = (isValue ? conflation.waitingLength[row] : waiting.length[index]) as number;
      const key = isValue ? conflation.key[row] as number : -1;
      const needed = writer.dataRoom(id, number, key, length);
      if (writer.length > from && writer.length + needed > limit) break;
      const fit = this.#packing.fit(writer, needed);
      if (fit === Fit.wait) break;
      if (fit === Fit.cut && !this.#canCut(writer, number, key, length)) break;
      const report = (isValue ? conflation.waitingReport[row] : waiting.report[index]) === 1;
      if (isValue) this.#supersede(row);
      if (isValue || report || fit === Fit.cut) watched.add(number, row, report, length);
      if (fit === Fit.cut) {
        const expiryUs = (isValue ? conflation.waitingExpiry[row] : waiting.expiry[index]) as number;
        const position = waiting.position[index] as number;
        waiting.remove(index);
        if (isValue) conflation.onSending(row);
        this.#beginPart(number, row, position, length, expiryUs, false);
        if (!this.#sendPart(writer, refs, from, limit)) break;
        continue;
      }
      const bytes = isValue ? conflation.bytes : this.#arena.bytes;
      const start = isValue
        ? conflation.waitingStart[row] as number
        : this.#arena.indexOf(waiting.position[index] as number);
      writer.data(id, number, key, bytes, start, length);
      refs.addRun(id, number);
      waiting.remove(index);
      if (isValue) conflation.onSending(row);
      stats.queuedMessages--;
      stats.queuedBytes -= length;
      stats.sentMessages++;
      stats.sentBytes += length;
    }
    this.#release();
  }

  /** A piece that is worth its head goes into the packet. */
  #canCut(writer: PacketWriter, number: number, key: number, length: number): boolean {
    return writer.fragmentRoom(this.#id, number, key, 0, length) >= MIN_PIECE_ROOM;
  }

  #beginPart(
    number: number,
    row: number,
    position: number,
    length: number,
    expiryUs: number,
    isRepair: boolean,
  ): void {
    this.#partNumber = number;
    this.#partRow = row;
    this.#partPosition = position;
    this.#partLength = length;
    this.#partSent = 0;
    this.#partExpiryUs = expiryUs;
    this.#partIsRepair = isRepair;
    if (expiryUs < this.#expiryUs) this.#expiryUs = expiryUs;
  }

  #endPart(): void {
    this.#partNumber = -1;
    this.#partRow = NO_ROW;
    this.#release();
  }

  /** The rest of the message that is partly sent never goes. */
  #dropPart(): void {
    if (!this.#partIsRepair) this.#admission.onUnqueued(this.#partLength - this.#partSent);
    this.#endPart();
  }

  /** A newer value of a row goes out: that of the older one is not repaired, only what became of it may be told. */
  #supersede(row: number): void {
    const number = this.#conflation.sentNumber[row] as number;
    if (number === -1) return;
    const watched = this.#watched;
    const record = watched.find(number);
    if (record < 0) return;
    watched.row[record] = NO_ROW;
  }

  /** The packets with a watched message are acknowledged, or one is lost. */
  #resolve(record: number, acked: boolean): void {
    const watched = this.#watched;
    const conflation = this.#conflation;
    const number = watched.number[record] as number;
    const row = watched.row[record] as number;
    if (watched.report[record] === 1) this.#outcomes.note(acked ? Outcome.delivered : Outcome.lost, number);
    watched.remove(record);
    if (row < 0) return;
    if (!acked && conflation.waitingNumber[row] === -1) conflation.markLost(row);
    else {
      conflation.dropSent(row);
      conflation.closeIfEmpty(row);
    }
  }

  /** Drops what is too old, then waiting messages, oldest first, where the lane's policy says so; false in vain. */
  #makeRoom(nowUs: number, length: number): boolean {
    const admission = this.#admission;
    if (!admission.canTake(length) && nowUs >= this.#expiryUs) this.#expire(nowUs);
    if (admission.canTake(length)) return true;
    if (this.#lane.overflow !== "drop-oldest") return false;
    const isBegun = this.#partNumber >= 0 && !this.#partIsRepair;
    const begunBytes = isBegun ? this.#partLength - this.#partSent : 0;
    if ((isBegun ? 1 : 0) >= admission.maxMessages || begunBytes + length > admission.maxBytes) return false;
    while (!admission.canTake(length)) this.#dropOldest();
    return true;
  }

  #dropOldest(): void {
    this.#admission.stats.droppedOldest++;
    this.#dropWaiting(this.#waiting.first());
    this.#release();
  }

  /** A waiting message never goes; its counter is the caller's. */
  #dropWaiting(index: number): void {
    const waiting = this.#waiting;
    const conflation = this.#conflation;
    const row = waiting.row[index] as number;
    this.#noteExpired(index);
    this.#admission.onUnqueued((row >= 0 ? conflation.waitingLength[row] : waiting.length[index]) as number);
    waiting.remove(index);
    if (row < 0) return;
    conflation.dropWaiting(row);
    conflation.closeIfEmpty(row);
  }

  #noteExpired(index: number): void {
    const waiting = this.#waiting;
    const conflation = this.#conflation;
    const row = waiting.row[index] as number;
    if ((row >= 0 ? conflation.waitingReport[row] : waiting.report[index]) !== 1) return;
    const number = row >= 0 ? conflation.waitingNumber[row] : waiting.number[index];
    this.#outcomes.note(Outcome.expired, number as number);
  }

  #indexOfRow(row: number): number {
    const waiting = this.#waiting;
    for (let place = waiting.head; place < waiting.tail; place++) {
      const index = waiting.at(place);
      if (index >= 0 && waiting.row[index] === row) return index;
    }
    return -1;
  }

  /** Lets go of the kept value that was sent first, so that another key can be told apart. */
  #freeRow(): boolean {
    const conflation = this.#conflation;
    const row = conflation.oldestSent(this.#partRow);
    if (row < 0) {
      // Every key has a value that waits: the lane is full, whatever its bound.
      if (this.#lane.overflow !== "drop-oldest") return false;
      const before = conflation.size;
      while (this.#waiting.count > 0 && conflation.size === before) this.#dropOldest();
      return conflation.size < before;
    }
    this.#forgetKept(row);
    return true;
  }

  /** Kept values may have as many bytes as waiting ones. */
  #boundKept(): void {
    const conflation = this.#conflation;
    while (conflation.sentBytes > this.#admission.maxBytes) {
      const row = conflation.oldestSent(this.#partRow);
      if (row < 0) return;
      this.#forgetKept(row);
    }
  }

  #forgetKept(row: number): void {
    this.#supersede(row);
    this.forgottenKeys++;
    this.#conflation.dropSent(row);
    this.#conflation.closeIfEmpty(row);
  }

  #expire(nowUs: number): void {
    const waiting = this.#waiting;
    const conflation = this.#conflation;
    const { stats } = this.#admission;
    if (this.#partNumber >= 0 && this.#partExpiryUs <= nowUs) this.#expirePart();
    let soonestUs = this.#partNumber >= 0 ? this.#partExpiryUs : Infinity;
    for (let place = waiting.head; place < waiting.tail; place++) {
      const index = waiting.at(place);
      if (index < 0) continue;
      const row = waiting.row[index] as number;
      const expiryUs = (row >= 0 ? conflation.waitingExpiry[row] : waiting.expiry[index]) as number;
      if (expiryUs <= nowUs) {
        stats.expired++;
        this.#dropWaiting(index);
      } else if (expiryUs < soonestUs) soonestUs = expiryUs;
    }
    this.#expiryUs = soonestUs;
    this.#release();
    this.#settle(nowUs);
  }

  /** What is left of the partly sent message is too old: it never arrives. */
  #expirePart(): void {
    const record = this.#watched.find(this.#partNumber);
    const row = this.#partRow;
    const wasRepair = this.#partIsRepair;
    this.#dropPart();
    if (!wasRepair) this.#admission.stats.expired++;
    if (record >= 0) {
      if (this.#watched.report[record] === 1) {
        this.#outcomes.note(Outcome.expired, this.#watched.number[record] as number);
      }
      this.#watched.remove(record);
    }
    if (row < 0) return;
    this.#conflation.dropSent(row);
    this.#conflation.closeIfEmpty(row);
  }

  /** Bytes before the oldest message without a key are free, and where nothing waits nothing ends. */
  #release(): void {
    const arena = this.#arena;
    const waiting = this.#waiting;
    if (waiting.count === 0 && this.#partNumber < 0) this.#expiryUs = Infinity;
    if (arena.span === 0) return;
    if (this.#partNumber >= 0 && this.#partRow === NO_ROW) arena.releaseTo(this.#partPosition);
    else if (waiting.messages === 0) {
      arena.releaseAll();
    } else {
      const first = waiting.first();
      if (waiting.row[first] === NO_ROW) arena.releaseTo(waiting.position[first] as number);
    }
  }

  #settle(nowUs: number): void {
    if (this.#shrinkAtUs === Infinity && this.heldBytes > KEPT_BYTES && this.isIdle) {
      this.#shrinkAtUs = nowUs + SHRINK_AFTER_US;
    }
    if (this.#admission.pollWritable()) this.#outcomes.noteWritable();
    this.#outcomes.tell();
  }

  #shrink(): void {
    this.#arena.shrink();
    this.#waiting = new Waiting();
    this.#conflation = new Conflation();
    this.#watched = new Watched();
  }

  #refuse(): number {
    const admission = this.#admission;
    return this.#lane.overflow === "refuse" ? admission.refuseFull() : admission.dropNewest();
  }
}
