// Sources that there is no place for elsewhere: nodes beyond the registry's limit, strangers with another key.
// Decides how many there are about and whether it is time to say so again; never more than 64 of them are kept.

const MAX_KEPT = 64;
const KEPT_FOR_US = 60_000_000;
const TELL_EVERY_US = 60_000_000;

/** A bounded count of who was seen within the last minute. */
export class Overflow {
  readonly #seenUs = new Map<string, number>();
  #toldUs = Number.NEGATIVE_INFINITY;

  /** How many are kept; 64 means 64 or more. */
  get size(): number {
    return this.#seenUs.size;
  }

  /** Notes one. Returns whether to tell: the first time, then at most once a minute. */
  note(nowUs: number, source: string): boolean {
    this.#seenUs.delete(source);
    for (const [oldest, seenUs] of this.#seenUs) {
      if (this.#seenUs.size < MAX_KEPT && nowUs - seenUs < KEPT_FOR_US) break;
      this.#seenUs.delete(oldest);
    }
    this.#seenUs.set(source, nowUs);
    if (nowUs - this.#toldUs < TELL_EVERY_US) return false;
    this.#toldUs = nowUs;
    return true;
  }

  /** Forgets one. */
  delete(source: string): void {
    this.#seenUs.delete(source);
  }
}
