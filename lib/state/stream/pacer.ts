// When a sender on an unreliable lane speaks: at once after a pause (leading edge), never more often than its rate, again
// a few times after the last change because that packet may be lost, and now and then when nothing changes.
// Decides moments alone; never knows what is sent.

/** The pace of one sender, in microseconds. */
export interface Pace {
  /** The least time between two packets. */
  readonly leastUs: number;
  /** After the last change it is said again after each of these times, one after the other. */
  readonly repeatUs: readonly number[];
  /** What does not change is said again that often: silence would mean that the sender is gone. */
  readonly refreshUs: number;
}

/** A sender that cannot speak tries again after twice the time, up to this, in microseconds: its lane may be gone for long. */
const LONGEST_TRY_US = 50_000;

/** The pace of one sender as it runs. */
export class Pacer {
  readonly #pace: Pace;
  /** When it last spoke, or would have if it could. */
  #spokenUs = -Infinity;
  #isChanged = false;
  #hasSpoken = false;
  #repeats = 0;
  /** How often it could not speak, one time after the other. */
  #blocked = 0;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  /** Whether there is something that was never sent. */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  /** There is something new to say. */
  noteChange(): void {
    this.#isChanged = true;
  }

  /** When it is to speak next; infinite before the first change. */
  get dueUs(): number {
    const { leastUs, repeatUs, refreshUs } = this.#pace;
    if (this.#blocked > 1) {
      const pauseUs = Math.min(LONGEST_TRY_US, leastUs * 2 ** (this.#blocked - 1));
      return this.#spokenUs + Math.max(leastUs, pauseUs);
    }
    if (this.#isChanged) return this.#spokenUs + leastUs;
    if (!this.#hasSpoken) return Infinity;
    return this.#spokenUs + Math.max(leastUs, repeatUs[this.#repeats] ?? refreshUs);
  }

  /** It spoke. */
  noteSent(nowUs: number): void {
    this.#spokenUs = nowUs;
    this.#hasSpoken = true;
    this.#blocked = 0;
    if (this.#isChanged) this.#repeats = 0;
    else if (this.#repeats < this.#pace.repeatUs.length) this.#repeats++;
    this.#isChanged = false;
  }

  /** It could not: what it had to say stays, and is said with what is new by then. */
  noteBlocked(nowUs: number): void {
    this.#spokenUs = nowUs;
    this.#hasSpoken = true;
    this.#isChanged = true;
    if (this.#blocked < MOST_DOUBLINGS) this.#blocked++;
  }
}

const MOST_DOUBLINGS = 32;
