// Requests of ours that wait for their answers.
// Decides when one has waited too long. Bounded by its owner; the earliest deadline is kept as a lower bound, so an
// answered request may wake its owner once for nothing, which costs less than a sorted queue.

import type { CompiledMessage } from "./message.ts";

/** A request that waits. */
export interface PendingRequest {
  readonly message: CompiledMessage;
  readonly deadlineUs: number;
  readonly sentAtUs: number;
}

/** All that wait in one session. */
export class PendingRequests {
  readonly #waiting = new Map<number, PendingRequest>();
  /** No request is due before this. */
  nextDeadlineUs = Infinity;

  get size(): number {
    return this.#waiting.size;
  }

  add(id: number, request: PendingRequest): void {
    this.#waiting.set(id, request);
    if (request.deadlineUs < this.nextDeadlineUs) this.nextDeadlineUs = request.deadlineUs;
  }

  /** Removes a request and returns it; undefined when it does not wait (any more). */
  take(id: number): PendingRequest | undefined {
    const request = this.#waiting.get(id);
    this.#waiting.delete(id);
    return request;
  }

  /** Removes all that are due at `nowUs` and returns them with their numbers. */
  takeExpired(nowUs: number): [number, PendingRequest][] {
    const expired = [...this.#waiting].filter(([, request]) => request.deadlineUs <= nowUs);
    for (const [id] of expired) this.#waiting.delete(id);
    this.nextDeadlineUs = Infinity;
    for (const request of this.#waiting.values()) {
      this.nextDeadlineUs = Math.min(this.nextDeadlineUs, request.deadlineUs);
    }
    return expired;
  }

  /** Removes all and returns their numbers. */
  takeAll(): number[] {
    const ids = [...this.#waiting.keys()];
    this.#waiting.clear();
    this.nextDeadlineUs = Infinity;
    return ids;
  }
}
