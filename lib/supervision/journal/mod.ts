// The journal of a shim: events with gap-free numbers and the newest saves, in one small file that outlives crashes.

export { COMPACT_BYTES, Journal, type JournalFigures, KEPT_EVENTS } from "./journal.ts";
export {
  emptyContent,
  JOURNAL_VERSION,
  type JournalContent,
  type JournalCounters,
  type JournalEntry,
  type JournalSaves,
  type ProcessSave,
  type SaveKind,
  type WantSave,
} from "./entries.ts";
export { readJournal } from "./read_journal.ts";
