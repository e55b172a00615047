// Ascending numbers as few bytes: gaps, and how many follow one another without a gap.
// Decides the one form of every list of ids and indexes. Never knows what the numbers stand for.

import type { ByteWriter } from "../../wire/mod.ts";
import type { FieldReader } from "./fields.ts";

/** A list of numbers, such as a typed array. */
export interface NumberList {
  readonly length: number;
  [index: number]: number;
}

/**
 * Writes `numbers[0 … count)`, which ascend from `first` on. Each run of neighbours is the gap before it, doubled, with
 * 1 added and the length less 2 behind it where there are two at least. Between runs there is one missing number at
 * least, which the gap does not count.
 */
export function writeRuns(out: ByteWriter, numbers: NumberList, count: number, first: number): void {
  let expected = first;
  let i = 0;
  while (i < count) {
    const start = numbers[i] as number;
    let end = start;
    i++;
    while (i < count && numbers[i] === end + 1) {
      end++;
      i++;
    }
    const gap = start - expected;
    const length = end - start + 1;
    if (gap < 0) return out.fail();
    out.varint(gap * 2 + (length > 1 ? 1 : 0));
    if (length > 1) out.varint(length - 2);
    expected = end + 2;
  }
}

/** Reads `count` numbers from `first` to `max` into `numbers`, from index 0 on. */
export function readRuns(
  reader: FieldReader,
  numbers: NumberList,
  count: number,
  first: number,
  max: number,
): void {
  let expected = first;
  let i = 0;
  while (i < count && reader.problem === null) {
    const at = reader.at;
    const head = reader.varint(2 * max + 1);
    const length = head % 2 === 1 ? reader.varint(count) + 2 : 1;
    if (reader.problem !== null) return;
    let number = expected + (head - head % 2) / 2;
    if (i + length > count || number + length - 1 > max) {
      reader.fail("out-of-range", at);
      return;
    }
    for (let k = 0; k < length; k++) numbers[i++] = number++;
    expected = number + 1;
  }
}

/** Writes `numbers[0 … count)`, which ascend from `first` on, each as the gap before it: a byte at least for each. */
export function writeGaps(out: ByteWriter, numbers: NumberList, count: number, first: number): void {
  let expected = first;
  for (let i = 0; i < count; i++) {
    const number = numbers[i] as number;
    if (!(number >= expected)) return out.fail();
    out.varint(number - expected);
    expected = number + 1;
  }
}

/** Reads what {@linkcode writeGaps} wrote. */
export function readGaps(
  reader: FieldReader,
  numbers: NumberList,
  count: number,
  first: number,
  max: number,
): void {
  let expected = first;
  for (let i = 0; i < count && reader.problem === null; i++) {
    const at = reader.at;
    const number = expected + reader.varint(max);
    if (number > max) reader.fail("out-of-range", at);
    numbers[i] = number;
    expected = number + 1;
  }
}
