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
  type LaneConnection,
  type LaneId,
  type LaneOffer,
  LANES_VERSION,
  type LaneStats,
  PACKET_OVERHEAD_BYTES,
  PathId,
  type ProgramLane,
  type SendStatus,
} from "../lanes/mod.ts";
import type { IpEndpoint, Platform } from "../platform/mod.ts";
import { DEFAULT_MAX_FRAME_BYTES } from "../wire/mod.ts";
import { formatAddress } from "./address.ts";
import { DRAIN_US, LaneDriver } from "./lane_driver.ts";
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
  bytesSent = 0;
  bytesReceived = 0;
  readonly secure = true;
  readonly local: string;
  readonly maxPayloadBytes: number;
  /** The session's greeting says it in both directions; its packets go on as they are. */
  readonly offer: LaneOffer = { version: LANES_VERSION, udp: null };
  readonly #path: UdpPath;
  readonly #platform: Platform;
  readonly #driver: LaneDriver;
  #handlers: CarrierHandlers | null = null;
  #remote: string;
  /** Where the peer seems to be now; null while it is where it was. */
  #moved: IpEndpoint | null = null;
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
    const dueUs = (): number => this.#drainUntilUs;
    this.#driver = new LaneDriver({
      platform,
      budget,
      handlers: () => this.#handlers,
      path: {
        kind: "udp",
        maxPacketBytes: UdpPath.textBytes(MAX_UDP_BYTES),
        isLocal: isLoopback(path.remote),
      },
      pathSink: {
        onPath: () => this.#handlers?.onPath?.(this.path),
        onMoved: () => this.#useMoved(),
      },
      frames: path.text,
      host: {
        isStreamReady: () => false,
        transmit: (nowUs, bytes) => this.#transmit(nowUs, bytes),
        onDriven: (nowUs) => this.#onDriven(nowUs),
        onClosed: (code, text) => this.#onClosed(code, text),
        get dueUs() {
          return dueUs();
        },
      },
    });
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

  get #connection(): LaneConnection {
    return this.#driver.connection;
  }
  get lastNumber(): number {
    return this.#driver.lastNumber;
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
    return this.#isEnding ? "closed" : this.#driver.send(lane, payload, options);
  }

  isWritable(lane: Lane): boolean {
    return this.#driver.isWritable(lane) && !this.#isEnding;
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
    this.#driver.flushLater();
  }

  abort(error: HanaError | null): void {
    if (this.#isClosed) return;
    this.#isEnding = true;
    const nowUs = this.#nowUs();
    // Said once: whoever does not hear it falls silent for the peer's heartbeat.
    this.#connection.close(nowUs, CloseCode.done, "");
    this.#driver.transmitAll(nowUs);
    this.#finish(error);
  }

  // ── driving the connection ───────────────────────────────────────────────────────────────────────────────────

  #nowUs(): number {
    return this.#platform.clock.nowUs();
  }

  #onDriven(nowUs: number): void {
    const connection = this.#connection;
    const isDrained = this.#isEnding && (connection.isIdle || nowUs >= this.#drainUntilUs);
    if (isDrained && this.#drainUntilUs !== Infinity) {
      this.#drainUntilUs = Infinity;
      connection.close(nowUs, CloseCode.done, "");
      this.#driver.transmitAll(nowUs);
    }
    if (connection.isOver) this.#finish(this.#brokenBy);
  }

  #transmit(nowUs: number, bytes: number): void {
    const path = this.#path;
    if (path.isClosed) return;
    const { packetNumber, packetImmediate, packetPath } = this.#connection;
    const moved = packetPath === PathId.udpMoved ? this.#moved : null;
    const isSent = moved === null
      ? path.send(nowUs, packetNumber, bytes, packetImmediate)
      : path.sendTo(nowUs, moved, packetNumber, bytes, packetImmediate);
    if (isSent) this.bytesSent += bytes + PACKET_OVERHEAD_BYTES;
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
    this.#driver.handlePacket(isMoved ? PathId.udpMoved : PathId.udp, number, bytes, start, end, immediate);
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
    this.#driver.flushLater();
  }

  #finish(error: HanaError | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isEnding = true;
    this.#driver.stop();
    this.#path.close();
    this.#handlers?.onClose(error);
  }
}

/** Whether datagrams to it cross no cable. */
function isLoopback(address: IpEndpoint | null): boolean {
  return address !== null && (address.host.startsWith("127.") || address.host === "::1");
}

function urlOf(address: IpEndpoint | null): string {
  return address === null ? "udp://" : formatAddress({ kind: "udp", ...address });
}
