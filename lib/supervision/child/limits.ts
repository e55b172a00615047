// The bounds of the child protocol: how long, how deep, how often.
// Decides what one program may cost its shim; a program that goes beyond loses lines or its connection, never the shim.

/** The version of the child protocol that this hana speaks. */
export const CHILD_VERSION = 1;
/** The longest line in bytes, without its end. */
export const MAX_CHILD_LINE_BYTES = 64 * 1024;
/** The longest `sd_notify` datagram in bytes. */
export const MAX_NOTIFY_BYTES = 4 * 1024;
/** How deep objects and arrays may nest in a line; the messages need two. */
export const MAX_CHILD_DEPTH = 4;
/** How many values a line may hold. */
export const MAX_CHILD_VALUES = 256;
/** Connections that one program may hold open at a time. */
export const MAX_CHILD_CONNECTIONS = 8;
/** Lines a second that are read; what goes beyond is dropped unread. Datagrams count in a window of their own. */
export const MAX_LINES_A_SECOND = 1_000;
/** Broken lines a second that a connection survives. */
export const MAX_BROKEN_A_SECOND = 10;
/** Broken rules a second that are told of; the others are counted. */
export const MAX_BROKEN_TOLD_A_SECOND = 10;
/** Status texts a second that are handed on, and faults and extensions together; the others are counted, the last status is kept. */
export const MAX_TOLD_A_SECOND = 10;
/** The longest extension that one message may ask for, in microseconds. */
export const MAX_EXTEND_US = 120_000_000;
/** How long a connection may stand without a hello, in observed microseconds. */
export const HELLO_US = 5_000_000;
/** How often the judge wants to look at the clock. */
export const TICK_US = 250_000;
/** What one look adds to a silence at most: time that nobody watched counts for nothing (research, section 1.7). */
export const MAX_TICK_STEP_US = 500_000;
/** A gap between two looks beyond which the machine or the shim stood still. */
export const SUSPENDED_US = 5_000_000;

/** Counts what happens within a second, and says when it is too much. */
export class RateWindow {
  readonly #limit: number;
  #startUs = 0;
  #count = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether one more is within the limit of the second that runs. */
  admit(nowUs: number): boolean {
    if (this.#count === 0 || nowUs - this.#startUs >= 1_000_000) {
      this.#startUs = nowUs;
      this.#count = 0;
    }
    this.#count++;
    return this.#count <= this.#limit;
  }
}
