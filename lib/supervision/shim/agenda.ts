// Everything that a shim wants to do later, by name, on one timer.
// Decides what is due next; a name has one entry, and setting it again moves it. Never keeps a timer that nobody needs:
// a shim that waits costs nothing.

import type { Clock, TimerHandle, Timers } from "../../platform/mod.ts";

interface Entry {
  readonly atUs: number;
  readonly run: (nowUs: number) => void;
}

/** Named deadlines. */
export class Agenda {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #entries = new Map<string, Entry>();
  #timer: TimerHandle | null = null;
  #timerUs = Infinity;
  #isClosed = false;

  constructor(platform: { readonly clock: Clock; readonly timers: Timers }) {
    this.#clock = platform.clock;
    this.#timers = platform.timers;
  }

  /** Calls `run` at `atUs`, or never when that is null. What stood under the name is forgotten. */
  set(name: string, atUs: number | null, run: (nowUs: number) => void): void {
    if (atUs === null || this.#isClosed) this.#entries.delete(name);
    else this.#entries.set(name, { atUs, run });
    this.#arm();
  }

  /** Forgets everything. */
  close(): void {
    this.#isClosed = true;
    this.#entries.clear();
    this.#arm();
  }

  #arm(): void {
    let nextUs = Infinity;
    for (const { atUs } of this.#entries.values()) if (atUs < nextUs) nextUs = atUs;
    if (nextUs === this.#timerUs) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerUs = nextUs;
    if (nextUs !== Infinity) this.#timer = this.#timers.schedule(nextUs, () => this.#onDue());
  }

  #onDue(): void {
    this.#timer = null;
    this.#timerUs = Infinity;
    const nowUs = this.#clock.nowUs();
    for (const [name, { atUs, run }] of [...this.#entries]) {
      if (atUs > nowUs || this.#entries.get(name)?.run !== run) continue;
      this.#entries.delete(name);
      run(nowUs);
    }
    this.#arm();
  }
}
