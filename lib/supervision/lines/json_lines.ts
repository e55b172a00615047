// JSON objects, one a line, over a byte stream: how shims, daemons and programs talk on one machine.
// Decides where a line ends, how long one may be, and what waits to be written; never what a line means.
// A line that is too long or no object ends the connection: nobody can say where the next one begins.

import { HanaError } from "../../base/mod.ts";
import type { ByteStream } from "../../platform/mod.ts";

/** What a connection tells its owner. */
export interface LineHandlers {
  /** A line came: an object, as JSON gives it. */
  onObject(value: Readonly<Record<string, unknown>>): void;
  /** Nothing more comes: null after an end in order, else why. Told once. */
  onClose(error: HanaError | null): void;
}

/** Bounds of a connection, in bytes. */
export interface LineLimits {
  readonly maxLineBytes: number;
  /** What may wait to be written; more is refused. */
  readonly maxWaitingBytes: number;
}

const NEWLINE = 10;

/** Lines of JSON over a stream. */
export class JsonLines {
  /** Objects that found no room. */
  refused = 0;
  readonly #stream: ByteStream;
  readonly #handlers: LineHandlers;
  readonly #limits: LineLimits;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  readonly #encoder = new TextEncoder();
  #part: Uint8Array = new Uint8Array(0);
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  #isClosing = false;
  #isClosed = false;
  #failure: HanaError | null = null;

  /** Takes the stream over and starts reading. */
  constructor(stream: ByteStream, limits: LineLimits, handlers: LineHandlers) {
    this.#stream = stream;
    this.#limits = limits;
    this.#handlers = handlers;
    stream.open({
      onData: (bytes) => this.#onData(bytes),
      onWritten: () => this.#onWritten(),
      onEnd: () => this.close(),
      onClose: (error) => this.#onClose(error),
    });
  }

  get isOpen(): boolean {
    return !this.#isClosed && !this.#isClosing;
  }

  /** Bytes that wait to be written. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Sends an object. False when there is no room for it or nobody to read it; nothing of it was written then. */
  send(value: object): boolean {
    if (!this.isOpen) return false;
    const bytes = this.#encoder.encode(JSON.stringify(value) + "\n");
    const { maxLineBytes, maxWaitingBytes } = this.#limits;
    if (bytes.length > maxLineBytes + 1 || this.#waitingBytes + bytes.length > maxWaitingBytes) {
      this.refused++;
      return false;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#write();
    return true;
  }

  /** Writes everything that waits and ends our direction; the connection is over when the other side has ended its own. */
  close(): void {
    if (!this.isOpen) return;
    this.#isClosing = true;
    this.#write();
  }

  /** Ends it at once. */
  abort(): void {
    if (!this.#isClosed) this.#stream.abort();
  }

  #write(): void {
    if (this.#isWriting || this.#isClosed) return;
    if (this.#waiting.length === 0) {
      // Aborting would be quicker, and might take the last line with it.
      if (this.#isClosing) this.#stream.closeWrite();
      return;
    }
    const bytes = this.#waiting.length === 1 ? this.#waiting[0] : joined(this.#waiting, this.#waitingBytes);
    this.#waiting = [];
    if (bytes === undefined) return;
    this.#isWriting = true;
    this.#stream.write(bytes);
  }

  #onWritten(): void {
    this.#isWriting = false;
    this.#waitingBytes = this.#waiting.reduce((sum, { length }) => sum + length, 0);
    this.#write();
  }

  #onData(bytes: Uint8Array): void {
    let from = 0;
    while (!this.#isClosed && this.#failure === null) {
      const end = bytes.indexOf(NEWLINE, from);
      if (end < 0) break;
      const rest = bytes.subarray(from, end);
      from = end + 1;
      const line = this.#part.length === 0
        ? rest
        : joined([this.#part, rest], this.#part.length + rest.length);
      this.#part = NO_BYTES;
      if (line.length > this.#limits.maxLineBytes) return this.#fail("a line is too long");
      if (line.length > 0) this.#take(line);
    }
    if (this.#failure !== null) return;
    const left = bytes.length - from;
    if (this.#part.length + left > this.#limits.maxLineBytes) return this.#fail("a line is too long");
    if (left > 0) this.#part = joined([this.#part, bytes.subarray(from)], this.#part.length + left);
  }

  #take(line: Uint8Array): void {
    let value: unknown;
    try {
      value = JSON.parse(this.#decoder.decode(line));
    } catch {
      return this.#fail("a line is no JSON");
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return this.#fail("a line is no object");
    }
    this.#handlers.onObject(value as Readonly<Record<string, unknown>>);
  }

  #fail(why: string): void {
    this.#failure = new HanaError("protocol", { what: `the other side of ${this.#stream.local}`, why });
    this.#stream.abort();
  }

  #onClose(error: HanaError | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#handlers.onClose(this.#failure ?? error);
  }
}

const NO_BYTES = new Uint8Array(0);

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
