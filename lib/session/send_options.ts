// What a caller may say of one message: patience, key, time to live, lane, and by what right it goes.
// Decides nothing: the session and its planner do.

import type { LaneName } from "../lanes/mod.ts";
import type { CommandOptions } from "./fencing.ts";

/** How to send a request; a command says by what right. */
export interface RequestOptions extends CommandOptions {
  /** The answer must come within this many microseconds; 5 s when not given. */
  readonly timeoutUs?: number;
  /** Aborting rejects with `cancelled` and tells the peer. */
  readonly signal?: AbortSignal;
  /** Another lane than the message's own, which must lose nothing if that one does not; the answer takes its own. */
  readonly lane?: LaneName;
}

/** How to send a one-way message. */
export interface PostOptions extends CommandOptions {
  /**
   * On the modulation lane: of one key only the newest value waits, and an older one never follows a newer one. The
   * message's name alone when not given.
   */
  readonly key?: string | number;
  /** Dropped when it waited unsent for this many microseconds. */
  readonly ttlUs?: number;
  /** Another lane than the message's own, which must lose nothing if that one does not. */
  readonly lane?: LaneName;
}
