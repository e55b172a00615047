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
  #frameUs: number | null = null;

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
    if (frame !== null) this.#frameUs = nowUs;
  }

  handleStatus(text: string, pct: number | null): void {
    this.#figures = { ...this.#figures, status: text, pct };
  }

  #computed(nowUs: number, frame: number): number | null {
    const before = this.#figures.frame;
    if (before === null || this.#frameUs === null || frame < before || nowUs <= this.#frameUs) return null;
    return Math.round((frame - before) * 1e7 / (nowUs - this.#frameUs)) / 10;
  }
}
