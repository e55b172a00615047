// Cuts what comes on a stream into lines, within a bound.
// Decides that LF ends a line, that a CR before it is dropped, and that an overlong line is swallowed whole and told once.

const LF = 10;
const CR = 13;

/** Collects bytes and gives lines. Memory grows with the longest line that came, up to the limit. */
export class LineBuffer {
  readonly #maxBytes: number;
  #kept = new Uint8Array(256);
  #length = 0;
  #isOverlong = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes in what came. `onLine` gets each line without its end, valid during the call only, or null for one that was
   * too long; it returns false to have the rest thrown away.
   */
  push(bytes: Uint8Array, onLine: (line: Uint8Array | null) => boolean): void {
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(LF, start);
      if (end < 0) {
        this.#keep(bytes, start, bytes.length);
        return;
      }
      let goOn: boolean;
      if (this.#length === 0 && !this.#isOverlong && end - start <= this.#maxBytes) {
        goOn = onLine(trimmed(bytes, start, end));
      } else {
        this.#keep(bytes, start, end);
        const line = this.#isOverlong ? null : trimmed(this.#kept, 0, this.#length);
        this.#length = 0;
        this.#isOverlong = false;
        goOn = onLine(line);
      }
      if (!goOn) {
        this.#length = 0;
        return;
      }
      start = end + 1;
    }
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    const wanted = this.#length + end - start;
    if (this.#isOverlong || wanted > this.#maxBytes) {
      this.#isOverlong = true;
      this.#length = 0;
      return;
    }
    if (wanted > this.#kept.length) {
      const larger = new Uint8Array(Math.min(this.#maxBytes, Math.max(wanted, this.#kept.length * 4)));
      larger.set(this.#kept.subarray(0, this.#length));
      this.#kept = larger;
    }
    this.#kept.set(bytes.subarray(start, end), this.#length);
    this.#length = wanted;
  }
}

function trimmed(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return bytes.subarray(start, end > start && bytes[end - 1] === CR ? end - 1 : end);
}
