// A priority queue of callbacks keyed (time, sequence): equal times run in the order in which they were pushed.
// Serves both platforms: the real timers keep one system timer for its head, the simulated world runs it dry.
// Decides order and nothing else; it never reads a clock and never calls what it holds.
// A 4-ary heap on typed arrays; cancelling marks the entry, and dead entries are swept out once they are the
// majority, so that a program that sets and cancels deadlines all day stays small.

/** One entry of an {@linkcode EventQueue}; also the ticket to cancel it. */
export class QueuedEvent {
  /** What to do; null once it was cancelled or taken out. */
  run: (() => void) | null;
  /** When, in microseconds. */
  readonly atUs: number;

  constructor(atUs: number, run: () => void) {
    this.atUs = atUs;
    this.run = run;
  }
}

const ARITY = 4;
const FIRST_CAPACITY = 64;
/** Fewer dead entries than this are never worth a sweep. */
const SWEEP_FLOOR = 64;

/** Events by time, then by arrival. */
export class EventQueue {
  #times = new Float64Array(FIRST_CAPACITY);
  #sequences = new Float64Array(FIRST_CAPACITY);
  #events: QueuedEvent[] = [];
  #count = 0;
  #dead = 0;
  #nextSequence = 0;

  /** Events that wait and are not cancelled. */
  get size(): number {
    return this.#count - this.#dead;
  }

  /** Puts in `run` at `atUs` behind everything that is already there for the same time. */
  push(atUs: number, run: () => void): QueuedEvent {
    const event = new QueuedEvent(atUs, run);
    if (this.#count === this.#times.length) this.#grow();
    const at = this.#count++;
    this.#siftUp(at, atUs, this.#nextSequence++, event);
    return event;
  }

  /** Forgets an event; false when it had already run or been cancelled. */
  cancel(event: QueuedEvent): boolean {
    if (event.run === null) return false;
    event.run = null;
    this.#dead++;
    if (this.#dead > SWEEP_FLOOR && this.#dead * 2 > this.#count) this.#sweep();
    return true;
  }

  /** When the next event is due; Infinity when nothing waits. */
  nextAtUs(): number {
    this.#dropDeadHead();
    return this.#count === 0 ? Infinity : this.#time(0);
  }

  /** Takes out the next event's callback; null when nothing waits. Read {@linkcode nextAtUs} first for its time. */
  pop(): (() => void) | null {
    this.#dropDeadHead();
    const event = this.#events[0];
    if (this.#count === 0 || event === undefined) return null;
    const run = event.run;
    event.run = null;
    this.#removeHead();
    return run;
  }

  /** Takes out the next event if it is due by `limitUs`; null when none is. Its `run` is still set. */
  popDue(limitUs: number): QueuedEvent | null {
    this.#dropDeadHead();
    const event = this.#events[0];
    if (this.#count === 0 || event === undefined || event.atUs > limitUs) return null;
    this.#removeHead();
    return event;
  }

  #time(at: number): number {
    return this.#times[at] ?? 0;
  }

  #dropDeadHead(): void {
    while (this.#dead > 0 && this.#count > 0 && this.#events[0]?.run === null) {
      this.#dead--;
      this.#removeHead();
    }
  }

  #removeHead(): void {
    const last = --this.#count;
    const event = this.#events.pop();
    if (last === 0 || event === undefined) return;
    this.#siftDown(0, this.#time(last), this.#sequences[last] ?? 0, event);
  }

  #before(timeA: number, sequenceA: number, timeB: number, sequenceB: number): boolean {
    return timeA < timeB || (timeA === timeB && sequenceA < sequenceB);
  }

  #place(at: number, time: number, sequence: number, event: QueuedEvent): void {
    this.#times[at] = time;
    this.#sequences[at] = sequence;
    this.#events[at] = event;
  }

  #move(from: number, to: number): void {
    const event = this.#events[from];
    if (event !== undefined) this.#place(to, this.#time(from), this.#sequences[from] ?? 0, event);
  }

  #siftUp(start: number, time: number, sequence: number, event: QueuedEvent): void {
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      if (!this.#before(time, sequence, this.#time(parent), this.#sequences[parent] ?? 0)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#place(at, time, sequence, event);
  }

  #siftDown(start: number, time: number, sequence: number, event: QueuedEvent): void {
    let at = start;
    for (;;) {
      const first = at * ARITY + 1;
      if (first >= this.#count) break;
      let best = first;
      const end = Math.min(first + ARITY, this.#count);
      for (let child = first + 1; child < end; child++) {
        if (
          this.#before(
            this.#time(child),
            this.#sequences[child] ?? 0,
            this.#time(best),
            this.#sequences[best] ?? 0,
          )
        ) best = child;
      }
      if (!this.#before(this.#time(best), this.#sequences[best] ?? 0, time, sequence)) break;
      this.#move(best, at);
      at = best;
    }
    this.#place(at, time, sequence, event);
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2);
    const sequences = new Float64Array(times.length);
    times.set(this.#times);
    sequences.set(this.#sequences);
    this.#times = times;
    this.#sequences = sequences;
  }

  #sweep(): void {
    let kept = 0;
    for (let at = 0; at < this.#count; at++) {
      if (this.#events[at]?.run === null) continue;
      if (kept !== at) this.#move(at, kept);
      kept++;
    }
    this.#count = kept;
    this.#events.length = kept;
    this.#dead = 0;
    for (let at = (kept - 2) >> 2; at >= 0; at--) {
      const event = this.#events[at];
      if (event !== undefined) this.#siftDown(at, this.#time(at), this.#sequences[at] ?? 0, event);
    }
  }
}
