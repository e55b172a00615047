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
  /** Those found due and not taken yet, the earliest last. */
  readonly #due: Due<T>[] = [];

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
    if (this.#due.length === 0 && nowUs >= this.#earliestUs) this.#gather(nowUs);
    for (let entry = this.#due.pop(); entry !== undefined; entry = this.#due.pop()) {
      // Meanwhile it may have been renewed or cleared.
      if (entry.atUs === 0 || entry.atUs > nowUs) continue;
      this.clear(entry);
      return entry.subject;
    }
    return null;
  }

  /** Looks at all of them once, however many are due: an unplugged desk ends thousands of leases in one moment. */
  #gather(nowUs: number): void {
    this.#earliestUs = Infinity;
    for (const entry of this.#entries) {
      if (entry.atUs <= nowUs) this.#due.push(entry);
      else if (entry.atUs < this.#earliestUs) this.#earliestUs = entry.atUs;
    }
    this.#due.sort((a, b) => b.atUs - a.atUs || b.order - a.order);
  }

  /** When to look again, in microseconds: no later than anything is due. Infinity for never. */
  nextUs(): number {
    return Math.min(this.#earliestUs, this.#due.at(-1)?.atUs ?? Infinity);
  }
}
