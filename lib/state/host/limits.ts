// How much and how often a host does things.
// Decides numbers alone, each with where it comes from.

/** Bytes that may wait on a client's lane before its patches are skipped (research 2.7 W4). */
export const MAX_BACKLOG_BYTES = 65_536;
/** How old a patch may be that a client has not acknowledged before its next ones are skipped (W4), in microseconds. */
export const MAX_UNACKNOWLEDGED_US = 250_000;
/** By so much may a patch come before its pause is over, in microseconds, as long as the rate is kept. */
export const PATCH_SLACK_US = 10_000;
/** How long an acknowledgement waits for a patch that it can travel with, in microseconds. */
export const ACK_DELAY_US = 33_333;
/** How often a patch carries a digest (F1), in microseconds. */
export const DIGEST_US = 1_000_000;
/** The pause between beats of an idle host, in microseconds (research 2.10). */
export const BEAT_US = 5_000_000;
/** After the last patch a beat comes sooner, so that the end of a movement cannot be lost for long (C4). */
export const FIRST_BEAT_US = 1_000_000;
/** How long a deleted path is told of at least, in microseconds (research 2.5). */
export const TOMBSTONE_US = 60_000_000;
/** Two answers to resyncs of one subsystem are so far apart at least, in microseconds (C3). */
export const RESYNC_US = 200_000;
/** An acknowledgement behind what was sent so long ago means that it was lost (C4), in microseconds. */
export const REWIND_US = 500_000;
/** How long acknowledgements wait for a standby before it counts as absent, in microseconds. */
export const STANDBY_LATE_US = 1_000_000;
/** Standbys of a host. */
export const MAX_STANDBYS = 4;
/** Links at a time, and clients with those that may come back. */
export const MAX_LINKS = 1_024;
/** Clients that receive the whole state at the same time; others wait for their welcome. */
export const MAX_TRANSFERS = 16;
/** Writes of one client that came too early and wait for the ones before. */
export const MAX_HELD_WRITES = 16;
/** Answers to one write: a message may write thousands of paths. */
export const MAX_NACKS = 64;
/** Messages that wait to be polled, patches and chunks aside. */
export const MAX_OUTBOX = 8_192;
/** Events that wait to be polled. */
export const MAX_EVENTS = 4_096;
/** Paths of a client of which it was told that another stands above it. */
export const MAX_SHADOWS = 4_096;
/** Encoded patches kept while one subsystem is sent to all. */
export const MAX_CACHED_PATCHES = 64;
/** Bytes of entries of a patch; what is more follows in the next one. */
export const PATCH_BYTES = 60_000;
