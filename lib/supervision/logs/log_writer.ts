// What of the lines goes to the files: a rate limit, a batch, and what happens while the disk refuses.
// Decides that 2,000 lines and 2 MiB a second are written (with a burst), that the rest is counted, and that a disk that
// refuses costs nothing but the lines in the files: it is tried again every 5 s. Never blocks a line, never throws.

import {
  BATCH_BYTES,
  BATCH_MIN_US,
  BATCH_US,
  BURST_BYTES,
  BURST_LINES,
  BYTES_PER_SECOND,
  DENSE_LINES,
  DISK_RETRY_US,
  LINES_PER_SECOND,
} from "./limits.ts";
import { HANA } from "./line_ring.ts";
import type { LogFiles } from "./log_files.ts";
import { MAX_RECORD_BYTES, RecordEncoder } from "./record_format.ts";

const FIRST_BYTES = 4096;

/** What became of the lines. */
export interface WriterCounters {
  /** Lines in the files. */
  written: number;
  /** Lines left out of the files because there were too many. */
  suppressed: number;
  /** Lines left out of the files because the disk refused. */
  dropped: number;
  /** How often the disk began to refuse. */
  diskFull: number;
}

/** Writes records of one program. */
export class LogWriter {
  readonly counters: WriterCounters = { written: 0, suppressed: 0, dropped: 0, diskFull: 0 };
  readonly #files: LogFiles;
  readonly #encoder = new RecordEncoder();
  #batch = new Uint8Array(FIRST_BYTES);
  #length = 0;
  #lines = 0;
  #batchSinceUs = 0;
  #firstRun = 0;
  #lastRun = 0;
  // What the next lines have in common.
  #nowUs = 0;
  #wallMs = 0;
  #sinceUs = 0;
  #run = 0;
  #stream = 0;
  #isBegun = false;
  // The allowance.
  #lineTokens = BURST_LINES;
  #byteTokens = BURST_BYTES;
  #refilledUs: number | null = null;
  /** Why the disk refused last; null while it does not. */
  refusal: string | null = null;
  #retryAtUs = 0;

  constructor(files: LogFiles) {
    this.#files = files;
  }

  /** Says what the lines from now on have in common. */
  begin(nowUs: number, wallMs: number, sinceUs: number, run: number, stream: number): void {
    this.#nowUs = nowUs;
    this.#wallMs = wallMs;
    this.#sinceUs = sinceUs;
    this.#run = run;
    this.#stream = stream;
    this.#isBegun = false;
    const passedUs = Math.max(0, nowUs - (this.#refilledUs ?? nowUs));
    this.#refilledUs = nowUs;
    this.#lineTokens = Math.min(BURST_LINES, this.#lineTokens + passedUs * LINES_PER_SECOND / 1e6);
    this.#byteTokens = Math.min(BURST_BYTES, this.#byteTokens + passedUs * BYTES_PER_SECOND / 1e6);
  }

  /** Adds a line, or counts why not. hana's own are never too many. */
  add(seq: number, partial: boolean, bytes: Uint8Array, from: number, to: number): void {
    if (this.refusal !== null) {
      this.counters.dropped++;
      return;
    }
    if (this.#stream !== HANA) {
      if (this.#lineTokens < 1 || this.#byteTokens < to - from) {
        this.counters.suppressed++;
        return;
      }
      this.#lineTokens--;
      this.#byteTokens -= to - from;
    }
    if (!this.#isBegun) {
      this.#encoder.begin(this.#wallMs, this.#sinceUs, this.#run, this.#stream);
      this.#isBegun = true;
    }
    this.#reserve();
    if (this.#lines === 0) {
      this.#batchSinceUs = this.#nowUs;
      this.#firstRun = this.#run;
    }
    this.#lastRun = this.#run;
    this.#length = this.#encoder.encode(this.#batch, this.#length, seq, partial, bytes, from, to);
    this.#lines++;
    if (this.#length >= Math.min(BATCH_BYTES, this.#files.rotateBytes)) this.flush(this.#nowUs, this.#wallMs);
  }

  /** Whether fewer lines may be written now than are looked at one by one in a flood. */
  get isExhausted(): boolean {
    return this.refusal !== null || this.#lineTokens < DENSE_LINES || this.#byteTokens < DENSE_LINES;
  }

  /** Counts lines that were skipped. */
  skip(lines: number): void {
    if (this.refusal !== null) this.counters.dropped += lines;
    else this.counters.suppressed += lines;
  }

  /** Writes what waits. */
  flush(nowUs: number, wallMs: number): void {
    if (this.#lines === 0) return;
    try {
      this.#files.append(this.#batch.subarray(0, this.#length), wallMs, this.#firstRun, this.#lastRun);
      this.counters.written += this.#lines;
    } catch (thrown) {
      this.counters.dropped += this.#lines;
      this.#refuse(nowUs, thrown);
    }
    this.#length = 0;
    this.#lines = 0;
    if (this.#batch.length > BATCH_BYTES + MAX_RECORD_BYTES) this.#batch = new Uint8Array(FIRST_BYTES);
  }

  /** Writes what has waited long enough, and tries a disk again that refused. True when it takes again what it refused. */
  handleTick(nowUs: number, wallMs: number): boolean {
    if (this.#lines > 0 && nowUs - this.#batchSinceUs >= BATCH_MIN_US) this.flush(nowUs, wallMs);
    if (this.refusal === null || nowUs < this.#retryAtUs) return false;
    try {
      this.#files.probe(wallMs);
    } catch (thrown) {
      this.#refuse(nowUs, thrown);
      return false;
    }
    this.refusal = null;
    return true;
  }

  /** When {@linkcode handleTick} has something to do; null where nothing waits. */
  deadline(): { readonly atUs: number; readonly reason: string } | null {
    if (this.refusal !== null) return { atUs: this.#retryAtUs, reason: "logs: the disk is tried again" };
    return this.#lines === 0
      ? null
      : { atUs: this.#batchSinceUs + BATCH_US, reason: "logs: lines are written" };
  }

  #refuse(nowUs: number, thrown: unknown): void {
    if (this.refusal === null) this.counters.diskFull++;
    this.refusal = thrown instanceof Error ? thrown.message : String(thrown);
    this.#retryAtUs = nowUs + DISK_RETRY_US;
  }

  /** Room for one more record, whatever it is. */
  #reserve(): void {
    const needed = this.#length + MAX_RECORD_BYTES;
    if (needed <= this.#batch.length) return;
    const bigger = new Uint8Array(
      Math.max(needed, Math.min(2 * this.#batch.length, BATCH_BYTES + MAX_RECORD_BYTES)),
    );
    bigger.set(this.#batch.subarray(0, this.#length));
    this.#batch = bigger;
  }
}
