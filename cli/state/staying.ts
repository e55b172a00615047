// A command that stays: until Ctrl-C, for as long as `--hold` or `--timeout` says, or until its reader is gone.
// Decides the exit code of the end. Never what happens meanwhile.

import type { Cli } from "../frame/mod.ts";
import { EXIT } from "../output/mod.ts";

/** Why it was over. */
export type StayEnd = "signal" | "time" | "done";

/** Something that goes on until it is over. */
export class Stay {
  readonly #over = Promise.withResolvers<StayEnd>();
  readonly #stop = new AbortController();

  constructor(private readonly cli: Cli) {
    cli.signals.handle((signal) => {
      cli.exitWith(signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated);
      this.#end("signal");
    });
  }

  /** Aborts when it is over, for what waits. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** It is over by itself. */
  readonly done = (): void => this.#end("done");

  /** It ends with an error. */
  fail(error: Error): void {
    this.#over.reject(error);
    this.#stop.abort();
  }

  /** Until it is over; `forUs` is for how long at most, in microseconds, null for as long as `--timeout` says. */
  async until(forUs: number | null): Promise<StayEnd> {
    const mostUs = forUs ?? this.cli.settings.timeout;
    const timer = mostUs === null ? undefined : setTimeout(() => this.#end("time"), mostUs / 1_000);
    try {
      return await this.#over.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #end(how: StayEnd): void {
    this.#over.resolve(how);
    this.#stop.abort();
  }
}
