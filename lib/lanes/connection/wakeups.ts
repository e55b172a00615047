// Why the driver was asked to come back: a busy loop shows as one reason that counts up and up (str0m).

/** Counts by reason. */
export class Wakeups {
  readonly #counts = new Map<string, number>();

  /** One more for `reason`, which is one of a dozen. */
  count(reason: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }

  /** The counts as they stand. */
  snapshot(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}
