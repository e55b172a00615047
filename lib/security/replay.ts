// Which datagrams were seen already: a window over the last 2,048 packet numbers, as a ring of bits.
// After RFC 6479: the window moves by whole words, so nothing is ever shifted. 2,048, because a 100 ms stall of a
// wireless link holds back a thousand packets at 10,000 a second, which are late and valid (lanes research 4.10).
// Ask before the tag is checked, commit after: a forged number must not move the window.
// The ring grows as numbers spread out, since a mesh keeps a window for each pair of nodes and most need little of it.

const WORD_BITS = 32;
const WORDS = 64;
/** What the ring has at first. Both are powers of two. */
const FIRST_WORDS = 8;

/** Bits in the ring. */
export const REPLAY_WINDOW_BITS: number = WORDS * WORD_BITS;
/**
 * Numbers below the highest that are surely still told apart: one word less than the ring, since the word that
 * holds the highest number is not full.
 */
export const REPLAY_WINDOW_NUMBERS: number = REPLAY_WINDOW_BITS - WORD_BITS;

/** Remembers packet numbers (integers from 0 to 2^53 − 1), each of which is accepted once. */
export class ReplayWindow {
  /**
   * All words but the one that holds the highest number: that one is at hand, since numbers mostly grow. Null while
   * there are no others. Words that are further back than it is long were never marked.
   */
  #ring: number[] | null = null;
  /** The first word that was ever marked; −1 for none. */
  #first = -1;
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
    const bits = word === this.#word ? this.#wordBits : this.#bitsOf(word);
    return ((bits >>> (number % WORD_BITS)) & 1) === 0;
  }

  #bitsOf(word: number): number {
    const ring = this.#ring;
    return ring === null || this.#word - word >= ring.length ? 0 : ring[word % ring.length] ?? 0;
  }

  /** Marks `number` as seen. Call it only when {@linkcode canAccept} said yes and the tag was right. */
  commit(number: number): void {
    const word = Math.floor(number / WORD_BITS);
    if (number > this.#highest) this.#highest = number;
    if (word > this.#word) {
      if (this.#word >= 0) this.#moveTo(word);
      this.#word = word;
      this.#wordBits = 0;
    }
    if (this.#first < 0 || word < this.#first) this.#first = word;
    const bit = 1 << (number % WORD_BITS);
    if (word === this.#word) this.#wordBits |= bit;
    else {
      const ring = this.#ringOver(this.#word - word);
      ring[word % ring.length] = (ring[word % ring.length] ?? 0) | bit;
    }
  }

  /** Puts the present word into the ring and empties the places of those up to `word`. */
  #moveTo(word: number): void {
    const ring = this.#ringOver(word - this.#first);
    ring[this.#word % ring.length] = this.#wordBits;
    const steps = Math.min(ring.length, word - this.#word);
    for (let i = 0; i < steps; i++) ring[(word - i) % ring.length] = 0;
  }

  /** The ring, made long enough to remember a word that is `distance` back. */
  #ringOver(distance: number): number[] {
    const before = this.#ring;
    if (before !== null && (distance < before.length || before.length === WORDS)) return before;
    // Signed integers in a plain list: an array of bytes costs three objects, and there is a window for each pair.
    const ring: number[] = new Array(distance < FIRST_WORDS ? FIRST_WORDS : WORDS).fill(0);
    if (before !== null) {
      for (let i = 0; i < before.length; i++) {
        const word = this.#word - i;
        if (word >= 0) ring[word % WORDS] = before[word % before.length] ?? 0;
      }
    }
    this.#ring = ring;
    return ring;
  }

  /** Forgets everything, for a new sender or a new life of the same one. */
  reset(): void {
    this.#ring = null;
    this.#first = -1;
    this.#word = -1;
    this.#wordBits = 0;
    this.#highest = -1;
  }
}
