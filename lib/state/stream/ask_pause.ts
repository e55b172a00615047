// How often something that is missing is asked for: at once, then with growing pauses, so that a peer that cannot answer
// is not flooded.
// Decides moments alone.

const FIRST_US = 200_000;
const LONGEST_US = 5_000_000;

/** The pauses between the questions after one missing thing. */
export class AskPause {
  #nextUs = -Infinity;
  #pauseUs = FIRST_US;

  /** When it may be asked for next. */
  get nextUs(): number {
    return this.#nextUs;
  }

  /** It was asked for. */
  noteAsked(nowUs: number): void {
    this.#nextUs = nowUs + this.#pauseUs;
    this.#pauseUs = Math.min(LONGEST_US, this.#pauseUs * 2);
  }

  /** It is here. */
  noteAnswered(): void {
    this.#nextUs = -Infinity;
    this.#pauseUs = FIRST_US;
  }
}
