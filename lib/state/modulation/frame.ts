// Frames of modulation as bytes: all that one source does, in one packet (docs/meters-and-modulation.md).
// Decides what is a frame; a bad one is refused whole. A value that is no finite number is a matter of its place alone.
// Reading allocates nothing but a name.

import { ByteReader } from "../../wire/mod.ts";
import { MAX_PRIORITY } from "../model/mod.ts";
import { f32At } from "../stream/mod.ts";
import {
  MAX_BINDINGS,
  MAX_MODULATED_SLOTS,
  MAX_MODULATION_BYTES,
  MAX_SOURCE_NAME_BYTES,
  MODULATION_MODES,
} from "./limits.ts";

/** The first byte of a frame, without its flags. */
export const MODULATION_FRAME = 0x01;
/** Flag: the source's name follows. */
export const FRAME_NAMED = 0x10;
/** The largest number of a source within its node. */
export const MAX_SOURCE = 255;

/** Why bytes are no frame of modulation. */
export const MODULATION_PROBLEMS = ["size", "kind", "truncated", "range", "order", "text"] as const;
/** One of {@linkcode MODULATION_PROBLEMS}. */
export type ModulationProblem = (typeof MODULATION_PROBLEMS)[number];

/** Reads frames, one after the other. */
export class ModulationFrameReader {
  readonly #reader = new ByteReader();
  #bytes: Uint8Array = new Uint8Array(0);
  #entriesAt = 0;
  #left = 0;
  /** Of the frame: the number of its source, the mark of the layout that it counts by, its own number. */
  source = 0;
  mark = 0;
  number = 0;
  /** The name of the source; null where the frame does not say it. */
  name: string | null = null;
  /** How many entries it has. */
  count = 0;
  /** Of the entry: its place, its mode as a place in the list of modes, priority and value, which may be NaN. */
  slot = 0;
  mode = 0;
  priority = 0;
  value = 0;

  /** Looks a frame through; null where it is one. {@linkcode next} reads its entries then. */
  open(bytes: Uint8Array): ModulationProblem | null {
    if (bytes.length > MAX_MODULATION_BYTES) return "size";
    this.#bytes = bytes;
    const reader = this.#reader;
    reader.reset(bytes);
    const first = reader.u8();
    if (reader.failed) return "truncated";
    if ((first & ~FRAME_NAMED) !== MODULATION_FRAME) return "kind";
    this.source = reader.u8();
    this.mark = reader.u32();
    this.number = reader.u32();
    if (reader.failed) return "truncated";
    if (this.mark === 0) return "range";
    this.name = null;
    if ((first & FRAME_NAMED) !== 0) {
      const problem = this.#readName();
      if (problem !== null) return problem;
    }
    this.#entriesAt = reader.at;
    this.#left = 0;
    this.count = 0;
    while (reader.remaining > 0) {
      const problem = this.#step();
      if (problem !== null) return problem;
      if (++this.count > MAX_BINDINGS) return "range";
    }
    if (this.#left > 0) return "truncated";
    this.rewind();
    return null;
  }

  /** Goes back before the first entry. */
  rewind(): void {
    this.#reader.reset(this.#bytes, this.#entriesAt);
    this.#left = 0;
  }

  /** Goes to the next entry; false behind the last. */
  next(): boolean {
    return this.#reader.remaining > 0 && this.#step() === null;
  }

  #readName(): ModulationProblem | null {
    const reader = this.#reader;
    const length = this.#bytes[reader.at];
    if (length === undefined || length >= reader.remaining) return "truncated";
    if (length === 0 || length > MAX_SOURCE_NAME_BYTES) return "range";
    this.name = reader.shortText();
    return reader.failed ? "text" : null;
  }

  #step(): ModulationProblem | null {
    const reader = this.#reader;
    let isFirst = false;
    if (this.#left === 0) {
      this.mode = reader.u8();
      this.priority = reader.u8();
      this.#left = reader.varint();
      if (reader.failed) return "truncated";
      if (this.mode >= MODULATION_MODES.length || this.priority < 1 || this.priority > MAX_PRIORITY) {
        return "range";
      }
      if (this.#left < 1 || this.#left > MAX_BINDINGS) return "range";
      isFirst = true;
    }
    const delta = reader.varint();
    const at = reader.at;
    reader.skip(4);
    if (reader.failed) return "truncated";
    if (!isFirst && delta === 0) return "order";
    this.slot = isFirst ? delta : this.slot + delta;
    if (this.slot >= MAX_MODULATED_SLOTS) return "range";
    this.value = f32At(this.#bytes, at);
    this.#left--;
    return null;
  }
}
