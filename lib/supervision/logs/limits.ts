// The bounds of logging: what a line, the ring, the files and one call may take.
// Numbers alone, each with its reason (research, section 1.9).

/** A longer line is cut into pieces of so many bytes. */
export const MAX_LINE_BYTES = 16 << 10;
/** Of a line longer than this the rest is counted and left out: it must not push everything else out of memory. */
export const MAX_WHOLE_LINE_BYTES = 1 << 20;
/** What came without an end of line is passed on as it is after this long. */
export const PARTIAL_US = 200_000;

/** Of a flood of shorter lines than 32 bytes on average only so many of 64 KiB are looked at one by one. */
export const DENSE_LINES = 2_048;

/** What is kept in memory, whichever comes first. */
export const RING_LINES = 10_000;
export const RING_BYTES = 4 << 20;

/** Lines that may go to the files: so many a second, and so many at once. */
export const LINES_PER_SECOND = 2_000;
export const BURST_LINES = 20_000;
/** Bytes of text that may: lines can be long. */
export const BYTES_PER_SECOND = 2 << 20;
export const BURST_BYTES = 16 << 20;
/** How often it is told how many did not. */
export const SUPPRESSED_REPORT_US = 1_000_000;
/** A flood that goes on is an event again after this long. */
export const SUPPRESSED_EVENT_US = 60_000_000;

/** What waits to be written goes out at this size, or when it is this old. */
export const BATCH_BYTES = 64 << 10;
export const BATCH_US = 250_000;
/** A tick writes what is older than this, so that one every 250 ms suffices. */
export const BATCH_MIN_US = 50_000;
/** How often a disk that refused is tried again. */
export const DISK_RETRY_US = 5_000_000;

/** What a query returns at most. */
export const MAX_QUERY_RECORDS = 10_000;
export const MAX_QUERY_BYTES = 4 << 20;
/** How much of the files a shim looks through for it, some 40 ms at most, and how much a daemon does without a shim. */
export const MAX_SCAN_BYTES = 4 << 20;
export const MAX_READ_BYTES = 16 << 20;

/** Followers of one program. */
export const MAX_FOLLOWERS = 32;
/** What one of them is told at once: a control message of 1 MiB holds it however it is escaped. */
export const FOLLOW_RECORDS = 256;
export const FOLLOW_BYTES = 128 << 10;
/** How far behind one may be before the oldest are left out. */
export const FOLLOW_BEHIND = 2_000;
/** How long a line waits before followers hear of it. */
export const FOLLOW_US = 50_000;
