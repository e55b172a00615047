// Runs a connection of lanes on a platform's clock and timers, for any carrier.
// Decides when packets are polled (once a turn for all that was sent in it, and after everything that came), when the
// next timer is due, and who is told that a lane may be writable. Never knows where a packet goes: its carrier does.

import {
  type CarrierHandlers,
  type CarrierSendOptions,
  type EndpointBudget,
  type FirstPath,
  type Lane,
  LaneConnection,
  LANES,
  type PathSink,
  SendRefusal,
  type SendStatus,
} from "../lanes/mod.ts";
import type { Platform, TimerHandle } from "../platform/mod.ts";

/** How late a timer may be: the shortest takes 2.1 ms in Deno (deno-platform research). */
const QUANTUM_US = 2_100;
/** How long an end in order waits for what was sent to be acknowledged. */
export const DRAIN_US = 900_000;

/** More messages than this, sent in one turn, do not all leave at its end: the sender is told that they queue. */
const TURN_MESSAGES = 64;

/** What a driver needs of its carrier. */
export interface LaneDriverHost {
  /** Whether a stream, where there is one, takes another packet. */
  isStreamReady(): boolean;
  /** The connection wrote a packet of `bytes` to the start of the driver's `frames`. */
  transmit(nowUs: number, bytes: number): void;
  /** Everything that could be sent, was. */
  onDriven(nowUs: number): void;
  /** When {@linkcode onDriven} is to be called at the latest; Infinity for never. */
  readonly dueUs: number;
  /** The peer closed the connection, or broke it. */
  onClosed(code: number, text: string): void;
}

/** What a driver's connection is made from. */
export interface LaneDriverOptions {
  readonly platform: Platform;
  readonly budget: EndpointBudget | undefined;
  /** Whom messages and reports are for; null before the carrier is opened. */
  handlers(): CarrierHandlers | null;
  /** The path that is proved already. */
  readonly path: FirstPath;
  readonly pathSink: PathSink;
  /** Where the frames of a packet are written. */
  readonly frames: Uint8Array;
  readonly host: LaneDriverHost;
}

/** Drives one connection. */
export class LaneDriver {
  /** The number of the last message that was taken, within its lane. */
  lastNumber = 0;
  #timer: TimerHandle | null = null;
  #timerAtUs = Infinity;
  #isFlushing = false;
  #isDriving = false;
  #isStopped = false;
  #writableWaits = false;
  /** What was sent last time could not all leave. */
  #hasBacklog = false;
  /** The time of this turn: a clock is read by a system call, and a program may send thousands of messages in one. */
  #turnUs = 0;

  readonly connection: LaneConnection;
  readonly #platform: Platform;
  readonly #handlers: () => CarrierHandlers | null;
  readonly #frames: Uint8Array;
  readonly #host: LaneDriverHost;

  constructor(options: LaneDriverOptions) {
    const { platform, budget, handlers, path, pathSink, frames, host } = options;
    this.#platform = platform;
    this.#handlers = handlers;
    this.#frames = frames;
    this.#host = host;
    this.connection = new LaneConnection({
      nowUs: platform.clock.nowUs(),
      random: platform.random.stream("transport/lanes"),
      quantumUs: QUANTUM_US,
      lanes: Object.values(LANES),
      sink: {
        onMessage: (lane, bytes, start, length) =>
          handlers()?.onPayload(lane, bytes.subarray(start, start + length)),
        onDelivered: (lane, number) => handlers()?.onFate?.(lane, number, "delivered"),
        onExpired: (lane, number) => handlers()?.onFate?.(lane, number, "expired"),
        onLost: (lane, number) => handlers()?.onFate?.(lane, number, "lost"),
        onWritable: () => {
          this.#writableWaits = true;
        },
        onOpened: (lane) => handlers()?.onOpened?.(lane),
        onClosed: (code, text) => host.onClosed(code, text),
      },
      pathSink,
      path,
      // The session's heartbeat is the sign of life; packets of their own would only double it.
      keepaliveUs: 0,
      silenceUs: 0,
    }, budget);
  }

  /** Takes a message; it leaves at the end of this turn. */
  send(lane: Lane, payload: Uint8Array, options?: CarrierSendOptions): SendStatus {
    if (!this.#isFlushing && !this.#isDriving) this.#turnUs = this.#nowUs();
    const result = this.connection.send(this.#turnUs, lane.id, payload, options);
    if (result < 0) return STATUS_OF_REFUSAL[-result] ?? "closed";
    this.lastNumber = result;
    this.flushLater();
    const isMany = this.#hasBacklog || this.connection.queuedMessages(lane.id) > TURN_MESSAGES;
    return isMany ? "queued" : "sent";
  }

  /** Whether nothing waits on the lane. Who asks in vain is told after every step that may change the answer. */
  isWritable(lane: Lane): boolean {
    if (this.connection.queuedMessages(lane.id) === 0) return true;
    this.#writableWaits = true;
    return false;
  }

  /** Everything that is sent in one turn goes out together. */
  flushLater(): void {
    if (this.#isFlushing || this.#isDriving) return;
    this.#isFlushing = true;
    this.#platform.timers.defer(() => {
      this.#isFlushing = false;
      this.drive();
    });
  }

  /** A packet came; see `LaneConnection.handlePacket`. Answers leave at once. */
  handlePacket(
    path: number,
    number: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    immediate: boolean,
  ): void {
    this.#isDriving = true;
    this.#turnUs = this.#nowUs();
    this.connection.handlePacket(this.#turnUs, path, number, bytes, start, end, immediate);
    this.#isDriving = false;
    this.drive();
  }

  /** Sends what is to be sent, and sees to the next deadline. */
  drive(): void {
    if (this.#isStopped || this.#isDriving) return;
    const nowUs = this.#nowUs();
    this.transmitAll(nowUs);
    this.#hasBacklog = this.connection.hasBacklog;
    if (this.#writableWaits) {
      this.#writableWaits = false;
      this.#handlers()?.onWritable();
    }
    this.#host.onDriven(nowUs);
    this.#arm();
  }

  /** Sends what may leave now. */
  transmitAll(nowUs: number): void {
    const { connection } = this;
    const host = this.#host;
    this.#isDriving = true;
    for (;;) {
      connection.streamReady = host.isStreamReady();
      const bytes = connection.pollPacket(nowUs, this.#frames);
      if (bytes === 0) break;
      host.transmit(nowUs, bytes);
    }
    this.#isDriving = false;
  }

  /** Does nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.connection.close(this.#nowUs());
  }

  #arm(): void {
    if (this.#isStopped) return;
    const atUs = Math.min(this.connection.pollTimeout()?.atUs ?? Infinity, this.#host.dueUs);
    // A timer that fires early asks again; only an earlier deadline needs a new one.
    if (atUs === Infinity || (this.#timer !== null && this.#timerAtUs <= atUs)) return;
    this.#timer?.cancel();
    this.#timerAtUs = atUs;
    this.#timer = this.#platform.timers.schedule(atUs, () => {
      this.#timer = null;
      this.connection.handleTimeout(this.#nowUs());
      this.drive();
    });
  }

  #nowUs(): number {
    return this.#platform.clock.nowUs();
  }
}

/** By the refusal's number without its sign. */
const STATUS_OF_REFUSAL: readonly (SendStatus | undefined)[] = (() => {
  const table: (SendStatus | undefined)[] = [];
  table[-SendRefusal.full] = "full";
  table[-SendRefusal.tooLarge] = "too-large";
  table[-SendRefusal.noCredit] = "no-credit";
  table[-SendRefusal.closed] = "closed";
  return table;
})();
