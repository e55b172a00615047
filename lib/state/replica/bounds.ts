// How long and how much at a client.
// Numbers alone.

/** The pause between two bursts of values: thirty a second is what the host takes of a path. */
export const WRITE_PAUSE_US = 33_333;
/** By so much may a burst come before its pause is over, in microseconds, as long as the rate is kept. */
export const WRITE_SLACK_US = 10_000;
/** A value that waits for longer turns its control amber. */
export const AMBER_US = 2_000_000;
/** A momentary claim is refreshed so often; its lease is 2.5 s (E1.31 has 0.8 to 1 s). */
export const REFRESH_US = 900_000;
/** After the acknowledgement its effect comes with the next patch, at the slowest rate within half a second. */
export const SETTLE_US = 600_000;
/** Values of a client that the host forgot are not sent after so long: nothing jumps on the wall. */
export const STALE_US = 10_000_000;
/** Messages without an acknowledgement; more wait. */
export const MAX_IN_FLIGHT = 64;
/** Paths with own writes. */
export const MAX_WRITES = 4_096;
/** Transactions that wait. */
export const MAX_TRANSACTIONS = 64;
/** After so long without an acknowledgement everything goes out again; the pause doubles up to the other. */
export const RESEND_US = 1_000_000;
export const MAX_RESEND_US = 5_000_000;
/** So often does everything go out again before something else is tried. */
export const MAX_RESENDS = 4;
/** Between two times that the host's complaint about the order makes everything go out again. */
export const ORDER_PAUSE_US = 200_000;
/** The pause between two signs of life where nothing else is said. */
export const BEAT_US = 5_000_000;
/** How long an acknowledgement waits for others. */
export const ACK_DELAY_US = 10_000;
/** The first pause between two hellos; it doubles up to five seconds. */
export const HELLO_US = 1_000_000;
export const MAX_HELLO_US = 5_000_000;
/** So many hellos go out before another connection is better. */
export const MAX_HELLOS = 4;
