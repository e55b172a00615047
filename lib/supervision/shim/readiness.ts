// How it is seen that a program is ready where it does not say so itself: a second of life, a port, a line.
// Decides when to look and what counts; tells once. Never judges a program that is late: the state table does.

import type { ByteStream, Clock, Streams } from "../../platform/mod.ts";
import type { Readiness } from "../model/mod.ts";
import type { Agenda } from "./agenda.ts";

/** A program without the protocol counts as ready when it has lived for so long (supervisord's `startsecs`). */
const ALIVE_US = 1_000_000;
/** How often a port is tried. */
const PROBE_US = 100_000;

/** What readiness is seen with. */
export interface ReadinessSurroundings {
  readonly clock: Clock;
  readonly streams: Streams;
  readonly agenda: Agenda;
  /** Waits for a text in what the program writes: {@linkcode ReadinessWatch.handleSeen} is called then. */
  watchText(text: string | null): void;
  /** Whether the program says anything of itself by now. */
  speaks(): boolean;
  /** It is ready. `told`: it said so, in its way; else it has just lived. */
  onReady(told: boolean): void;
}

/** Watches one run until it is ready or over. */
export class ReadinessWatch {
  readonly #around: ReadinessSurroundings;
  readonly #how: Readiness;
  #isOver = false;

  constructor(how: Readiness, around: ReadinessSurroundings) {
    this.#how = how;
    this.#around = around;
  }

  /** The program was started. */
  start(nowUs: number): void {
    if (this.#how.kind === "auto") {
      this.#around.agenda.set("readiness", nowUs + ALIVE_US, () => this.#onAlive());
    }
    if (this.#how.kind === "tcp") this.#plan(nowUs);
    this.#around.watchText(this.#how.kind === "line" ? this.#how.text : null);
  }

  /** The text that was waited for has been written. */
  handleSeen(): void {
    if (this.#how.kind === "line") this.#tell(true);
  }

  /** It is ready by other means, or has ended. */
  end(): void {
    this.#isOver = true;
    this.#around.agenda.set("readiness", null, () => {});
  }

  #onAlive(): void {
    // Who speaks says itself when it is ready.
    if (!this.#around.speaks()) this.#tell(false);
  }

  #plan(nowUs: number): void {
    this.#around.agenda.set("readiness", nowUs + PROBE_US, () => void this.#probe());
  }

  async #probe(): Promise<void> {
    if (this.#how.kind !== "tcp") return;
    let stream: ByteStream | null = null;
    try {
      stream = await this.#around.streams.connect({ kind: "tcp", host: "127.0.0.1", port: this.#how.port });
    } catch {
      // Nobody listens yet.
    }
    if (stream !== null) {
      stream.open({ onData: () => {}, onWritten: () => {}, onEnd: () => {}, onClose: () => {} });
      stream.abort();
    }
    if (this.#isOver) return;
    if (stream !== null) this.#tell(true);
    else this.#plan(this.#around.clock.nowUs());
  }

  #tell(told: boolean): void {
    if (this.#isOver) return;
    this.end();
    this.#around.onReady(told);
  }
}
