// Cuts what a child writes into lines, for both platforms.
// Decides that a line is what ends with LF (a CR before it is dropped), that an overlong one comes in pieces, and that
// broken UTF-8 is replaced, never refused: it is somebody else's program that wrote it.

import { MAX_LINE_BYTES } from "./processes.ts";

const LF = 10;
const CR = 13;

/** Collects bytes and gives lines. */
export class LineSplitter {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #onLine: (line: string) => void;
  readonly #kept = new Uint8Array(MAX_LINE_BYTES);
  #length = 0;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** Takes in what came. */
  push(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (byte === LF) {
        const isCr = this.#length > 0 && this.#kept[this.#length - 1] === CR;
        this.#flush(isCr ? this.#length - 1 : this.#length);
        continue;
      }
      if (this.#length === MAX_LINE_BYTES) this.#flush(this.#length);
      this.#kept[this.#length++] = byte;
    }
  }

  /** Gives what is left without a line's end. */
  end(): void {
    if (this.#length > 0) this.#flush(this.#length);
  }

  #flush(length: number): void {
    const line = this.#decoder.decode(this.#kept.subarray(0, length));
    this.#length = 0;
    this.#onLine(line);
  }
}
