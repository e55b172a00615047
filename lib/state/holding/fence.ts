// Numbers under which things are held: one row of them for objects and for the privilege, so that each grant has a number
// above all earlier ones and a write that was sent before it can be told from one sent after it (fencing).
// Decides whether a number is good for a hold; never who holds.

import type { ClientNumber } from "../model/mod.ts";

/** The largest number: it travels as u32. */
const MAX_GENERATION = 0xffff_ffff;

/** Gives out generations. */
export class Fence {
  #last: number;
  readonly #newest = new Map<ClientNumber, number>();

  /** `last` is the newest number that was ever given, by this host or the one before. */
  constructor(last = 0) {
    this.#last = last;
  }

  /** The newest number that was given. */
  get last(): number {
    return this.#last;
  }

  /** Whether there is another one: after four thousand million grants there is none until the next epoch. */
  get hasNext(): boolean {
    return this.#last < MAX_GENERATION;
  }

  /** A number for what `client` is granted now. Look at `hasNext` before. */
  next(client: ClientNumber): number {
    this.#last++;
    this.#newest.set(client, this.#last);
    return this.#last;
  }

  /** The newest number that a client was given; 0 for none. */
  newestOf(client: ClientNumber): number {
    return this.#newest.get(client) ?? 0;
  }

  /**
   * Whether what `client` sent under `generation` was sent when it knew of the grant `held`. A newer grant of its own is good
   * as well: its messages are in order, so it had heard of `held`; thus one message can write to several objects.
   */
  covers(client: ClientNumber, generation: number | null, held: number): boolean {
    return generation !== null && generation >= held && generation <= this.newestOf(client);
  }

  /** The newest number that the host before gave. */
  noteLast(last: number): void {
    this.#last = Math.max(this.#last, last);
  }

  /** A number that another host gave: numbers go on above it. */
  noteGiven(client: ClientNumber, generation: number): void {
    this.#last = Math.max(this.#last, generation);
    this.#newest.set(client, Math.max(this.newestOf(client), generation));
  }

  /** A client's number is never used again. */
  forget(client: ClientNumber): void {
    this.#newest.delete(client);
  }
}
