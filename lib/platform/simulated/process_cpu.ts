// When one process of a simulated host gets to run: not while it is stopped, and else when its host lets it.
// Decides that what became due meanwhile runs afterwards, in order, as with a process that a signal stopped. Its system
// goes on for it: streams take in up to their window, datagrams up to their buffer.

import type { HostCpu } from "./cpu.ts";

/** Why a process does not run: a signal, a wait inside the kernel, a full pipe that it writes to. */
export type StopReason = "signal" | "kernel" | "pipe";

const BITS: Readonly<Record<StopReason, number>> = { signal: 1, kernel: 2, pipe: 4 };

/** Runs the callbacks of one process. */
export class ProcessCpu {
  readonly #host: HostCpu;
  #stops = 0;
  #waiting: (() => void)[] = [];

  constructor(host: HostCpu) {
    this.#host = host;
  }

  /** Whether a callback may simply be called; else it must go through {@linkcode run}. */
  get isFree(): boolean {
    return this.#stops === 0 && this.#host.isFree;
  }

  /** Whether nothing of the process runs, whatever its host does. */
  get isStopped(): boolean {
    return this.#stops !== 0;
  }

  /** Stops the process for a reason; each reason counts once. */
  stop(reason: StopReason): void {
    this.#stops |= BITS[reason];
  }

  /** Takes a reason away; after the last one everything that was due runs inside this call, as far as the host lets it. */
  go(reason: StopReason): void {
    this.#stops &= ~BITS[reason];
    if (this.#stops !== 0) return;
    const due = this.#waiting;
    this.#waiting = [];
    for (const callback of due) this.run(callback);
  }

  /** The process has ended: nothing waits any more. */
  clear(): void {
    this.#waiting = [];
  }

  /** Runs a callback that is due, as soon as its turn comes. */
  run(callback: () => void): void {
    if (this.#stops !== 0) this.#waiting.push(callback);
    else if (this.#host.isFree) this.#host.run(callback);
    else this.#host.run(() => this.#takeTurn(callback));
  }

  /** The host's turn has come; the process may have been stopped while it waited for that. */
  #takeTurn(callback: () => void): void {
    if (this.#stops !== 0) this.#waiting.push(callback);
    else callback();
  }
}
