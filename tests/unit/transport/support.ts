// What the tests of lib/transport share: a stream that does only what the test says, timers that run when told,
// a link that writes down what it hears, and pairs of them.

import type { HanaError } from "../../../lib/base/mod.ts";
import type { ByteStream, StreamHandlers, TimerHandle, Timers } from "../../../lib/platform/mod.ts";
import { Link, type LinkOptions } from "../../../lib/transport/mod.ts";

/** One end of a stream whose other end is the test. */
export class FakeStream implements ByteStream {
  readonly local = "tcp://10.0.0.1:1";
  /** Every write so far, copied when it came. */
  readonly writes: Uint8Array[] = [];
  /** Size of the memory behind the newest write. */
  lastCapacityBytes = 0;
  writing = false;
  writeEnded = false;
  aborted = false;
  paused = false;
  #handlers: StreamHandlers | null = null;
  /** What was handed over last, to see that it is left alone while it is written. */
  #held: { bytes: Uint8Array; copy: Uint8Array } | null = null;

  constructor(readonly remote = "tcp://10.0.0.2:2") {}

  open(handlers: StreamHandlers): void {
    if (this.#handlers !== null) throw new Error("opened twice");
    this.#handlers = handlers;
  }

  write(bytes: Uint8Array): void {
    if (this.writing) throw new Error("a second write before the first was through");
    if (this.writeEnded) throw new Error("a write behind the end");
    if (bytes.length === 0) throw new Error("an empty write");
    this.writing = true;
    this.#held = { bytes, copy: bytes.slice() };
    this.writes.push(bytes.slice());
    this.lastCapacityBytes = bytes.buffer.byteLength;
  }

  closeWrite(): void {
    if (this.writing) throw new Error("ended while a write was under way");
    this.writeEnded = true;
  }

  abort(): void {
    this.aborted = true;
  }

  pauseReading(): void {
    this.paused = true;
  }

  resumeReading(): void {
    this.paused = false;
  }

  /** The system has taken the write. */
  finishWrite(): void {
    const held = this.#held;
    if (!this.writing || held === null) throw new Error("nothing is being written");
    if (String(held.bytes) !== String(held.copy)) throw new Error("bytes changed while they were written");
    this.writing = false;
    this.#held = null;
    this.#handlers?.onWritten();
  }

  /** Takes writes until none is under way, at most `limit` of them. */
  finishAll(limit = 10_000): void {
    for (let i = 0; this.writing && i < limit; i++) this.finishWrite();
  }

  /** Bytes come from the peer; the buffer is spoilt afterwards, as a reused read buffer is. */
  feed(bytes: Uint8Array): void {
    const lent = bytes.slice();
    this.#handlers?.onData(lent);
    lent.fill(0xdd);
  }

  feedEnd(): void {
    this.#handlers?.onEnd();
  }

  feedClose(error: HanaError | null = null): void {
    this.#handlers?.onClose(error);
  }

  /** All bytes written so far. */
  get written(): Uint8Array {
    return Uint8Array.from(this.writes.flatMap((bytes) => [...bytes]));
  }
}

/** Timers that stand still until they are run. */
export class ManualTimers implements Timers {
  nowUs = 0;
  readonly #deferred: (() => void)[] = [];
  readonly #scheduled = new Set<{ atUs: number; run: () => void }>();

  /** Timers that wait. */
  get waiting(): number {
    return this.#scheduled.size;
  }

  schedule(atUs: number, callback: () => void): TimerHandle {
    const entry = { atUs, run: callback };
    this.#scheduled.add(entry);
    return { cancel: () => void this.#scheduled.delete(entry) };
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  /** Runs everything deferred, and what that defers. */
  flush(limit = 100_000): void {
    for (let i = 0; i < limit; i++) {
      const next = this.#deferred.shift();
      if (next === undefined) return;
      next();
    }
    throw new Error("deferred calls never end");
  }
}

/** A link with what it told. */
export class RecordedLink {
  readonly frames: string[] = [];
  /** Lengths of the frames, for tests that count bytes. */
  readonly lengths: number[] = [];
  opened = 0;
  writable = 0;
  ended = 0;
  closed = 0;
  error: HanaError | null = null;
  /** Called with each frame. */
  onFrame: ((payload: Uint8Array) => void) | null = null;
  /** Whether to end when the peer does, as owners do. */
  endsToo = true;
  readonly link: Link;

  constructor(stream: ByteStream, options: LinkOptions = { channel: null }) {
    this.link = new Link(stream, options);
  }

  open(): this {
    this.link.open({
      onOpen: () => this.opened++,
      onFrame: (payload) => {
        this.frames.push(new TextDecoder().decode(payload));
        this.lengths.push(payload.length);
        this.onFrame?.(payload);
      },
      onWritable: () => this.writable++,
      onEnd: () => {
        this.ended++;
        if (this.endsToo) this.link.end();
      },
      onClose: (error) => {
        this.closed++;
        this.error = error;
      },
    });
    return this;
  }

  /** Sends a text as a frame: its first character and the rest. */
  send(text: string): boolean {
    return this.link.sendFrame(text.charCodeAt(0), utf8(text.slice(1)));
  }
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
