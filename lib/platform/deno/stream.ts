// One TCP or Unix connection: a read loop with one reusable buffer, one write at a time over partial writes,
// half-close both ways, abort.
// Decides when the connection is over and what its owner hears last. Never queues, never lets a promise reject
// unseen, and never lets an owner's exception stop it silently: that closes the stream with `internal`.

import { assert, HanaError } from "../../base/mod.ts";
import type { ByteStream, StreamHandlers } from "../mod.ts";
import type { CrashReporter } from "./crash.ts";
import { closedError } from "./stream_errors.ts";

/** What a connection of the runtime offers and this adapter uses. */
export interface SystemConnection {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

/** One read takes at most this much; larger buffers gain nothing (deno-platform research 2.1). */
const READ_BUFFER_BYTES = 64 * 1024;

/**
 * After a write failed the peer is gone, but what it sent before (a goodbye, perhaps) still waits in our receive
 * queue and ends with the end of the stream. A peer that shut down only its reading keeps us no longer than this.
 */
const DRAIN_MS = 250;

/**
 * A stream over a connection of the runtime.
 *
 * Limits of the runtime: `abort` closes the connection, which the peer sees as an end of the stream unless bytes
 * of its own were still unread (then as a reset); and while the system refuses to take a pending write,
 * descriptor and bytes stay until the peer reads or goes, for the runtime cannot take a write back.
 */
export class DenoStream implements ByteStream {
  readonly local: string;
  readonly remote: string;
  readonly #connection: SystemConnection;
  readonly #crashes: CrashReporter;
  #handlers: StreamHandlers | null = null;
  #closed = false;
  #readEnded = false;
  #writing = false;
  #writeEnding = false;
  #writeEnded = false;
  #paused = false;
  #wake: (() => void) | null = null;
  #failure: HanaError | null = null;
  #drainTimer: number | undefined;

  constructor(connection: SystemConnection, local: string, remote: string, crashes: CrashReporter) {
    this.#connection = connection;
    this.local = local;
    this.remote = remote;
    this.#crashes = crashes;
  }

  open(handlers: StreamHandlers): void {
    assert(this.#handlers === null, "a stream is opened once");
    this.#handlers = handlers;
    if (this.#closed) queueMicrotask(() => this.#tellClosed(handlers, null));
    else void this.#readLoop(handlers);
  }

  write(bytes: Uint8Array): void {
    assert(this.#handlers !== null, "a stream is opened before it is written to");
    assert(!this.#writing, "the last write is through before the next one starts");
    assert(!this.#writeEnding, "nothing is written after closeWrite");
    if (this.#closed || this.#failure !== null) return;
    this.#writing = true;
    void this.#writeAll(bytes, this.#handlers);
  }

  closeWrite(): void {
    if (this.#writeEnding) return;
    this.#writeEnding = true;
    if (!this.#writing && !this.#closed) void this.#endWrite();
  }

  abort(): void {
    if (this.#closed) return;
    this.#shut();
    const handlers = this.#handlers;
    if (handlers !== null) queueMicrotask(() => this.#tellClosed(handlers, null));
  }

  pauseReading(): void {
    this.#paused = true;
  }

  resumeReading(): void {
    this.#paused = false;
    this.#wakeReader();
  }

  async #readLoop(handlers: StreamHandlers): Promise<void> {
    const buffer = new Uint8Array(READ_BUFFER_BYTES);
    for (;;) {
      if (this.#paused) await this.#untilResumed();
      if (this.#closed) return;
      let count: number | null;
      try {
        count = await this.#connection.read(buffer);
      } catch (thrown) {
        this.#finish(this.#failure ?? closedError(thrown, this.remote));
        return;
      }
      // Bytes that came in during a pause are kept in the buffer until it ends.
      if (this.#paused) await this.#untilResumed();
      if (this.#closed) return;
      try {
        if (count === null) {
          this.#readEnded = true;
          handlers.onEnd();
          if (this.#failure !== null) this.#finish(this.#failure);
          else this.#maybeFinish();
          return;
        }
        handlers.onData(buffer.subarray(0, count));
      } catch (thrown) {
        this.#fault(thrown);
        return;
      }
    }
  }

  async #writeAll(bytes: Uint8Array, handlers: StreamHandlers): Promise<void> {
    try {
      if (bytes.length === 0) await null; // an empty write is through at once, but not inside the call
      let at = 0;
      while (at < bytes.length && !this.#closed) {
        at += await this.#connection.write(at === 0 ? bytes : bytes.subarray(at));
      }
    } catch (thrown) {
      this.#writing = false;
      this.#onWriteFailed(thrown);
      return;
    }
    this.#writing = false;
    if (this.#closed) return;
    try {
      handlers.onWritten();
    } catch (thrown) {
      this.#fault(thrown);
      return;
    }
    if (this.#writeEnding && !this.#writing && !this.#closed) await this.#endWrite();
  }

  async #endWrite(): Promise<void> {
    try {
      await this.#connection.closeWrite();
    } catch {
      // The peer is gone already; the read loop finds out why.
    }
    this.#writeEnded = true;
    this.#maybeFinish();
  }

  #onWriteFailed(thrown: unknown): void {
    if (this.#closed || this.#failure !== null) return;
    this.#failure = closedError(thrown, this.remote);
    const failure = this.#failure;
    if (this.#readEnded) this.#finish(failure);
    else this.#drainTimer = setTimeout(() => this.#finish(failure), DRAIN_MS);
  }

  #maybeFinish(): void {
    if (this.#readEnded && this.#writeEnded) this.#finish(null);
  }

  #fault(thrown: unknown): void {
    this.#finish(this.#crashes.record(thrown, `stream ${this.remote}`));
  }

  #finish(error: HanaError | null): void {
    if (this.#closed) return;
    this.#shut();
    if (this.#handlers !== null) this.#tellClosed(this.#handlers, error);
  }

  #tellClosed(handlers: StreamHandlers, error: HanaError | null): void {
    try {
      handlers.onClose(error);
    } catch (thrown) {
      this.#crashes.crash(thrown, `stream ${this.remote}`);
    }
  }

  #shut(): void {
    this.#closed = true;
    clearTimeout(this.#drainTimer);
    try {
      this.#connection.close();
    } catch {
      // Closed by the system already.
    }
    this.#wakeReader();
  }

  #untilResumed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #wakeReader(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
