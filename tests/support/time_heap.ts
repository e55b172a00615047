// A binary heap of events by time; events of one time come out in the order in which they went in.

/** What the heap orders by. */
export interface Timed {
  readonly at: number;
  /** Rises with every event. */
  readonly order: number;
}

/** Hands out the earliest event first. */
export class TimeHeap<T extends Timed> {
  readonly #heap: T[] = [];

  push(event: T): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(event, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
  }

  pop(): T | null {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      let best = left;
      if (right !== undefined && isBefore(right, left)) {
        child++;
        best = right;
      }
      if (!isBefore(best, last)) break;
      heap[index] = best;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(a: Timed, b: Timed): boolean {
  return a.at < b.at || a.at === b.at && a.order < b.order;
}
