// How patient a session is, and how much it holds.
// Decides the numbers; the core keeps to them.

import { DEFAULT_MAX_FRAME_BYTES } from "../wire/mod.ts";

/** Bounds and intervals of a session, times in microseconds. */
export interface SessionLimits {
  /** The greeting must be through after this long. */
  readonly helloTimeoutUs: number;
  /** A heartbeat goes out this often. */
  readonly heartbeatUs: number;
  /** A peer that sent nothing for this long is lost. */
  readonly silenceUs: number;
  /** Requests of ours that may wait for an answer at once; one more fails with `overloaded`. */
  readonly maxPendingRequests: number;
  /** Requests of the peer that may run at once; one more is answered with `overloaded`. */
  readonly maxRunningRequests: number;
  /** Message names that the peer may use in one session; one more ends it. */
  readonly maxPeerNames: number;
  /** A payload of ours may have this many bytes; the frame limit less the lane's number. */
  readonly maxPayloadBytes: number;
}

/** Heartbeat and silence: three beats may be lost and a fourth be late before a peer counts as gone. */
export const DEFAULT_SESSION_LIMITS: SessionLimits = {
  helloTimeoutUs: 5_000_000,
  heartbeatUs: 1_000_000,
  silenceUs: 5_000_000,
  maxPendingRequests: 1024,
  maxRunningRequests: 256,
  maxPeerNames: 1024,
  maxPayloadBytes: DEFAULT_MAX_FRAME_BYTES - 1,
};
