// The heart of a visualization: a loop that draws 60 times a second and counts its pictures.
// Decides when a picture is due and how fast it goes; a machine that stalls loses pictures, never gets a burst of them.

import type { Platform, TimerHandle } from "../../lib/platform/mod.ts";

const FRAME_US = 1_000_000 / 60;
/** The rate is measured over this long. */
const RATE_US = 1_000_000;

/** Draws until it is stopped. */
export class RenderLoop {
  readonly #platform: Pick<Platform, "clock" | "timers">;
  readonly #onFrame: (frame: number) => void;
  #timer: TimerHandle | null = null;
  #dueUs = 0;
  #rateUs = 0;
  #rateFrame = 0;
  /** Pictures drawn so far. */
  frame = 0;
  /** Pictures a second, over the last second; null in the first one. */
  fps: number | null = null;
  /** How late the last picture was, in microseconds. */
  lateUs = 0;

  constructor(platform: Pick<Platform, "clock" | "timers">, onFrame: (frame: number) => void) {
    this.#platform = platform;
    this.#onFrame = onFrame;
  }

  start(): void {
    if (this.#timer !== null) return;
    this.#dueUs = this.#platform.clock.nowUs();
    this.#rateUs = this.#dueUs;
    this.#rateFrame = this.frame;
    this.#schedule();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #schedule(): void {
    this.#timer = this.#platform.timers.schedule(Math.round(this.#dueUs), () => this.#draw());
  }

  #draw(): void {
    const nowUs = this.#platform.clock.nowUs();
    this.lateUs = nowUs - Math.round(this.#dueUs);
    this.frame++;
    if (nowUs - this.#rateUs >= RATE_US) {
      this.fps = Math.round((this.frame - this.#rateFrame) * 10_000_000 / (nowUs - this.#rateUs)) / 10;
      this.#rateUs = nowUs;
      this.#rateFrame = this.frame;
    }
    // What is due already is skipped.
    this.#dueUs = Math.max(this.#dueUs + FRAME_US, nowUs - FRAME_US);
    this.#schedule();
    this.#onFrame(this.frame);
  }
}
