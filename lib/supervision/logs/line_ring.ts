// The newest lines of a program in memory: their bytes in one ring, what is known of them in typed arrays.
// Decides that the oldest lines go where 10,000 of them or 4 MiB are reached. Grows with what it holds, so that a quiet
// program costs nothing; makes no object a line until somebody reads it.

import type { LogRecord } from "../model/mod.ts";
import { RING_BYTES, RING_LINES } from "./limits.ts";

/** Where a line came from, as a number. */
export const STREAMS = ["stdout", "stderr", "hana"] as const;
export const STDOUT = 0;
export const STDERR = 1;
export const HANA = 2;
const STREAM_BITS = 3;
const PARTIAL_BIT = 4;

const FIRST_BYTES = 64 << 10;
const FIRST_SLOTS = 256;
/** A power of two, so that a slot is found with a mask. */
const MOST_SLOTS = 16_384;

/** Bytes that are no UTF-8 become U+FFFD; a byte order mark is text like any other. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Lines by their number, which counts every line of the program. */
export class LineRing {
  #bytes = new Uint8Array(FIRST_BYTES);
  /** Bytes ever put in; a line's position is counted the same way. */
  #head = 0;
  #slots = FIRST_SLOTS;
  #start = new Float64Array(FIRST_SLOTS);
  #length = new Uint16Array(FIRST_SLOTS);
  #wallMs = new Float64Array(FIRST_SLOTS);
  #sinceUs = new Float64Array(FIRST_SLOTS);
  #run = new Uint32Array(FIRST_SLOTS);
  #flags = new Uint8Array(FIRST_SLOTS);
  /** The slot of the next line. */
  #slot = 0;
  #count = 0;
  #nextSeq: number;
  // What the next lines have in common.
  #nowWallMs = 0;
  #nowSinceUs = 0;
  #nowRun = 0;
  #nowStream = STDOUT;

  /** `nextSeq` is the number of the first line that is put in. */
  constructor(nextSeq: number) {
    this.#nextSeq = nextSeq;
  }

  /** The number that the next line gets. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** The number of the oldest line that is kept; {@linkcode nextSeq} where there is none. */
  get firstSeq(): number {
    return this.#nextSeq - this.#count;
  }

  /** Bytes that it occupies. */
  get occupiedBytes(): number {
    return this.#bytes.length + this.#slots * (8 + 2 + 8 + 8 + 4 + 1);
  }

  /** Says what the lines that are noted from now on have in common. */
  begin(wallMs: number, sinceUs: number, run: number, stream: number): void {
    this.#nowWallMs = wallMs;
    this.#nowSinceUs = sinceUs;
    this.#nowRun = run;
    this.#nowStream = stream;
  }

  /** Puts bytes in, at most 64 KiB a call, and returns their position for {@linkcode note}. */
  put(bytes: Uint8Array, from: number, to: number): number {
    const position = this.#head;
    const size = to - from;
    if (size === 0) return position;
    this.#reserve(size);
    const capacity = this.#bytes.length;
    const at = position & (capacity - 1);
    const first = Math.min(size, capacity - at);
    this.#bytes.set(bytes.subarray(from, from + first), at);
    if (first < size) this.#bytes.set(bytes.subarray(from + first, to), 0);
    this.#head = position + size;
    return position;
  }

  /** Notes a line: `length` bytes from `position` on. Those that go are forgotten by {@linkcode settle}. */
  note(position: number, length: number, partial: boolean): void {
    if (this.#count === this.#slots && this.#slots < MOST_SLOTS) this.#growSlots();
    const slot = this.#slot;
    this.#start[slot] = position;
    this.#length[slot] = length;
    this.#wallMs[slot] = this.#nowWallMs;
    this.#sinceUs[slot] = this.#nowSinceUs;
    this.#run[slot] = this.#nowRun;
    this.#flags[slot] = partial ? this.#nowStream | PARTIAL_BIT : this.#nowStream;
    this.#slot = (slot + 1) & (this.#slots - 1);
    if (this.#count < RING_LINES) this.#count++;
    this.#nextSeq++;
  }

  /** Forgets lines whose bytes were overwritten. To be called after the lines of a {@linkcode put} are noted. */
  settle(): void {
    const oldest = this.#head - this.#bytes.length;
    while (this.#count > 0 && (this.#start[this.#slotOf(this.firstSeq)] ?? 0) < oldest) this.#count--;
  }

  /** Whether a line came from this stream. */
  streamOf(seq: number): number {
    return (this.#flags[this.#slotOf(seq)] ?? 0) & STREAM_BITS;
  }

  runOf(seq: number): number {
    return this.#run[this.#slotOf(seq)] ?? 0;
  }

  wallOf(seq: number): number {
    return this.#wallMs[this.#slotOf(seq)] ?? 0;
  }

  lengthOf(seq: number): number {
    return this.#length[this.#slotOf(seq)] ?? 0;
  }

  /** A line that is kept. */
  record(seq: number): LogRecord {
    const slot = this.#slotOf(seq);
    const flags = this.#flags[slot] ?? 0;
    return {
      seq,
      run: this.#run[slot] ?? 0,
      stream: STREAMS[flags & STREAM_BITS] ?? "hana",
      atWallMs: this.#wallMs[slot] ?? 0,
      sinceSpawnUs: this.#sinceUs[slot] ?? 0,
      text: this.#text(this.#start[slot] ?? 0, this.#length[slot] ?? 0),
      partial: (flags & PARTIAL_BIT) !== 0,
    };
  }

  #text(position: number, length: number): string {
    const capacity = this.#bytes.length;
    const at = position & (capacity - 1);
    if (at + length <= capacity) return decoder.decode(this.#bytes.subarray(at, at + length));
    const whole = new Uint8Array(length);
    whole.set(this.#bytes.subarray(at), 0);
    whole.set(this.#bytes.subarray(0, length - (capacity - at)), capacity - at);
    return decoder.decode(whole);
  }

  #slotOf(seq: number): number {
    return (this.#slot - (this.#nextSeq - seq) + this.#slots) & (this.#slots - 1);
  }

  /** Makes room for `size` more bytes without overwriting what is kept, as long as the ring may still grow. */
  #reserve(size: number): void {
    while (this.#bytes.length < RING_BYTES) {
      const oldest = this.#count === 0 ? this.#head : this.#start[this.#slotOf(this.firstSeq)] ?? this.#head;
      if (this.#head - oldest + size <= this.#bytes.length) return;
      const old = this.#bytes;
      const bytes = new Uint8Array(old.length * 2);
      for (let position = oldest; position < this.#head;) {
        const from = position & (old.length - 1);
        const to = position & (bytes.length - 1);
        const length = Math.min(this.#head - position, old.length - from, bytes.length - to);
        bytes.set(old.subarray(from, from + length), to);
        position += length;
      }
      this.#bytes = bytes;
    }
  }

  #growSlots(): void {
    const slots = this.#slots * 2;
    const from = this.#slot; // Full: the oldest line is in the next slot.
    this.#start = grown(this.#start, new Float64Array(slots), from);
    this.#length = grown(this.#length, new Uint16Array(slots), from);
    this.#wallMs = grown(this.#wallMs, new Float64Array(slots), from);
    this.#sinceUs = grown(this.#sinceUs, new Float64Array(slots), from);
    this.#run = grown(this.#run, new Uint32Array(slots), from);
    this.#flags = grown(this.#flags, new Uint8Array(slots), from);
    this.#slot = this.#slots;
    this.#slots = slots;
  }
}

function grown<T extends Float64Array | Uint32Array | Uint16Array | Uint8Array>(
  old: T,
  bigger: T,
  from: number,
): T {
  bigger.set(old.subarray(from), 0);
  bigger.set(old.subarray(0, from), old.length - from);
  return bigger;
}
