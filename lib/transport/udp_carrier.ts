// Lanes to one peer over datagrams alone, where there is no stream: `udp:` addresses.
// Decides when packets go out and when the conversation is over, and follows a peer that has another address once that is
// proved. Never makes the handshake (udp/), never knows messages; never decides what a packet carries (lib/lanes).

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
  LaneConnection,
  type LaneId,
  type LaneOffer,
  LANES,
  LANES_VERSION,
  type LaneStats,
  PACKET_OVERHEAD_BYTES,
  PathId,
  type ProgramLane,
  type SendStatus,
} from "../lanes/mod.ts";
import type { IpEndpoint, Platform, TimerHandle } from "../platform/mod.ts";
import { DEFAULT_MAX_FRAME_BYTES } from "../wire/mod.ts";
import { formatAddress } from "./address.ts";
import { DRAIN_US, QUANTUM_US, statusOfRefusal } from "./lane_driving.ts";
import { MAX_UDP_BYTES, UdpPath } from "./udp/mod.ts";

/** What a carrier stands on. */
export interface UdpCarrierOptions {
  readonly platform: Platform;
  /** Where our socket is bound. */
  readonly local: IpEndpoint;
  /** What all sessions of the node may keep in memory of unfinished messages. */
  readonly budget?: EndpointBudget;
  /** As with streams: the largest payload is a byte less. */
  readonly maxFrameBytes?: number;
}

/** Carries lanes over a path that has had its handshake. */
export class UdpCarrier implements Carrier {
  lastNumber = 0;
  bytesSent = 0;
  bytesReceived = 0;
  readonly secure = true;
  readonly local: string;
  readonly maxPayloadBytes: number;
  /** The session's greeting says it in both directions; its packets go on as they are. */
  readonly offer: LaneOffer = { version: LANES_VERSION, udp: null };
  readonly #path: UdpPath;
  readonly #platform: Platform;
  readonly #connection: LaneConnection;
  #handlers: CarrierHandlers | null = null;
  #remote: string;
  /** Where the peer seems to be now; null while it is where it was. */
  #moved: IpEndpoint | null = null;
  #timer: TimerHandle | null = null;
  #timerAtUs = Infinity;
  #isFlushing = false;
  #isDriving = false;
  #writableWaits = false;
  /** We end: nothing is taken any more, what was taken still goes out until this time. */
  #drainUntilUs = Infinity;
  #isEnding = false;
  #isClosed = false;
  #brokenBy: HanaError | null = null;

  /** Takes `path` over; packets may follow at once. */
  constructor(path: UdpPath, options: UdpCarrierOptions) {
    const { platform, budget, local } = options;
    this.#path = path;
    this.#platform = platform;
    this.local = formatAddress({ kind: "udp", ...local });
    this.#remote = urlOf(path.remote);
    this.maxPayloadBytes = (options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES) - 1;
    this.#connection = new LaneConnection({
      nowUs: platform.clock.nowUs(),
      random: platform.random.stream("transport/lanes"),
      quantumUs: QUANTUM_US,
      lanes: Object.values(LANES),
      sink: {
        onMessage: (lane, bytes, start, length) =>
          this.#handlers?.onPayload(lane, bytes.subarray(start, start + length)),
        onDelivered: (lane, number) => this.#handlers?.onFate?.(lane, number, "delivered"),
        onExpired: (lane, number) => this.#handlers?.onFate?.(lane, number, "expired"),
        onLost: (lane, number) => this.#handlers?.onFate?.(lane, number, "lost"),
        onWritable: () => {
          this.#writableWaits = true;
        },
        onOpened: (lane) => this.#handlers?.onOpened?.(lane),
        onClosed: (code, text) => this.#onClosed(code, text),
      },
      pathSink: {
        onPath: () => this.#handlers?.onPath?.(this.path),
        onMoved: () => this.#useMoved(),
      },
      path: { kind: "udp", maxPacketBytes: UdpPath.textBytes(MAX_UDP_BYTES) },
      // The session's heartbeat is the sign of life; packets of their own would only double it.
      keepaliveUs: 0,
      silenceUs: 0,
    }, budget);
    path.setNumbers(this.#connection);
    path.setHandlers({
      onPacket: (number, bytes, start, end, from, wireBytes, immediate) =>
        this.#onPacket(number, bytes, start, end, from, wireBytes, immediate),
      onNewAddress: (address) => {
        this.#moved = address;
        const textBytes = UdpPath.textBytes(MAX_UDP_BYTES);
        this.#connection.addPath(this.#nowUs(), PathId.udpMoved, "udp", textBytes);
      },
    });
  }

  get remote(): string {
    return this.#remote;
  }

  get path(): CarrierPath {
    const { rtt } = this.#connection.path;
    const why = this.#connection.pathReason === "moved"
      ? "the peer has another address"
      : "the address is one of datagrams";
    return {
      kind: "udp",
      remote: this.#remote,
      why,
      isAsking: false,
      rttUs: rtt.hasSample ? rtt.smoothedUs : null,
    };
  }

  open(handlers: CarrierHandlers): void {
    this.#handlers = handlers;
    handlers.onOpen();
  }

  /** Packets go by datagrams from the start. */
  useLanes(_peer: LaneOffer): void {}

  send(lane: Lane, payload: Uint8Array, options?: CarrierSendOptions): SendStatus {
    if (this.#isEnding) return "closed";
    const result = this.#connection.send(this.#nowUs(), lane.id, payload, options);
    if (result < 0) return statusOfRefusal(result);
    this.lastNumber = result;
    this.#flushLater();
    return this.#connection.queuedMessages(lane.id) > 1 ? "queued" : "sent";
  }

  isWritable(lane: Lane): boolean {
    return !this.#isEnding && this.#connection.queuedMessages(lane.id) === 0;
  }

  openLane(options: ProgramLane): Lane {
    return this.#connection.openLane(options);
  }

  queuedUs(lane: Lane): number {
    return this.#connection.queuedUs(lane.id);
  }

  connectionStats(): ConnectionStats | null {
    return this.#connection.stats();
  }

  laneStats(lane: LaneId): LaneStats {
    return this.#connection.laneStats(lane);
  }

  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#drainUntilUs = this.#nowUs() + DRAIN_US;
    this.#flushLater();
  }

  abort(error: HanaError | null): void {
    if (this.#isClosed) return;
    this.#isEnding = true;
    const nowUs = this.#nowUs();
    // Said once: whoever does not hear it falls silent for the peer's heartbeat.
    this.#connection.close(nowUs, CloseCode.done, "");
    this.#transmitAll(nowUs);
    this.#finish(error);
  }

  // ── driving the connection ───────────────────────────────────────────────────────────────────────────────────

  #nowUs(): number {
    return this.#platform.clock.nowUs();
  }

  /** Everything that is sent in one turn goes out together. */
  #flushLater(): void {
    if (this.#isFlushing || this.#isDriving) return;
    this.#isFlushing = true;
    this.#platform.timers.defer(() => {
      this.#isFlushing = false;
      this.#drive();
    });
  }

  /** Sends what is to be sent, and sees to the next deadline. */
  #drive(): void {
    const connection = this.#connection;
    if (this.#isClosed || this.#isDriving) return;
    this.#isDriving = true;
    const nowUs = this.#nowUs();
    const isDrained = this.#isEnding && (connection.isIdle || nowUs >= this.#drainUntilUs);
    if (isDrained && this.#drainUntilUs !== Infinity) {
      this.#drainUntilUs = Infinity;
      connection.close(nowUs, CloseCode.done, "");
    }
    this.#transmitAll(nowUs);
    this.#isDriving = false;
    if (this.#writableWaits) {
      this.#writableWaits = false;
      this.#handlers?.onWritable();
    }
    if (connection.isOver) this.#finish(this.#brokenBy);
    else this.#arm();
  }

  #transmitAll(nowUs: number): void {
    const connection = this.#connection;
    const path = this.#path;
    if (path.isClosed) return;
    for (let bytes = 0; (bytes = connection.pollPacket(nowUs, path.text)) > 0;) {
      const moved = connection.packetPath === PathId.udpMoved ? this.#moved : null;
      const { packetNumber, packetImmediate } = connection;
      const isSent = moved === null
        ? path.send(nowUs, packetNumber, bytes, packetImmediate)
        : path.sendTo(nowUs, moved, packetNumber, bytes, packetImmediate);
      if (isSent) this.bytesSent += bytes + PACKET_OVERHEAD_BYTES;
    }
  }

  #arm(): void {
    const atUs = Math.min(this.#connection.pollTimeout()?.atUs ?? Infinity, this.#drainUntilUs);
    if (atUs === Infinity || (this.#timer !== null && this.#timerAtUs <= atUs)) return;
    this.#timer?.cancel();
    this.#timerAtUs = atUs;
    this.#timer = this.#platform.timers.schedule(atUs, () => {
      this.#timer = null;
      this.#connection.handleTimeout(this.#nowUs());
      this.#drive();
    });
  }

  // ── what comes ───────────────────────────────────────────────────────────────────────────────────────────────

  #onPacket(
    number: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    from: IpEndpoint,
    wireBytes: number,
    immediate: boolean,
  ): void {
    if (this.#isClosed) return;
    this.bytesReceived += wireBytes;
    const moved = this.#moved;
    const isMoved = moved !== null && moved.port === from.port && moved.host === from.host;
    this.#isDriving = true;
    this.#connection.handlePacket(
      this.#nowUs(),
      isMoved ? PathId.udpMoved : PathId.udp,
      number,
      bytes,
      start,
      end,
      immediate,
    );
    this.#isDriving = false;
    this.#drive();
  }

  #useMoved(): void {
    if (this.#moved === null) return;
    this.#path.useAddress(this.#moved);
    this.#remote = urlOf(this.#moved);
    this.#moved = null;
  }

  // ── ends ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The peer closed the connection, or broke it. */
  #onClosed(code: number, text: string): void {
    this.#isEnding = true;
    if (code !== CloseCode.done) {
      const why = text === "" ? closeCodeName(code) : `${closeCodeName(code)}: ${text}`;
      this.#brokenBy = new HanaError("protocol", {
        what: `${this.#remote} and we do not understand each other`,
        why,
      });
    }
    // CLOSE, if it is ours, still goes out.
    this.#flushLater();
  }

  #finish(error: HanaError | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isEnding = true;
    this.#timer?.cancel();
    this.#connection.close(this.#nowUs());
    this.#path.close();
    this.#handlers?.onClose(error);
  }
}

function urlOf(address: IpEndpoint | null): string {
  return address === null ? "udp://" : formatAddress({ kind: "udp", ...address });
}
