// What the peer is ready to take on a reliable lane: message numbers below a limit, and payload bytes in all.
// Decides whether a new message may begin; repairs need no credit, what they carry was granted once.

import { WINDOW_MESSAGES, windowBytesFor } from "../receiving/mod.ts";

/** A message that was begun and given up: its bytes count until the peer has forgotten it. */
interface Refund {
  readonly number: number;
  readonly bytes: number;
}

/** The credit of one lane. How both ends count stands in receiving/credit_window.ts. */
export class Credit {
  /** Numbers below it are taken. */
  messageLimit: number;
  #byteLimit: number;
  /** Bytes of all messages that were begun and not forgotten by the peer. */
  #usedBytes = 0;
  #isUsed = false;
  /** As many as fit the byte limit at most. */
  #refunds: Refund[] = [];

  /** Begins with what the peer takes before it has said anything. */
  constructor(firstNumber: number, maxMessageBytes: number) {
    this.messageLimit = firstNumber + WINDOW_MESSAGES;
    this.#byteLimit = windowBytesFor(maxMessageBytes);
  }

  /** New limits, full values. Limits never shrink, but the first ones may before they are used. */
  raise(messageLimit: number, byteLimit: number): void {
    if (!this.#isUsed || messageLimit > this.messageLimit) this.messageLimit = messageLimit;
    if (!this.#isUsed || byteLimit > this.#byteLimit) this.#byteLimit = byteLimit;
  }

  /** Whether message `number`, of `length` bytes, may begin. */
  covers(number: number, length: number): boolean {
    return number < this.messageLimit && this.#usedBytes + length <= this.#byteLimit;
  }

  /** It began. */
  use(length: number): void {
    this.#isUsed = true;
    this.#usedBytes += length;
  }

  /** A message that was begun, but not sent whole, is given up. */
  onGivenUp(number: number, bytes: number): void {
    this.#refunds.push({ number, bytes });
  }

  /** The peer has forgotten what was given up to `number`. */
  onSkipped(number: number): void {
    if (this.#refunds.length === 0) return;
    for (const refund of this.#refunds) if (refund.number <= number) this.#usedBytes -= refund.bytes;
    this.#refunds = this.#refunds.filter((refund) => refund.number > number);
  }
}
