// Lanes over one stream: a frame is a lane number and a payload.
// Decides who goes first when the stream is slow (lower tiers, then lanes in turn) and what happens at each bound:
// reliable lanes refuse, unreliable ones drop their oldest. The stream's own reliability is no reason to queue
// stale modulation: lanes stay lossy by choice at the sender (research: lanes 4.14).

import { HanaError } from "../base/mod.ts";
import {
  type Carrier,
  type CarrierHandlers,
  type CarrierPath,
  type ConnectionStats,
  isReliable,
  type Lane,
  type LaneId,
  type LaneOffer,
  type LaneStats,
  newLaneStats,
  type ProgramLane,
  type SendStatus,
} from "../lanes/mod.ts";
import type { Link } from "./link.ts";

/** A lane's queue: a list with a moving head, compacted now and then. */
class LaneQueue {
  /** The turn in which the lane was served last. */
  servedInTurn = 0;
  #items: (Uint8Array | undefined)[] = [];
  #head = 0;

  constructor(readonly lane: Lane, readonly stats: LaneStats) {}

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
  /** Plain payloads alone: neither packets nor lanes of a program's own. */
  readonly offer: LaneOffer | null = null;
  readonly lastNumber = 0;
  readonly #queues: (LaneQueue | undefined)[] = [];
  /** The same queues without gaps. */
  readonly #served: LaneQueue[] = [];
  /** By lane; a peer may send on lanes on which we never do. */
  readonly #stats: (LaneStats | undefined)[] = [];
  #waiting = 0;
  #turn = 0;
  #ending = false;

  constructor(private readonly link: Link) {}

  get path(): CarrierPath {
    return { kind: "stream", remote: this.remote, why: "payloads go plain", isAsking: false, rttUs: null };
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
    return this.link.stats.bytesSent;
  }
  get bytesReceived(): number {
    return this.link.stats.bytesReceived;
  }

  get maxPayloadBytes(): number {
    return this.link.maxFrameBytes - 1;
  }

  open(handlers: CarrierHandlers): void {
    this.link.open({
      onOpen: () => this.handleOpen(handlers),
      onFrame: (frame) => this.handleFrame(frame, handlers),
      onWritable: () => this.handleWritable(handlers),
      // What waits still goes out: a peer that said goodbye early reads on until we end, too.
      onEnd: () => this.end(),
      onClose: (error) => {
        this.#ending = true;
        handlers.onClose(error);
      },
    });
  }

  /** The link is up. */
  handleOpen(handlers: CarrierHandlers): void {
    handlers.onOpen();
    this.#sendWaiting();
  }

  /** The link has room again. */
  handleWritable(handlers: CarrierHandlers): void {
    this.#sendWaiting();
    handlers.onWritable();
  }

  /** Hands all that waits to the link at once, whatever waits there: what follows goes another way. */
  flush(): void {
    while (this.#waiting > 0 && this.#sendNext());
  }

  useLanes(_peer: LaneOffer): void {}

  openLane({ name }: ProgramLane): Lane {
    throw new HanaError("unsupported", {
      what: `lane ${name} was not opened`,
      why: "payloads go plain here",
    });
  }

  queuedUs(_lane: Lane): number {
    return 0;
  }

  connectionStats(): ConnectionStats | null {
    return null;
  }

  send(lane: Lane, payload: Uint8Array): SendStatus {
    const queue = this.#queueOf(lane);
    if (this.#ending) return "closed";
    if (payload.length > this.maxPayloadBytes) {
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
    if (!queue.push(payload)) return "full";
    this.#waiting += queue.stats.queuedMessages - before;
    return "queued";
  }

  isWritable(lane: Lane): boolean {
    return !this.#ending && this.link.isOpen && this.#queueOf(lane).isEmpty;
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
    return this.#stats[lane] ??= newLaneStats();
  }

  /** A frame came: a lane's number and a payload. */
  handleFrame(frame: Uint8Array, handlers: CarrierHandlers): void {
    const lane = frame[0] as LaneId | undefined;
    if (lane === undefined) return;
    const stats = this.laneStats(lane);
    stats.receivedMessages++;
    stats.receivedBytes += frame.length - 1;
    handlers.onPayload(lane, frame.subarray(1));
  }

  #sendWaiting(): void {
    while (this.#waiting > 0 && this.link.canSend && this.#sendNext());
    if (this.#ending && this.#waiting === 0) this.link.end();
  }

  #sendNext(): boolean {
    const queue = this.#nextQueue();
    const payload = queue?.shift();
    if (queue === undefined || payload === undefined) return false;
    this.#waiting--;
    if (!this.link.sendFrame(queue.lane.id, payload)) return false;
    queue.stats.sentMessages++;
    queue.stats.sentBytes += payload.length;
    return true;
  }

  /** The lowest tier that has something; within a tier the lane that waits longest for its turn. */
  #nextQueue(): LaneQueue | undefined {
    let best: LaneQueue | undefined;
    for (const queue of this.#served) {
      if (queue.isEmpty) continue;
      if (
        best === undefined || queue.lane.tier < best.lane.tier ||
        (queue.lane.tier === best.lane.tier && queue.servedInTurn < best.servedInTurn)
      ) best = queue;
    }
    if (best !== undefined) best.servedInTurn = ++this.#turn;
    return best;
  }

  #queueOf(lane: Lane): LaneQueue {
    let queue = this.#queues[lane.id];
    if (queue === undefined) {
      queue = new LaneQueue(lane, this.laneStats(lane.id));
      this.#queues[lane.id] = queue;
      this.#served.push(queue);
    }
    return queue;
  }
}
