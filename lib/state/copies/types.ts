// What a host and a standby say to each other.
// Types alone; encoder.ts and decoder.ts decide the bytes (docs/state-protocol.md).

import type { StateEpoch } from "../model/mod.ts";

/** Host to standby: a part of an update. An update of any size is one part at least. */
export interface CopyPart {
  readonly kind: "part";
  /** Counts the updates that one encoder has split, from 1 on. */
  readonly serial: number;
  /** Where its bytes stand in the update; 0 begins another one. */
  readonly at: number;
  /** Bytes of the update altogether, in the part that begins it; else null. */
  readonly total: number | null;
  readonly isLast: boolean;
  /** A view of the message that was decoded: good as long as that. */
  readonly bytes: Uint8Array;
}

/** Standby to host: how far it has what it was sent. */
export interface CopyConfirmation {
  readonly kind: "confirmation";
  /** Whose copy it has: where that is later than the host's own epoch, the host's reign is over. */
  readonly epoch: StateEpoch;
  /** That of the update which it took; null where it has to have everything again. */
  readonly number: number | null;
}

/** Anybody to anybody: how far is your copy? This is how far mine is. */
export interface CopyQuestion {
  readonly kind: "question";
  /** Null where it has none. */
  readonly epoch: StateEpoch | null;
  /** 0 where it has none. */
  readonly number: number;
  /** If yours is newer, send it: parts of a whole update follow the answer. */
  readonly wants: boolean;
}

/** The answer to a question. */
export interface CopyAnswer {
  readonly kind: "answer";
  /** Null where it has none. */
  readonly epoch: StateEpoch | null;
  /** 0 where it has none. */
  readonly number: number;
}

/** A message about copies. */
export type CopyMessage = CopyPart | CopyConfirmation | CopyQuestion | CopyAnswer;
