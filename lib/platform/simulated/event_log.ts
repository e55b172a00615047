// The running digest of everything that happened in a world: two runs are the same when their digests are.
// Decides what belongs to an event's identity (time, kind, who, size, bytes). Keeps no event; a tap may.

import { HanaError } from "../../base/mod.ts";

/** What can happen. The order never changes: the index goes into the digest. */
export const EVENT_KINDS = [
  "timer",
  "datagram",
  "datagram-lost",
  "connect",
  "connect-failed",
  "stream",
  "stream-retry",
  "end",
  "reset",
  "fault",
  "crash",
] as const;

/** A kind of event. */
export type EventKind = typeof EVENT_KINDS[number];

const KIND_NUMBERS = new Map<EventKind, number>(EVENT_KINDS.map((kind, index) => [kind, index]));

/** One event as a tap sees it. */
export interface SimulatedEvent {
  readonly atUs: number;
  readonly kind: EventKind;
  /** Where it came from: a host's name, or empty. */
  readonly from: string;
  /** Whom it concerned: a host's name, or what a fault is called. */
  readonly to: string;
  /** The size of what was carried. */
  readonly bytes: number;
}

/** Receives every event, in order. */
export type EventTap = (event: SimulatedEvent) => void;

const FNV_PRIME = 0x01000193;

/** Digests events. */
export class EventLog {
  #low = 0x811c9dc5;
  #high = 0x9747b28c;
  #count = 0;
  readonly #names = new Map<string, number>();
  /** Set to see every event; slower. */
  tap: EventTap | null = null;

  /** Events so far. */
  get count(): number {
    return this.#count;
  }

  /** 64 bits of digest as 16 hex digits. */
  digest(): string {
    return this.#high.toString(16).padStart(8, "0") + this.#low.toString(16).padStart(8, "0");
  }

  /** Takes in one event; `payload` is what was carried, if it is at hand. */
  record(atUs: number, kind: EventKind, from: string, to: string, bytes: number, payload?: Uint8Array): void {
    this.#count++;
    this.#mix(KIND_NUMBERS.get(kind) ?? EVENT_KINDS.length);
    this.#mix(atUs >>> 0);
    this.#mix(Math.floor(atUs / 0x100000000));
    this.#mix(this.#numberOf(from));
    this.#mix(this.#numberOf(to));
    this.#mix(bytes);
    if (payload !== undefined) { for (let i = 0; i < payload.length; i++) this.#mix(payload[i] ?? 0); }
    if (this.tap !== null) this.tap({ atUs, kind, from, to, bytes });
  }

  #mix(word: number): void {
    this.#low = Math.imul(this.#low ^ word, FNV_PRIME) >>> 0;
    this.#high = (Math.imul(this.#high ^ this.#low, 0x85ebca6b) + ((this.#high >>> 15) ^ word)) >>> 0;
  }

  // A name is digested letter by letter once and by that digest ever after.
  #numberOf(name: string): number {
    let number = this.#names.get(name);
    if (number === undefined) {
      number = 0x811c9dc5;
      for (let i = 0; i < name.length; i++) number = Math.imul(number ^ name.charCodeAt(i), FNV_PRIME) >>> 0;
      this.#names.set(name, number);
    }
    return number;
  }
}

/** The error of a callback that threw, as both platforms word it. */
export function callbackError(thrown: unknown, where: string): HanaError {
  return new HanaError("internal", {
    what: `a callback of ${where} failed`,
    why: thrown instanceof Error ? thrown.message : String(thrown),
    cause: thrown,
  });
}
