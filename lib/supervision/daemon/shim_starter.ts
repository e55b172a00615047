// Starts shims, and keeps one ready that only waits for its assignment: a spawn then costs no start of hana.
// Decides when a spare is made and given up. A spare ends by itself when its input ends, so none outlives its daemon.

import { HanaError } from "../../base/mod.ts";
import type { ChildProcess, ExitStatus, Platform, TimerHandle } from "../../platform/mod.ts";
import type { ShimAssignment } from "../model/mod.ts";

/** A new spare is made this long after one was used, out of the way of what is being started. */
const REFILL_US = 250_000;
/** After a spare that ended by itself: longer each time, up to the last. */
const RETRY_US = [1_000_000, 5_000_000, 30_000_000, 300_000_000];

/** A shim that was started. */
export interface StartedShim {
  readonly processId: number;
  /** Resolves when it has ended. */
  readonly ended: Promise<ExitStatus>;
}

interface Starting {
  readonly child: ChildProcess;
  readonly ended: Promise<ExitStatus>;
}

/** Counters of a starter; they only grow. */
export interface StarterCounters {
  started: number;
  /** Of those, by a spare. */
  warm: number;
  /** Spares that ended before they were used. */
  lostSpares: number;
}

/** Starts shims. */
export class ShimStarter {
  readonly counters: StarterCounters = { started: 0, warm: 0, lostSpares: 0 };
  readonly #platform: Platform;
  readonly #argv: readonly [string, ...string[]];
  readonly #isWarm: boolean;
  #spare: Starting | null = null;
  #timer: TimerHandle | null = null;
  #failures = 0;
  #isClosed = false;

  constructor(platform: Platform, shim: readonly [string, ...string[]], isWarm: boolean) {
    this.#platform = platform;
    this.#argv = [...shim, "__shim"];
    this.#isWarm = isWarm;
  }

  /** Has a spare made soon. */
  warmUp(): void {
    this.#refill(0);
  }

  /** Starts a shim. Throws what {@linkcode Processes.spawn} throws, and `overloaded` when it cannot be told its task. */
  start(assignment: ShimAssignment): StartedShim {
    const line = new TextEncoder().encode(JSON.stringify(assignment) + "\n");
    const spare = this.#spare;
    this.#spare = null;
    let shim: Starting | null = null;
    if (spare?.child.isRunning === true && spare.child.write(line)) {
      shim = spare;
      this.counters.warm++;
      this.#failures = 0;
    } else {
      spare?.child.closeInput();
      shim = this.#spawn();
      if (!shim.child.write(line)) {
        shim.child.closeInput();
        throw new HanaError("overloaded", {
          what: `cannot start ${assignment.name}`,
          why: "it is too large",
        });
      }
    }
    shim.child.closeInput();
    this.counters.started++;
    this.#refill(REFILL_US);
    return { processId: shim.child.processId, ended: shim.ended };
  }

  /** Ends the spare; shims with a task go on. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#spare?.child.closeInput();
    this.#spare = null;
  }

  #refill(afterUs: number): void {
    if (!this.#isWarm || this.#isClosed || this.#timer !== null || this.#spare !== null) return;
    const { clock, timers } = this.#platform;
    this.#timer = timers.schedule(clock.nowUs() + afterUs, () => {
      this.#timer = null;
      if (this.#isClosed || this.#spare !== null) return;
      try {
        const spare = this.#spawn();
        this.#spare = spare;
        void spare.ended.then(() => this.#onEnded(spare));
      } catch (thrown) {
        // Without a spare a spawn is slower, and says itself what is wrong.
        if (!(thrown instanceof HanaError)) throw thrown;
        this.#retry();
      }
    });
  }

  #onEnded(spare: Starting): void {
    if (this.#spare !== spare) return;
    this.#spare = null;
    this.#retry();
  }

  #retry(): void {
    this.counters.lostSpares++;
    const afterUs = RETRY_US[Math.min(this.#failures, RETRY_US.length - 1)] ?? 0;
    this.#failures++;
    this.#refill(afterUs);
  }

  #spawn(): Starting {
    const ended = Promise.withResolvers<ExitStatus>();
    const child = this.#platform.processes.spawn(
      { argv: this.#argv, input: "pipe", output: "none" },
      { onExit: (status) => ended.resolve(status) },
    );
    return { child, ended: ended.promise };
  }
}
