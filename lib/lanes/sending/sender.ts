// What a lane's sender does, whichever guarantee it keeps.
// Decides the face that the two ways of sending share; never anything itself.

import type { PacketWriter } from "../wire/mod.ts";

/** More memory than this is given back by a lane that stays idle. */
export const KEPT_BYTES: number = 256 * 1024;
/** So long it must be idle. */
export const SHRINK_AFTER_US = 1_000_000;

/** Where is noted what a packet carries; the connection's `SentPackets`. */
export interface PacketRefs {
  /** Notes a whole message. */
  addRun(lane: number, number: number): void;
  /** Notes `length` bytes from `offset` on of a message. */
  addPiece(lane: number, number: number, offset: number, length: number): void;
}

/** One way of sending. The methods are those of {@linkcode SendLane}. */
export interface Sender {
  push(nowUs: number, bytes: Uint8Array, key: number, ttlUs: number, report: boolean): number;
  hasWork(nowUs: number): boolean;
  fill(nowUs: number, writer: PacketWriter, refs: PacketRefs, budgetBytes: number): number;
  onRun(first: number, count: number, acked: boolean, nowUs: number): void;
  onPiece(number: number, offset: number, length: number, acked: boolean, nowUs: number): void;
  handleCredit(messageLimit: number, byteLimit: number): void;
  handleTimeout(nowUs: number): void;
  readonly nextExpiryUs: number;
  readonly hasSkip: boolean;
  pollSkip(): number;
  onSkip(number: number, acked: boolean): void;
  probe(): boolean;
  readonly hasUnacked: boolean;
  readonly isIdle: boolean;
  readonly heldBytes: number;
  readonly forgottenKeys: number;
  close(): void;
}
