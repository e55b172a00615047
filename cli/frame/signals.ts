// Ctrl-C and SIGTERM: 130 and 143 at once, unless the command took them over to say goodbye first.
// A second signal always ends at once. Decides the exit code; the process ends through the callback given.

import { EXIT, type ExitCode } from "../output/mod.ts";

/** A request to end. */
export type EndSignal = "SIGINT" | "SIGTERM";

/** The signals of the process. */
export class Signals {
  #handler: ((signal: EndSignal) => void) | null = null;
  #asked = false;

  /** Starts listening; `end` ends the process. */
  install(end: (code: ExitCode) => void): void {
    listen("SIGINT", () => this.#onSignal("SIGINT", end));
    listen("SIGTERM", () => this.#onSignal("SIGTERM", end));
    // A console that closes on Windows, and Ctrl-Break: as much a request to end as SIGTERM.
    if (Deno.build.os === "windows") listen("SIGBREAK", () => this.#onSignal("SIGTERM", end));
  }

  /** The command ends by itself upon the first signal; the second one still ends it at once. */
  handle(handler: (signal: EndSignal) => void): void {
    this.#handler = handler;
  }

  #onSignal(signal: EndSignal, end: (code: ExitCode) => void): void {
    if (this.#handler === null || this.#asked) {
      return end(signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated);
    }
    this.#asked = true;
    this.#handler(signal);
  }
}

function listen(signal: Deno.Signal, onSignal: () => void): void {
  try {
    Deno.addSignalListener(signal, onSignal);
  } catch {
    // A system without this signal cannot send it either.
  }
}
