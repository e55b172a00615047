// The bounded store of bytes that are on their way to the system.
// A send is a system call inside the call in all but two cases: the runtime defers it after 128 operations in a
// turn, and while the socket's send buffer is full (deno-platform research 1.3). In both it would read the
// caller's bytes later, when they may hold something else. So each send travels in a slot of its own.

import { MAX_DATAGRAM_BYTES } from "../limits.ts";

/** Nearly all that hana sends fits one of these; the larger ones are for paths that take jumbo datagrams. */
const SLOT_BYTES = 2048;
/** Slots of this size are kept for the largest datagrams; what is longer still is copied into an array of its own. */
const LARGE_SLOT_BYTES: number = MAX_DATAGRAM_BYTES;
const MAX_LARGE_SLOTS = 64;

/** Sends that may be on their way from one socket; what comes on top is dropped and counted. */
export const MAX_SENDS_IN_FLIGHT = 512;

/** Slots of one socket, made when first needed and used again. */
export class SendSlots {
  readonly #free: Uint8Array[] = [];
  readonly #largeFree: Uint8Array[] = [];
  #inFlight = 0;

  /** Sends on their way. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** A slot for `length` bytes; null when too many sends are on their way. Give it back by {@linkcode release}. */
  acquire(length: number): Uint8Array | null {
    if (this.#inFlight >= MAX_SENDS_IN_FLIGHT) return null;
    this.#inFlight++;
    if (length > LARGE_SLOT_BYTES) return new Uint8Array(length);
    if (length > SLOT_BYTES) return this.#largeFree.pop() ?? new Uint8Array(LARGE_SLOT_BYTES);
    return this.#free.pop() ?? new Uint8Array(SLOT_BYTES);
  }

  /** Takes back a slot whose send is over. */
  release(slot: Uint8Array): void {
    this.#inFlight--;
    if (slot.length === SLOT_BYTES) this.#free.push(slot);
    else if (slot.length === LARGE_SLOT_BYTES && this.#largeFree.length < MAX_LARGE_SLOTS) {
      this.#largeFree.push(slot);
    }
  }
}
