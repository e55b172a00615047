// The mark of a table that both ends must have alike before numbers mean anything: 32 bits of a hash of its rows.
// Decides equality by accident alone, 1 in 4 thousand million; never security.

import { Hash64 } from "../digest/mod.ts";

const TEXT = new TextEncoder();
const DOUBLE = new Float64Array(1);
const DOUBLE_BYTES = new DataView(DOUBLE.buffer);

/** Takes the fields of the rows one after the other. */
export class TableHash {
  readonly #hash = new Hash64();

  constructor() {
    this.#hash.begin();
  }

  /** A text, or that there is none. */
  text(text: string | null): this {
    this.#hash.word(text === null ? 0 : 1);
    if (text !== null) this.#hash.bytes(TEXT.encode(text));
    return this;
  }

  /** A number, as a double, or that there is none. */
  number(number: number | null): this {
    this.#hash.word(number === null ? 0 : 1);
    if (number === null) return this;
    // −0 and 0 are one bound.
    DOUBLE_BYTES.setFloat64(0, number + 0);
    this.#hash.word(DOUBLE_BYTES.getInt32(0));
    this.#hash.word(DOUBLE_BYTES.getInt32(4));
    return this;
  }

  /** The mark of what was taken; 0 is no mark. */
  finish(): number {
    this.#hash.finish();
    return (this.#hash.high ^ this.#hash.low) >>> 0 || 1;
  }
}
