// Messages that wait to be sent.
// Decides the bound; never when something is sent or what it says.

import type { IpEndpoint } from "../../platform/mod.ts";
import type { DnsSdCounters } from "./counters.ts";

/** A message to send. */
export interface DnsTransmit {
  readonly bytes: Uint8Array;
  /** Key of the link to send from. */
  readonly link: string;
  /** Null for everybody on the link. */
  readonly to: IpEndpoint | null;
}

/** Messages that wait at most; one more is dropped and counted. */
const MAX_OUTBOX = 1_024;

/** A queue that the owner empties after every call of a core. */
export class DnsOutbox {
  readonly #queue: DnsTransmit[] = [];

  constructor(readonly counters: DnsSdCounters) {}

  /** Puts a message in. */
  put(transmit: DnsTransmit): void {
    if (this.#queue.length >= MAX_OUTBOX) {
      this.counters.outboxFull++;
      return;
    }
    this.counters.sent++;
    this.counters.sentBytes += transmit.bytes.length;
    this.#queue.push(transmit);
  }

  /** The next message, or null. */
  poll(): DnsTransmit | null {
    return this.#queue.shift() ?? null;
  }
}
