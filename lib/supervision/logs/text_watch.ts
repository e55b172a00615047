// Looks for a text in lines without decoding them: programs that are ready when they say a certain thing.

const encoder = new TextEncoder();

/** A text that is waited for. */
export class TextWatch {
  readonly #bytes: Uint8Array;
  readonly #first: number;

  /** `text` must not be empty. */
  constructor(text: string) {
    this.#bytes = encoder.encode(text);
    this.#first = this.#bytes[0] ?? 0;
  }

  /** Whether it stands in `bytes` between `from` and `to`. */
  isIn(bytes: Uint8Array, from: number, to: number): boolean {
    const size = this.#bytes.length;
    for (let at = from; at + size <= to; at++) {
      if (bytes[at] !== this.#first) continue;
      let same = 1;
      while (same < size && bytes[at + same] === this.#bytes[same]) same++;
      if (same === size) return true;
    }
    return false;
  }
}
