// A fast 64-bit hash over 32-bit words, as two numbers: no BigInt, no allocation.
// Decides how entries look in a digest. Never security: who could forge a value needs no collision.
//
// Two lanes after MurmurHash3 (its x86_32, and the second lane of its x86_128). Each step is one-to-one in its word and in
// its state, so that two rows of words that differ in a single word never have the same hash.

/** Takes words one after the other; {@linkcode high} and {@linkcode low} are the hash after {@linkcode finish}. */
export class Hash64 {
  /** The upper 32 bits, unsigned. */
  high = 0;
  /** The lower 32 bits, unsigned. */
  low = 0;
  #count = 0;

  /** Forgets everything. */
  begin(): void {
    this.high = SEED_HIGH;
    this.low = SEED_LOW;
    this.#count = 0;
  }

  /** Takes one word; of a number its low 32 bits. */
  word(word: number): void {
    let k = Math.imul(word, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    let h = this.high ^ Math.imul(k, 0x1b873593);
    h = (h << 13) | (h >>> 19);
    this.high = (Math.imul(h, 5) + 0xe6546b64) | 0;

    k = Math.imul(word, 0xab0e9789);
    k = (k << 16) | (k >>> 16);
    h = this.low ^ Math.imul(k, 0x38b34ae5);
    h = (h << 17) | (h >>> 15);
    this.low = (Math.imul(h, 5) + 0x0bcaa747) | 0;
    this.#count++;
  }

  /** Takes the first `length` bytes: how many they are, then words of four, the first byte lowest, filled up with 0. */
  bytes(bytes: Uint8Array, length: number = bytes.length): void {
    this.word(length);
    let at = 0;
    for (; at + 4 <= length; at += 4) {
      this.word(
        (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) |
          ((bytes[at + 3] as number) << 24),
      );
    }
    if (at === length) return;
    let last = 0;
    for (let shift = 0; at < length; at++, shift += 8) last |= (bytes[at] as number) << shift;
    this.word(last);
  }

  /** Ends the hash. */
  finish(): void {
    this.high = mixed(this.high ^ this.#count);
    this.low = mixed(this.low ^ this.#count);
  }
}

/** "hana" and "stat": any two that differ would do. */
const SEED_HIGH = 0x68616e61;
const SEED_LOW = 0x73746174;

/** The finalizer of MurmurHash3: every bit of the state moves about half of the bits of the result. */
function mixed(state: number): number {
  let h = state;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
