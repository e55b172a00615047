// What is due at some time: leases of claims, settle times of paths.
// Decides when the next one may be due without keeping them sorted: a fader's lease is renewed 30 times a second, and
// renewing must cost nothing. Never decides what happens then.

/** One thing with its due time; kept by its owner for as long as that lives. */
export interface Due<T> {
  readonly subject: T;
  /** Of those due at one time, the lower one comes first. */
  readonly order: number;
  /** In microseconds; 0 while it is in no list. */
  atUs: number;
  /** Its place in the list; the list alone sets it. */
  index: number;
}

/** Things with due times that mostly move away from now. */
export class DueList<T> {
  readonly #entries: Due<T>[] = [];
  /** No entry is due before. A renewed entry leaves it too early, which costs one look at all of them. */
  #earliestUs = Infinity;

  get size(): number {
    return this.#entries.length;
  }

  /** Sets or moves the due time of an entry. */
  set(entry: Due<T>, atUs: number): void {
    if (entry.atUs === 0) {
      entry.index = this.#entries.length;
      this.#entries.push(entry);
    }
    entry.atUs = atUs;
    if (atUs < this.#earliestUs) this.#earliestUs = atUs;
  }

  /** Takes an entry out; nothing happens where it is in no list. */
  clear(entry: Due<T>): void {
    if (entry.atUs === 0) return;
    entry.atUs = 0;
    const last = this.#entries.pop();
    if (last !== undefined && last !== entry) {
      last.index = entry.index;
      this.#entries[entry.index] = last;
    }
    if (this.#entries.length === 0) this.#earliestUs = Infinity;
  }

  /** Takes out one that is due; null where none is. Of several, the earliest. */
  poll(nowUs: number): T | null {
    if (nowUs < this.#earliestUs) return null;
    let first: Due<T> | null = null;
    for (const entry of this.#entries) {
      if (
        first === null || entry.atUs < first.atUs || (entry.atUs === first.atUs && entry.order < first.order)
      ) {
        first = entry;
      }
    }
    this.#earliestUs = first?.atUs ?? Infinity;
    if (first === null || first.atUs > nowUs) return null;
    this.clear(first);
    return first.subject;
  }

  /** When to look again, in microseconds: no later than anything is due. Infinity for never. */
  nextUs(): number {
    return this.#earliestUs;
  }
}
