// What programs wrote, and what is kept of a run that ended: memory first, files as far as the disk lets.
// Decides bounds, formats and searches; never when a program starts or ends.

export { LogBook, type LogBookEvent, type LogBookOptions, type LogCounters } from "./log_book.ts";
export type { LogFollower, LogListener } from "./followers.ts";
export type { LogFileLimits } from "./log_files.ts";
export { readLogs } from "./log_query.ts";
export { batchRecords } from "./record_batches.ts";
export { plainText } from "./plain_text.ts";
export { SampleRing } from "./samples.ts";
export { BundleKeeper, type BundleKeeperOptions, readBundle } from "./bundles.ts";
export { MACHINE_LOG_BYTES, pruneLogs, type PruneResult } from "./prune.ts";
