// Bytes out: data to stdout, everything else to stderr, each write through to the system before it returns,
// so that a reader of NDJSON sees every line at once and nothing is lost when the process ends.
// Decides what a closed or full pipe and a full disk mean; never what is written.

import { HanaError } from "../../lib/base/mod.ts";

/** Thrown when nobody reads stdout any more; the frame ends quietly with exit code 0. */
export class ReaderGone extends Error {
  override readonly name = "ReaderGone";
}

/** Whether `thrown` says that nobody reads stdout any more, also when a callback's fault was wrapped on the way. */
export function isReaderGone(thrown: unknown): boolean {
  let at = thrown;
  // A chain of causes may be a ring.
  for (let depth = 0; at instanceof Error && depth < 5; depth++) {
    if (at instanceof ReaderGone) return true;
    at = at.cause;
  }
  return false;
}

/**
 * Runs `write`; calls `onGone` instead of throwing when nobody reads stdout any more. For callbacks of a command that
 * has something to end in order: what they throw would reach nobody.
 */
export function whileRead(write: () => void, onGone: () => void): void {
  try {
    write();
  } catch (thrown) {
    if (!isReaderGone(thrown)) throw thrown;
    onGone();
  }
}

/** A place for text. */
export interface TextSink {
  readonly isTerminal: boolean;
  /** Columns of the terminal; null where there is none. */
  columns(): number | null;
  /** Rows of the terminal; null where there is none. */
  rows(): number | null;
  /** Writes `text` as it is. */
  write(text: string): void;
}

/** Both streams of a command. */
export interface Streams {
  readonly out: TextSink;
  readonly err: TextSink;
}

interface SyncStream {
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

/** How long to wait before a full non-blocking pipe is tried again. */
const FULL_PIPE_WAIT_MS = 2;

class SystemSink implements TextSink {
  readonly isTerminal: boolean;
  readonly #stream: SyncStream;
  readonly #onFailure: (thrown: unknown) => void;
  readonly #encoder = new TextEncoder();

  constructor(stream: SyncStream, onFailure: (thrown: unknown) => void) {
    this.#stream = stream;
    this.#onFailure = onFailure;
    this.isTerminal = stream.isTerminal();
  }

  columns(): number | null {
    return this.isTerminal ? consoleSize()?.columns ?? 80 : null;
  }

  rows(): number | null {
    return this.isTerminal ? consoleSize()?.rows ?? 24 : null;
  }

  write(text: string): void {
    const bytes = this.#encoder.encode(text);
    let at = 0;
    while (at < bytes.length) {
      try {
        at += this.#stream.writeSync(bytes.subarray(at));
      } catch (thrown) {
        if (thrown instanceof Deno.errors.WouldBlock) {
          // A parent made the pipe non-blocking; wait for its reader without losing order.
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_WAIT_MS);
        } else {
          return this.#onFailure(thrown);
        }
      }
    }
  }
}

function consoleSize(): { columns: number; rows: number } | null {
  try {
    const size = Deno.consoleSize();
    // A terminal that nobody sized says 0.
    return size.columns > 0 && size.rows > 0 ? size : null;
  } catch {
    return null;
  }
}

/**
 * The streams of this process. Writing to a stdout without reader throws {@linkcode ReaderGone}, to one that takes no
 * more (a full disk) `storage`.
 */
export function systemStreams(): Streams {
  return {
    out: new SystemSink(Deno.stdout, (thrown) => {
      if (thrown instanceof Deno.errors.BrokenPipe) throw new ReaderGone("stdout has no reader");
      throw new HanaError("storage", {
        what: "standard output cannot be written",
        why: thrown instanceof Error ? thrown.message : String(thrown),
        cause: thrown,
      });
    }),
    // Nobody can be told, by a closed pipe, a full disk or a terminal that is gone: no reason to stop working.
    err: new SystemSink(Deno.stderr, () => {}),
  };
}
