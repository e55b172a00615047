// One end of a simulated stream: a reliable ordered pipe with a bounded window.
// Decides order, back pressure, retransmission after loss, and what a reset or a dead peer looks like.
// Models no congestion window: a piece takes the delay and the rate of the path, and one that is lost comes again
// after a retransmission timeout, with everything behind it waiting.

import { assert, HanaError } from "../../base/mod.ts";
import type { ByteStream, StreamHandlers } from "../mod.ts";
import { type Engine, MAX_PIECE_BYTES } from "./engine.ts";
import { digestBytes } from "./event_log.ts";
import type { ProcessCpu } from "./process_cpu.ts";
import { HELD, LOST } from "./link.ts";
import type { Held, ProcessEnd, ProcessLife } from "./process_life.ts";
import type { StreamPath } from "./stream_path.ts";

/** Bytes that may be under way or unread; then `onWritten` waits for the reader. */
export const WINDOW_BYTES = 256 * 1024;

/**
 * Linux's smallest retransmission timeout (RFC 6298 asks for 1 s), doubled at each try up to the largest. Linux goes up
 * to 120 s; hana gives a silent peer up long before, and a stall should end soon after the fault that made it.
 */
const FIRST_RETRY_US = 200_000;
const MAX_RETRY_US = 3_000_000;
/** Linux gives up after 924.6 s (tcp_retries2 = 15): four tries in the first 3 s, then one every 3 s. */
const MAX_RETRIES = 311;

/** How received bytes are cut for the owner: `whole` as much as there is, `random` anything from one byte up. */
export type StreamPieces = "whole" | "random";

/** A piece of the stream; null is its end. */
type Piece = Uint8Array | null;

/** What an end of a stream is made of. */
export interface StreamEnd {
  readonly engine: Engine;
  readonly life: ProcessLife;
  readonly local: string;
  readonly remote: string;
  readonly path: StreamPath;
  readonly pieces: StreamPieces;
  /** Whether the machine has power; without it nothing arrives and nothing is answered. */
  readonly isPowered: () => boolean;
}

/** One end. */
export class SimulatedStream implements ByteStream, Held {
  readonly local: string;
  readonly remote: string;
  readonly #engine: Engine;
  readonly #life: ProcessLife;
  readonly #cpu: ProcessCpu;
  readonly #path: StreamPath;
  readonly #pieces: StreamPieces;
  readonly #isPowered: () => boolean;
  #peer: SimulatedStream | null = null;
  #handlers: StreamHandlers | null = null;
  #closed = false;
  #closeError: HanaError | null = null;
  /** Nothing more is sent, not even again: this end was reset or lost power. */
  #dead = false;

  // Sending.
  #pending: Uint8Array | null = null;
  #pendingAt = 0;
  #acceptPlanned = false;
  #inFlight = 0;
  #nextSequence = 0;
  #lastArrivalUs = 0;
  #writeEnding = false;
  #writeEnded = false;

  // Receiving.
  #expected = 0;
  readonly #early = new Map<number, Piece>();
  #unread: Uint8Array[] = [];
  #endReceived = false;
  #readEnded = false;
  #paused = false;
  #deliverPlanned = false;

  constructor(end: StreamEnd) {
    this.#engine = end.engine;
    this.#life = end.life;
    this.#cpu = end.life.cpu;
    this.local = end.local;
    this.remote = end.remote;
    this.#path = end.path;
    this.#pieces = end.pieces;
    this.#isPowered = end.isPowered;
    this.#life.hold(this);
  }

  /** Ties both ends together. */
  static connect(a: SimulatedStream, b: SimulatedStream): void {
    a.#peer = b;
    b.#peer = a;
  }

  open(handlers: StreamHandlers): void {
    assert(this.#handlers === null, "a stream is opened once");
    this.#handlers = handlers;
    if (this.#closed) this.#engine.after(0, () => this.#planTellClosed(this.#closeError));
    else this.#planDelivery();
  }

  write(bytes: Uint8Array): void {
    assert(this.#handlers !== null, "a stream is opened before it is written to");
    assert(this.#pending === null, "the last write is through before the next one starts");
    assert(!this.#writeEnding, "nothing is written after closeWrite");
    if (this.#closed) return;
    this.#pending = bytes;
    this.#pendingAt = 0;
    this.#pump();
  }

  closeWrite(): void {
    if (this.#writeEnding) return;
    this.#writeEnding = true;
    if (this.#pending === null && !this.#closed) this.#sendEnd();
  }

  abort(): void {
    if (this.#closed) return;
    this.#reset();
    if (this.#handlers !== null) this.#engine.after(0, () => this.#planTellClosed(null));
  }

  pauseReading(): void {
    this.#paused = true;
  }

  resumeReading(): void {
    this.#paused = false;
    this.#planDelivery();
  }

  onProcessEnded(end: ProcessEnd): void {
    if (end === "killed" && !this.#closed) this.#reset();
    this.#closed = true;
    this.#dead = true;
  }

  // Sending -----------------------------------------------------------------------------------------------------

  #pump(): void {
    const pending = this.#pending;
    if (pending === null) return;
    while (this.#pendingAt < pending.length && this.#inFlight < WINDOW_BYTES) {
      const room = Math.min(WINDOW_BYTES - this.#inFlight, MAX_PIECE_BYTES);
      // Small pieces for small gaps in the window would never grow again (RFC 1122, 4.2.3.4).
      if (room < MAX_PIECE_BYTES && room < pending.length - this.#pendingAt) return;
      const piece = pending.slice(this.#pendingAt, this.#pendingAt + room);
      this.#pendingAt += piece.length;
      this.#inFlight += piece.length;
      this.#transmit(this.#nextSequence++, piece, 0);
    }
    if (this.#pendingAt < pending.length || this.#acceptPlanned) return;
    this.#acceptPlanned = true;
    this.#engine.after(0, () => this.#cpu.run(() => this.#onAccepted()));
  }

  #onAccepted(): void {
    this.#acceptPlanned = false;
    if (this.#closed) return;
    this.#pending = null;
    this.#call((handlers) => handlers.onWritten());
    if (this.#writeEnding && this.#pending === null && !this.#closed) this.#sendEnd();
  }

  #sendEnd(): void {
    if (this.#writeEnded) return;
    this.#writeEnded = true;
    this.#transmit(this.#nextSequence++, null, 0);
    if (this.#readEnded) this.#engine.after(0, () => this.#maybeFinish());
  }

  #transmit(sequence: number, piece: Piece, tries: number): void {
    if (this.#dead) return;
    const delayUs = this.#path.planUs(piece);
    if (delayUs === HELD) this.#path.hold(piece, (laterUs) => this.#launch(sequence, piece, tries, laterUs));
    else this.#launch(sequence, piece, tries, delayUs);
  }

  #launch(sequence: number, piece: Piece, tries: number, delayUs: number): void {
    if (delayUs === LOST) {
      this.#retryLater(sequence, piece, tries);
      return;
    }
    const atUs = Math.max(this.#engine.nowUs + delayUs, this.#lastArrivalUs);
    this.#lastArrivalUs = atUs;
    this.#engine.at(atUs, () => this.#arrive(sequence, piece, tries));
  }

  #arrive(sequence: number, piece: Piece, tries: number): void {
    // What was sent before this end went down is under way all the same.
    const peer = this.#peer;
    if (peer === null) return;
    if (!peer.#isPowered()) this.#retryLater(sequence, piece, tries);
    else if (peer.#dead || (peer.#closed && !peer.#writeEnded)) this.#resetByPeer();
    else peer.#receive(sequence, piece);
  }

  #retryLater(sequence: number, piece: Piece, tries: number): void {
    this.#log("stream-retry", piece === null ? 0 : piece.length);
    if (tries >= MAX_RETRIES) {
      this.#dead = true;
      this.#finish(new HanaError("closed", { what: `connection to ${this.remote} ended`, why: "timed out" }));
      return;
    }
    const waitUs = Math.min(FIRST_RETRY_US * 2 ** tries, MAX_RETRY_US);
    this.#engine.after(waitUs, () => this.#transmit(sequence, piece, tries + 1));
  }

  /** The reader took `count` bytes. */
  #acknowledge(count: number): void {
    const sender = this.#peer;
    if (sender === null) return;
    // Only a waiting writer can tell when the acknowledgement comes, so only then does it cost an event.
    if (sender.#pending === null || sender.#pendingAt >= sender.#pending.length) {
      sender.#inFlight -= count;
      return;
    }
    const delayUs = this.#path.planUs(null);
    if (delayUs === HELD) this.#path.hold(null, (laterUs) => this.#acknowledgeIn(sender, count, laterUs));
    else this.#acknowledgeIn(sender, count, delayUs);
  }

  #acknowledgeIn(sender: SimulatedStream, count: number, delayUs: number): void {
    if (delayUs === LOST) this.#engine.after(FIRST_RETRY_US, () => this.#acknowledge(count));
    else {
      this.#engine.after(delayUs, () => {
        if (sender.#closed) return;
        sender.#inFlight -= count;
        sender.#pump();
      });
    }
  }

  // Receiving ---------------------------------------------------------------------------------------------------

  #receive(sequence: number, piece: Piece): void {
    this.#early.set(sequence, piece);
    for (;;) {
      const next = this.#early.get(this.#expected);
      if (next === undefined) break;
      this.#early.delete(this.#expected++);
      if (next === null) this.#endReceived = true;
      else this.#unread.push(next);
    }
    if (this.#cpu.isFree) this.#deliver();
    else this.#deliverLater();
  }

  #planDelivery(): void {
    if (this.#deliverPlanned || (this.#unread.length === 0 && !this.#endReceived)) return;
    this.#deliverPlanned = true;
    this.#engine.after(0, () => {
      this.#deliverPlanned = false;
      if (this.#cpu.isFree) this.#deliver();
      else this.#deliverLater();
    });
  }

  /** The host does not run now: what came waits in its system, and the sender for its window. */
  #deliverLater(): void {
    if (this.#deliverPlanned) return;
    this.#deliverPlanned = true;
    this.#cpu.run(() => {
      this.#deliverPlanned = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    if (this.#closed || this.#paused || this.#handlers === null || this.#readEnded) return;
    if (this.#unread.length > 0) {
      const bytes = this.#takeUnread();
      this.#log("stream", bytes.length, digestBytes(bytes));
      const lent = this.#engine.lend(bytes);
      this.#call((handlers) => handlers.onData(lent));
      this.#engine.takeBack(lent);
      this.#acknowledge(bytes.length);
      this.#planDelivery();
      return;
    }
    if (!this.#endReceived) return;
    this.#readEnded = true;
    this.#log("end", 0);
    this.#call((handlers) => handlers.onEnd());
    this.#maybeFinish();
  }

  /** What one read of the system returns: everything that is there, up to the size of its buffer. */
  #takeUnread(): Uint8Array {
    let length = 0;
    for (const piece of this.#unread) length += piece.length;
    let limit = Math.min(length, MAX_PIECE_BYTES);
    if (this.#pieces === "random") limit = 1 + (this.#engine.random.stream("stream/pieces").u32() % limit);
    const first = this.#unread[0];
    if (first !== undefined && first.length === limit) {
      this.#unread.shift();
      return first;
    }
    const taken = new Uint8Array(limit);
    let at = 0;
    while (at < limit) {
      const piece = this.#unread[0];
      if (piece === undefined) break;
      const count = Math.min(piece.length, limit - at);
      taken.set(piece.subarray(0, count), at);
      at += count;
      if (count === piece.length) this.#unread.shift();
      else this.#unread[0] = piece.subarray(count);
    }
    return taken;
  }

  // Ending ------------------------------------------------------------------------------------------------------

  /** Ends this end at once and sends a reset, which nobody repeats if it is lost. */
  #reset(): void {
    this.#closed = true;
    this.#dead = true;
    this.#drop();
    const delayUs = this.#path.planUs(null);
    if (delayUs === HELD) this.#path.hold(null, (laterUs) => this.#resetIn(laterUs));
    else this.#resetIn(delayUs);
  }

  #resetIn(delayUs: number): void {
    const peer = this.#peer;
    if (delayUs === LOST || peer === null) return;
    this.#engine.at(Math.max(this.#engine.nowUs + delayUs, this.#lastArrivalUs), () => {
      if (peer.#isPowered()) peer.#resetByPeer();
    });
  }

  #resetByPeer(): void {
    if (this.#closed) return;
    this.#dead = true;
    this.#log("reset", 0);
    this.#finish(
      new HanaError("closed", {
        what: `connection to ${this.remote} ended`,
        why: "Connection reset by peer",
      }),
    );
  }

  #maybeFinish(): void {
    if (this.#readEnded && this.#writeEnded) this.#finish(null);
  }

  #finish(error: HanaError | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closeError = error;
    this.#drop();
    this.#planTellClosed(error);
  }

  #drop(): void {
    this.#life.drop(this);
    this.#unread = [];
    this.#early.clear();
    this.#pending = null;
  }

  #call(run: (handlers: StreamHandlers) => void): void {
    if (this.#handlers === null || this.#closed) return;
    try {
      run(this.#handlers);
    } catch (thrown) {
      const error = this.#engine.fault(thrown, `stream ${this.remote} on ${this.#life.hostName}`);
      this.#reset();
      this.#tellClosed(error);
    }
  }

  #planTellClosed(error: HanaError | null): void {
    if (this.#cpu.isFree) this.#tellClosed(error);
    else this.#cpu.run(() => this.#tellClosed(error));
  }

  #tellClosed(error: HanaError | null): void {
    if (this.#handlers === null || !this.#life.alive) return;
    try {
      this.#handlers.onClose(error);
    } catch (thrown) {
      this.#engine.crash(thrown, `stream ${this.remote} on ${this.#life.hostName}`);
    }
  }

  #log(kind: "stream" | "stream-retry" | "end" | "reset", bytes: number, payload = 0): void {
    this.#engine.log.record(this.#engine.nowUs, kind, this.#life.hostName, this.remote, bytes, payload);
  }
}
