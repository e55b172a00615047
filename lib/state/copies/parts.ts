// An update of any size as messages that a lane carries, and back.
// Decides where an update is cut, and when what arrives is no update any more. Never keeps more than has arrived, and
// never decides what follows from a broken one.

import type { CopyPart } from "./types.ts";
import { MAX_COPY_BYTES, MAX_PART_BYTES } from "./limits.ts";

/** Bytes of a part beside those of the update: its kind and three numbers of eight bytes at most. */
const HEAD_BYTES = 25;
/** Bytes of the update in one part. */
export const PART_PAYLOAD_BYTES = MAX_PART_BYTES - HEAD_BYTES;

/** The parts of one update, in order. */
export class CopyParts {
  readonly #bytes: Uint8Array;
  readonly #serial: number;
  readonly #encode: (part: CopyPart) => Uint8Array | null;
  #at = 0;

  /** `encode` makes a message of a part. */
  constructor(bytes: Uint8Array, serial: number, encode: (part: CopyPart) => Uint8Array | null) {
    this.#bytes = bytes;
    this.#serial = serial;
    this.#encode = encode;
  }

  /** Bytes of the update that no message has carried yet. */
  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** Bytes of the update altogether. */
  get total(): number {
    return this.#bytes.length;
  }

  /** The next message, which is the caller's; null when there are no more. */
  next(): Uint8Array | null {
    const at = this.#at;
    if (at >= this.#bytes.length) return null;
    const bytes = this.#bytes.subarray(at, at + PART_PAYLOAD_BYTES);
    this.#at += bytes.length;
    return this.#encode({
      kind: "part",
      serial: this.#serial,
      at,
      total: at === 0 ? this.#bytes.length : null,
      isLast: this.#at === this.#bytes.length,
      bytes,
    });
  }
}

/**
 * Why an update will not be whole: it says that it is larger than any may be; a part is missing before this one; it has
 * other bytes than it said.
 */
export type AssemblyProblem = "too-large" | "gap" | "length";

/** What became of a part: the update's bytes where it was the last one; else whether to wait, or why that is of no use. */
export type AssemblyResult = Uint8Array | "more" | "skipped" | AssemblyProblem;

/** What an assembler counts. */
export interface AssemblyCounters {
  whole: number;
  broken: number;
  /** Updates in the midst of which another one began. */
  replaced: number;
}

/** Puts the parts of one update after the other together. */
export class CopyAssembler {
  readonly #maxBytes: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;
  #total = 0;
  #serial = 0;
  /** The update that was broken off: what follows of it is nothing new. */
  #broken = 0;

  readonly counters: AssemblyCounters = { whole: 0, broken: 0, replaced: 0 };

  /** @param maxBytes of an update. */
  constructor(maxBytes: number = MAX_COPY_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that wait for the rest of their update. */
  get pending(): number {
    return this.#length;
  }

  /** Takes a part. A problem is told once for each update; other parts of it are `skipped`. */
  handlePart({ serial, at, total, isLast, bytes }: CopyPart): AssemblyResult {
    if (total !== null) {
      if (this.#serial !== 0) this.counters.replaced++;
      this.#begin(serial, total);
      if (total > this.#maxBytes) return this.#breakOff(serial, "too-large");
    } else if (serial === this.#broken) return "skipped";
    else if (serial !== this.#serial || at !== this.#length) return this.#breakOff(serial, "gap");
    const length = this.#length + bytes.length;
    if (length > this.#total || isLast !== (length === this.#total)) return this.#breakOff(serial, "length");
    this.#append(bytes, length);
    if (!isLast) return "more";
    const whole = this.#bytes.subarray(0, length);
    this.counters.whole++;
    this.reset();
    return whole;
  }

  /** Forgets what has arrived: the connection is another one. */
  reset(): void {
    this.#begin(0, 0);
  }

  #begin(serial: number, total: number): void {
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
    this.#total = total;
    this.#serial = serial;
    this.#broken = 0;
  }

  #breakOff(serial: number, problem: AssemblyProblem): AssemblyProblem {
    this.#begin(0, 0);
    this.#broken = serial;
    this.counters.broken++;
    return problem;
  }

  /** Room grows with what arrives, whatever the update says of its size. */
  #append(bytes: Uint8Array, length: number): void {
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.min(this.#total, Math.max(length, this.#bytes.length * 2)));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }
}
