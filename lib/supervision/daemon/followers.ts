// Who follows the lines of which program.
// Decides when a shim is asked for lines, and when for no more: while anybody follows. Never keeps a line.

import type { LogRecord } from "../model/mod.ts";
import type { LogListener } from "./calls.ts";

/** Followers of lines, by program. */
export class LogFollowers {
  readonly #listeners = new Map<string, Set<LogListener>>();

  /** Tells `listener` of lines of this program. Returns how to stop; `onLast` is called when nobody follows any more. */
  add(name: string, listener: LogListener, onLast: () => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0) return;
      if (this.#listeners.get(name) === listeners) this.#listeners.delete(name);
      onLast();
    };
  }

  has(name: string): boolean {
    return this.#listeners.has(name);
  }

  tell(name: string, records: readonly LogRecord[], missed: number): void {
    for (const listener of [...this.#listeners.get(name) ?? []]) listener(records, missed);
  }
}
