// What the sender of a reliable lane may send: a bound on message numbers and one on payload bytes.
// Decides how far both go and when the sender must hear of it. Never counts what is held; the lane does.
//
// How both ends count bytes (docs/lanes.md, "Credit"):
// - Receiver: `byteLimit` = payload bytes of the messages that it handed on since the start + the window. Messages that
//   were given up are not in it, however much of them came.
// - Sender: `used` = payload bytes of all messages of which it has sent at least one byte or frame, each once however
//   often it is repaired, less those of skipped messages, which it takes off when the SKIP that covers them is
//   acknowledged, not before (until then the receiver may hold a part). It may begin a message when its number is below
//   `messageLimit` and used + length ≤ byteLimit.
// - So that both agree, only a message that was never sent whole may be skipped: what was sent whole is repaired until
//   it is acknowledged, since the receiver may have handed it on and counted it. A SKIP names a number below
//   `messageLimit`, and is sent only when every message up to it is acknowledged whole, or is itself given up.
// - Before the first CREDIT both are what this file's functions say for the lane's largest message.

import { CREDIT_UNIT_BYTES } from "../wire/mod.ts";

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

/** Messages that a reliable lane may have open from the start: sent and not yet handed to the application. */
export const WINDOW_MESSAGES = 16_384;
/** Bytes that it may have open from the start, unless its largest message needs more. */
export const MIN_WINDOW_BYTES: number = 4 * MEBIBYTE;
/**
 * The byte window that both ends of a reliable lane start with: 4 MiB, or 1 MiB more than the largest message. With no
 * more than the largest message itself, one byte handed on but not yet granted would stop a message of that length.
 *
 * @param maxMessageBytes the lane's largest message
 */
export function windowBytesFor(maxMessageBytes: number): number {
  return Math.max(MIN_WINDOW_BYTES, maxMessageBytes + MEBIBYTE);
}

/** The credit of one lane. */
export class CreditWindow {
  /** Every number below this one was handed on or given up. */
  base: number;
  /** Payload bytes handed on. */
  consumedBytes = 0;
  readonly windowMessages: number;
  readonly windowBytes: number;
  readonly #dueMessages: number;
  readonly #dueBytes: number;
  #grantedBase: number;
  #grantedBytes = 0;
  #isLost = false;

  /**
   * @param firstNumber number of the lane's first message
   * @param windowMessages messages that may be open, at least 1
   * @param windowBytes bytes that may be open; raised to what the largest message needs
   * @param maxMessageBytes the lane's largest message
   */
  constructor(firstNumber: number, windowMessages: number, windowBytes: number, maxMessageBytes: number) {
    this.base = firstNumber;
    this.windowMessages = windowMessages;
    this.windowBytes = Math.max(windowBytes, maxMessageBytes + CREDIT_UNIT_BYTES);
    this.#grantedBase = firstNumber;
    this.#dueMessages = Math.floor(windowMessages / 2);
    // Whatever is consumed but not granted, the largest message must fit into the rest: else both sides would wait.
    this.#dueBytes = Math.min(
      Math.floor(this.windowBytes / 2),
      this.windowBytes - maxMessageBytes - CREDIT_UNIT_BYTES,
    );
  }

  /** The sender may use numbers below this one. */
  get messageLimit(): number {
    return this.base + this.windowMessages;
  }

  /** Payload bytes that the sender may use, as they travel: a multiple of 256. */
  get byteLimit(): number {
    const limit = this.consumedBytes + this.windowBytes;
    return limit - limit % CREDIT_UNIT_BYTES;
  }

  /** Whether the limits should be sent. */
  get isDue(): boolean {
    return this.base - this.#grantedBase > this.#dueMessages ||
      this.consumedBytes - this.#grantedBytes > this.#dueBytes || this.#isLost;
  }

  /** The limits of this moment were sent. */
  onSent(): void {
    this.#grantedBase = this.base;
    this.#grantedBytes = this.consumedBytes;
    this.#isLost = false;
  }

  /** The newest limits that were sent are lost: they must be sent again. */
  onLost(): void {
    this.#isLost = true;
  }
}
