// A promise that ends: with an answer, with an error, or when its time is over.
// Decides nothing but that exactly one of them happens.

import type { TimerHandle, Timers } from "../../platform/mod.ts";

/** Somebody awaits an answer. */
export class Wait<T> {
  readonly promise: Promise<T>;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: Error) => void;
  #timer: TimerHandle | null = null;
  #isOver = false;

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Calls `expire` at `atUs`, in microseconds of the monotonic clock, unless the wait is over before. */
  expireAt(timers: Timers, atUs: number, expire: () => void): void {
    this.#timer?.cancel();
    this.#timer = Number.isFinite(atUs)
      ? timers.schedule(atUs, () => {
        if (!this.#isOver) expire();
      })
      : null;
  }

  /** Ends it with an answer. */
  resolve(value: T): void {
    if (this.#end()) this.#resolve(value);
  }

  /** Ends it with an error. */
  reject(error: Error): void {
    if (this.#end()) this.#reject(error);
  }

  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#timer = null;
    return true;
  }
}
