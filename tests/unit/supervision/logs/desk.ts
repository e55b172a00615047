// A log book on a disk in memory, and the time that both its clocks show.

import type { LogQuery } from "../../../../lib/supervision/model/mod.ts";
import { LogBook, type LogBookEvent } from "../../../../lib/supervision/logs/mod.ts";
import { MemoryFiles } from "./memory_files.ts";

/** Its log directory. */
export const DIRECTORY = "/programs/aurora/logs";
/** What the wall clock shows at 0. */
export const EPOCH_MS = Date.UTC(2026, 10, 20, 20, 14, 7, 123);

const encoder = new TextEncoder();

/** A log book, and the time that both its clocks show. */
export class Desk {
  nowUs = 5_000_000;
  book: LogBook;

  constructor(readonly files = new MemoryFiles(), readonly limits = { rotateBytes: 8 << 20, keep: 8 }) {
    this.book = this.open();
  }

  open(): LogBook {
    return this.book = new LogBook({
      files: this.files,
      directory: DIRECTORY,
      ...this.limits,
      wallMs: () => EPOCH_MS + Math.floor(this.nowUs / 1000),
    });
  }

  write(text: string | Uint8Array, stream: "stdout" | "stderr" = "stdout"): void {
    this.book.handleBytes(this.nowUs, stream, typeof text === "string" ? encoder.encode(text) : text);
  }

  /** Time passes, with a tick every 250 ms. */
  wait(us: number): void {
    for (const end = this.nowUs + us; this.nowUs < end;) {
      this.nowUs = Math.min(end, this.nowUs + 250_000);
      this.book.handleTick(this.nowUs);
    }
  }

  events(): LogBookEvent[] {
    const all: LogBookEvent[] = [];
    for (let event = this.book.pollEvent(); event !== null; event = this.book.pollEvent()) all.push(event);
    return all;
  }

  texts(query: LogQuery = {}): string[] {
    return this.book.query(query).map(({ text }) => text);
  }
}
