// How programs reach their copy of the shared state, wherever the host is.
// Decides nothing: replica_service.ts keeps one over a session, tests make one by hand.

import type { BodyOf, ReplyOf, RequestDefinition } from "../../session/mod.ts";
import type { ReplicaEvent, StateReplica } from "../replica/mod.ts";

/** A replica that is being driven. */
export interface StatePort {
  readonly replica: StateReplica;
  /** The time for every call of the replica, in microseconds of the platform's monotonic clock. */
  nowUs(): number;
  /** To be called after every call that may have changed the replica: sends what there is to say and sets timers. */
  pump(): void;
  /** Has every event of the replica told, in order. Returns how to stop it. */
  onEvent(listener: (event: ReplicaEvent) => void): () => void;
  /** Has the end of every batch told (messages, timers, own writes): shown values may be others. Returns how to stop it. */
  onBatch(listener: () => void): () => void;
  /** Asks the node that hosts. Rejects with `unreachable` while none is known, and as a session's call does. */
  ask<D extends RequestDefinition>(definition: D, body: BodyOf<D>): Promise<ReplyOf<D>>;
}
