// The way that messages of shared state take between two ends: a lane of a session, or memory within one node.
// Decides the lanes' names and bounds, and how much may wait; never what a message means.

import { HanaError } from "../../base/mod.ts";
import type { ProgramLane, ReceivedLane } from "../../lanes/mod.ts";
import type { Timers } from "../../platform/mod.ts";
import type { LaneReceiver, OutgoingLane, Session } from "../../session/mod.ts";
import { MAX_MESSAGE_BYTES } from "../messages/mod.ts";

/** From a client to its host. */
export const STATE_LANE = "hana.state";
/** From the host to a client. */
export const NEWS_LANE = "hana.state.news";
/** From the host to a node that keeps a copy. */
export const COPY_LANE = "hana.state.copy";
/** From a node that keeps a copy to the host. */
export const COPIED_LANE = "hana.state.copied";

/** Bytes that may wait on one lane: a link with more is closed. The host stops filling it long before (limits.ts, W4). */
const MAX_QUEUED_BYTES = 8 * 1024 * 1024;
const MAX_QUEUED_MESSAGES = 65_536;
/**
 * Where so many bytes wait, the arrival of a message is asked for: a lane tells by itself that it has room only after it has
 * refused something, and whoever fills it stops long before.
 */
const TOLD_BYTES = 16_384;
const TOLD = { report: true } as const;

/** One end of a way for messages. */
export interface StateLink {
  /** Sends a copy of `bytes`. False where it is not taken: the link is over, or too much waits. */
  send(bytes: Uint8Array): boolean;
  /** Bytes that wait to go out. */
  readonly queuedBytes: number;
  /** Called when there may be less waiting. */
  onRoom: (() => void) | null;
  /** Ends it. */
  close(): void;
}

/** What the other end does. */
export interface StateLinkHandlers {
  /** `bytes` are valid during the call only. */
  onMessage(bytes: Uint8Array): void;
  /** The link is over. Called once, also after `close`. */
  onClosed(): void;
}

/** How a lane for state is opened. */
export function stateLane(name: string): ProgramLane {
  return {
    name,
    kind: "reliable-ordered",
    maxMessageBytes: MAX_MESSAGE_BYTES,
    maxQueuedBytes: MAX_QUEUED_BYTES,
    maxQueuedMessages: MAX_QUEUED_MESSAGES,
  };
}

/** A link over a session: a lane of ours, and one of the peer's. */
export class LaneLink implements StateLink {
  onRoom: (() => void) | null = null;
  readonly #lane: OutgoingLane;

  /** Throws `unsupported` where the session has no lanes, `overloaded` where it has too many. */
  constructor(readonly session: Session, name: string) {
    this.#lane = session.openLane(stateLane(name));
    this.#lane.onRoom = this.#lane.onFate = () => this.onRoom?.();
  }

  send(bytes: Uint8Array): boolean {
    const isMuch = this.#lane.queuedBytes + bytes.length >= TOLD_BYTES;
    return this.#lane.send(bytes, isMuch ? TOLD : undefined) >= 0;
  }

  get queuedBytes(): number {
    return this.#lane.queuedBytes;
  }

  /** The lane ends with its session, which is this link's own. */
  close(): void {
    void this.session.close("shared state");
  }
}

/** Passes what comes on a peer's lane to `handlers`. */
export function receiverOf(handlers: StateLinkHandlers): LaneReceiver {
  return {
    onMessage: (bytes) => handlers.onMessage(bytes),
    onClosed: () => handlers.onClosed(),
  };
}

/** Refuses a lane that is not made as ours are: another kind could lose or reorder. */
export function isStateLane({ kind }: ReceivedLane): boolean {
  return kind === "reliable-ordered";
}

/** Two ends within one process; what is sent arrives after the present call stack, in order. */
export class MemoryLink implements StateLink {
  onRoom: (() => void) | null = null;
  queuedBytes = 0;
  #peer: MemoryLink | null = null;
  #handlers: StateLinkHandlers | null = null;
  #isClosed = false;
  readonly #queue: Uint8Array[] = [];

  private constructor(private readonly timers: Timers) {}

  /** A pair; each end is to be given its handlers by {@linkcode attach}. */
  static pair(timers: Timers): [MemoryLink, MemoryLink] {
    const [a, b] = [new MemoryLink(timers), new MemoryLink(timers)];
    a.#peer = b;
    b.#peer = a;
    return [a, b];
  }

  /** From now on this end hears. */
  attach(handlers: StateLinkHandlers): void {
    if (this.#handlers !== null) throw new HanaError("internal", { what: "a link has one owner" });
    this.#handlers = handlers;
  }

  send(bytes: Uint8Array): boolean {
    const peer = this.#peer;
    if (this.#isClosed || peer === null) return false;
    if (this.queuedBytes + bytes.length > MAX_QUEUED_BYTES) return false;
    this.queuedBytes += bytes.length;
    this.#queue.push(bytes.slice());
    if (this.#queue.length === 1) this.timers.defer(() => this.#deliver(peer));
    return true;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const peer = this.#peer;
    this.timers.defer(() => {
      if (peer !== null) this.#deliver(peer);
      this.#handlers?.onClosed();
      if (peer === null || peer.#isClosed) return;
      peer.#isClosed = true;
      peer.#queue.length = 0;
      peer.#handlers?.onClosed();
    });
  }

  #deliver(peer: MemoryLink): void {
    const waiting = this.#queue.splice(0);
    this.queuedBytes = 0;
    for (const bytes of waiting) if (!peer.#isClosed) peer.#handlers?.onMessage(bytes);
    this.onRoom?.();
  }
}
