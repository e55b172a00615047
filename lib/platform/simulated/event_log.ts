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

/** 32 bits from the bytes of a payload: the part of the digest that a frame carries to all its receivers. */
export function digestBytes(bytes: Uint8Array): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), FNV_PRIME);
  return hash ^ (hash >>> 15);
}

/** Digests events. Its state is kept in signed 32-bit integers, which the engine stores without allocating. */
export class EventLog {
  #low = 0x811c9dc5 | 0;
  #high = 0x9747b28c | 0;
  #count = 0;
  readonly #names = new Map<string, number>();
  /** Who was named first last, with the digest of the name: one frame to many is many events from one host. */
  #lastFrom = "";
  #lastFromNumber = 0x811c9dc5 | 0;
  /** Set to see every event; slower. */
  tap: EventTap | null = null;

  /** Events so far. */
  get count(): number {
    return this.#count;
  }

  /** 64 bits of digest as 16 hex digits. */
  digest(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
    return hex(this.#high) + hex(this.#low);
  }

  /** Takes in one event; `payload` is the {@linkcode digestBytes} of what was carried. */
  record(atUs: number, kind: EventKind, from: string, to: string, bytes: number, payload = 0): void {
    this.#count++;
    this.#mix(KIND_NUMBERS.get(kind) ?? EVENT_KINDS.length);
    this.#mix(atUs | 0);
    this.#mix((atUs / 0x100000000) | 0);
    if (from !== this.#lastFrom) {
      this.#lastFrom = from;
      this.#lastFromNumber = this.#numberOf(from);
    }
    this.#mix(this.#lastFromNumber);
    this.#mix(this.#numberOf(to));
    this.#mix(bytes);
    this.#mix(payload);
    if (this.tap !== null) this.tap({ atUs, kind, from, to, bytes });
  }

  #mix(word: number): void {
    const low = Math.imul(this.#low ^ word, FNV_PRIME);
    this.#low = low;
    this.#high = (Math.imul(this.#high ^ low, 0x85ebca6b) + ((this.#high >>> 15) ^ word)) | 0;
  }

  // A name is digested letter by letter once and by that digest ever after.
  #numberOf(name: string): number {
    let number = this.#names.get(name);
    if (number === undefined) {
      number = 0x811c9dc5 | 0;
      for (let i = 0; i < name.length; i++) number = Math.imul(number ^ name.charCodeAt(i), FNV_PRIME);
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
