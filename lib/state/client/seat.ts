// What the parts of a client share: the copy of the state, the time, and the names of the others.
// A type alone.

import type { StateReplica } from "../replica/mod.ts";

/** Where a client sits. */
export interface Seat {
  readonly replica: StateReplica;
  /** Microseconds of the platform's monotonic clock. */
  nowUs(): number;
  /** Sends what there is to say now. */
  pump(): void;
  /** The name of a client; null where it was never seen. */
  nameOf(client: number): string | null;
  /** A listener has failed. */
  readonly noteFailure: (thrown: unknown) => void;
}
