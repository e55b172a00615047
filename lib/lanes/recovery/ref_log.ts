// What packets carried, as a circular log of typed arrays: runs of whole messages, pieces of messages, control frames.
// Decides how references are kept and when whole messages in a row are one of them; never what they mean.
// Hot path: nothing is allocated but when the log doubles.

/** What a reference is. */
export const RefKind = { run: 0, piece: 1, control: 2 } as const;

/** Told of references, oldest first. */
export interface RefVisitor {
  /** `count` whole messages of `lane`, from number `first` on. */
  onRun(lane: number, first: number, count: number, acked: boolean): void;
  /** `length` bytes from `offset` on of message `number`. */
  onPiece(lane: number, number: number, offset: number, length: number, acked: boolean): void;
  /** A control frame, in the words of whoever noted it. */
  onControl(kind: number, value: number, acked: boolean, detail: number): void;
}

/** The most references that one packet can need: 16 KiB of empty messages of two lanes in turn, two bytes each. */
export const MAX_REFS_A_PACKET = 8192;

const FIRST_CAPACITY = 128;

/** References by their position, which only grows; positions from `tail` to `end` are kept. */
export class RefLog {
  /** The oldest position that is kept, and the next one. */
  tail = 0;
  end = 0;
  #mask = FIRST_CAPACITY - 1;
  #kinds = new Uint8Array(FIRST_CAPACITY);
  #lanes = new Uint8Array(FIRST_CAPACITY);
  #numbers = new Float64Array(FIRST_CAPACITY);
  /** How many messages, or the offset, or a control frame's detail. */
  #firsts = new Uint32Array(FIRST_CAPACITY);
  #lengths = new Uint32Array(FIRST_CAPACITY);

  /** How many references are kept. */
  get size(): number {
    return this.end - this.tail;
  }

  /** How many fit before the log doubles. */
  get capacity(): number {
    return this.#mask + 1;
  }

  /** Appends a whole message, to the last reference where that goes on with it; `from` is where the packet begins. */
  addRun(from: number, lane: number, number: number): void {
    if (this.end > from) {
      const last = (this.end - 1) & this.#mask;
      if (
        this.#kinds[last] === RefKind.run && this.#lanes[last] === lane &&
        (this.#numbers[last] as number) + (this.#firsts[last] as number) === number
      ) {
        this.#firsts[last] = (this.#firsts[last] as number) + 1;
        return;
      }
    }
    this.#push(RefKind.run, lane, number, 1, 0);
  }

  /** Appends a piece of a message, to the last reference where that ends at `offset`. */
  addPiece(from: number, lane: number, number: number, offset: number, length: number): void {
    if (this.end > from) {
      const last = (this.end - 1) & this.#mask;
      if (
        this.#kinds[last] === RefKind.piece && this.#lanes[last] === lane && this.#numbers[last] === number &&
        (this.#firsts[last] as number) + (this.#lengths[last] as number) === offset
      ) {
        this.#lengths[last] = (this.#lengths[last] as number) + length;
        return;
      }
    }
    this.#push(RefKind.piece, lane, number, offset, length);
  }

  /** Appends a control frame. */
  addControl(kind: number, value: number, detail: number): void {
    this.#push(RefKind.control, kind, value, detail, 0);
  }

  /** Takes back everything from `position` on. */
  truncate(position: number): void {
    this.end = position;
  }

  /** Forgets everything before `position`. */
  release(position: number): void {
    this.tail = position;
  }

  /** Tells `visitor` of `count` references from `position` on. */
  visit(position: number, count: number, acked: boolean, visitor: RefVisitor): void {
    for (let i = 0; i < count; i++) {
      const at = (position + i) & this.#mask;
      const lane = this.#lanes[at] as number;
      const number = this.#numbers[at] as number;
      const first = this.#firsts[at] as number;
      const kind = this.#kinds[at] as number;
      if (kind === RefKind.run) visitor.onRun(lane, number, first, acked);
      else if (kind === RefKind.piece) {
        visitor.onPiece(lane, number, first, this.#lengths[at] as number, acked);
      } else visitor.onControl(lane, number, acked, first);
    }
  }

  #push(kind: number, lane: number, number: number, first: number, length: number): void {
    if (this.end - this.tail > this.#mask) this.#grow();
    const at = this.end & this.#mask;
    this.#kinds[at] = kind;
    this.#lanes[at] = lane;
    this.#numbers[at] = number;
    this.#firsts[at] = first;
    this.#lengths[at] = length;
    this.end++;
  }

  #grow(): void {
    const before = this.#mask;
    const capacity = (before + 1) * 2;
    const kinds = new Uint8Array(capacity);
    const lanes = new Uint8Array(capacity);
    const numbers = new Float64Array(capacity);
    const firsts = new Uint32Array(capacity);
    const lengths = new Uint32Array(capacity);
    const mask = capacity - 1;
    for (let position = this.tail; position < this.end; position++) {
      const from = position & before;
      const to = position & mask;
      kinds[to] = this.#kinds[from] as number;
      lanes[to] = this.#lanes[from] as number;
      numbers[to] = this.#numbers[from] as number;
      firsts[to] = this.#firsts[from] as number;
      lengths[to] = this.#lengths[from] as number;
    }
    this.#kinds = kinds;
    this.#lanes = lanes;
    this.#numbers = numbers;
    this.#firsts = firsts;
    this.#lengths = lengths;
    this.#mask = mask;
  }
}
