// The log files of one program: appending, rotation, and taking up again what an earlier shim left.
// Decides when `current` is full, which files go, and how a line that a crash cut off is closed. Notices files that somebody
// removed or emptied, and a directory that was made anew (runit #25). Throws `storage` where the disk refuses: the caller
// keeps lines in memory then (log_writer.ts).

import { HanaError } from "../../base/mod.ts";
import type { AppendedFile, Files } from "../../platform/mod.ts";
import { scanFile } from "./file_scan.ts";
import { CURRENT, fullLogName, fullLogs } from "./log_names.ts";
import { emptyHeader, readHeader, TORN_BYTE } from "./record_format.ts";

const MODE = 0o600;
const DIRECTORY_MODE = 0o700;
/** A record's head is shorter. */
const HEAD_BYTES = 160;
/** How much of a file's end is looked through for its last record. */
const TAIL_BYTES = 256 << 10;
const MIN_ROTATE_BYTES = 1024;
/** What must be free before a disk that was full is written to again. */
const ROOM_BYTES = 1 << 20;
const NEWLINE = 0x0a;

/** What the files of a program may take. */
export interface LogFileLimits {
  /** `current` is full at this size, in bytes. */
  readonly rotateBytes: number;
  /** Files that are kept, `current` among them. */
  readonly keep: number;
  /** Bytes that all of them may take; no limit of its own unless given. */
  readonly totalBytes?: number;
}

/** Where an earlier shim stopped. */
export interface LogResume {
  readonly nextSeq: number;
  readonly lastRun: number;
}

/** Files of one program's log directory. */
export class LogFiles {
  /** `current` is full at this size. */
  rotateBytes = 0;
  readonly #files: Files;
  readonly #directory: string;
  #keep = 1;
  #totalBytes = Infinity;
  #file: AppendedFile | null = null;
  #size = 0;
  #firstRun: number | null = null;
  #lastRun = 0;
  /** Files that became full. */
  rotations = 0;
  /** Removals that the disk refused. */
  unremoved = 0;

  constructor(files: Files, directory: string, limits: LogFileLimits) {
    this.#files = files;
    this.#directory = directory;
    this.setLimits(limits);
  }

  /** Other limits hold from the next rotation on. */
  setLimits(limits: LogFileLimits): void {
    this.rotateBytes = Math.max(MIN_ROTATE_BYTES, limits.rotateBytes);
    this.#keep = Math.max(1, limits.keep);
    this.#totalBytes = limits.totalBytes ?? Infinity;
  }

  /** Where the newest record of the files stands; a directory that cannot be read counts as empty. */
  resume(): LogResume {
    const last = { nextSeq: 1, lastRun: 0 };
    const header = emptyHeader();
    const look = (bytes: Uint8Array, from: number, to: number): boolean => {
      if (!readHeader(bytes, from, to, header)) return true;
      last.nextSeq = header.seq + 1;
      last.lastRun = this.#lastRun = header.run;
      return false;
    };
    try {
      const names = [CURRENT, ...fullLogs(this.#files, this.#directory).map(({ name }) => name).reverse()];
      for (const name of names) {
        scanFile(this.#files, `${this.#directory}/${name}`, TAIL_BYTES, look);
        if (last.nextSeq > 1) break;
      }
    } catch {
      // Whatever is wrong is told when something is to be written.
    }
    return last;
  }

  /** Adds whole records of the runs up to `lastRun`, `current` being full before them at most. Throws `storage`. */
  append(bytes: Uint8Array, wallMs: number, firstRun: number, lastRun: number): void {
    try {
      if (this.#file !== null && !this.#isUntouched()) this.close();
      let file = this.#file ?? this.#open();
      if (this.#size > 0 && this.#size + bytes.length > this.rotateBytes) file = this.#rotate(wallMs);
      this.#firstRun ??= firstRun;
      this.#lastRun = lastRun;
      file.append(bytes);
      this.#size += bytes.length;
    } catch (thrown) {
      this.close();
      throw thrown;
    }
  }

  /**
   * Writes something that no reader sees, after the disk refused. Throws `storage` where it still does, or has so little room
   * that it would again at once.
   */
  probe(wallMs: number): void {
    this.#files.makeDirectory(this.#directory, DIRECTORY_MODE);
    const free = this.#files.freeBytes(this.#directory);
    if (free !== null && free < ROOM_BYTES) {
      throw new HanaError("storage", {
        what: `cannot write to ${this.#directory}`,
        why: `${free} bytes are free`,
      });
    }
    this.append(new Uint8Array([NEWLINE]), wallMs, this.#lastRun, this.#lastRun);
  }

  /** Closes `current`; the next append opens it again. */
  close(): void {
    const file = this.#file;
    this.#file = null;
    this.#firstRun = null;
    try {
      file?.close();
    } catch {
      // Everything in it was written when it was appended.
    }
  }

  #isUntouched(): boolean {
    return this.#files.stat(this.#current)?.size === this.#size;
  }

  get #current(): string {
    return `${this.#directory}/${CURRENT}`;
  }

  #open(): AppendedFile {
    this.#files.makeDirectory(this.#directory, DIRECTORY_MODE);
    const file = this.#files.openAppend(this.#current, MODE);
    this.#file = file;
    this.#size = file.size;
    this.#firstRun = null;
    if (this.#size === 0) return file;
    if (this.#files.readAt(this.#current, this.#size - 1, 1)?.[0] !== NEWLINE) {
      file.append(new Uint8Array([TORN_BYTE, NEWLINE]));
      this.#size += 2;
    }
    const head = this.#files.readAt(this.#current, 0, HEAD_BYTES);
    const header = emptyHeader();
    if (head !== null && readHeader(head, 0, head.length, header)) this.#firstRun = header.run;
    return file;
  }

  #rotate(wallMs: number): AppendedFile {
    const full = fullLogs(this.#files, this.#directory);
    const number = (full.at(-1)?.number ?? 0) + 1;
    const name = fullLogName(number, wallMs, this.#firstRun ?? this.#lastRun, this.#lastRun);
    const size = this.#size;
    this.close();
    this.#files.rename(this.#current, `${this.#directory}/${name}`);
    this.rotations++;
    this.#removeOldest([...full.map((log) => log.name), name], size);
    return this.#open();
  }

  /** Keeps so many full files that `current` may become full beside them. One that cannot be removed stays for now. */
  #removeOldest(names: readonly string[], newestSize: number): void {
    let total = this.rotateBytes;
    for (let at = names.length - 1; at >= 0; at--) {
      const path = `${this.#directory}/${names[at]}`;
      try {
        total += at === names.length - 1 ? newestSize : this.#files.stat(path)?.size ?? 0;
        if (names.length - at >= this.#keep || total > this.#totalBytes) this.#files.remove(path);
      } catch {
        this.unremoved++;
      }
    }
  }
}
