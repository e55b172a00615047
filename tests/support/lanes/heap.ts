// What happens when, in virtual time: a binary heap. Events of one moment come out in the order in which they went in.
// Decides the order alone.

/** Something that happens at a time. */
export interface TimedEvent {
  readonly atUs: number;
  run(): void;
}

/** A queue of events by time. */
export class EventHeap {
  readonly #events: (TimedEvent & { order: number })[] = [];
  #order = 0;

  /** The time of the next event; Infinity when there is none. */
  get nextAtUs(): number {
    return this.#events[0]?.atUs ?? Infinity;
  }

  get size(): number {
    return this.#events.length;
  }

  add(atUs: number, run: () => void): void {
    const events = this.#events;
    const event = { atUs, run, order: this.#order++ };
    let at = events.length;
    events.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = events[parent];
      if (above === undefined || !isBefore(event, above)) break;
      events[at] = above;
      at = parent;
    }
    events[at] = event;
  }

  /** Takes the next event out. */
  take(): TimedEvent | null {
    const events = this.#events;
    const first = events[0];
    const last = events.pop();
    if (first === undefined || last === undefined) return null;
    if (events.length === 0) return first;
    let at = 0;
    while (true) {
      let child = 2 * at + 1;
      let below = events[child];
      if (below === undefined) break;
      const right = events[child + 1];
      if (right !== undefined && isBefore(right, below)) {
        below = right;
        child++;
      }
      if (!isBefore(below, last)) break;
      events[at] = below;
      at = child;
    }
    events[at] = last;
    return first;
  }
}

function isBefore(a: { atUs: number; order: number }, b: { atUs: number; order: number }): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order);
}
