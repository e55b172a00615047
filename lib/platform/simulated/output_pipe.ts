// What a simulated program writes to: the pipes to whoever started it.
// Decides that a pipe lives as long as somebody holds its end for writing, that a full one stops its writers, and that one
// that nobody reads any more ends them (pipe(7)): a program that logs dies with the holder of its pipes.

import { LineSplitter } from "../line_splitter.ts";
import type { ProcessHandlers, ProcessOutput } from "../mod.ts";
import type { Engine } from "./engine.ts";
import type { Held, ProcessLife } from "./process_life.ts";
import { endedBy, type ProcessRecord } from "./process_record.ts";

/** What is written gets through a pipe in about this time, and so does the news of an end. */
export const PIPE_US = 20;
/** What a pipe holds (pipe(7)). */
const PIPE_BYTES = 64 * 1024;

/** The output pipes of a child and of those that share them. */
export class OutputPipe implements Held {
  readonly #engine: Engine;
  readonly #reader: ProcessLife;
  readonly #handlers: ProcessHandlers;
  readonly #how: "bytes" | "lines" | "none";
  readonly #name: string;
  readonly #lines = new Map<ProcessOutput, LineSplitter>();
  readonly #blocked = new Set<ProcessLife>();
  #writers = 1;
  #waitingBytes = 0;

  constructor(
    engine: Engine,
    reader: ProcessLife,
    handlers: ProcessHandlers,
    how: "bytes" | "lines" | "none",
    name: string,
  ) {
    this.#engine = engine;
    this.#reader = reader;
    this.#handlers = handlers;
    this.#how = how;
    this.#name = name;
    if (how !== "lines") return;
    for (const output of ["stdout", "stderr"] as const) {
      this.#lines.set(output, new LineSplitter((line) => handlers.onLine?.(output, line)));
    }
  }

  /** Another process writes to it too. */
  share(): void {
    this.#writers++;
  }

  /** A writer has ended; after the last one its reader hears so. */
  release(): void {
    this.#writers--;
    if (this.#writers > 0) return;
    this.tellReader(() => {
      for (const lines of this.#lines.values()) lines.end();
      this.#handlers.onClosed?.();
    });
  }

  /** Writes for a process. What nobody reads ends it, unless it `survives` that. */
  write(writer: ProcessRecord, output: ProcessOutput, bytes: Uint8Array, survives: boolean): void {
    if (this.#how === "none") return;
    if (!this.#reader.alive) {
      if (!survives) writer.end(endedBy("SIGPIPE"));
      return;
    }
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > PIPE_BYTES) this.#block(writer.life);
    this.tellReader(() => {
      this.#waitingBytes -= bytes.length;
      if (this.#waitingBytes <= PIPE_BYTES) this.#unblock();
      this.#hand(output, bytes);
    });
  }

  /** Calls the reader, if it still lives, when it runs. */
  tellReader(run: () => void): void {
    this.#engine.after(PIPE_US, () => this.#reader.cpu.run(() => this.#call(run)));
  }

  #call(run: () => void): void {
    if (!this.#reader.alive) return;
    try {
      run();
    } catch (thrown) {
      this.#engine.crash(thrown, `child ${this.#name} on ${this.#reader.hostName}`);
    }
  }

  #hand(output: ProcessOutput, bytes: Uint8Array): void {
    if (this.#how === "lines") {
      this.#lines.get(output)?.push(bytes);
      return;
    }
    const lent = this.#engine.lend(bytes);
    this.#handlers.onBytes?.(output, lent);
    this.#engine.takeBack(lent);
  }

  #block(writer: ProcessLife): void {
    if (this.#blocked.size === 0) this.#reader.hold(this);
    this.#blocked.add(writer);
    writer.cpu.stop("pipe");
  }

  #unblock(): void {
    if (this.#blocked.size === 0) return;
    this.#reader.drop(this);
    this.#release();
  }

  /** The reader has ended: its writers go on, and meet a broken pipe at their next write. */
  onProcessEnded(): void {
    this.#release();
  }

  #release(): void {
    const released = [...this.#blocked];
    this.#blocked.clear();
    for (const writer of released) {
      this.#engine.after(0, () => {
        if (!this.#blocked.has(writer)) writer.cpu.go("pipe");
      });
    }
  }
}
