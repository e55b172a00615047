// The memory of one shim: events with numbers that have no gaps, and the newest of everything that it must know again.
// Decides when the file is compacted, what of it is kept, and what happens while the disk refuses: everything stays in
// memory (bounded) and is written whole as soon as it can be. Never reads a clock; never fails because of the disk.

import { assert } from "../../base/mod.ts";
import type { AppendedFile, Files } from "../../platform/mod.ts";
import type { ProgramEvent } from "../model/mod.ts";
import {
  boundedEvent,
  emptyContent,
  entryLine,
  headLine,
  type JournalContent,
  type JournalCounters,
  type JournalEntry,
  type JournalSaves,
  type SaveKind,
} from "./entries.ts";
import { readJournal } from "./read_journal.ts";

/** A longer journal is written anew with what counts. */
export const COMPACT_BYTES = 64 << 10;
/** Events that are kept, in memory and by a compaction. */
export const KEPT_EVENTS = 200;
/** What the events of a compacted journal may take of {@linkcode COMPACT_BYTES}. */
const KEPT_EVENT_BYTES = 40 << 10;
/** What a journal grows by at least between two compactions, however large what is saved. */
const GROWTH_BYTES = 16 << 10;
/** No entry is longer: a specification of the largest command line and environment takes a fifth of it. */
const MAX_ENTRY_BYTES = 1 << 20;
const RETRY_US = 5_000_000;
const MODE = 0o600;

/** What happened to a journal. */
export interface JournalFigures extends JournalCounters {
  appended: number;
  compactions: number;
  /** Writes that the disk refused. */
  refused: number;
  /** Entries that were too long to keep. */
  tooLong: number;
}

const encoder = new TextEncoder();

/** An append-only journal of one program. Use {@linkcode Journal.open}. */
export class Journal {
  readonly counters: JournalFigures;
  readonly #files: Files;
  readonly #path: string;
  readonly #saves: JournalContent["saves"];
  readonly #events: ProgramEvent[];
  #nextSeq: number;
  #file: AppendedFile | null = null;
  /** What the file should have; anything else means that somebody changed it. */
  #size = 0;
  #compactAt = COMPACT_BYTES;
  /** Whether memory holds what the file does not. */
  #behind = false;
  /** Whether the file could not be read, and may be whole. */
  #isUnread = false;
  #retryAtUs: number | null = null;

  private constructor(files: Files, path: string, content: JournalContent) {
    this.#files = files;
    this.#path = path;
    this.#saves = content.saves;
    this.#events = content.events.slice(-KEPT_EVENTS);
    this.#nextSeq = content.nextSeq;
    const { garbage, torn, otherVersion } = content;
    this.counters = { garbage, torn, otherVersion, appended: 0, compactions: 0, refused: 0, tooLong: 0 };
  }

  /**
   * Opens the journal at `path`, made when missing; its directory is made too. A torn last line is cut and garbage is
   * skipped: both are counted, and the file is written anew without them. One of another version, or one that cannot be
   * read, is put aside as `<path>.other`. Never throws: a disk that refuses leaves an empty journal in memory, tried again later.
   *
   * @param leastSeq the next event has this number at least: events may be known that the file has lost
   */
  static open(files: Files, path: string, leastSeq = 1): Journal {
    let content: JournalContent | null = null;
    let refused = false;
    try {
      content = readJournal(files, path);
    } catch {
      refused = true;
    }
    const journal = new Journal(files, path, content ?? emptyContent());
    journal.#nextSeq = Math.max(journal.#nextSeq, leastSeq);
    if (refused) {
      journal.counters.refused++;
      journal.#behind = true;
      journal.#isUnread = true;
    } else if (content !== null && (content.garbage > 0 || content.torn > 0 || content.otherVersion > 0)) {
      if (content.otherVersion > 0) journal.#putAside();
      journal.#compact();
    } else journal.#reopen();
    return journal;
  }

  /** The number that the next event must have. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** The number of the oldest event that is kept; {@linkcode nextSeq} where there is none. */
  get oldestSeq(): number {
    return this.#events[0]?.seq ?? this.#nextSeq;
  }

  /** Whether everything is in the file (synced or not). */
  get isWritten(): boolean {
    return !this.#behind;
  }

  /** The newest save of a kind; null where there is none. */
  saved<K extends SaveKind>(kind: K): JournalSaves[K] | null {
    return (this.#saves[kind] as JournalSaves[K] | undefined) ?? null;
  }

  /** Events after number `seq` that are kept, oldest first. */
  eventsAfter(seq: number): ProgramEvent[] {
    const first = this.#events.findIndex((event) => event.seq > seq);
    return first < 0 ? [] : this.#events.slice(first);
  }

  /** Events of one run that are kept, oldest first. */
  eventsOf(run: number): ProgramEvent[] {
    return this.#events.filter((event) => event.run === run);
  }

  /**
   * Adds an entry. An event must have the number {@linkcode nextSeq}. With `synced` it survives a loss of power once this
   * returns true; without, a crash of the process. False: it is in memory alone, because the disk refuses; it is written
   * as soon as that ends.
   */
  append(entry: JournalEntry, synced: boolean): boolean {
    const kept = entry.kind === "event"
      ? { kind: "event" as const, event: boundedEvent(entry.event) }
      : entry;
    const bytes = encoder.encode(entryLine(kept));
    if (bytes.length > MAX_ENTRY_BYTES) {
      this.counters.tooLong++;
      return false;
    }
    this.#remember(kept);
    this.counters.appended++;
    // What must be durable is tried at once even if the disk refused a moment ago; the rest waits for the next try.
    if (this.#behind) return synced && this.#compact();
    if (this.#file === null || this.#size + bytes.length > this.#compactAt || !this.#isUntouched()) {
      return this.#compact();
    }
    try {
      this.#file.append(bytes);
      this.#size += bytes.length;
      if (synced) this.#file.sync();
      return true;
    } catch {
      this.#noteRefused();
      return false;
    }
  }

  /** Tries again, every 5 s, what the disk refused. */
  handleTick(nowUs: number): void {
    if (!this.#behind) return;
    this.#retryAtUs ??= nowUs + RETRY_US;
    if (nowUs < this.#retryAtUs) return;
    this.#retryAtUs = nowUs + RETRY_US;
    this.#compact();
  }

  /** When {@linkcode handleTick} has something to do. */
  deadline(): { readonly atUs: number; readonly reason: string } | null {
    return this.#behind && this.#retryAtUs !== null
      ? { atUs: this.#retryAtUs, reason: "journal: the disk is tried again" }
      : null;
  }

  /** Makes all of it durable as far as the disk lets, and closes the file. */
  close(): void {
    if (this.#behind) this.#compact();
    try {
      this.#file?.sync();
      this.#file?.close();
    } catch {
      this.counters.refused++;
    }
    this.#file = null;
  }

  #remember(entry: JournalEntry): void {
    if (entry.kind !== "event") {
      Object.assign(this.#saves, { [entry.kind]: entry.save });
      return;
    }
    assert(entry.event.seq === this.#nextSeq, `event ${entry.event.seq} follows event ${this.#nextSeq - 1}`);
    this.#nextSeq++;
    this.#events.push(entry.event);
    if (this.#events.length > KEPT_EVENTS) this.#events.shift();
  }

  /** Whether the file is as this journal left it: somebody may have removed it, or the directory. */
  #isUntouched(): boolean {
    try {
      return this.#files.stat(this.#path)?.size === this.#size;
    } catch {
      return false;
    }
  }

  /** Writes what counts as a new file in place of the old one: it is either all there or was never there. */
  #compact(): boolean {
    const bytes = encoder.encode(this.#content());
    if (this.#isUnread) this.#putAside();
    try {
      this.#closeQuietly();
      this.#files.makeDirectory(directoryOf(this.#path), 0o700);
      this.#files.write(this.#path, bytes, MODE);
    } catch {
      this.#noteRefused();
      return false;
    }
    this.counters.compactions++;
    this.#compactAt = Math.max(COMPACT_BYTES, bytes.length + GROWTH_BYTES);
    this.#behind = false;
    this.#isUnread = false;
    this.#retryAtUs = null;
    return this.#reopen();
  }

  #content(): string {
    const lines: string[] = [];
    let left = KEPT_EVENT_BYTES;
    for (let at = this.#events.length - 1; at >= 0; at--) {
      const event = this.#events[at];
      if (event === undefined) break;
      const line = entryLine({ kind: "event", event });
      left -= line.length;
      if (left < 0 && lines.length > 0) break;
      lines.push(line);
    }
    lines.reverse();
    const { assignment, want, machine, process: leader } = this.#saves;
    const head = [headLine(this.#nextSeq)];
    if (assignment !== undefined) head.push(entryLine({ kind: "assignment", save: assignment }));
    if (want !== undefined) head.push(entryLine({ kind: "want", save: want }));
    if (machine !== undefined) head.push(entryLine({ kind: "machine", save: machine }));
    if (leader !== undefined) head.push(entryLine({ kind: "process", save: leader }));
    return head.join("") + lines.join("");
  }

  #reopen(): boolean {
    try {
      this.#files.makeDirectory(directoryOf(this.#path), 0o700);
      this.#file = this.#files.openAppend(this.#path, MODE);
      this.#size = this.#file.size;
      return true;
    } catch {
      this.#noteRefused();
      return false;
    }
  }

  #noteRefused(): void {
    this.counters.refused++;
    this.#behind = true;
    this.#closeQuietly();
  }

  #closeQuietly(): void {
    const file = this.#file;
    this.#file = null;
    try {
      file?.close();
    } catch {
      // What it held is written anew anyway.
    }
  }

  #putAside(): void {
    try {
      this.#files.rename(this.#path, `${this.#path}.other`);
    } catch {
      this.counters.refused++;
    }
  }
}

function directoryOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}
