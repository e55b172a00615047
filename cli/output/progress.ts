// Says on stderr that something takes time. Nothing for the first 300 ms; then one line that is redrawn on a
// terminal, else a line after 1, 2, 5, 10, 30 s and every 30 s (the growing intervals keep a CI log short).
// Never writes to stdout, never costs anything when the work is quick.

import { briefDuration } from "./duration.ts";
import type { TextSink } from "./writer.ts";
import { printable } from "./text.ts";

/** The time that a progress line sees; tests bring their own. */
export interface ProgressTime {
  nowMs(): number;
  /** Runs `callback` once after `ms`; the result cancels it. */
  after(ms: number, callback: () => void): () => void;
}

/** How a progress line behaves. */
export interface ProgressOptions {
  /** Print nothing at all (`-q`). */
  readonly silent?: boolean;
  readonly time?: ProgressTime;
}

const FIRST_MS = 300;
const REDRAW_MS = 100;
const LOG_AT_MS: readonly number[] = [1_000, 2_000, 5_000, 10_000, 30_000];
const LOG_EVERY_MS = 30_000;

const SYSTEM_TIME: ProgressTime = {
  nowMs: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    Deno.unrefTimer(timer);
    return () => clearTimeout(timer);
  },
};

/** One running piece of work. */
export class Progress {
  readonly #sink: TextSink;
  readonly #time: ProgressTime;
  readonly #startMs: number;
  #text: string;
  #lines = 0;
  #drawn = false;
  #cancel: (() => void) | null = null;

  /** Starts at once; `text` says what goes on ("asking 4 interfaces"). */
  constructor(sink: TextSink, text: string, options: ProgressOptions = {}) {
    this.#sink = sink;
    this.#text = text;
    this.#time = options.time ?? SYSTEM_TIME;
    this.#startMs = this.#time.nowMs();
    if (options.silent !== true) this.#schedule();
  }

  /** Says something newer; shown with the next draw. */
  update(text: string): void {
    this.#text = text;
  }

  /** Ends and wipes the line. Harmless when called twice. */
  done(): void {
    this.#cancel?.();
    this.#cancel = null;
    if (this.#drawn) this.#sink.write("\r\x1b[K");
    this.#drawn = false;
  }

  #schedule(): void {
    const elapsedMs = this.#time.nowMs() - this.#startMs;
    this.#cancel = this.#time.after(Math.max(0, this.#nextMs(elapsedMs) - elapsedMs), () => {
      this.#draw();
      this.#schedule();
    });
  }

  #nextMs(elapsedMs: number): number {
    if (this.#sink.isTerminal) return this.#lines === 0 ? FIRST_MS : elapsedMs + REDRAW_MS;
    return LOG_AT_MS[this.#lines] ?? (this.#lines - LOG_AT_MS.length + 2) * LOG_EVERY_MS;
  }

  #draw(): void {
    this.#lines++;
    const elapsed = briefDuration((this.#time.nowMs() - this.#startMs) * 1_000);
    const text = `${printable(this.#text)} … ${elapsed}`;
    if (!this.#sink.isTerminal) return this.#sink.write(text + "\n");
    this.#drawn = true;
    this.#sink.write(`\r\x1b[K${text.slice(0, Math.max(10, (this.#sink.columns() ?? 80) - 1))}`);
  }
}
