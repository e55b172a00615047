// Rows of numbers that a process collects without allocating, and leaves as a file of doubles for who computes.
// Decides the bound: what comes beyond it is counted, not kept.

import { writeFileSync } from "node:fs";

/** Numbers of one stream's message: number, phase, due, sent and received in microseconds. */
export const STREAM_COLUMNS = 5;

/** Rows of equal width. */
export class Samples {
  readonly #values: Float64Array;
  #length = 0;
  dropped = 0;

  constructor(readonly columns: number, maxRows: number) {
    this.#values = new Float64Array(columns * maxRows);
  }

  get rows(): number {
    return this.#length / this.columns;
  }

  /** A row of one number. */
  add(value: number): void {
    if (this.#length >= this.#values.length) this.dropped++;
    else this.#values[this.#length++] = value;
  }

  /** A row of five. */
  addStream(number: number, phase: number, dueUs: number, sentUs: number, receivedUs: number): void {
    if (this.#length + STREAM_COLUMNS > this.#values.length) {
      this.dropped++;
      return;
    }
    const values = this.#values;
    values[this.#length++] = number;
    values[this.#length++] = phase;
    values[this.#length++] = dueUs;
    values[this.#length++] = sentUs;
    values[this.#length++] = receivedUs;
  }

  /** Leaves the file: doubles, little-endian, row by row. */
  write(path: string): void {
    const kept = this.#values.subarray(0, this.#length);
    writeFileSync(path, new Uint8Array(kept.buffer, 0, kept.byteLength));
  }
}
