// Bounds of what sessions may ask of a supervisor for longer than one answer.

/** Sessions that may watch the list at once; one more is refused. */
export const MAX_WATCHERS = 64;
/** Followings of lines and events of one session, and of all. */
export const MAX_FOLLOWS_PER_SESSION = 16;
export const MAX_FOLLOWS = 256;
/** Lines that wait while the newest ones are being fetched; the oldest go first, counted. */
export const MAX_EARLY_RECORDS = 1_000;
/** When a change that found no room is tried again. */
export const RETRY_US = 50_000;
