// Lanes over one stream: a frame is a lane number and a payload.
// Decides who goes first when the stream is slow (lower tiers, then lanes in turn) and what happens at each bound:
// reliable lanes refuse, unreliable ones drop their oldest. The stream's own reliability is no reason to queue
// stale modulation: lanes stay lossy by choice at the sender (research: lanes 4.14).

import type { HanaError } from "../base/mod.ts";
import {
  type Carrier,
  type CarrierHandlers,
  isReliable,
  type Lane,
  type LaneId,
  type LaneStats,
  type SendStatus,
} from "../lanes/mod.ts";
import type { Link } from "./link.ts";

/** A lane's queue: a list with a moving head, compacted now and then. */
class LaneQueue {
  readonly stats: LaneStats = {
    sentMessages: 0,
    sentBytes: 0,
    receivedMessages: 0,
    receivedBytes: 0,
    queuedMessages: 0,
    queuedBytes: 0,
    droppedOldest: 0,
    refusedFull: 0,
    refusedTooLarge: 0,
  };
  #items: (Uint8Array | undefined)[] = [];
  #head = 0;

  constructor(readonly lane: Lane) {}

  get isEmpty(): boolean {
    return this.stats.queuedMessages === 0;
  }

  /** Adds a copy of `payload`; false when the lane is at its bound and keeps every message. */
  push(payload: Uint8Array): boolean {
    const { stats, lane } = this;
    while (
      stats.queuedMessages > 0 &&
      (stats.queuedMessages >= lane.maxQueuedMessages ||
        stats.queuedBytes + payload.length > lane.maxQueuedBytes)
    ) {
      if (isReliable(lane.kind)) {
        stats.refusedFull++;
        return false;
      }
      this.shift();
      stats.droppedOldest++;
    }
    this.#items.push(payload.slice());
    stats.queuedMessages++;
    stats.queuedBytes += payload.length;
    return true;
  }

  shift(): Uint8Array | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#items[this.#head++] = undefined;
    this.stats.queuedMessages--;
    this.stats.queuedBytes -= item.length;
    if (this.#head === this.#items.length || this.#head >= 1024) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

/** Carries lanes over a link. */
export class StreamCarrier implements Carrier {
  readonly kind = "stream";
  readonly #queues: (LaneQueue | undefined)[] = [];
  /** The queues by tier, then by lane number: the order in which they are served. */
  #served: LaneQueue[] = [];
  #waiting = 0;
  #turn = 0;
  #handlers: CarrierHandlers | null = null;
  #refused = false;
  #ending = false;

  constructor(private readonly link: Link) {}

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
    return this.link.stats.bytesSent;
  }
  get bytesReceived(): number {
    return this.link.stats.bytesReceived;
  }

  open(handlers: CarrierHandlers): void {
    this.#handlers = handlers;
    this.link.open({
      onOpen: () => handlers.onOpen(),
      onFrame: (frame) => this.#onFrame(frame),
      onWritable: () => this.#onWritable(),
      onClose: (error) => handlers.onClose(error),
    });
  }

  send(lane: Lane, payload: Uint8Array): SendStatus {
    const queue = this.#queueOf(lane);
    if (this.#ending) return "closed";
    if (payload.length + 1 > this.link.maxFrameBytes) {
      queue.stats.refusedTooLarge++;
      return "too-large";
    }
    if (this.#waiting === 0 && this.link.canSend) {
      if (!this.link.sendFrame(lane.id, payload)) return "closed";
      queue.stats.sentMessages++;
      queue.stats.sentBytes += payload.length;
      return "sent";
    }
    const before = queue.stats.queuedMessages;
    if (!queue.push(payload)) {
      this.#refused = true;
      return "full";
    }
    this.#waiting += queue.stats.queuedMessages - before;
    return "queued";
  }

  isWritable(lane: Lane): boolean {
    return !this.#ending && this.link.canSend && this.#queueOf(lane).isEmpty;
  }

  end(): void {
    this.#ending = true;
    if (this.#waiting === 0) this.link.end();
  }

  abort(error: HanaError | null): void {
    this.#ending = true;
    this.link.abort(error);
  }

  laneStats(lane: LaneId): LaneStats {
    return this.#queues[lane]?.stats ?? new LaneQueue({ id: lane } as Lane).stats;
  }

  #onFrame(frame: Uint8Array): void {
    const lane = frame[0];
    if (lane === undefined) return;
    const queue = this.#queues[lane];
    if (queue !== undefined) {
      queue.stats.receivedMessages++;
      queue.stats.receivedBytes += frame.length - 1;
    }
    this.#handlers?.onPayload(lane as LaneId, frame.subarray(1));
  }

  #onWritable(): void {
    while (this.#waiting > 0 && this.link.canSend) {
      const queue = this.#nextQueue();
      const payload = queue?.shift();
      if (queue === undefined || payload === undefined) break;
      this.#waiting--;
      if (!this.link.sendFrame(queue.lane.id, payload)) break;
      queue.stats.sentMessages++;
      queue.stats.sentBytes += payload.length;
    }
    if (this.#waiting > 0) return;
    if (this.#ending) this.link.end();
    if (this.#refused || this.link.canSend) {
      this.#refused = false;
      this.#handlers?.onWritable();
    }
  }

  /** The lowest tier that has something; within a tier lanes take turns. */
  #nextQueue(): LaneQueue | undefined {
    const served = this.#served;
    this.#turn++;
    let best: LaneQueue | undefined;
    for (let i = 0; i < served.length; i++) {
      const queue = served[(i + this.#turn) % served.length];
      if (queue === undefined || queue.isEmpty) continue;
      if (best === undefined || queue.lane.tier < best.lane.tier) best = queue;
    }
    return best;
  }

  #queueOf(lane: Lane): LaneQueue {
    let queue = this.#queues[lane.id];
    if (queue === undefined) {
      queue = new LaneQueue(lane);
      this.#queues[lane.id] = queue;
      this.#served = [...this.#served, queue];
    }
    return queue;
  }
}
