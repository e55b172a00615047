// Looks at a journal without touching it: for a daemon that finds the journal of a shim that is gone.

import type { Files } from "../../platform/mod.ts";
import { type JournalContent, parseJournal } from "./entries.ts";

/** More than a journal ever has; of a longer file only the end is read. */
const MAX_READ_BYTES = 4 << 20;

/**
 * What the journal at `path` says; null when there is none. Throws `storage` when it cannot be read. What was torn or is
 * garbage is counted and left out.
 */
export function readJournal(files: Files, path: string): JournalContent | null {
  const stat = files.stat(path);
  if (stat === null || stat.kind !== "file") return null;
  const from = Math.max(0, stat.size - MAX_READ_BYTES);
  const bytes = from === 0 ? files.read(path) : files.readAt(path, from, MAX_READ_BYTES);
  if (bytes === null) return null;
  return parseJournal(new TextDecoder().decode(bytes), from === 0);
}
