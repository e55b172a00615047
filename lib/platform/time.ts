// Time as hana reads it: a monotonic clock for every decision, a wall clock for people and logs alone.

/** Reads time. The two clocks are unrelated: the wall clock may jump by years. */
export interface Clock {
  /** Integer microseconds on a clock that never goes back; its zero means nothing. */
  nowUs(): number;
  /** Milliseconds since 1970 as the machine believes; for people, logs and incarnations only. */
  wallMs(): number;
}

/** A callback that waits. */
export interface TimerHandle {
  /** Forgets the callback; harmless after it ran. */
  cancel(): void;
}

/** Runs callbacks later. */
export interface Timers {
  /**
   * Runs `callback` once, not before `atUs` on the monotonic clock, and never inside this call.
   * The real platform may be late by a few milliseconds; it is never early.
   */
  schedule(atUs: number, callback: () => void): TimerHandle;
  /** Runs `callback` once the current call stack has ended, before any timer or input. */
  defer(callback: () => void): void;
}
