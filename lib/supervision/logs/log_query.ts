// Which records somebody wants: from memory and from files, the newest first until there are enough.
// Decides what a query means, how much it returns and how much it may look through at once. Never writes.

import type { Files } from "../../platform/mod.ts";
import type { LogQuery, LogRecord } from "../model/mod.ts";
import { scanFile } from "./file_scan.ts";
import { MAX_QUERY_BYTES, MAX_QUERY_RECORDS, MAX_READ_BYTES } from "./limits.ts";
import { type LineRing, STREAMS } from "./line_ring.ts";
import { CURRENT, fullLogs } from "./log_names.ts";
import { emptyHeader, readHeader, readRecord } from "./record_format.ts";

/** A query being answered. */
export class LogSearch {
  readonly #run: number | null;
  readonly #sinceWallMs: number;
  readonly #stream: number | null;
  readonly #most: number;
  readonly #found: LogRecord[] = [];
  #bytes = 0;
  /** Lines of files that are no records. */
  garbage = 0;

  /** `presentRun` is what negative runs count from. */
  constructor(query: LogQuery, presentRun: number) {
    const { run, tail, stream } = query;
    this.#run = run === undefined ? null : run < 0 ? presentRun + run : run;
    this.#sinceWallMs = query.sinceWallMs ?? -Infinity;
    this.#stream = stream === undefined ? null : STREAMS.indexOf(stream);
    this.#most = Math.max(0, Math.min(MAX_QUERY_RECORDS, tail ?? MAX_QUERY_RECORDS));
  }

  /** Whether no more is wanted. */
  get isDone(): boolean {
    return this.#found.length >= this.#most || this.#bytes >= MAX_QUERY_BYTES;
  }

  /** What was found, oldest first. */
  records(): LogRecord[] {
    return this.#found.toReversed();
  }

  /** Looks through memory. */
  searchRing(ring: LineRing): void {
    for (let seq = ring.nextSeq - 1; seq >= ring.firstSeq && !this.isDone; seq--) {
      if (!this.#wants(ring.runOf(seq), ring.streamOf(seq), ring.wallOf(seq))) continue;
      this.#bytes += ring.lengthOf(seq);
      this.#found.push(ring.record(seq));
    }
  }

  /** Looks through files for records with numbers below `beforeSeq`, and through `budget` bytes at most. Throws `storage`. */
  searchFiles(files: Files, directory: string, beforeSeq: number, budget: number): void {
    const header = emptyHeader();
    // A block in which all records are too old ends the search: what stands further up is older still.
    let isFresh = false;
    let isOld = false;
    let isPast = false;
    const visit = (bytes: Uint8Array, from: number, to: number, torn: boolean): boolean => {
      if (!readHeader(bytes, from, to, header)) {
        this.garbage++;
        return true;
      }
      if (header.wallMs >= this.#sinceWallMs) isFresh = true;
      else isOld = true;
      if (this.#run !== null && header.run < this.#run) {
        isPast = true;
        return false;
      }
      if (header.seq >= beforeSeq || !this.#wants(header.run, header.stream, header.wallMs)) return true;
      this.#bytes += to - header.textAt;
      this.#found.push(readRecord(bytes, to, header, torn));
      return !this.isDone;
    };
    const onBlock = (): boolean => {
      if (isOld && !isFresh) isPast = true;
      isFresh = isOld = false;
      return !isPast;
    };
    const full = fullLogs(files, directory).reverse().filter((log) =>
      this.#run === null || (log.firstRun <= this.#run && this.#run <= log.lastRun)
    );
    let left = budget;
    for (const name of [CURRENT, ...full.map((log) => log.name)]) {
      if (left <= 0 || isPast || this.isDone) return;
      left -= scanFile(files, `${directory}/${name}`, left, visit, onBlock).bytes;
    }
  }

  #wants(run: number, stream: number, wallMs: number): boolean {
    return (this.#run === null || run === this.#run) && (this.#stream === null || stream === this.#stream) &&
      wallMs >= this.#sinceWallMs;
  }
}

/**
 * The records of a program whose shim is gone, from its files alone: `directory` is its log directory. The present run is
 * that of its newest record. Looks through the newest 16 MiB that may hold what is asked for. Throws `storage`.
 */
export function readLogs(files: Files, directory: string, query: LogQuery): LogRecord[] {
  let present = 0;
  if (query.run !== undefined && query.run < 0) {
    const newest = new LogSearch({ tail: 1 }, 0);
    newest.searchFiles(files, directory, Infinity, MAX_READ_BYTES);
    present = newest.records()[0]?.run ?? 0;
  }
  const search = new LogSearch(query, present);
  search.searchFiles(files, directory, Infinity, MAX_READ_BYTES);
  return search.records();
}
