// What happens to an exception in a callback of hana's own: it is a bug, it must be seen, and it must not take
// the event loop or another connection down with it.
// Counts every such fault and hands it to one hook; never decides whether the process goes on.

import { HanaError } from "../../base/mod.ts";

/** Told of an exception that a callback let out. */
export type CrashHook = (error: HanaError) => void;

/** Collects exceptions of callbacks. */
export class CrashReporter {
  readonly #hook: CrashHook;
  #count = 0;

  /**
   * `hook` is told of each fault; without one the error is raised as an uncaught exception, which ends the
   * process with a stack trace: a bug nobody listens for should be loud.
   */
  constructor(hook: CrashHook | undefined) {
    this.#hook = hook ?? ((error) => reportError(error));
  }

  /** Faults so far. */
  get count(): number {
    return this.#count;
  }

  /** Counts `thrown` and wraps it, without telling the hook: for faults that reach their owner another way. */
  record(thrown: unknown, where: string): HanaError {
    this.#count++;
    return new HanaError("internal", {
      what: `a callback of ${where} failed`,
      why: thrown instanceof Error ? thrown.message : String(thrown),
      hint: "this is a bug in hana: run again with --debug and report the trace",
      cause: thrown,
    });
  }

  /** Counts `thrown` and tells the hook; a hook that throws is ignored, for there is nobody left to tell. */
  crash(thrown: unknown, where: string): void {
    const error = this.record(thrown, where);
    try {
      this.#hook(error);
    } catch {
      this.#count++;
    }
  }
}
