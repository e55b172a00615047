// Requests of the peer that run here.
// Decides when one stops counting: not when the peer takes it back, but when its handler is done. Else a peer that
// asks and cancels in a loop would start handlers without end (HTTP/2 Rapid Reset, CVE-2023-44487).
// Bounded by its owner.

import type { CompiledMessage } from "./message.ts";

interface RunningRequest {
  readonly message: CompiledMessage;
  /** The peer has taken it back: nobody waits for its answer. */
  cancelled: boolean;
}

/** All that run in one session. */
export class RunningRequests {
  readonly #running = new Map<number, RunningRequest>();

  get size(): number {
    return this.#running.size;
  }

  has(id: number): boolean {
    return this.#running.has(id);
  }

  /** Notes a request that is about to run. */
  start(id: number, message: CompiledMessage): void {
    this.#running.set(id, { message, cancelled: false });
  }

  /** What the answer to a request belongs to; undefined when nobody waits for one, in which case it is forgotten. */
  awaited(id: number): CompiledMessage | undefined {
    const request = this.#running.get(id);
    if (request?.cancelled !== true) return request?.message;
    this.#running.delete(id);
    return undefined;
  }

  /** Forgets a request that was answered. */
  finish(id: number): void {
    this.#running.delete(id);
  }

  /** The peer takes a request back. Returns false when it does not run or was taken back before. */
  cancel(id: number): boolean {
    const request = this.#running.get(id);
    if (request === undefined || request.cancelled) return false;
    request.cancelled = true;
    return true;
  }

  /** Forgets all and returns the numbers of those that were not taken back. */
  takeAll(): number[] {
    const ids = [...this.#running].filter(([, request]) => !request.cancelled).map(([id]) => id);
    this.#running.clear();
    return ids;
  }
}
