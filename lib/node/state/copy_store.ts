// The copy of the shared state on disk, so that it outlives all machines being switched off.
// Decides when it is written: some seconds after a change, and at the end. Never decides which copy is the newest.

import { HanaError } from "../../base/mod.ts";
import type { Platform, TimerHandle } from "../../platform/mod.ts";
import { type CopyKeeper, decodeCopyFile, encodeCopyFile, type StandbyUpdate } from "../../state/mod.ts";

/** The pause between two writes at least, in microseconds. */
export const WRITE_US = 5_000_000;
/** … and at least so many times as long as the last one took: a large state on a slow disk must not make a show stutter. */
const PAUSE_FACTOR = 1_000;
const FILE = "shared-state.copy";
/** It holds hashes of tokens and whatever people put into the state. */
const MODE = 0o600;

/** Counters of one store. */
export interface CopyStoreCounters {
  written: number;
  failed: number;
  /** A file that was no copy; it was moved aside. */
  damaged: number;
}

/** Keeps a copy in a directory. */
export class CopyStore {
  readonly counters: CopyStoreCounters = { written: 0, failed: 0, damaged: 0 };
  #timer: TimerHandle | null = null;
  #pauseUs = WRITE_US;
  #isClosed = false;

  /** @param source gives what is to be written; null for nothing */
  constructor(
    private readonly platform: Pick<Platform, "clock" | "timers" | "files">,
    private readonly directory: string,
    private readonly source: () => StandbyUpdate | null,
  ) {}

  /** Reads what is there into `keeper`. A file that is no copy is moved aside, and counted. */
  load(keeper: CopyKeeper): void {
    const { files } = this.platform;
    const path = `${this.directory}/${FILE}`;
    try {
      const bytes = files.read(path);
      if (bytes === null) return;
      const copy = decodeCopyFile(bytes);
      if (!("why" in copy)) return keeper.adopt(copy);
      this.counters.damaged++;
      files.write(`${path}.damaged`, bytes, MODE);
      files.remove(path);
    } catch (thrown) {
      if (!(thrown instanceof HanaError)) throw thrown;
      this.counters.failed++;
    }
  }

  /** The copy has changed. */
  note(): void {
    if (this.#timer !== null || this.#isClosed) return;
    const { clock, timers } = this.platform;
    this.#timer = timers.schedule(clock.nowUs() + this.#pauseUs, () => {
      this.#timer = null;
      this.#write();
    });
  }

  /** Writes what has not been written. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#timer === null) return;
    this.#timer.cancel();
    this.#write();
  }

  #write(): void {
    const { clock } = this.platform;
    const beganUs = clock.nowUs();
    const copy = this.source();
    const bytes = copy === null ? null : encodeCopyFile(copy);
    if (bytes === null) return;
    try {
      this.platform.files.write(`${this.directory}/${FILE}`, bytes, MODE);
      this.counters.written++;
    } catch (thrown) {
      // The copies on other machines hold; a full disk is told by the counter and by doctor.
      if (!(thrown instanceof HanaError)) throw thrown;
      this.counters.failed++;
    }
    this.#pauseUs = Math.max(WRITE_US, PAUSE_FACTOR * (clock.nowUs() - beganUs));
  }
}
