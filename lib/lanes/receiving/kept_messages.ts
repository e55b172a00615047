// Whole messages that cannot be handed on yet: where their bytes lie until they can.
// Decides between a page that many small messages share and a buffer of their own; takes both from the budget, and
// gives them back. Never orders messages, and never decides which of them go.
//
// Why pages: a buffer of its own costs 450 ns at 64 bytes and 1.2 µs from 65 bytes on, a place in a page about 40 ns.

import type { ReassemblyBudget } from "./budget.ts";
import { copyBytes, type PartialMessage } from "./reassembly.ts";

/** Bytes of a page: seldom so many that a few survivors hold much, and enough for 13 full packets. */
const PAGE_BYTES = 16 * 1024;
/** What a page, a message in a page, and a message with a buffer of its own cost beside their bytes, rounded up. */
const PAGE_OVERHEAD_BYTES = 256;
const PLACE_OVERHEAD_BYTES = 96;
const BUFFER_OVERHEAD_BYTES = 256;
/** Longer messages have buffers of their own. */
const MAX_PAGED_BYTES = 2048;
/** With fewer messages kept, pages are not worth their memory. */
const FIRST_PAGED = 8;

interface Page {
  readonly bytes: Uint8Array;
  usedBytes: number;
  /** Messages in it that are still kept. */
  messages: number;
}

/** One message: `bytes[start … start + length)`. */
export interface KeptMessage {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly length: number;
  /** What it took of the budget by itself. */
  readonly cost: number;
  readonly page: Page | null;
}

/** The kept messages of one lane. */
export class KeptMessages {
  #messages = 0;
  /** Bytes of messages in pages, and of the pages themselves. */
  #pagedBytes = 0;
  #pageBytes = 0;
  #page: Page | null = null;
  readonly #budget: ReassemblyBudget;
  readonly #isReliable: boolean;

  /** @param isReliable whether its messages must not be lost: others may be refused earlier */
  constructor(budget: ReassemblyBudget, isReliable: boolean) {
    this.#budget = budget;
    this.#isReliable = isReliable;
  }

  /** Copies a message; null when it may not have the memory. */
  keep(bytes: Uint8Array, start: number, length: number): KeptMessage | null {
    const page = length <= MAX_PAGED_BYTES && this.#messages >= FIRST_PAGED ? this.#pageFor(length) : null;
    if (page === null) {
      const cost = length + BUFFER_OVERHEAD_BYTES;
      if (!this.#take(cost)) return null;
      const copy = new Uint8Array(length);
      copyBytes(bytes, start, length, copy, 0);
      this.#messages++;
      return { bytes: copy, start: 0, length, cost, page: null };
    }
    if (!this.#take(PLACE_OVERHEAD_BYTES)) {
      if (page.messages === 0) this.#drop(page);
      return null;
    }
    const at = page.usedBytes;
    copyBytes(bytes, start, length, page.bytes, at);
    page.usedBytes += length;
    page.messages++;
    this.#messages++;
    this.#pagedBytes += length;
    return { bytes: page.bytes, start: at, length, cost: PLACE_OVERHEAD_BYTES, page };
  }

  /** Keeps the buffer of a finished message, and gives back the rest of what that took. Never refused. */
  adopt(partial: PartialMessage): KeptMessage {
    const cost = partial.total + BUFFER_OVERHEAD_BYTES;
    this.#budget.release(partial.cost - cost);
    this.#messages++;
    return { bytes: partial.bytes, start: 0, length: partial.total, cost, page: null };
  }

  /** A message is kept no longer. Its bytes stay as they are until the next one is kept. */
  release(message: KeptMessage): void {
    this.#messages--;
    this.#budget.release(message.cost);
    const { page } = message;
    if (page === null) return;
    this.#pagedBytes -= message.length;
    page.messages--;
    if (page.messages === 0) this.#drop(page);
  }

  #drop(page: Page): void {
    if (this.#page === page) this.#page = null;
    this.#pageBytes -= PAGE_BYTES;
    this.#budget.release(PAGE_BYTES + PAGE_OVERHEAD_BYTES);
  }

  /** A page with room for `length` bytes; null when none may be had. */
  #pageFor(length: number): Page | null {
    const page = this.#page;
    if (page !== null && page.usedBytes + length <= PAGE_BYTES) return page;
    // Pages that a few survivors hold must not add up: at most twice what is kept, and some to begin with.
    if (this.#pageBytes > 2 * this.#pagedBytes + 2 * PAGE_BYTES) return null;
    if (!this.#take(PAGE_BYTES + PAGE_OVERHEAD_BYTES)) return null;
    this.#pageBytes += PAGE_BYTES;
    return this.#page = { bytes: new Uint8Array(PAGE_BYTES), usedBytes: 0, messages: 0 };
  }

  #take(bytes: number): boolean {
    return this.#isReliable ? this.#budget.take(bytes) : this.#budget.takeWaiting(bytes);
  }
}
