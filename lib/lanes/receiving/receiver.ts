// What a receiver of messages is to its lane: one of the reliable kinds, or one of the unreliable.
// Decides the face and the options that both share; never how a guarantee is kept.

import type { LaneId, LaneKind } from "../lane.ts";
import { DEFAULT_RELIABLE_MESSAGE_BYTES, DEFAULT_UNRELIABLE_MESSAGE_BYTES, isReliable } from "../lane.ts";
import { WINDOW_MESSAGES, windowBytesFor } from "./credit_window.ts";

/** A lane as its receiver needs to know it. */
export interface ReceiveLaneOptions {
  readonly id: LaneId;
  readonly kind: LaneKind;
  /** Messages of an unreliable-sequenced lane may carry a key. */
  readonly keyed: boolean;
  /** The largest message, in bytes. */
  readonly maxMessageBytes: number;
  /** Reliable lanes: messages and payload bytes that may be open. Both ends must start with the same. */
  readonly windowMessages: number;
  readonly windowBytes: number;
}

/**
 * What the receiver of a lane is when nothing else was agreed: the window that the sender starts with as well.
 *
 * @param maxMessageBytes the largest message; the default of the kind when left out
 */
export function receiveLaneOptions(
  id: LaneId,
  kind: LaneKind,
  keyed: boolean,
  maxMessageBytes: number = isReliable(kind)
    ? DEFAULT_RELIABLE_MESSAGE_BYTES
    : DEFAULT_UNRELIABLE_MESSAGE_BYTES,
): ReceiveLaneOptions {
  return {
    id,
    kind,
    keyed,
    maxMessageBytes,
    windowMessages: WINDOW_MESSAGES,
    windowBytes: windowBytesFor(maxMessageBytes),
  };
}

/** The receiver of one lane; {@linkcode ReceiveLane} says what each means. */
export interface Receiver {
  handleData(
    nowUs: number,
    number32: number,
    key: number,
    offset: number,
    total: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): number;
  handleSkip(number32: number): number;
  readonly creditDue: boolean;
  readonly messageLimit: number;
  readonly byteLimit: number;
  onCreditSent(): void;
  onCreditLost(): void;
  handleTimeout(nowUs: number): void;
  readonly nextExpiryUs: number;
  setRoundTrip(smoothedUs: number): void;
  pause(): void;
  resume(): void;
  readonly isPaused: boolean;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  readonly partialMessages: number;
  readonly partialBytes: number;
  readonly forgottenKeys: number;
  close(): void;
}
