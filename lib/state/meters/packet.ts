// Packets of meters as bytes: sections of one source each, a column of floats in every one (docs/meters-and-modulation.md).
// Decides what is a packet; a bad one is refused whole, before any of it counts. Reading and writing allocate nothing.

import { ByteReader, type ByteWriter } from "../../wire/mod.ts";
import { copyF32, f32At, isFiniteF32At } from "../stream/mod.ts";
import { MAX_METER_PACKET_BYTES, MAX_METERS } from "./limits.ts";

/** The first byte of a packet. */
export const METER_PACKET = 0x01;
/** The largest number of a source; 0 is the sender itself. */
export const MAX_SOURCE_NUMBER = 0xffff;
/** The greatest age that a section tells, in milliseconds. */
export const MAX_AGE_MS = 0xffff;
/** What a section takes at most, beside 4 bytes for each value. */
export const SECTION_HEADER_BYTES = 4 + 4 + 8 + 4 + 2 + 2;

/** Why bytes are no packet of meters. */
export const METER_PROBLEMS = ["size", "kind", "truncated", "range", "not-finite"] as const;
/** One of {@linkcode METER_PROBLEMS}. */
export type MeterProblem = (typeof METER_PROBLEMS)[number];

/** Begins a packet. */
export function beginPacket(writer: ByteWriter): void {
  writer.reset();
  writer.u8(METER_PACKET);
}

/**
 * Writes one section: `count` values of a source from column `first` on.
 * @param number counts the frames of the sender, from 1 on.
 * @param ageMs how old the values are, in milliseconds.
 */
export function writeSection(
  writer: ByteWriter,
  source: number,
  mark: number,
  number: number,
  ageMs: number,
  values: Float32Array,
  first: number,
  count: number,
): void {
  writer.varint(source);
  writer.u32(mark);
  writer.varint(number);
  writer.varint(Math.min(MAX_AGE_MS, ageMs));
  writer.varint(first);
  writer.varint(count);
  for (let at = first; at < first + count; at++) writer.f32le(values[at] ?? NaN);
}

/** Reads packets, one after the other. */
export class MeterPacketReader {
  readonly #reader = new ByteReader();
  #bytes: Uint8Array = new Uint8Array(0);
  #valuesAt = 0;
  /** Whose values the section has; 0 for the sender's own. */
  source = 0;
  mark = 0;
  number = 0;
  ageMs = 0;
  first = 0;
  count = 0;

  /** Looks a packet through; null where every section of it is good. {@linkcode next} reads them then. */
  open(bytes: Uint8Array): MeterProblem | null {
    if (bytes.length > MAX_METER_PACKET_BYTES) return "size";
    this.#bytes = bytes;
    const reader = this.#reader;
    reader.reset(bytes);
    if (reader.u8() !== METER_PACKET) return reader.failed ? "truncated" : "kind";
    do {
      const problem = this.#section();
      if (problem !== null) return problem;
      for (let i = 0; i < this.count; i++) {
        if (!isFiniteF32At(bytes, this.#valuesAt + 4 * i)) return "not-finite";
      }
    } while (reader.remaining > 0);
    reader.reset(bytes, 1);
    return null;
  }

  /** Goes to the next section; false behind the last. */
  next(): boolean {
    return this.#reader.remaining > 0 && this.#section() === null;
  }

  /** Value `i` of the section, of column `first + i`. */
  valueAt(i: number): number {
    return f32At(this.#bytes, this.#valuesAt + 4 * i);
  }

  /** Copies the values of the section into `into`, which has a place for every column. */
  copyTo(into: Float32Array): void {
    copyF32(this.#bytes, this.#valuesAt, this.count, into, this.first);
  }

  #section(): MeterProblem | null {
    const reader = this.#reader;
    this.source = reader.varint();
    this.mark = reader.u32();
    this.number = reader.varint();
    this.ageMs = reader.varint();
    this.first = reader.varint();
    this.count = reader.varint();
    if (reader.failed) return "truncated";
    const { source, number, ageMs, first, count } = this;
    if (source > MAX_SOURCE_NUMBER || number < 1 || ageMs > MAX_AGE_MS || this.mark === 0) return "range";
    if (count < 1 || first + count > MAX_METERS) return "range";
    this.#valuesAt = reader.at;
    reader.skip(4 * count);
    return reader.failed ? "truncated" : null;
  }
}
