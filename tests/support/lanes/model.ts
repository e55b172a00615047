// What must be true of one direction of a pair: every message that was accepted, when it was first seen in a packet,
// delivered, acknowledged, given up. Told by the pair; checks the invariants that messages can break.
// Decides what counts as the same message: its bytes, which carry a serial number. Never looks into the connection.

import { isReliable, type Lane, type LaneStats } from "../../../lib/lanes/mod.ts";
import { KIND_NAMES, type KindName } from "./face.ts";
import type { Findings } from "./findings.ts";
import type { DataFrame } from "./frames.ts";

/** Bytes that open a message: its serial number, where there is room. */
const SERIAL_BYTES = 4;
/** From which the rest of a message is taken. Longer than any message and a spread of starts. */
const NOISE = noise(18 * 1024 * 1024, 20_251_120);
const STARTS = 65_521;
const SCRATCH = new Uint8Array(17 * 1024 * 1024);

/** One accepted message. */
export interface Message {
  readonly serial: number;
  readonly number: number;
  readonly length: number;
  readonly key: number;
  readonly acceptedAtUs: number;
  readonly ttlUs: number;
  readonly reported: boolean;
  firstSentAtUs: number;
  /** Payload bytes in packets, repeats included. */
  sentBytes: number;
  deliveries: number;
  deliveredAtUs: number;
  ackedAtUs: number;
  expiredAtUs: number;
  lostAtUs: number;
}

/** What is known of one lane in one direction. */
export class LaneModel {
  readonly kind: Exclude<KindName, "connection">;
  readonly reliable: boolean;
  readonly messages: Message[] = [];
  readonly byNumber = new Map<number, Message>();
  readonly bySerial = new Map<number, Message>();
  readonly newestOfKey = new Map<number, Message>();
  /** Numbers that were delivered; those of values that were sent again as new messages included. */
  readonly deliveredNumbers = new Set<number>();
  readonly lastDeliveredOfKey = new Map<number, number>();
  refused = 0;
  /** Waits of messages from their acceptance to their delivery. */
  readonly latenciesUs: number[] = [];
  /** Reliable messages that neither came nor were given up. */
  missing = 0;
  /** Reliable payload bytes in packets, all and repeats. */
  dataBytes = 0;

  /** Messages of before {@linkcode DirectionModel.forget}. */
  forgotten = 0;

  constructor(readonly lane: Lane, public firstNumber: number) {
    this.kind = KIND_NAMES[lane.kind];
    this.reliable = isReliable(lane.kind);
  }

  /** The full number of a number's low 32 bits; a run has far fewer messages than 2^31. */
  expand(number32: number): number {
    return this.firstNumber + ((number32 - this.firstNumber % 2 ** 32 + 2 ** 32) % 2 ** 32);
  }
}

/** One direction: the sender's messages, and what the receiver got of them. */
export class DirectionModel {
  readonly lanes = new Map<number, LaneModel>();
  #serial = 0;

  constructor(
    readonly name: string,
    private readonly findings: Findings,
    private readonly firstNumber: number,
  ) {}

  addLane(lane: Lane): void {
    if (!this.lanes.has(lane.id)) this.lanes.set(lane.id, new LaneModel(lane, this.firstNumber));
  }

  lane(id: number): LaneModel {
    const model = this.lanes.get(id);
    if (model === undefined) throw new Error(`the harness knows no lane ${id}`);
    return model;
  }

  /** The bytes of the next message; valid until the next call. */
  nextBytes(length: number): Uint8Array {
    writeMessage(SCRATCH, this.#serial, length);
    return SCRATCH.subarray(0, length);
  }

  /** `send` gave `result` for the bytes of {@linkcode nextBytes}. */
  onSent(
    nowUs: number,
    id: number,
    length: number,
    options: { key: number; ttlUs: number; report: boolean },
    result: number,
  ): void {
    const lane = this.lane(id);
    if (result < 0) {
      lane.refused++;
      return;
    }
    const serial = this.#serial++;
    const message: Message = {
      ...{ serial, number: result, length, key: options.key, acceptedAtUs: nowUs, ttlUs: options.ttlUs },
      ...{ reported: options.report, firstSentAtUs: -1, sentBytes: 0, deliveries: 0, deliveredAtUs: -1 },
      ...{ ackedAtUs: -1, expiredAtUs: -1, lostAtUs: -1 },
    };
    const before = lane.messages.at(-1);
    const expected = before === undefined ? lane.firstNumber : before.number + 1;
    // Values of keyed lanes that were lost go out again under numbers of their own.
    const fits = lane.lane.keyed ? result >= expected : result === expected;
    this.findings.expect(
      "I8",
      lane.kind,
      nowUs,
      fits,
      () => `send gave number ${result} instead of ${expected}`,
    );
    lane.messages.push(message);
    lane.byNumber.set(result, message);
    lane.bySerial.set(serial, message);
    if (options.key >= 0) lane.newestOfKey.set(options.key, message);
  }

  /** A DATA frame was seen in a packet of the sender. */
  onData(nowUs: number, frame: DataFrame, bytes: Uint8Array): void {
    const lane = this.lanes.get(frame.lane);
    if (lane === undefined) {
      this.findings.add("I22", "connection", nowUs, `DATA for lane ${frame.lane}, which was never opened`);
      return;
    }
    if (lane.reliable) lane.dataBytes += frame.length;
    const number = lane.expand(frame.number);
    const message = lane.byNumber.get(number) ??
      (frame.offset === 0 && frame.length >= SERIAL_BYTES
        ? lane.bySerial.get(serialOf(bytes, frame.start))
        : undefined);
    if (message === undefined) {
      this.findings.expect(
        "I1",
        lane.kind,
        nowUs,
        lane.lane.keyed,
        () => `sends number ${number}, never accepted`,
      );
      return;
    }
    message.sentBytes += frame.length;
    if (message.firstSentAtUs >= 0) return;
    message.firstSentAtUs = nowUs;
    if (message.ttlUs > 0) {
      const waitedUs = nowUs - message.acceptedAtUs;
      this.findings.expect(
        "I14",
        lane.kind,
        nowUs,
        waitedUs <= message.ttlUs,
        () => `lane ${frame.lane}: #${number} first sent after ${waitedUs} µs, ttl ${message.ttlUs}`,
      );
    }
  }

  /** The receiver's sink got a message. */
  onMessage(
    nowUs: number,
    id: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    number: number,
  ): void {
    const lane = this.lanes.get(id);
    if (lane === undefined) {
      this.findings.add("I1", "connection", nowUs, `a message on lane ${id}, on which nothing was sent`);
      return;
    }
    const { findings } = this;
    const message = length >= SERIAL_BYTES
      ? lane.bySerial.get(serialOf(bytes, start))
      : lane.byNumber.get(number) ?? findShort(lane, bytes, start, length);
    const same = message !== undefined && message.length === length &&
      isMessage(bytes, start, length, message.serial);
    findings.expect("I1", lane.kind, nowUs, same, () =>
      `lane ${id}: #${number} of ${length} B is ` +
      (message === undefined ? "none that was sent" : `not #${message.number} of ${message.length} B`));
    if (message === undefined) return;
    if (!lane.lane.keyed) {
      findings.expect(
        "I1",
        lane.kind,
        nowUs,
        message.number === number || length < SERIAL_BYTES,
        () => `lane ${id}: number ${number} for the message with number ${message.number}`,
      );
    }
    findings.expect(
      "I2",
      lane.kind,
      nowUs,
      !lane.deliveredNumbers.has(number),
      () => `lane ${id}: #${number} twice`,
    );
    if (lane.reliable) {
      findings.expect(
        "I2",
        lane.kind,
        nowUs,
        message.deliveries === 0,
        () => `lane ${id}: #${message.number} twice`,
      );
    }
    if (lane.kind === "RO" || lane.kind === "US") this.#checkOrder(nowUs, lane, message.key, number);
    lane.deliveredNumbers.add(number);
    message.deliveries++;
    if (message.deliveries > 1) return;
    message.deliveredAtUs = nowUs;
    lane.latenciesUs.push(nowUs - message.acceptedAtUs);
  }

  #checkOrder(nowUs: number, lane: LaneModel, key: number, number: number): void {
    const last = lane.lastDeliveredOfKey.get(key) ?? -1;
    const id = lane.lane.id;
    this.findings.expect(
      "I3",
      lane.kind,
      nowUs,
      number > last,
      () => `lane ${id}: #${number} after #${last}`,
    );
    lane.lastDeliveredOfKey.set(key, number);
    if (lane.kind !== "RO") return;
    let gap = -1;
    for (let n = Math.max(lane.firstNumber, last + 1); n < number && gap < 0; n++) {
      const skipped = lane.byNumber.get(n);
      if (skipped === undefined || skipped.ttlUs === 0) gap = n;
    }
    this.findings.expect("I4", "RO", nowUs, gap < 0, () => `lane ${id}: #${number} came before #${gap}`);
  }

  /** The sender was told that the peer has the message. */
  onDelivered(nowUs: number, id: number, number: number): void {
    const lane = this.lane(id);
    const message = lane.byNumber.get(number);
    // The second number of a repeated value was never given to the sender.
    if (message === undefined) {
      this.findings.expect(
        "I6",
        lane.kind,
        nowUs,
        lane.lane.keyed,
        () => `lane ${id}: #${number} was never sent`,
      );
      return;
    }
    this.findings.expect(
      "I6",
      lane.kind,
      nowUs,
      message.ackedAtUs < 0,
      () => `lane ${id}: #${number} reported twice`,
    );
    message.ackedAtUs = nowUs;
    // An unreliable message that came may have been too old to hand on, and a reader that rests has what it has not read.
    if (lane.reliable && !this.readerRested) {
      this.findings.expect(
        "I6",
        lane.kind,
        nowUs,
        message.deliveries > 0 || lane.kind === "RO" && this.#isBehindHole(lane, number),
        () => `lane ${id}: #${number} reported, not delivered`,
      );
    }
  }

  /** The receiver rested in this run: what it has need not have been handed on. */
  readerRested = false;

  /** Whether an ordered lane waits for an earlier message, or for word that it is given up: then it has this one. */
  #isBehindHole(lane: LaneModel, number: number): boolean {
    for (let n = number - 1; n >= lane.firstNumber; n--) {
      const message = lane.byNumber.get(n);
      if (message !== undefined && message.deliveries === 0) return true;
      if (number - n > 4_096) return true;
    }
    return false;
  }

  onExpired(nowUs: number, id: number, number: number): void {
    const message = this.lane(id).byNumber.get(number);
    if (message === undefined) return;
    const { kind } = this.lane(id);
    this.findings.expect(
      "I6",
      kind,
      nowUs,
      message.ackedAtUs < 0,
      () => `lane ${id}: #${number} expired after its ack`,
    );
    message.expiredAtUs = nowUs;
  }

  onLost(nowUs: number, id: number, number: number): void {
    const lane = this.lane(id);
    this.findings.expect(
      "I6",
      lane.kind,
      nowUs,
      !lane.reliable,
      () => `lane ${id}: #${number} of a reliable lane lost`,
    );
    const message = lane.byNumber.get(number);
    if (message !== undefined) message.lostAtUs = nowUs;
  }

  /** Whether everything that must arrive has, and every report that must come has come. */
  isSettled(nowUs: number): boolean {
    for (const lane of this.lanes.values()) {
      if (lane.reliable) {
        for (let i = lane.messages.length - 1; i >= 0; i--) {
          const message = lane.messages[i];
          if (message === undefined) continue;
          if (message.deliveries === 0 && message.ttlUs === 0) return false;
          if (message.reported && message.ackedAtUs < 0 && message.expiredAtUs < 0) return false;
        }
      }
      for (const message of lane.newestOfKey.values()) {
        const isOver = message.ttlUs > 0 && nowUs > message.acceptedAtUs + message.ttlUs;
        if (message.deliveries === 0 && !isOver) return false;
      }
    }
    return true;
  }

  /** Everything has come: a long run goes on without what it no longer needs. */
  forget(): void {
    for (const lane of this.lanes.values()) {
      lane.forgotten += lane.messages.length;
      const newest = Math.max(lane.messages.at(-1)?.number ?? -1, ...lane.deliveredNumbers);
      if (newest >= lane.firstNumber) lane.firstNumber = newest + 1;
      lane.messages.length = 0;
      lane.latenciesUs.length = 0;
      for (const kept of [lane.byNumber, lane.bySerial, lane.newestOfKey, lane.deliveredNumbers]) {
        kept.clear();
      }
    }
  }

  /** Payload of reliable messages that have not come. */
  outstandingBytes(): number {
    let bytes = 0;
    for (const lane of this.lanes.values()) {
      if (!lane.reliable) continue;
      for (const message of lane.messages) if (message.deliveries === 0) bytes += message.length;
    }
    return bytes;
  }

  /** The run is over and the link has worked for long enough. */
  finish(nowUs: number, statsOf: (id: number) => LaneStats): void {
    for (const lane of this.lanes.values()) {
      const id = lane.lane.id;
      for (const message of lane.messages) {
        if (lane.reliable) {
          const done = message.deliveries > 0 || message.ttlUs > 0;
          if (!done) lane.missing++;
          this.findings.expect(
            "I5",
            lane.kind,
            nowUs,
            done,
            () =>
              `lane ${id}: #${message.number} of ${message.length} B, accepted at ${message.acceptedAtUs}, never came`,
          );
        }
        if (message.ackedAtUs >= 0 && lane.reliable) {
          this.findings.expect(
            "I6",
            lane.kind,
            nowUs,
            message.deliveries > 0,
            () => `lane ${id}: #${message.number} was reported and never came`,
          );
        }
        if (message.reported && lane.reliable) {
          const told = message.ackedAtUs >= 0 || message.expiredAtUs >= 0;
          this.findings.expect(
            "I6",
            lane.kind,
            nowUs,
            told,
            () => `lane ${id}: no report of #${message.number}`,
          );
        }
      }
      for (const [key, message] of lane.newestOfKey) {
        this.findings.expect(
          "I13",
          lane.kind,
          nowUs,
          message.deliveries > 0 || message.ttlUs > 0,
          () => `lane ${id}: newest value of key ${key}, #${message.number}, never came`,
        );
      }
      this.checkBalance(nowUs, lane, statsOf(id));
    }
  }

  /** Compares the sender's counters with what was accepted. */
  checkBalance(nowUs: number, lane: LaneModel, stats: LaneStats): void {
    const accepted = lane.messages.length + lane.forgotten;
    const told = stats.sentMessages + stats.queuedMessages + stats.conflated + stats.expired +
      stats.droppedOldest;
    // Values that went out again as new messages are sent once more than they were accepted.
    const fits = lane.lane.keyed ? told >= accepted : told === accepted;
    this.findings.expect(
      "I8",
      lane.kind,
      nowUs,
      fits,
      () =>
        `lane ${lane.lane.id}: accepted ${accepted}, but sent ${stats.sentMessages} + queued ${stats.queuedMessages} + ` +
        `conflated ${stats.conflated} + expired ${stats.expired} + dropped ${stats.droppedOldest} = ${told}`,
    );
    const refused = stats.refusedFull + stats.refusedNoCredit + stats.refusedTooLarge + stats.droppedNewest;
    this.findings.expect(
      "I8",
      lane.kind,
      nowUs,
      refused === lane.refused,
      () => `lane ${lane.lane.id}: refused ${lane.refused}, counted ${refused}`,
    );
    const { maxQueuedBytes, maxQueuedMessages } = lane.lane;
    this.findings.expect(
      "I7",
      lane.kind,
      nowUs,
      stats.queuedBytes <= maxQueuedBytes && stats.queuedMessages <= maxQueuedMessages,
      () => `lane ${lane.lane.id}: ${stats.queuedMessages} messages, ${stats.queuedBytes} B wait`,
    );
  }
}

/** Writes the message with this serial number into `target`. */
export function writeMessage(target: Uint8Array, serial: number, length: number): void {
  const from = noiseStart(serial);
  target.set(NOISE.subarray(from, from + length));
  if (length < SERIAL_BYTES) return;
  target[0] = serial >>> 24;
  target[1] = serial >>> 16;
  target[2] = serial >>> 8;
  target[3] = serial;
}

/** Messages too short for a serial number are known by their bytes. */
function findShort(lane: LaneModel, bytes: Uint8Array, start: number, length: number): Message | undefined {
  return lane.messages.find((other) =>
    other.length === length && isMessage(bytes, start, length, other.serial)
  );
}

function isMessage(bytes: Uint8Array, start: number, length: number, serial: number): boolean {
  const from = noiseStart(serial);
  for (let i = length < SERIAL_BYTES ? 0 : SERIAL_BYTES; i < length; i++) {
    if (bytes[start + i] !== NOISE[from + i]) return false;
  }
  return length < SERIAL_BYTES || serialOf(bytes, start) === serial;
}

function serialOf(bytes: Uint8Array, start: number): number {
  return ((bytes[start] ?? 0) * 2 ** 24) + ((bytes[start + 1] ?? 0) << 16) + ((bytes[start + 2] ?? 0) << 8) +
    (bytes[start + 3] ?? 0);
}

function noiseStart(serial: number): number {
  return serial * 8_191 % STARTS;
}

function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const words = new Uint32Array(bytes.buffer);
  let state = seed | 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return bytes;
}
