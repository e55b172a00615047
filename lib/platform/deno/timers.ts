// Timers over one system timer: a queue ordered by due time, and a single setTimeout armed for its head.
// Decides that callbacks run in the order of their due times even when several became due while the process was
// busy, and that none runs early. Never lets an exception out: it goes to the crash reporter.

import type { Clock, TimerHandle, Timers } from "../mod.ts";
import { EventQueue, type QueuedEvent } from "../event_queue.ts";
import type { CrashReporter } from "./crash.ts";

/** The runtime has it (it costs 1 us where a zero timeout costs 2 ms) but does not declare it. */
declare function setImmediate(callback: () => void): unknown;

/** setTimeout takes a signed 32-bit count of milliseconds; anything above fires at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

class QueueTimerHandle implements TimerHandle {
  readonly #timers: DenoTimers;
  readonly #event: QueuedEvent;

  constructor(timers: DenoTimers, event: QueuedEvent) {
    this.#timers = timers;
    this.#event = event;
  }

  cancel(): void {
    this.#timers.cancel(this.#event);
  }
}

/**
 * Timers of the real machine. The runtime adds about 1.1 ms to every delay (deno-platform research, section 3),
 * so the delay is rounded down: what would fire early is armed again, and measured lateness is half of what
 * rounding up gives.
 */
export class DenoTimers implements Timers {
  readonly #clock: Clock;
  readonly #crashes: CrashReporter;
  readonly #queue = new EventQueue();
  readonly #onFire = (): void => this.#fire();
  #armedForUs = Infinity;
  #systemTimer: number | undefined;

  constructor(clock: Clock, crashes: CrashReporter) {
    this.#clock = clock;
    this.#crashes = crashes;
  }

  schedule(atUs: number, callback: () => void): TimerHandle {
    const event = this.#queue.push(atUs, callback);
    if (atUs < this.#armedForUs) this.#arm(atUs);
    return new QueueTimerHandle(this, event);
  }

  /** Forgets an event. The last one takes the system timer along, so that nothing keeps an idle program alive. */
  cancel(event: QueuedEvent): void {
    this.#queue.cancel(event);
    if (this.#queue.size > 0 || this.#systemTimer === undefined) return;
    clearTimeout(this.#systemTimer);
    this.#systemTimer = undefined;
    this.#armedForUs = Infinity;
  }

  defer(callback: () => void): void {
    queueMicrotask(() => this.#run(callback));
  }

  #arm(atUs: number): void {
    if (this.#systemTimer !== undefined) clearTimeout(this.#systemTimer);
    this.#armedForUs = atUs;
    const delayMs = Math.floor((atUs - this.#clock.nowUs()) / 1000);
    this.#systemTimer = setTimeout(this.#onFire, Math.min(Math.max(delayMs, 0), MAX_DELAY_MS));
  }

  // One callback a turn: between two of them everything that the first one deferred runs, and input gets its turn.
  #fire(): void {
    this.#systemTimer = undefined;
    // A timer that is set by the callback is picked up below, not armed for itself.
    this.#armedForUs = -Infinity;
    if (this.#queue.nextAtUs() <= this.#clock.nowUs()) {
      const callback = this.#queue.pop();
      if (callback !== null) this.#run(callback);
    }
    const nextUs = this.#queue.nextAtUs();
    if (nextUs <= this.#clock.nowUs()) {
      setImmediate(this.#onFire);
      return;
    }
    this.#armedForUs = Infinity;
    if (nextUs !== Infinity) this.#arm(nextUs);
  }

  #run(callback: () => void): void {
    try {
      callback();
    } catch (thrown) {
      this.#crashes.crash(thrown, "a timer");
    }
  }
}
