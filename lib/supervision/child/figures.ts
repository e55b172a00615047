// What a program tells of itself in figures: picture, rate, lateness, status.
// Decides which value stands where it is told and computed; judges nothing.

/** The figures of one run; null where nothing is known. */
export interface ChildFigures {
  readonly frame: number | null;
  /** As told, else computed from the frame counter between two heartbeats. */
  readonly fps: number | null;
  /** How late the program says its picture is. */
  readonly lateMs: number | null;
  /** How late its last heartbeat came, in milliseconds. */
  readonly beatLateMs: number | null;
  readonly status: string | null;
  readonly pct: number | null;
}

/** A rate is computed over no less than this. */
const MIN_RATE_US = 500_000;

/** Keeps the figures. */
export class FigureBoard {
  #figures: ChildFigures = {
    frame: null,
    fps: null,
    lateMs: null,
    beatLateMs: null,
    status: null,
    pct: null,
  };
  #beatUs: number | null = null;
  /** From where the rate is computed. */
  #fromUs: number | null = null;
  #fromFrame = 0;

  get figures(): ChildFigures {
    return this.#figures;
  }

  handleBeat(
    nowUs: number,
    frame: number | null,
    fps: number | null,
    lateMs: number | null,
    heartbeatUs: number,
  ): void {
    const beatLateMs = this.#beatUs === null
      ? null
      : Math.max(0, Math.round((nowUs - this.#beatUs - heartbeatUs) / 1_000));
    this.#beatUs = nowUs;
    this.#figures = {
      ...this.#figures,
      frame: frame ?? this.#figures.frame,
      fps: fps ?? (frame === null ? this.#figures.fps : this.#computed(nowUs, frame)),
      lateMs: lateMs ?? this.#figures.lateMs,
      beatLateMs,
    };
  }

  handleStatus(text: string, pct: number | null): void {
    this.#figures = { ...this.#figures, status: text, pct };
  }

  #computed(nowUs: number, frame: number): number | null {
    const elapsedUs = nowUs - (this.#fromUs ?? nowUs);
    const frames = frame - this.#fromFrame;
    // Programs that beat with every picture would show the jitter of their timers as a rate.
    if (this.#fromUs !== null && elapsedUs < MIN_RATE_US && frames >= 0) return this.#figures.fps;
    const isFirst = this.#fromUs === null;
    this.#fromUs = nowUs;
    this.#fromFrame = frame;
    return isFirst || frames < 0 ? null : Math.round(frames * 1e7 / elapsedUs) / 10;
  }
}
