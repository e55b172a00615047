// What a replica tells its owner, and what it counts.
// Types, and a queue with a bound.

import type { NodeId } from "../../base/mod.ts";
import type { ClientNumber, PathId, StateEpoch, SubsystemNumber } from "../model/mod.ts";
import type { Digest64, NackCode, OwnMessage, PrivilegeMessage, StateErrorCode } from "../messages/mod.ts";

/** Why a connection is of no use any more. */
export type ReconnectReason = "silence" | "unanswered" | "resync" | "bye" | "refused";

/** Why an own value is not shown any longer, or was not taken. */
export type DropReason =
  | NackCode
  /** Somebody with a higher priority writes there now. */
  | "takeover"
  /** Written while away, too long ago for it to jump onto the wall now. */
  | "stale"
  /** The path is not there in the new host's book, or takes no such value. */
  | "path-changed";

/** Something that the owner of a replica, or a person, should know. */
export type ReplicaEvent =
  | {
    readonly kind: "joined";
    readonly epoch: StateEpoch;
    readonly client: ClientNumber;
    /** It goes on as the client that it was. */
    readonly resumed: boolean;
    /** Paths whose claims others took meanwhile. */
    readonly takenOver: readonly PathId[];
  }
  /** A subsystem is whole. */
  | { readonly kind: "subsystem"; readonly subsystem: SubsystemNumber; readonly name: string | null }
  /** All subsystems are whole. `generation` counts books: with another one the numbers of paths are others. */
  | { readonly kind: "ready"; readonly epoch: StateEpoch; readonly generation: number }
  /** A copy differed from the host's and is being fetched again … */
  | {
    readonly kind: "differs";
    readonly subsystem: SubsystemNumber;
    readonly ours: Digest64;
    /** Null where the memory here was found broken before the host's digest told. */
    readonly theirs: Digest64 | null;
  }
  /** … and has been repaired: so many entries were other. */
  | { readonly kind: "repaired"; readonly subsystem: SubsystemNumber; readonly entries: number }
  /** An own write is not shown any longer. */
  | {
    readonly kind: "dropped";
    readonly path: string;
    readonly reason: DropReason;
    /** Who holds the path, as far as known; 0 for nobody. */
    readonly holder: number;
    readonly priority: number;
    readonly text: string;
  }
  /** An own write waits for more than two seconds: its control turns amber; `isWaiting` false: no more. */
  | { readonly kind: "amber"; readonly path: string; readonly isWaiting: boolean }
  /** What became of a transaction; `unknown`: the host that got it does not know this client any more. */
  | {
    readonly kind: "transaction";
    readonly handle: number;
    readonly outcome: "done" | "refused" | "unknown";
    readonly code: NackCode | null;
    readonly text: string;
  }
  /** Nothing was heard of the host for long; `isSilent` false: it is heard again. */
  | { readonly kind: "silent"; readonly isSilent: boolean }
  /** Give this connection up and make another, to `successor` where one is named. */
  | {
    readonly kind: "reconnect";
    readonly reason: ReconnectReason;
    readonly successor: NodeId | null;
    readonly text: string;
  }
  /** A person must look: two hosts under one term, or one of an older term than was seen. */
  | {
    readonly kind: "alarm";
    readonly alarm: "two-hosts" | "older-host" | "host-went-back";
    readonly ours: StateEpoch;
    readonly theirs: StateEpoch;
  }
  /** The host did not take something that was left to be written when this client goes; null for all of it. */
  | {
    readonly kind: "leave-refused";
    readonly path: string | null;
    readonly code: NackCode;
    readonly text: string;
  }
  | { readonly kind: "error"; readonly code: StateErrorCode; readonly text: string }
  | { readonly kind: "own"; readonly message: OwnMessage }
  | { readonly kind: "privilege"; readonly message: PrivilegeMessage };

/** What a replica counts, since it was made. */
export interface ReplicaCounters {
  patches: number;
  duplicates: number;
  /** Patches that came before those that they follow. */
  gaps: number;
  /** Those of them for which there was no room to wait. */
  gapsDropped: number;
  snapshots: number;
  /** Snapshots cut off, or other than their digest. */
  snapshotsSpoiled: number;
  resyncs: number;
  /** Answers to a resync that another one had followed. */
  lateAnswers: number;
  digestsEqual: number;
  digestsDifferent: number;
  /** Found by looking at the memory here. */
  memoryErrors: number;
  repairs: number;
  /** Messages of an older term, from a host that should not talk any more. */
  olderTerms: number;
  newerTerms: number;
  /** Messages that nobody waits for: before a welcome, of no known subsystem, from clients. */
  unexpected: number;
  /** Entries that made no sense. */
  wrongEntries: number;
  writes: number;
  /** Writes that took the place of one that had not gone out. */
  writesMerged: number;
  writesResent: number;
  /** Times that the host had more of this client than it ever wrote. */
  writesRenumbered: number;
  writesRefused: number;
  eventsDropped: number;
  /** Times that this process slept, which is no silence of the host. */
  slept: number;
}

/** Counters at zero. */
export function newCounters(): ReplicaCounters {
  return {
    patches: 0,
    duplicates: 0,
    gaps: 0,
    gapsDropped: 0,
    snapshots: 0,
    snapshotsSpoiled: 0,
    resyncs: 0,
    lateAnswers: 0,
    digestsEqual: 0,
    digestsDifferent: 0,
    memoryErrors: 0,
    repairs: 0,
    olderTerms: 0,
    newerTerms: 0,
    unexpected: 0,
    wrongEntries: 0,
    writes: 0,
    writesMerged: 0,
    writesResent: 0,
    writesRenumbered: 0,
    writesRefused: 0,
    eventsDropped: 0,
    slept: 0,
  };
}

/** Events that wait to be polled. */
export const MAX_EVENTS = 1_024;

/** The events of a replica in their order; the oldest go when nobody polls. */
export class EventQueue {
  readonly #events: ReplicaEvent[] = [];
  readonly #counters: ReplicaCounters;

  constructor(counters: ReplicaCounters) {
    this.#counters = counters;
  }

  push(event: ReplicaEvent): void {
    if (this.#events.length === MAX_EVENTS) {
      this.#events.shift();
      this.#counters.eventsDropped++;
    }
    this.#events.push(event);
  }

  poll(): ReplicaEvent | null {
    return this.#events.shift() ?? null;
  }
}
