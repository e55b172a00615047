// Many records as several messages: each fits a control line or a frame, however its texts are escaped.

import type { LogRecord } from "../model/mod.ts";

/** What a record takes in JSON beside its text, at most. */
const RECORD_OVERHEAD = 200;

/**
 * `records` in their order, in batches whose JSON takes at most about `maxBytes` (512 KiB unless given); a record that alone
 * takes more stands alone. At least one batch, empty where there are no records.
 */
export function batchRecords(records: readonly LogRecord[], maxBytes = 512 << 10): LogRecord[][] {
  const batches: LogRecord[][] = [];
  let batch: LogRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = RECORD_OVERHEAD + jsonBytes(record.text);
    if (bytes + size > maxBytes && batch.length > 0) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(record);
    bytes += size;
  }
  batches.push(batch);
  return batches;
}

/** Bytes of a text as a JSON string, never too few: control characters take six, others up to three a UTF-16 unit. */
function jsonBytes(text: string): number {
  let bytes = 2;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    bytes += code < 0x20 || (code >= 0xd800 && code < 0xe000)
      ? 6
      : code === 0x22 || code === 0x5c
      ? 2
      : code < 0x80
      ? 1
      : 3;
  }
  return bytes;
}
