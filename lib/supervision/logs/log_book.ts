// What a program wrote: taken as bytes, kept in memory and in files, found again, followed.
// Decides how the parts play together: cutter, ring, writer, followers. A program never waits for its log: taking bytes
// costs a copy and a few numbers a line; whatever cannot be kept is counted. No timers: handleTick every 250 ms or sooner.

import type { Files } from "../../platform/mod.ts";
import type { LogQuery, LogRecord } from "../model/mod.ts";
import { followAtUs, Follower, type LogFollower, type LogListener } from "./followers.ts";
import {
  BATCH_BYTES,
  MAX_FOLLOWERS,
  MAX_LINE_BYTES,
  MAX_SCAN_BYTES,
  SUPPRESSED_EVENT_US,
  SUPPRESSED_REPORT_US,
} from "./limits.ts";
import { LineCutter, type LineSink } from "./line_cutter.ts";
import { HANA, LineRing, STDERR, STDOUT } from "./line_ring.ts";
import { type LogFileLimits, LogFiles } from "./log_files.ts";
import { LogSearch } from "./log_query.ts";
import { LogWriter, type WriterCounters } from "./log_writer.ts";
import { TextWatch } from "./text_watch.ts";

/** How a log book is made. */
export interface LogBookOptions extends LogFileLimits {
  readonly files: Files;
  /** The program's log directory; made when something is written. */
  readonly directory: string;
  /** The wall clock in milliseconds since 1970. */
  readonly wallMs: () => number;
}

/** What happened, once each. */
export type LogBookEvent =
  /** The files refuse: lines are in memory alone until they take them again. */
  | { readonly kind: "disk-full"; readonly why: string }
  /** `lines` are missing in the files. */
  | { readonly kind: "disk-freed"; readonly lines: number }
  /** So many lines of the last second are in memory alone, since there were too many. Told once a minute of a flood. */
  | { readonly kind: "logs-suppressed"; readonly lines: number }
  /** The text that was waited for is in this record. */
  | { readonly kind: "text-seen"; readonly seq: number };

/** What became of everything. */
export interface LogCounters extends Readonly<WriterCounters> {
  /** Lines that the program wrote. */
  readonly lines: number;
  /** Bytes that it wrote. */
  readonly bytes: number;
  /** Pieces of lines that were too long or had no end for 200 ms. */
  readonly pieces: number;
  /** Bytes of lines over 1 MiB that were left out. */
  readonly leftOutBytes: number;
  /** Records that followers missed. */
  readonly missed: number;
  /** Bytes that the ring occupies. */
  readonly ringBytes: number;
  /** Files that became full. */
  readonly rotations: number;
  /** Searches and removals that the disk refused, and followers that were too many. */
  readonly refused: number;
}

/** Events that wait to be asked for; of more the oldest go. */
const MAX_EVENTS = 64;

const encoder = new TextEncoder();

/** The log of one program, across its runs. */
export class LogBook {
  readonly #files: Files;
  readonly #directory: string;
  readonly #wallMs: () => number;
  readonly #logFiles: LogFiles;
  readonly #writer: LogWriter;
  readonly #ring: LineRing;
  readonly #sink: LineSink;
  readonly #stdout: LineCutter;
  readonly #stderr: LineCutter;
  readonly #followers = new Set<Follower>();
  readonly #events: LogBookEvent[] = [];
  #watch: TextWatch | null = null;
  #run: number;
  #spawnedUs: number | null = null;
  #nowUs = 0;
  #stream = STDOUT;
  #untoldSinceUs: number | null = null;
  #suppressedSinceUs: number | null = null;
  #suppressedTold = 0;
  #suppressedEventUs = -Infinity;
  #droppedBefore = 0;
  #isRefused = false;
  #lines = 0;
  #bytes = 0;
  #pieces = 0;
  #leftOutBytes = 0;
  #missed = 0;
  #refused = 0;

  /** Takes up what an earlier shim left in `directory`. Never throws: what cannot be read is as if it were not there. */
  constructor(options: LogBookOptions) {
    this.#files = options.files;
    this.#directory = options.directory;
    this.#wallMs = options.wallMs;
    this.#logFiles = new LogFiles(options.files, options.directory, options);
    this.#writer = new LogWriter(this.#logFiles);
    const { nextSeq, lastRun } = this.#logFiles.resume();
    this.#ring = new LineRing(nextSeq);
    this.#run = lastRun;
    this.#sink = {
      put: (bytes, from, to) => this.#ring.put(bytes, from, to),
      line: (bytes, from, to, position, partial) => this.#takeLine(bytes, from, to, position, partial),
      maySkip: () => this.#watch === null && this.#writer.isExhausted,
      skipped: (lines) => {
        this.#lines += lines;
        this.#writer.skip(lines);
      },
      leftOut: (bytes) => this.#takeLeftOut(bytes),
    };
    this.#stdout = new LineCutter(this.#sink);
    this.#stderr = new LineCutter(this.#sink);
  }

  /** The present run, or the last one that the files know of. */
  get run(): number {
    return this.#run;
  }

  /** The number that the next record gets. */
  get nextSeq(): number {
    return this.#ring.nextSeq;
  }

  get counters(): LogCounters {
    let missed = this.#missed;
    for (const follower of this.#followers) missed += follower.missed;
    return {
      ...this.#writer.counters,
      lines: this.#lines,
      bytes: this.#bytes,
      pieces: this.#pieces,
      leftOutBytes: this.#leftOutBytes,
      missed,
      ringBytes: this.#ring.occupiedBytes,
      rotations: this.#logFiles.rotations,
      refused: this.#refused + this.#logFiles.unremoved,
    };
  }

  /** The specification changed: other limits hold from the next rotation on. */
  setLimits(limits: LogFileLimits): void {
    this.#logFiles.setLimits(limits);
  }

  /** A run begins: its process was spawned at `nowUs`. What comes from now on belongs to it. */
  startRun(run: number, nowUs: number): void {
    this.#endLines(nowUs);
    this.#run = run;
    this.#spawnedUs = nowUs;
  }

  /** The run has ended and its pipes are drained: what is under way was a line, and everything goes to the files. */
  endRun(nowUs: number): void {
    this.#endLines(nowUs);
    this.#watch = null;
    this.#writer.flush(nowUs, this.#wallMs());
    this.#noteDisk();
  }

  /** Takes what the program wrote; `bytes` may be used again after the call. */
  handleBytes(nowUs: number, stream: "stdout" | "stderr", bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    this.#begin(nowUs, stream === "stdout" ? STDOUT : STDERR);
    const cutter = stream === "stdout" ? this.#stdout : this.#stderr;
    for (let at = 0; at < bytes.length; at += BATCH_BYTES) {
      cutter.take(nowUs, bytes.length <= BATCH_BYTES ? bytes : bytes.subarray(at, at + BATCH_BYTES));
      this.#ring.settle();
    }
    if (this.#writer.counters.suppressed > this.#suppressedTold) this.#suppressedSinceUs ??= nowUs;
    this.#noteDisk();
  }

  /** Adds a line of hana's own; one with several lines becomes several records. */
  say(nowUs: number, text: string): void {
    this.#begin(nowUs, HANA);
    for (const line of text.split(/\r?\n/)) {
      const bytes = encoder.encode(line);
      for (let from = 0; from === 0 || from < bytes.length;) {
        let to = Math.min(bytes.length, from + MAX_LINE_BYTES);
        while (to < bytes.length && ((bytes[to] ?? 0) & 0xc0) === 0x80) to--;
        const position = this.#ring.put(bytes, from, to);
        this.#takeLine(bytes, from, to, position, to < bytes.length);
        from = to;
        if (from === bytes.length) break;
      }
    }
    this.#ring.settle();
    this.#noteDisk();
  }

  /** Waits for a line that contains `text`, told as event `text-seen` once; null waits no more. */
  watchText(text: string | null): void {
    this.#watch = text === null || text === "" ? null : new TextWatch(text);
  }

  /** Passes on what has waited: half lines, records to be written, records to be followed, counts to be told. */
  handleTick(nowUs: number): void {
    this.#tickCutter(nowUs, this.#stdout, STDOUT);
    this.#tickCutter(nowUs, this.#stderr, STDERR);
    this.#reportSuppressed(nowUs);
    if (this.#writer.handleTick(nowUs, this.#wallMs())) this.#noteFreed(nowUs);
    this.#noteDisk();
    this.#tellFollowers(nowUs);
  }

  /** When {@linkcode handleTick} has something to do, and what; null while nothing waits. */
  deadline(): { readonly atUs: number; readonly reason: string } | null {
    let next = this.#writer.deadline();
    const consider = (atUs: number | null, reason: string): void => {
      if (atUs !== null && (next === null || atUs < next.atUs)) next = { atUs, reason };
    };
    consider(this.#stdout.partialAtUs, "logs: a line has no end");
    consider(this.#stderr.partialAtUs, "logs: a line has no end");
    if (this.#suppressedSinceUs !== null) {
      consider(this.#suppressedSinceUs + SUPPRESSED_REPORT_US, "logs: how many were too many");
    }
    if (this.#untoldSinceUs !== null) consider(followAtUs(this.#untoldSinceUs), "logs: followers are told");
    return next;
  }

  /** What happened since it was asked last, oldest first; null where nothing did. */
  pollEvent(): LogBookEvent | null {
    return this.#events.shift() ?? null;
  }

  /**
   * Records that were asked for, oldest first: the newest 10,000 or 4 MiB of text at most, from memory and, where that does
   * not reach, from the newest 4 MiB of files that may hold them. What the disk refuses to read is left out and counted.
   */
  query(query: LogQuery): LogRecord[] {
    const search = new LogSearch(query, this.#run);
    search.searchRing(this.#ring);
    if (search.isDone) return search.records();
    this.#writer.flush(this.#nowUs, this.#wallMs());
    this.#noteDisk();
    try {
      // The newest lines of the files are those in memory: they are passed over, not counted.
      const budget = MAX_SCAN_BYTES + this.#ring.occupiedBytes;
      search.searchFiles(this.#files, this.#directory, this.#ring.firstSeq, budget);
    } catch {
      this.#refused++;
    }
    return search.records();
  }

  /** The newest `count` records of a run, oldest first, its last words without an end of line among them. */
  lastLines(run: number, count: number): LogRecord[] {
    if (run === this.#run) {
      this.#passOn(this.#nowUs, this.#stdout, STDOUT);
      this.#passOn(this.#nowUs, this.#stderr, STDERR);
    }
    return this.query({ run, tail: count });
  }

  /**
   * Tells `listener` of all records from now on, in batches as {@linkcode handleTick} comes. Where 32 follow already, it
   * hears nothing and null is returned.
   */
  follow(listener: LogListener): LogFollower | null {
    if (this.#followers.size >= MAX_FOLLOWERS) {
      this.#refused++;
      return null;
    }
    const follower = new Follower(listener, this.#ring.nextSeq, (stopped) => {
      if (this.#followers.delete(stopped)) this.#missed += stopped.missed;
    });
    this.#followers.add(follower);
    return follower;
  }

  /** Passes on and writes everything, and closes the files. */
  close(nowUs: number): void {
    this.endRun(nowUs);
    for (let left = MAX_FOLLOWERS; left > 0 && this.#untoldSinceUs !== null; left--) {
      this.#tellFollowers(nowUs);
    }
    this.#followers.clear();
    this.#logFiles.close();
  }

  #begin(nowUs: number, stream: number): void {
    const wallMs = this.#wallMs();
    const sinceUs = this.#spawnedUs === null ? 0 : Math.max(0, nowUs - this.#spawnedUs);
    this.#nowUs = nowUs;
    this.#stream = stream;
    this.#ring.begin(wallMs, sinceUs, this.#run, stream);
    this.#writer.begin(nowUs, wallMs, sinceUs, this.#run, stream);
    if (this.#followers.size > 0) this.#untoldSinceUs ??= nowUs;
  }

  #takeLine(bytes: Uint8Array, from: number, to: number, position: number, partial: boolean): void {
    const seq = this.#ring.nextSeq;
    this.#ring.note(position, to - from, partial);
    if (partial) this.#pieces++;
    else if (this.#stream !== HANA) this.#lines++;
    this.#writer.add(seq, partial, bytes, from, to);
    if (this.#watch !== null && this.#watch.isIn(bytes, from, to)) {
      this.#watch = null;
      this.#tell({ kind: "text-seen", seq });
    }
  }

  #takeLeftOut(bytes: number): void {
    this.#leftOutBytes += bytes;
    const stream = this.#stream;
    this.say(this.#nowUs, `${bytes} bytes of a line over 1 MiB were left out`);
    this.#begin(this.#nowUs, stream);
  }

  #endLines(nowUs: number): void {
    this.#begin(nowUs, STDOUT);
    this.#stdout.end();
    this.#begin(nowUs, STDERR);
    this.#stderr.end();
    this.#ring.settle();
  }

  #tickCutter(nowUs: number, cutter: LineCutter, stream: number): void {
    const atUs = cutter.partialAtUs;
    if (atUs !== null && nowUs >= atUs) this.#passOn(nowUs, cutter, stream);
  }

  #passOn(nowUs: number, cutter: LineCutter, stream: number): void {
    if (cutter.partialAtUs === null) return;
    this.#begin(nowUs, stream);
    cutter.passOn();
    this.#ring.settle();
  }

  #reportSuppressed(nowUs: number): void {
    const lines = this.#writer.counters.suppressed - this.#suppressedTold;
    if (lines === 0) this.#suppressedSinceUs = null;
    else this.#suppressedSinceUs ??= nowUs;
    if (this.#suppressedSinceUs === null || nowUs - this.#suppressedSinceUs < SUPPRESSED_REPORT_US) return;
    this.#suppressedTold += lines;
    this.#suppressedSinceUs = nowUs;
    this.say(nowUs, `${lines} lines suppressed`);
    if (nowUs - this.#suppressedEventUs < SUPPRESSED_EVENT_US) return;
    this.#suppressedEventUs = nowUs;
    this.#tell({ kind: "logs-suppressed", lines });
  }

  #noteDisk(): void {
    const why = this.#writer.refusal;
    if (why === null || this.#isRefused) return;
    this.#isRefused = true;
    this.#tell({ kind: "disk-full", why });
  }

  #noteFreed(nowUs: number): void {
    const lines = this.#writer.counters.dropped - this.#droppedBefore;
    this.#droppedBefore = this.#writer.counters.dropped;
    this.#isRefused = false;
    this.#tell({ kind: "disk-freed", lines });
    this.say(nowUs, `${lines} lines are missing here: the disk refused them`);
  }

  #tell(event: LogBookEvent): void {
    this.#events.push(event);
    if (this.#events.length > MAX_EVENTS) this.#events.shift();
  }

  #tellFollowers(nowUs: number): void {
    if (this.#untoldSinceUs === null) return;
    this.#untoldSinceUs = null;
    for (const follower of this.#followers) {
      follower.tell(this.#ring);
      if (follower.isBehind(this.#ring)) this.#untoldSinceUs = nowUs;
    }
  }
}
