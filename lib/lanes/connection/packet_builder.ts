// What the next packet carries: an acknowledgement, control frames, then messages by tier and turn.
// Decides contents, numbers and whether window and pacing allow a packet at all; never when a deadline is, and never what
// a received frame means. Hot path: no allocation a packet.

import type { RandomStream } from "../../platform/mod.ts";
import type { AckPolicy, ReceivedPackets, SentPackets } from "../recovery/mod.ts";
import { PacketFlag } from "../recovery/mod.ts";
import type { Scheduler } from "../schedule/mod.ts";
import type { SendLane } from "../sending/mod.ts";
import { CREDIT_UNIT_BYTES, DELAY_UNIT_US, PacketWriter, UNKNOWN_ACK_DELAY } from "../wire/mod.ts";
import type { LaneTable } from "./lane_table.ts";
import { BASE_DATAGRAM_BYTES, UDP_OVERHEAD_BYTES } from "./options.ts";
import type { Path } from "./path.ts";
import type { ReceptionReport } from "./reception_report.ts";

/** Control frames as `SentPackets` remembers them. */
export const Control = { credit: 1, skip: 2, open: 3, mtuProbe: 4 } as const;

/** A packet with less room than this is full. */
const FULL_REST_BYTES = 24;
/** One packet number in about so many is left out: who acknowledges it acknowledges what it did not get (quinn). */
const SKIP_ONE_IN = 1024;

/** What a builder writes from. */
export interface BuilderParts {
  readonly sent: SentPackets;
  readonly received: ReceivedPackets;
  readonly ack: AckPolicy;
  readonly scheduler: Scheduler;
  readonly lanes: LaneTable;
  readonly report: ReceptionReport;
  readonly random: RandomStream;
}

/** Builds packets. */
export class PacketBuilder {
  /** Of the packet that was written last. */
  number = 0;
  isImmediate = false;
  /** Whether nothing was left to send behind it. */
  isDrained = false;
  /** Packets that may go out although window and pacing say no: nobody answered. */
  probesLeft = 0;
  pingDue = false;
  /** When a packet that waits for the pacer may go; Infinity when none does. */
  pacedUntilUs = Infinity;
  reportAtUs = Infinity;
  packetsSent = 0;
  bytesSent = 0;
  acksSent = 0;
  ackOnly = 0;
  lastSentAtUs: number;
  readonly #writer = new PacketWriter();
  readonly #parts: BuilderParts;
  #nextNumber: number;
  #skipIn: number;

  constructor(parts: BuilderParts, nowUs: number, firstNumber: number) {
    this.#parts = parts;
    this.#nextNumber = firstNumber;
    this.lastSentAtUs = nowUs;
    this.#skipIn = this.#drawSkip();
  }

  /** A packet of the active path: whatever is due and fits. Its bytes, 0 when there is nothing to send now. */
  frames(nowUs: number, path: Path, out: Uint8Array): number {
    const { sent, ack, scheduler } = this.#parts;
    this.pacedUntilUs = Infinity;
    const mustAck = ack.isDue(nowUs);
    const isProbe = this.probesLeft > 0;
    const hasControl = this.pingDue || this.reportAtUs <= nowUs || this.#controlWaits();
    let next = sent.isFull ? null : scheduler.next(nowUs);
    let windowLeft = 0;
    if (next !== null && !isProbe) {
      windowLeft = path.control.windowBytes - sent.inFlightBytesOf(path.epoch);
      if (windowLeft <= 0) next = null;
      else if (!path.pacer.canSend(nowUs)) {
        this.pacedUntilUs = Math.max(nowUs + 1, path.pacer.readyAtUs);
        next = null;
      }
    }
    if (next === null && !mustAck && !hasControl && !isProbe) return 0;
    this.#begin(nowUs, path, out, this.#limitOf(path, isProbe));
    const ackBytes = mustAck || ack.ridesAlong(nowUs) ? this.#writeAck(nowUs) : 0;
    const writer = this.#writer;
    let flags = 0;
    if (!sent.isFull) {
      if (this.#writeControl(nowUs)) flags |= PacketFlag.prompt;
      if (next !== null) flags |= this.#writeMessages(nowUs, next as SendLane);
      if (isProbe || this.pingDue) {
        if ((flags & PacketFlag.prompt) === 0 && writer.ping(nowUs % 0x1_0000_0000)) {
          flags |= PacketFlag.prompt;
        }
        this.pingDue = false;
      }
      if (isProbe) this.probesLeft--;
    }
    if (writer.length === 0) {
      sent.abandon();
      return 0;
    }
    if (writer.length === ackBytes) this.ackOnly++;
    const isAll = next === null || scheduler.next(nowUs) === null;
    if (next !== null && isAll) flags |= PacketFlag.appLimited;
    this.isDrained = isAll && this.probesLeft === 0;
    // The last packet that the window allows asks for the answer that opens it again.
    this.isImmediate = isProbe || (windowLeft > 0 && windowLeft <= 2 * writer.length);
    return this.#finish(nowUs, path, flags);
  }

  /** A packet of a size that the path may or may not take. */
  mtuProbe(nowUs: number, path: Path, sizeBytes: number, out: Uint8Array): number {
    const length = Math.min(sizeBytes - UDP_OVERHEAD_BYTES, out.length);
    this.#begin(nowUs, path, out, length);
    this.#writer.ping(nowUs % 0x1_0000_0000);
    this.#writer.pad(length);
    this.#parts.sent.addControl(Control.mtuProbe, sizeBytes, path.epoch);
    this.isImmediate = true;
    return this.#finish(nowUs, path, PacketFlag.prompt | PacketFlag.mtuProbe);
  }

  /** A question whether the peer answers on a path, or the answer to its own: padded, since the size is asked for, too. */
  question(nowUs: number, path: Path, isAlone: boolean, out: Uint8Array): number {
    const padded = path.kind === "udp"
      ? Math.min(BASE_DATAGRAM_BYTES, path.questionBytes) - UDP_OVERHEAD_BYTES
      : path.maxPacketBytes;
    this.#begin(nowUs, path, out, padded);
    const writer = this.#writer;
    if (path.responseDue) {
      writer.response(path.responseHigh, path.responseLow);
      path.responseDue = false;
    }
    if (path.challengeAtUs <= nowUs) {
      const { random } = this.#parts;
      path.onChallengeSent(nowUs, random.u32(), random.u32(), isAlone);
      writer.challenge(path.challengeHigh, path.challengeLow);
    }
    if (path.kind === "udp") writer.pad(padded);
    path.onSaid(writer.length);
    this.isImmediate = false;
    // An answer is its acknowledgement; losing it is judged by asking again.
    return this.#finish(nowUs, path, 0);
  }

  /** The last packets. */
  close(nowUs: number, path: Path, code: number, text: string, out: Uint8Array): number {
    this.#begin(nowUs, path, out, this.#limitOf(path, true));
    this.#writer.close(code, text);
    this.isImmediate = false;
    return this.#finish(nowUs, path, 0);
  }

  #begin(nowUs: number, path: Path, out: Uint8Array, limitBytes: number): void {
    if (--this.#skipIn <= 0) {
      this.#nextNumber++;
      this.#skipIn = this.#drawSkip();
    }
    this.number = this.#nextNumber;
    this.#writer.reset(out, limitBytes);
    this.#parts.sent.begin(this.number, nowUs, path.epoch, 0);
  }

  #finish(nowUs: number, path: Path, flags: number): number {
    const { sent } = this.#parts;
    const bytes = this.#writer.length;
    const wireBytes = path.kind === "udp" ? bytes + UDP_OVERHEAD_BYTES : bytes;
    if (flags !== 0) sent.addFlags(flags);
    sent.commit(wireBytes);
    this.#nextNumber = this.number + 1;
    this.packetsSent++;
    this.bytesSent += wireBytes;
    this.lastSentAtUs = nowUs;
    if (flags !== 0 && (flags & PacketFlag.mtuProbe) === 0) {
      path.control.onSent(nowUs, wireBytes, sent.inFlightBytesOf(path.epoch));
      path.pacer.onSent(nowUs, wireBytes);
    }
    return bytes;
  }

  /** What the packet may have. One that must arrive has a size that passes everywhere: else no black hole is found. */
  #limitOf(path: Path, mustPass: boolean): number {
    if (path.mtu === null) return path.maxPacketBytes;
    const datagramBytes = mustPass ? BASE_DATAGRAM_BYTES : path.mtu.sizeBytes;
    return Math.min(path.maxPacketBytes, datagramBytes - UDP_OVERHEAD_BYTES);
  }

  #writeAck(nowUs: number): number {
    const { received, ack, sent } = this.#parts;
    const before = this.#writer.length;
    const delay = Math.min(UNKNOWN_ACK_DELAY - 1, Math.floor((nowUs - received.largestAtUs) / DELAY_UNIT_US));
    if (!this.#writer.ack(received, delay, -1)) return 0;
    sent.carriesAck(received.largest);
    ack.onAckSent(nowUs);
    this.acksSent++;
    return this.#writer.length - before;
  }

  /** Whether a lane has a credit or a skip to tell. */
  #controlWaits(): boolean {
    const { receivers, senders } = this.#parts.lanes;
    for (let i = 0; i < receivers.length; i++) if (receivers[i]?.creditDue === true) return true;
    for (let i = 0; i < senders.length; i++) if (senders[i]?.hasSkip === true) return true;
    return false;
  }

  /** Credits, skips, the report; true when one of them wants an answer. */
  #writeControl(nowUs: number): boolean {
    const { lanes, sent, report } = this.#parts;
    const writer = this.#writer;
    let wantsAnswer = false;
    for (let i = 0; i < lanes.receivers.length; i++) {
      const lane = lanes.receivers[i];
      if (lane === undefined || !lane.creditDue) continue;
      if (!writer.credit(lane.options.id, lane.messageLimit, lane.byteLimit / CREDIT_UNIT_BYTES)) break;
      lane.onCreditSent();
      sent.addControl(Control.credit, lane.messageLimit, lane.options.id);
      wantsAnswer = true;
    }
    for (let i = 0; i < lanes.senders.length; i++) {
      const lane = lanes.senders[i];
      if (lane === undefined || !lane.hasSkip) continue;
      const number = lane.pollSkip();
      if (number < 0 || !writer.skip(lane.id, number)) break;
      sent.addControl(Control.skip, number, lane.id);
      wantsAnswer = true;
    }
    if (this.reportAtUs <= nowUs) {
      report.onReport();
      const jitter = Math.min(0xffff, Math.round(report.jitterUs / DELAY_UNIT_US));
      const lag = Math.min(0xffff, Math.round(report.loopLagUs / DELAY_UNIT_US));
      writer.report(report.received, report.lost, jitter, lag);
      this.reportAtUs = Infinity;
    }
    return wantsAnswer;
  }

  /** Messages in the order of the scheduler, as many as fit. Returns the flags that they bring. */
  #writeMessages(nowUs: number, first: SendLane): number {
    const { lanes, sent, scheduler } = this.#parts;
    const writer = this.#writer;
    let flags = 0;
    let lane: SendLane | null = first;
    while (lane !== null) {
      const { id } = lane;
      if (lanes.mustTell(id)) {
        if (!lanes.writeOpen(writer, id)) break;
        sent.addControl(Control.open, 0, id);
        flags |= PacketFlag.prompt;
      }
      const deficit = scheduler.deficitOf(lane);
      const written = lane.fill(nowUs, writer, sent, deficit > 0 ? deficit : writer.remaining);
      if (written === 0) break;
      scheduler.onSent(lane, written);
      flags |= lanes.isReliable(id) ? PacketFlag.prompt : PacketFlag.lazy;
      if (writer.remaining < FULL_REST_BYTES) break;
      lane = scheduler.next(nowUs) as SendLane | null;
    }
    return flags;
  }

  #drawSkip(): number {
    return 1 + this.#parts.random.u32() % (2 * SKIP_ONE_IN);
  }
}
