// Which datagrams were seen already: a window over the last 2,048 packet numbers, as a ring of bits.
// After RFC 6479: the window moves by whole words, so nothing is ever shifted. 2,048, because a 100 ms stall of a
// wireless link holds back a thousand packets at 10,000 a second, which are late and valid (lanes research 4.10).
// Ask before the tag is checked, commit after: a forged number must not move the window.

const WORD_BITS = 32;
const WORDS = 64;

/** Bits in the ring. */
export const REPLAY_WINDOW_BITS: number = WORDS * WORD_BITS;
/**
 * Numbers below the highest that are surely still told apart: one word less than the ring, since the word that
 * holds the highest number is not full.
 */
export const REPLAY_WINDOW_NUMBERS: number = REPLAY_WINDOW_BITS - WORD_BITS;

/** Remembers packet numbers (integers from 0 to 2^53 − 1), each of which is accepted once. */
export class ReplayWindow {
  /** All words but the one that holds the highest number: that one is at hand, since numbers mostly grow. */
  readonly #bits = new Uint32Array(WORDS);
  #word = -1;
  #wordBits = 0;
  #highest = -1;

  /** The highest number committed, −1 before the first. */
  get highest(): number {
    return this.#highest;
  }

  /** Whether `number` is neither seen nor too old to know. Changes nothing. */
  canAccept(number: number): boolean {
    if (!Number.isSafeInteger(number) || number < 0) return false;
    if (number > this.#highest) return true;
    const word = Math.floor(number / WORD_BITS);
    if (this.#word - word >= WORDS) return false;
    const bits = word === this.#word ? this.#wordBits : this.#bits[word % WORDS] ?? 0;
    return ((bits >>> (number % WORD_BITS)) & 1) === 0;
  }

  /** Marks `number` as seen. Call it only when {@linkcode canAccept} said yes and the tag was right. */
  commit(number: number): void {
    const word = Math.floor(number / WORD_BITS);
    if (number > this.#highest) this.#highest = number;
    if (word > this.#word) {
      const steps = Math.min(WORDS, word - this.#word);
      if (this.#word >= 0) this.#bits[this.#word % WORDS] = this.#wordBits;
      for (let i = 0; i < steps; i++) this.#bits[(word - i) % WORDS] = 0;
      this.#word = word;
      this.#wordBits = 0;
    }
    const bit = 1 << (number % WORD_BITS);
    if (word === this.#word) this.#wordBits |= bit;
    else this.#bits[word % WORDS] = (this.#bits[word % WORDS] ?? 0) | bit;
  }

  /** Forgets everything, for a new sender or a new life of the same one. */
  reset(): void {
    this.#bits.fill(0);
    this.#word = -1;
    this.#wordBits = 0;
    this.#highest = -1;
  }
}
