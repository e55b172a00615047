// One conversation of lanes with one peer, as a synchronous state machine over plaintext packets.
// Decides what the next packet carries and what a received one means. Never seals, never sees an address, a socket or a
// timer: input `handle…(nowUs, …)`, output `pollPacket`, `pollTimeout`; after every input the driver polls until 0.
// docs/lanes.md is the specification. Hot path: no allocation a packet or message.

import { CloseCode } from "../close_code.ts";
import type { Lane, LaneId, ProgramLane } from "../lane.ts";
import { LossDetector, PacketFlag, ReceivedPackets, SentPackets, type SentVisitor } from "../recovery/mod.ts";
import { AckPolicy, Eliciting } from "../recovery/mod.ts";
import type { EndpointBudget } from "../receiving/mod.ts";
import { SendRefusal } from "../refusal.ts";
import { Scheduler } from "../schedule/mod.ts";
import type { ConnectionStats, LaneStats } from "../stats.ts";
import { expand32, FRAME_BROKEN, FRAME_END, FrameReader, FrameType } from "../wire/mod.ts";
import { elicitingOf } from "./eliciting.ts";
import { connectionStats } from "./figures.ts";
import { LaneTable } from "./lane_table.ts";
import {
  CLOSE_INTERVAL_US,
  CLOSE_REPEATS,
  type ConnectionOptions,
  DEFAULT_KEEPALIVE_US,
  DEFAULT_MAX_ACK_DELAY_US,
  DEFAULT_SILENCE_US,
  type MessageOptions,
  REPORT_INTERVAL_US,
} from "./options.ts";
import { Control, PacketBuilder } from "./packet_builder.ts";
import { type Path, PathId, type PathKind, type PathReason } from "./path.ts";
import { PathSet } from "./path_set.ts";
import { PathWatch } from "./path_watch.ts";
import { ReceptionReport } from "./reception_report.ts";
import { Wakeups } from "./wakeups.ts";

/** A driver that comes this late was stalled itself: the peer's silence says nothing then (research: lanes 4.12). */
const STALLED_US = 250_000;
/** Why {@linkcode LaneConnection.pollTimeout} names a time. */
export type ConnectionDeadlineReason =
  | "ack"
  | "loss-time"
  | "pto"
  | "pacing"
  | "lane"
  | "path"
  | "mtu"
  | "congestion"
  | "keepalive"
  | "silence"
  | "report"
  | "close";

/** When to call {@linkcode LaneConnection.handleTimeout}. */
export interface ConnectionDeadline {
  readonly atUs: number;
  readonly reason: ConnectionDeadlineReason;
}

/** One connection. */
export class LaneConnection implements SentVisitor {
  /** The {@linkcode PathId} of the packet that `pollPacket` wrote last. */
  packetPath = 0;
  /** Whether the driver's stream takes a packet now; the driver sets it before it polls. */
  streamReady = true;

  readonly #options: ConnectionOptions;
  readonly #sink: ConnectionOptions["sink"];
  readonly #reader = new FrameReader();
  readonly #received = new ReceivedPackets();
  readonly #ack: AckPolicy;
  readonly #sent = new SentPackets();
  readonly #loss: LossDetector;
  readonly #scheduler = new Scheduler();
  readonly #lanes: LaneTable;
  readonly #paths: PathSet;
  readonly #builder: PacketBuilder;
  readonly #watch: PathWatch;
  readonly #report = new ReceptionReport();
  readonly #wakeups = new Wakeups();
  readonly #keepaliveUs: number;
  readonly #silenceUs: number;
  readonly #deadline: { atUs: number; reason: ConnectionDeadlineReason } = { atUs: 0, reason: "ack" };

  #nowUs: number;
  /** Set while the oldest packet is shown to its lanes for repair without being lost. */
  #isProbing = false;
  #keepaliveAtUs: number;
  #silentAtUs: number;
  #closeCode = 0;
  #closeText = "";
  #closesLeft = 0;
  #closeAtUs = Infinity;
  #isOver = false;
  /** The packet that was written last left nothing behind, and nothing came since: the next poll need not look. */
  #isDrained = false;

  #packetsReceived = 0;
  #bytesReceived = 0;
  #duplicates = 0;
  #peerReceived = 0;
  #peerLost = 0;

  constructor(options: ConnectionOptions, endpoint?: EndpointBudget) {
    const { nowUs } = options;
    this.#options = options;
    this.#sink = options.sink;
    this.#nowUs = nowUs;
    const maxLazyAckDelayUs = options.maxAckDelayUs ?? DEFAULT_MAX_ACK_DELAY_US;
    this.#ack = new AckPolicy({ lazyDelayUs: maxLazyAckDelayUs });
    this.#loss = new LossDetector(this.#sent, { quantumUs: options.quantumUs, maxLazyAckDelayUs });
    this.#lanes = new LaneTable(
      options.lanes,
      options.sink,
      this.#scheduler,
      options.firstMessageNumber ?? 0,
      endpoint,
    );
    this.#paths = new PathSet(options);
    this.#builder = new PacketBuilder(
      {
        sent: this.#sent,
        received: this.#received,
        ack: this.#ack,
        scheduler: this.#scheduler,
        lanes: this.#lanes,
        report: this.#report,
        random: options.random,
      },
      nowUs,
      options.firstPacketNumber ?? 0,
    );
    this.#watch = new PathWatch(this.#paths, this.#sent, this.#loss);
    const { active } = this.#paths;
    this.#loss.openPath(active.epoch, active.rtt, active.kind === "udp");
    this.#keepaliveUs = options.keepaliveUs ?? DEFAULT_KEEPALIVE_US;
    this.#silenceUs = options.silenceUs ?? DEFAULT_SILENCE_US;
    this.#keepaliveAtUs = this.#nextKeepaliveUs(nowUs);
    this.#silentAtUs = this.#silenceUs > 0 ? nowUs + this.#silenceUs : Infinity;
  }

  // ── calls of the application ─────────────────────────────────────────────────────────────────────────────────

  /**
   * Queues a copy of `bytes`. Never throws, never ends anything.
   * @returns the message's number within its lane, 0 or more, or a `SendRefusal`
   */
  send(nowUs: number, lane: number, bytes: Uint8Array, options?: MessageOptions): number {
    const sender = this.#lanes.sender(lane);
    if (sender === undefined || this.#closeCode !== 0) return SendRefusal.closed;
    this.#isDrained = false;
    if (options === undefined) return sender.push(nowUs, bytes, -1, 0, false);
    return sender.push(nowUs, bytes, options.key ?? -1, options.ttlUs ?? 0, options.report ?? false);
  }

  /** Opens a lane of the program's own. Throws `config` or `overloaded`. */
  openLane(options: ProgramLane): Lane {
    return this.#lanes.open(options);
  }

  /** Stops and goes on handing messages of a lane to the sink: a peer that may send no more learns it by its credit. */
  setReading(lane: number, isReading: boolean): void {
    this.#isDrained = false;
    const receiver = this.#lanes.receiver(lane);
    if (isReading) receiver?.resume();
    else receiver?.pause();
  }

  /** Ends the connection: the peer is told, nothing else is sent. */
  close(nowUs: number, code: number = CloseCode.done, text = ""): void {
    this.#isDrained = false;
    if (this.#closeCode !== 0) return;
    this.#closeCode = code;
    this.#closeText = text;
    this.#closesLeft = this.#paths.active.kind === "stream" ? 1 : CLOSE_REPEATS;
    this.#closeAtUs = nowUs;
    this.#lanes.close();
  }

  /** Whether nothing is sent or received any more. */
  get isOver(): boolean {
    return this.#isOver;
  }
  /** Whether all that was accepted has arrived, or was given up. */
  get isIdle(): boolean {
    return this.#lanes.isIdle;
  }
  /** The path that carries the lanes. */
  get path(): Path {
    return this.#paths.active;
  }
  /** Why it is that one. */
  get pathReason(): PathReason {
    return this.#paths.reason;
  }
  /** Whether anything waits on any lane. */
  get hasBacklog(): boolean {
    return this.#lanes.hasBacklog;
  }
  /** Messages that wait on a lane to be sent. */
  queuedMessages(lane: number): number {
    return this.#lanes.sender(lane)?.queuedMessages ?? 0;
  }

  /** How long a message that is sent now would wait before it leaves, in microseconds: bytes ahead by the rate. */
  queuedUs(lane: number): number {
    const { control, rtt } = this.#paths.active;
    const byWindow = control.windowBytes * 1_000_000 / Math.max(1, rtt.smoothedUs);
    return this.#lanes.queuedUs(lane, Math.min(control.rateBytesPerSecond, byWindow));
  }

  // ── paths ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A way to the peer that is to be proved; lanes move to it when it is, if it is better. */
  addPath(
    nowUs: number,
    id: number,
    kind: PathKind,
    maxPacketBytes: number,
    isLocal = false,
  ): void {
    this.#isDrained = false;
    this.#paths.add(nowUs, id, kind, maxPacketBytes, isLocal);
  }

  /** The stream ended. True when datagrams carry on. */
  handleStreamClosed(nowUs: number): boolean {
    this.#isDrained = false;
    const stream = this.#paths.get(PathId.stream);
    if (stream === null) return true;
    stream.usable = false;
    this.#loss.closePath(nowUs, stream.epoch, this);
    const udp = this.#paths.get(PathId.udp);
    if (udp === null || !udp.proved) return false;
    if (this.#paths.active === stream) this.#moveTo(nowUs, udp, "stream-closed");
    this.#builder.pingDue = true;
    return true;
  }

  // ── input ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The full number of a packet whose low 32 bits came. */
  expandNumber(number32: number): number {
    return expand32(number32, this.#received.largest + 1);
  }

  /** Whether a packet of this number is news. Ask before unsealing. */
  canAccept(number: number): boolean {
    return !this.#received.has(number);
  }

  /**
   * An authentic packet: frames in `bytes[start … end)`.
   * @param path the {@linkcode PathId} by which it came
   * @param number its full number
   * @param immediate whether it asks for an acknowledgement at once
   */
  handlePacket(
    nowUs: number,
    path: number,
    number: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    immediate = false,
  ): void {
    this.#isDrained = false;
    this.#nowUs = nowUs;
    if (this.#closeCode !== 0) return this.#handleLate(bytes, start, end);
    const received = this.#received;
    if (!received.insert(nowUs, number)) {
      this.#duplicates++;
      return;
    }
    this.#packetsReceived++;
    this.#bytesReceived += end - start;
    this.#report.onPacket(nowUs, number);
    if (this.#builder.reportAtUs === Infinity) this.#builder.reportAtUs = nowUs + REPORT_INTERVAL_US;
    if (this.#silenceUs > 0) this.#silentAtUs = nowUs + this.#silenceUs;
    const way = this.#paths.get(path);
    way?.onHeard(nowUs, end - start);
    const reader = this.#reader;
    reader.reset(bytes, start, end);
    let eliciting: number = Eliciting.none;
    for (let type = reader.next(); type !== FRAME_END; type = reader.next()) {
      if (type === FRAME_BROKEN) {
        return this.#refuse(CloseCode.malformed, `${reader.problem} at ${reader.offset}`);
      }
      const code = this.#handleFrame(nowUs, type, way, bytes);
      if (code !== 0) return this.#refuse(code, `frame at ${reader.offset}`);
      if (this.#isOver) return;
      eliciting = Math.max(eliciting, elicitingOf(type, this.#lanes.receiver(reader.lane)));
    }
    this.#ack.onPacket(nowUs, number, eliciting, immediate, received.outOfOrder, end - start);
  }

  /** Time passed: call it at or after {@linkcode pollTimeout}. */
  handleTimeout(nowUs: number): void {
    this.#isDrained = false;
    const deadline = this.pollTimeout();
    this.#nowUs = nowUs;
    if (deadline === null || nowUs < deadline.atUs) return;
    this.#wakeups.count(deadline.reason);
    const lateUs = nowUs - deadline.atUs;
    this.#report.onLate(lateUs);
    if (lateUs > STALLED_US && this.#silenceUs > 0) this.#silentAtUs = nowUs + this.#silenceUs;
    if (this.#closeCode !== 0) return;
    if (this.#loss.lossTimeUs <= nowUs) this.#loss.detectLost(nowUs, this);
    while (this.#loss.ptoAtUs <= nowUs) this.#handlePto(nowUs);
    if (this.#lanes.nextExpiryUs() <= nowUs) {
      this.#lanes.handleTimeout(nowUs, this.#paths.active.rtt.smoothedUs);
    }
    const { active } = this.#paths;
    const stream = this.#paths.liveStream;
    if (this.#watch.handleTimeout(nowUs, this) && stream !== null) {
      active.onFailed(nowUs);
      this.#moveTo(nowUs, stream, "silent");
    }
    if (active.control.nextTickUs <= nowUs) {
      active.control.handleTick(nowUs);
      active.pacer.setRate(this.#rateOf(active));
    }
    if (this.#keepaliveAtUs <= nowUs) {
      this.#builder.pingDue = true;
      this.#keepaliveAtUs = this.#nextKeepaliveUs(nowUs);
    }
    if (this.#silentAtUs <= nowUs) this.#end(CloseCode.silence, "nothing came from the peer");
    if (this.#builder.pacedUntilUs <= nowUs) this.#builder.pacedUntilUs = Infinity;
  }

  // ── output ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Writes the frames of the next packet to the start of `out`; their bytes, 0 when there is nothing to send now. */
  pollPacket(nowUs: number, out: Uint8Array): number {
    this.#nowUs = nowUs;
    if (this.#isOver) return 0;
    if (this.#closeCode !== 0) return this.#pollClose(nowUs, out);
    if (this.#isDrained) {
      this.#isDrained = false;
      return 0;
    }
    const builder = this.#builder;
    const asked = this.#paths.pollQuestion(nowUs);
    if (asked !== null) {
      this.packetPath = asked.id;
      return builder.question(nowUs, asked, this.#watch.isAlone(nowUs, asked), out);
    }
    const path = this.#paths.active;
    if (path.kind === "stream" && !this.streamReady) return 0;
    this.packetPath = path.id;
    const probeBytes = path.mtu === null || this.#sent.isFull ? 0 : path.mtu.pollProbe(nowUs);
    const bytes = probeBytes > 0
      ? builder.mtuProbe(nowUs, path, probeBytes, out)
      : builder.frames(nowUs, path, out);
    this.#isDrained = bytes > 0 && probeBytes === 0 && builder.isDrained;
    if (bytes > 0 && this.#keepaliveUs > 0) this.#keepaliveAtUs = this.#nextKeepaliveUs(nowUs);
    return bytes;
  }

  /** Of the packet that `pollPacket` wrote last: its number, and whether it asks for an answer at once. */
  get packetNumber(): number {
    return this.#builder.number;
  }
  get packetImmediate(): boolean {
    return this.#builder.isImmediate;
  }

  /** When to call {@linkcode handleTimeout}, and why; null for never. The object is reused. */
  pollTimeout(): ConnectionDeadline | null {
    if (this.#isOver) return null;
    const deadline = this.#deadline;
    deadline.atUs = Infinity;
    if (this.#closeCode !== 0) {
      this.#consider(this.#closeAtUs, "close");
      return deadline.atUs === Infinity ? null : deadline;
    }
    const { active } = this.#paths;
    this.#consider(this.#ack.dueAtUs, "ack");
    this.#consider(this.#loss.lossTimeUs, "loss-time");
    this.#consider(this.#loss.ptoAtUs, "pto");
    this.#consider(this.#builder.pacedUntilUs, "pacing");
    this.#consider(this.#lanes.nextExpiryUs(), "lane");
    this.#consider(this.#paths.nextQuestionUs(), "path");
    this.#consider(this.#watch.atUs, "path");
    if (active.mtu !== null && active.proved) this.#consider(active.mtu.nextAtUs, "mtu");
    this.#consider(active.control.nextTickUs, "congestion");
    this.#consider(this.#keepaliveAtUs, "keepalive");
    this.#consider(this.#silentAtUs, "silence");
    this.#consider(this.#builder.reportAtUs, "report");
    return deadline.atUs === Infinity ? null : deadline;
  }

  /** Counters of a lane, ours and the peer's of this number together. */
  laneStats(lane: LaneId | number): LaneStats {
    return this.#lanes.stats(lane);
  }

  /** Figures as they stand. */
  stats(): ConnectionStats {
    return connectionStats(this.#paths, this.#sent, this.#loss, this.#builder, {
      packetsReceived: this.#packetsReceived,
      bytesReceived: this.#bytesReceived,
      duplicates: this.#duplicates,
      peerLost: this.#peerLost,
      peerReceived: this.#peerReceived,
      wakeups: this.#wakeups.snapshot(),
    });
  }

  // ── told by the record of what was sent ──────────────────────────────────────────────────────────────────────

  /** Whole messages arrived or are lost; called by `SentPackets`. */
  onRun(lane: number, first: number, count: number, acked: boolean): void {
    if (this.#isProbing && !this.#lanes.isReliable(lane)) return;
    this.#lanes.sender(lane)?.onRun(first, count, acked, this.#nowUs);
  }

  /** A piece of a message arrived or is lost; called by `SentPackets`. */
  onPiece(lane: number, number: number, offset: number, length: number, acked: boolean): void {
    if (this.#isProbing && !this.#lanes.isReliable(lane)) return;
    this.#lanes.sender(lane)?.onPiece(number, offset, length, acked, this.#nowUs);
  }

  /** A control frame arrived or is lost; called by `SentPackets`. */
  onControl(kind: number, value: number, acked: boolean, detail: number): void {
    if (this.#isProbing && kind === Control.mtuProbe) return;
    if (kind === Control.credit && !acked) this.#lanes.receiver(detail)?.onCreditLost();
    else if (kind === Control.skip) this.#lanes.sender(detail)?.onSkip(value, acked);
    else if (kind === Control.open && acked) this.#lanes.onTold(detail);
    else if (kind === Control.mtuProbe) this.#paths.ofEpoch(detail)?.mtu?.onProbe(this.#nowUs, value, acked);
  }

  /** A packet arrived or is lost; called by `SentPackets`. */
  onPacket(
    _number: number,
    bytes: number,
    sentAtUs: number,
    epoch: number,
    flags: number,
    acked: boolean,
  ): void {
    const path = this.#paths.ofEpoch(epoch);
    if (path === null || (flags & PacketFlag.mtuProbe) !== 0) return;
    const inFlight = this.#sent.inFlightBytesOf(epoch);
    if (acked) {
      path.onAnswered();
      const appLimited = (flags & PacketFlag.appLimited) !== 0;
      path.control.onAcked(this.#nowUs, bytes, sentAtUs, path.rtt, inFlight, appLimited);
    } else path.control.onLost(this.#nowUs, bytes, sentAtUs);
    path.mtu?.onPacket(this.#nowUs, bytes, acked);
    path.pacer.setRate(this.#rateOf(path));
  }

  /** A packet counted as lost arrived after all; called by `SentPackets`. */
  onPacketSpurious(): void {}

  // ── frames that come ─────────────────────────────────────────────────────────────────────────────────────────

  #handleFrame(nowUs: number, type: number, way: Path | null, bytes: Uint8Array): number {
    const reader = this.#reader;
    if (type >= FrameType.data) {
      const lane = this.#lanes.receiver(reader.lane);
      if (lane === undefined) return CloseCode.unknownLane;
      const { number, key, fragmentOffset, total, payloadStart, payloadLength } = reader;
      return lane.handleData(nowUs, number, key, fragmentOffset, total, bytes, payloadStart, payloadLength);
    }
    switch (type) {
      case FrameType.ack:
      case FrameType.ackTimed:
        return this.#handleAck(nowUs);
      case FrameType.credit:
        return this.#lanes.handleCredit(reader);
      case FrameType.skip:
        return this.#lanes.receiver(reader.lane)?.handleSkip(reader.number) ?? CloseCode.unknownLane;
      case FrameType.open:
        return this.#lanes.handleOpen(reader);
      case FrameType.close:
        this.#end(reader.code, reader.text);
        return 0;
      case FrameType.challenge:
        if (way !== null) {
          way.responseDue = true;
          way.responseHigh = reader.high;
          way.responseLow = reader.low;
        }
        return 0;
      case FrameType.response:
        if (way !== null && way.handleResponse(nowUs, reader.high, reader.low)) this.#onProved(nowUs, way);
        return 0;
      case FrameType.report:
        this.#peerReceived = reader.received;
        this.#peerLost = reader.lost;
        return 0;
      default: // PING and PAD say nothing more.
        return 0;
    }
  }

  #handleAck(nowUs: number): number {
    const news = this.#loss.handleAck(nowUs, this.#reader, this);
    if (news < 0) return CloseCode.protocol;
    if (news > 0) this.#builder.probesLeft = 0;
    if (this.#sent.confirmedAck >= 0) this.#received.forgetBelow(this.#sent.confirmedAck + 1);
    return 0;
  }

  #handlePto(nowUs: number): void {
    const epoch = this.#loss.onPto(nowUs);
    const path = this.#paths.ofEpoch(epoch);
    if (path === null) return;
    path.ptoCount++;
    path.control.onPto(nowUs);
    this.#builder.probesLeft = 2;
    // The oldest packet's messages go out again although it is not lost yet: it saves a round trip when it is.
    this.#isProbing = true;
    this.#sent.revisitOldest(epoch, this);
    this.#isProbing = false;
  }

  /** After a close of ours only the peer's own CLOSE matters. */
  #handleLate(bytes: Uint8Array, start: number, end: number): void {
    const reader = this.#reader;
    reader.reset(bytes, start, end);
    for (let type = reader.next(); type !== FRAME_END && type !== FRAME_BROKEN; type = reader.next()) {
      if (type === FrameType.close) this.#isOver = true;
    }
  }

  #onProved(nowUs: number, path: Path): void {
    if (path.id === PathId.udpMoved) {
      const previous = this.#paths.get(PathId.udp);
      const adopted = this.#paths.adoptMoved();
      if (previous !== null) this.#loss.closePath(nowUs, previous.epoch, this);
      this.#options.pathSink?.onMoved();
      this.#moveTo(nowUs, adopted, "moved");
    } else if (path.kind === "udp" && path !== this.#paths.active) {
      this.#moveTo(nowUs, path, "proved");
    }
  }

  #moveTo(nowUs: number, path: Path, reason: PathReason): void {
    const before = this.#paths.active;
    this.#paths.activate(path, reason);
    if (path.kind === "udp") {
      path.rtt.reset();
      path.control.onPathChanged(nowUs);
      path.mtu?.onPathChanged(nowUs);
      path.pacer.setRate(this.#rateOf(path));
      this.#loss.openPath(path.epoch, path.rtt, true);
    } else this.#loss.openPath(path.epoch, path.rtt, false);
    // What a dead path carried comes again; a stream still delivers what it took, unless it is stuck.
    if (before.kind === "udp" && before !== path) this.#loss.closePath(nowUs, before.epoch, this);
    this.#builder.pacedUntilUs = Infinity;
    this.#options.pathSink?.onPath(path.id, path.kind, reason);
  }

  #pollClose(nowUs: number, out: Uint8Array): number {
    if (this.#closesLeft === 0 || nowUs < this.#closeAtUs) return 0;
    this.#closesLeft--;
    this.#closeAtUs = this.#closesLeft > 0 ? nowUs + CLOSE_INTERVAL_US : Infinity;
    this.#isOver = this.#closesLeft === 0;
    const path = this.#paths.active;
    this.packetPath = path.id;
    return this.#builder.close(nowUs, path, this.#closeCode, this.#closeText, out);
  }

  #consider(atUs: number, reason: ConnectionDeadlineReason): void {
    if (atUs >= this.#deadline.atUs) return;
    this.#deadline.atUs = atUs;
    this.#deadline.reason = reason;
  }

  #rateOf(path: Path): number {
    return Math.min(path.control.rateBytesPerSecond, this.#options.maxRateBytesPerSecond ?? Infinity);
  }

  /** Spread by a tenth, so that a hundred peers do not fall into step. */
  #nextKeepaliveUs(nowUs: number): number {
    if (this.#keepaliveUs === 0) return Infinity;
    return nowUs + Math.round(this.#keepaliveUs * (0.9 + 0.2 * this.#options.random.float()));
  }

  #refuse(code: number, text: string): void {
    this.close(this.#nowUs, code, text);
    this.#sink.onClosed(code, text);
  }

  #end(code: number, text: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#lanes.close();
    this.#sink.onClosed(code, text);
  }
}
