// Lanes that programs open beside the standard ones: bytes with a delivery guarantee, and no schema.
// Decides which receiver a lane of the peer belongs to and whom a report concerns; never how a guarantee is kept
// (lib/lanes). A lane that nobody wants is read and dropped, counted.

import { HanaError } from "../base/mod.ts";
import {
  type Carrier,
  type CarrierSendOptions,
  type Lane,
  type LaneId,
  type LaneStats,
  type PayloadFate,
  type ProgramLane,
  type ReceivedLane,
  SendRefusal,
  type SendStatus,
} from "../lanes/mod.ts";

/** Takes the messages of one lane of the peer. */
export interface LaneReceiver {
  /** A message; its bytes are valid during the call only. */
  onMessage(bytes: Uint8Array): void;
  /** The session is over. */
  onClosed?(): void;
}

/** Who wants a lane that a peer opened; null when nobody does. */
export type LaneAcceptor<Sender> = (lane: ReceivedLane, from: Sender) => LaneReceiver | null;

/** A lane that this side opened. */
export class OutgoingLane {
  #waiting: (() => void)[] = [];
  #isClosed = false;
  /** Told what became of messages that were sent with `report`. */
  onFate: ((number: number, fate: PayloadFate) => void) | null = null;
  /** Told when there may be room again, or the session is over. */
  onRoom: (() => void) | null = null;

  constructor(readonly lane: Lane, private readonly carrier: Carrier) {}

  /**
   * Sends a copy of `bytes`; returns at once: the message's number, 0 or more, or a `SendRefusal` below 0.
   * @param options key, time to live in microseconds, whether `onFate` is to be told
   */
  send(bytes: Uint8Array, options?: CarrierSendOptions): number {
    if (this.#isClosed) return SendRefusal.closed;
    const status = this.carrier.send(this.lane, bytes, options);
    return status === "sent" || status === "queued" ? this.carrier.lastNumber : REFUSALS[status];
  }

  /** How long a message that is sent now would wait, in microseconds, as far as known. */
  get queuedUs(): number {
    return this.carrier.queuedUs(this.lane);
  }
  /** Whether nothing waits. */
  get isWritable(): boolean {
    return !this.#isClosed && this.carrier.isWritable(this.lane);
  }
  /** Bytes that wait to be sent for the first time. */
  get queuedBytes(): number {
    return this.carrier.laneStats(this.lane.id).queuedBytes;
  }
  /** Counters, drops by reason. */
  get stats(): LaneStats {
    return { ...this.carrier.laneStats(this.lane.id) };
  }

  /** Resolves when nothing waits on the lane; rejects with `closed` when the session ends first. */
  async writable(): Promise<void> {
    while (!this.isWritable) {
      if (this.#isClosed) {
        throw new HanaError("closed", { what: `lane ${this.lane.name}: the session is over` });
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** The carrier may take more, or is gone; called by the session. */
  handleWritable(isClosed: boolean): void {
    this.#isClosed ||= isClosed;
    this.onRoom?.();
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

const REFUSALS: Readonly<Record<Exclude<SendStatus, "sent" | "queued">, number>> = {
  full: SendRefusal.full,
  "no-credit": SendRefusal.noCredit,
  "too-large": SendRefusal.tooLarge,
  closed: SendRefusal.closed,
};

/** The program's own lanes of one session. */
export class ProgramLanes<Sender> {
  /** Messages on lanes of the peer that nobody wants. */
  unwanted = 0;
  readonly #outgoing = new Map<LaneId, OutgoingLane>();
  readonly #receivers = new Map<LaneId, LaneReceiver>();

  constructor(
    private readonly carrier: Carrier,
    private readonly owner: Sender,
    private readonly accept: LaneAcceptor<Sender> | null,
  ) {}

  /** Opens a lane. Throws `unsupported` where the peer or the carrier has no packets, `overloaded` at the bound. */
  open(options: ProgramLane): OutgoingLane {
    const opened = new OutgoingLane(this.carrier.openLane(options), this.carrier);
    this.#outgoing.set(opened.lane.id, opened);
    return opened;
  }

  /** The peer opened a lane. */
  handleOpened(lane: ReceivedLane): void {
    const receiver = this.accept?.(lane, this.owner) ?? null;
    if (receiver !== null) this.#receivers.set(lane.id, receiver);
  }

  /** A message came on a lane of the peer's own. */
  handlePayload(lane: LaneId, bytes: Uint8Array): void {
    const receiver = this.#receivers.get(lane);
    if (receiver === undefined) this.unwanted++;
    else receiver.onMessage(bytes);
  }

  /** What became of a message of ours; false when the lane is none of these. */
  handleFate(lane: LaneId, number: number, fate: PayloadFate): boolean {
    const outgoing = this.#outgoing.get(lane);
    outgoing?.onFate?.(number, fate);
    return outgoing !== undefined;
  }

  /** Lanes may have room again. */
  handleWritable(): void {
    for (const lane of this.#outgoing.values()) lane.handleWritable(false);
  }

  /** The session is over. */
  handleClosed(): void {
    for (const lane of this.#outgoing.values()) lane.handleWritable(true);
    for (const receiver of this.#receivers.values()) receiver.onClosed?.();
    this.#receivers.clear();
  }
}
