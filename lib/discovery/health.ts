// How well we ourselves seem to do: most false deaths are the fault of an observer that is deaf, paused or overloaded
// (Lifeguard, arXiv 1707.00788; discovery research 1.1).
// Decides a score of 0 (well) to 7 by which our verdicts take longer; never whom to suspect.

const MAX_SCORE = 7;
/** A pause counts twice. */
const STALL = 2;
/** A suspicion of ours is told by several: that counts once in this time, in µs. */
const REFUTE_EVERY_US = 10_000_000;
/** Without any trouble one point goes in this time, in µs. */
const RECOVER_US = 5_000_000;

/** The local health score. */
export class LocalHealth {
  #score = 0;
  #changedUs = 0;
  #refutedUs = Number.NEGATIVE_INFINITY;

  /** 0 to 7. */
  get score(): number {
    return this.#score;
  }

  /** What verdicts take longer by. */
  factorAt(nowUs: number): number {
    while (this.#score > 0 && nowUs - this.#changedUs >= RECOVER_US) {
      this.#score--;
      this.#changedUs += RECOVER_US;
    }
    return this.#score + 1;
  }

  /** We were not running for a while. */
  noteStall(nowUs: number): void {
    this.#add(nowUs, STALL);
  }

  /** Nobody answered, neither whom we probed nor those who were to probe it for us. */
  noteAlone(nowUs: number): void {
    this.#add(nowUs, 1);
  }

  /** Somebody suspected us. */
  noteRefute(nowUs: number): void {
    if (nowUs - this.#refutedUs < REFUTE_EVERY_US) return;
    this.#refutedUs = nowUs;
    this.#add(nowUs, 1);
  }

  /** A probe was answered. */
  noteSuccess(nowUs: number): void {
    if (this.#score > 0) this.#add(nowUs, -1);
  }

  #add(nowUs: number, points: number): void {
    this.factorAt(nowUs);
    this.#score = Math.min(MAX_SCORE, Math.max(0, this.#score + points));
    this.#changedUs = nowUs;
  }
}
