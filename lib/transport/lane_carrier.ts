// Lanes to one peer over whatever leads there: the stream on which both greeted, and datagrams beside it.
// Decides when plain payloads give way to packets, runs the connection of lanes on the platform's clock and timers, and
// says which path is in use and why. Never knows messages; never decides what a packet carries (lib/lanes/connection).

import { HanaError } from "../base/mod.ts";
import {
  type Carrier,
  type CarrierHandlers,
  type CarrierPath,
  type CarrierSendOptions,
  CloseCode,
  closeCodeName,
  type ConnectionStats,
  type EndpointBudget,
  type Lane,
  type LaneConnection,
  type LaneId,
  type LaneOffer,
  LANES_VERSION,
  type LaneStats,
  PathId,
  type PathKind,
  type PathReason,
  type ProgramLane,
  type SendStatus,
  STREAM_PACKET_BYTES,
  STREAM_PACKET_MARK,
} from "../lanes/mod.ts";
import type { Platform } from "../platform/mod.ts";
import { DRAIN_US, LaneDriver, type LaneDriverHost } from "./lane_driver.ts";
import type { Link } from "./link.ts";
import { StreamCarrier } from "./stream_carrier.ts";
import { UdpBeside } from "./udp_beside.ts";
import type { UdpEndpoint } from "./udp/mod.ts";

/** What a carrier stands on. */
export interface LaneCarrierOptions {
  readonly platform: Platform;
  readonly side: "dialler" | "listener";
  /** The node's datagram sockets; null keeps all lanes on the stream. */
  readonly udp: UdpEndpoint | null;
  /** What all sessions of the node may keep in memory of unfinished messages. */
  readonly budget?: EndpointBudget;
  /** Why there are no datagram sockets, for people. */
  readonly whyNoUdp?: string;
  /** False never goes over to packets, whatever the peer can. */
  readonly packets?: boolean;
}

/** A packet's number stands before its frames on a stream. */
const NUMBER_BYTES = 4;
/** When the stream broke, datagrams must show within this time that the peer lives, in microseconds. */
const PROOF_OF_LIFE_US = 300_000;
const PATH_REASONS: Readonly<Record<PathReason, string>> = {
  first: "the stream is the first path",
  proved: "datagrams pass both ways",
  silent: "datagrams no longer pass",
  "stream-closed": "the stream ended, datagrams go on",
  moved: "the peer has another address",
};

/** Carries lanes over a link, and over datagrams where they pass. */
export class LaneCarrier implements Carrier {
  readonly #options: LaneCarrierOptions;
  readonly #plain: StreamCarrier;
  readonly #beside: UdpBeside | null;
  readonly #buffer = new Uint8Array(NUMBER_BYTES + STREAM_PACKET_BYTES);
  readonly #frames: Uint8Array = this.#buffer.subarray(NUMBER_BYTES);
  #driver: LaneDriver | null = null;
  #handlers: CarrierHandlers | null = null;
  /** We end: nothing is taken any more, what was taken still goes out until this time. */
  #drainUntilUs = Infinity;
  #ending = false;
  #closed = false;
  #linkEnded = false;
  /** The stream is gone for good, datagrams carry the lanes. */
  #isAlone = false;
  #saidClose = false;
  /** The stream broke; the peer must be heard by then. */
  #proofDueUs = Infinity;
  #brokenBy: HanaError | null = null;

  /** What the stream and the datagrams of this carrier are to its driver. */
  readonly #host: LaneDriverHost;

  constructor(private readonly link: Link, options: LaneCarrierOptions) {
    // Once the stream has ended nothing is drained any more: the link sees to its own end.
    const dueUs = (): number =>
      this.#linkEnded && !this.#isAlone ? this.#proofDueUs : Math.min(this.#drainUntilUs, this.#proofDueUs);
    this.#host = {
      isStreamReady: () => !this.#linkEnded && link.canSend,
      transmit: (nowUs, bytes) => this.#transmit(nowUs, bytes),
      onDriven: (nowUs) => this.#onDriven(nowUs),
      onClosed: (code, text) => this.#onClosed(code, text),
      get dueUs() {
        return dueUs();
      },
    };
    this.#options = options;
    this.#plain = new StreamCarrier(link);
    this.#beside = options.udp === null || !link.secure
      ? null
      : new UdpBeside(link, options.udp, options.side === "dialler", {
        onPacket: (nowPath, number, bytes, start, end, immediate) =>
          this.#onDatagram(nowPath, number, bytes, start, end, immediate),
        onMoved: () => this.#onNewAddress(),
      });
  }

  get #connection(): LaneConnection | null {
    return this.#driver?.connection ?? null;
  }

  get lastNumber(): number {
    return this.#driver?.lastNumber ?? 0;
  }
  get secure(): boolean {
    return this.link.secure;
  }
  get local(): string {
    return this.link.stream.local;
  }
  get remote(): string {
    return this.link.stream.remote;
  }
  get bytesSent(): number {
    return this.link.stats.bytesSent + (this.#beside?.bytesSent ?? 0);
  }
  get bytesReceived(): number {
    return this.link.stats.bytesReceived + (this.#beside?.bytesReceived ?? 0);
  }
  get maxPayloadBytes(): number {
    return this.link.maxFrameBytes - 1;
  }

  get path(): CarrierPath {
    const { remote } = this;
    const connection = this.#connection;
    if (connection === null) {
      return { kind: "stream", remote, why: "the peer takes plain payloads", isAsking: false, rttUs: null };
    }
    const { kind, rtt } = connection.path;
    return {
      kind,
      remote: kind === "udp" ? this.#beside?.remote ?? remote : remote,
      why: this.#whyPath(connection),
      isAsking: kind === "stream" && this.#beside !== null && this.#beside.hasPeer,
      rttUs: rtt.hasSample ? rtt.smoothedUs : null,
    };
  }

  get offer(): LaneOffer | null {
    if (this.#options.packets === false) return null;
    return { version: LANES_VERSION, udp: this.#beside?.offer() ?? null };
  }

  open(handlers: CarrierHandlers): void {
    this.#handlers = handlers;
    this.link.open({
      onOpen: () => this.#plain.handleOpen(handlers),
      onFrame: (frame) => {
        if (frame[0] === STREAM_PACKET_MARK) this.#onStreamPacket(frame);
        else this.#plain.handleFrame(frame, handlers);
      },
      onWritable: () => {
        if (this.#connection === null) this.#plain.handleWritable(handlers);
        else this.#driver?.drive();
      },
      onEnd: () => this.#onLinkEnd(),
      onClose: (error) => this.#onLinkClose(error),
    });
  }

  useLanes(peer: LaneOffer): void {
    if (this.#connection !== null || this.#options.packets === false || this.#closed) return;
    const { platform, budget } = this.#options;
    this.#plain.flush();
    const driver = new LaneDriver({
      platform,
      budget,
      handlers: () => this.#handlers,
      path: { kind: "stream", maxPacketBytes: STREAM_PACKET_BYTES },
      pathSink: {
        onPath: (id, kind) => this.#onPath(id, kind),
        onMoved: () => this.#beside?.useMoved(),
      },
      frames: this.#frames,
      host: this.#host,
    });
    this.#driver = driver;
    const beside = this.#beside;
    if (beside !== null && peer.udp !== null) {
      beside.meet(peer.udp, driver.connection);
      driver.connection.addPath(this.#nowUs(), PathId.udp, "udp", beside.maxTextBytes, beside.isLocal);
    }
    driver.flushLater();
  }

  send(lane: Lane, payload: Uint8Array, options?: CarrierSendOptions): SendStatus {
    if (this.#driver === null) return this.#plain.send(lane, payload);
    return this.#ending ? "closed" : this.#driver.send(lane, payload, options);
  }

  isWritable(lane: Lane): boolean {
    if (this.#driver === null) return this.#plain.isWritable(lane);
    return this.#driver.isWritable(lane) && !this.#ending;
  }

  openLane(options: ProgramLane): Lane {
    if (this.#connection !== null) return this.#connection.openLane(options);
    throw new HanaError("unsupported", {
      what: `lane ${options.name} was not opened`,
      why: "the peer takes the standard lanes alone",
      hint: "hana version    (on both machines)",
    });
  }

  queuedUs(lane: Lane): number {
    return this.#connection?.queuedUs(lane.id) ?? 0;
  }

  connectionStats(): ConnectionStats | null {
    return this.#connection?.stats() ?? null;
  }

  laneStats(lane: LaneId): LaneStats {
    return this.#connection?.laneStats(lane) ?? this.#plain.laneStats(lane);
  }

  end(): void {
    if (this.#ending || this.#closed) return;
    this.#ending = true;
    if (this.#driver === null) return this.#plain.end();
    this.#drainUntilUs = this.#nowUs() + DRAIN_US;
    this.#driver.flushLater();
  }

  abort(error: HanaError | null): void {
    this.#ending = true;
    this.#brokenBy ??= error;
    if (!this.#linkEnded) return this.link.abort(error);
    // No stream breaks, so that nothing else would tell the peer.
    if (this.#isAlone && !this.#closed && this.#driver !== null) this.#sayClose(this.#driver, this.#nowUs());
    this.#finish(error);
  }

  #whyPath({ path, pathReason }: LaneConnection): string {
    const beside = this.#beside;
    if (!this.link.secure) return "the peer is on this machine";
    if (beside === null) return this.#options.whyNoUdp ?? "no datagrams are configured";
    if (!beside.hasPeer) return "one of both takes no datagrams";
    if (path.kind === "stream" && pathReason === "first") return "no datagram came back yet";
    return PATH_REASONS[pathReason];
  }

  // ── driving the connection ───────────────────────────────────────────────────────────────────────────────────

  #nowUs(): number {
    return this.#options.platform.clock.nowUs();
  }

  #onDriven(nowUs: number): void {
    const driver = this.#driver;
    if (driver !== null && this.#ending && (!this.#linkEnded || this.#isAlone)) this.#maybeEnd(driver, nowUs);
    if (nowUs >= this.#proofDueUs) this.#finish(this.#brokenBy);
  }

  #transmit(nowUs: number, bytes: number): void {
    const connection = this.#connection;
    if (connection === null) return;
    const number = connection.packetNumber;
    if (connection.packetPath === PathId.stream) {
      const buffer = this.#buffer;
      buffer[0] = number >>> 24;
      buffer[1] = number >>> 16;
      buffer[2] = number >>> 8;
      buffer[3] = number;
      this.link.sendFrame(STREAM_PACKET_MARK, buffer.subarray(0, NUMBER_BYTES + bytes));
      return;
    }
    const isMoved = connection.packetPath === PathId.udpMoved;
    this.#beside?.transmit(nowUs, isMoved, number, this.#frames, bytes, connection.packetImmediate);
  }

  // ── what comes ───────────────────────────────────────────────────────────────────────────────────────────────

  #onStreamPacket(frame: Uint8Array): void {
    const driver = this.#driver;
    if (driver === null || frame.length < 1 + NUMBER_BYTES) {
      const what = `${this.remote} sent a packet of lanes that was not agreed on`;
      return this.abort(new HanaError("protocol", { what }));
    }
    const low = ((frame[1] ?? 0) * 0x100_0000) +
      (((frame[2] ?? 0) << 16) | ((frame[3] ?? 0) << 8) | (frame[4] ?? 0));
    const number = driver.connection.expandNumber(low);
    driver.handlePacket(PathId.stream, number, frame, 1 + NUMBER_BYTES, frame.length, false);
  }

  #onDatagram(
    path: number,
    number: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    immediate: boolean,
  ): void {
    if (this.#driver === null || this.#closed) return;
    this.#proofDueUs = Infinity;
    this.#driver.handlePacket(path, number, bytes, start, end, immediate);
  }

  #onNewAddress(): void {
    const beside = this.#beside;
    if (beside === null) return;
    this.#connection?.addPath(this.#nowUs(), PathId.udpMoved, "udp", beside.maxTextBytes);
  }

  #onPath(id: number, _kind: PathKind): void {
    if (id === PathId.udp) this.#beside?.useHeard();
    this.#handlers?.onPath?.(this.path);
  }

  // ── ends ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Once everything has arrived, or has had its time, both sides are told. */
  #maybeEnd(driver: LaneDriver, nowUs: number): void {
    const { connection } = driver;
    if (this.#saidClose) {
      // By datagrams alone it is said several times; the connection knows how often.
      if (connection.isOver) this.#finish(null);
      return;
    }
    if (!connection.isIdle && nowUs < this.#drainUntilUs) return;
    this.#drainUntilUs = Infinity;
    this.#sayClose(driver, nowUs);
    if (this.#isAlone) return;
    this.#linkEnded = true;
    this.link.end();
  }

  #sayClose(driver: LaneDriver, nowUs: number): void {
    this.#saidClose = true;
    driver.connection.close(nowUs, CloseCode.done, "");
    driver.transmitAll(nowUs);
  }

  /** The connection is over: the peer closed it, or broke it. */
  #onClosed(code: number, text: string): void {
    if (code === CloseCode.done) {
      this.#ending = true;
      this.#linkEnded = true;
      if (this.#isAlone) this.#options.platform.timers.defer(() => this.#finish(null));
      else this.link.end();
      return;
    }
    const why = text === "" ? closeCodeName(code) : `${closeCodeName(code)}: ${text}`;
    this.#brokenBy = new HanaError("protocol", {
      what: `${this.remote} and we do not understand each other`,
      why,
    });
    const { timers } = this.#options.platform;
    // CLOSE, if it is ours, still goes out.
    timers.defer(() => {
      this.#driver?.drive();
      this.abort(this.#brokenBy);
    });
  }

  #onLinkEnd(): void {
    if (this.#connection === null || this.#ending) {
      this.#linkEnded = this.#connection !== null;
      this.#ending = true;
      return this.#connection === null ? this.#plain.end() : this.link.end();
    }
    // A peer that ends in order says CLOSE before: this one died, or its stream was cut.
    if (!this.#goOnWithout(null)) return this.end();
    this.link.end();
  }

  #onLinkClose(error: HanaError | null): void {
    if (this.#isAlone || (!this.#closed && !this.#ending && this.#goOnWithout(error))) return;
    this.#finish(this.#brokenBy ?? error);
  }

  /** The stream is gone; true when datagrams may carry the session on. */
  #goOnWithout(error: HanaError | null): boolean {
    const connection = this.#connection;
    if (connection === null || this.#linkEnded) return false;
    const nowUs = this.#nowUs();
    if (!connection.handleStreamClosed(nowUs)) return false;
    this.#linkEnded = true;
    this.#isAlone = true;
    this.#brokenBy = error;
    this.#proofDueUs = nowUs + Math.max(PROOF_OF_LIFE_US, 8 * connection.path.rtt.smoothedUs);
    this.#driver?.flushLater();
    return true;
  }

  #finish(error: HanaError | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ending = true;
    this.#driver?.stop();
    this.#beside?.close();
    this.#handlers?.onClose(error);
  }
}
