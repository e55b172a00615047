// Where packets of a stream go: a lane of a session, or the other half of a test.
// Decides nothing.

/** Takes packets and keeps none of them waiting for long. */
export interface Outlet {
  /** Whether nothing waits. What cannot be written now is not kept: newer values come. */
  readonly isWritable: boolean;
  /** Sends a copy of `bytes`; false where they were not taken. */
  send(bytes: Uint8Array): boolean;
}
