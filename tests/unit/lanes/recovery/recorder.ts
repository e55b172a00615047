// A visitor that writes down what it is told, and an acknowledgement made of plain ranges.

import type { AckFields, SentVisitor } from "../../../../lib/lanes/recovery/mod.ts";

/** What became of one packet. */
export interface Told {
  readonly number: number;
  readonly bytes: number;
  readonly sentAtUs: number;
  readonly path: number;
  readonly flags: number;
  readonly fate: "acked" | "lost" | "spurious";
  readonly refs: string[];
}

/** Writes down every call. */
export class Recorder implements SentVisitor {
  told: Told[] = [];

  onPacket(
    number: number,
    bytes: number,
    sentAtUs: number,
    path: number,
    flags: number,
    acked: boolean,
  ): void {
    this.told.push({ number, bytes, sentAtUs, path, flags, fate: acked ? "acked" : "lost", refs: [] });
  }
  onPacketSpurious(number: number, bytes: number, sentAtUs: number, path: number, flags: number): void {
    this.told.push({ number, bytes, sentAtUs, path, flags, fate: "spurious", refs: [] });
  }
  onRun(lane: number, first: number, count: number, acked: boolean): void {
    this.#ref(`run ${lane} ${first} ${count} ${acked}`);
  }
  onPiece(lane: number, number: number, offset: number, length: number, acked: boolean): void {
    this.#ref(`piece ${lane} ${number} ${offset} ${length} ${acked}`);
  }
  onControl(kind: number, value: number, acked: boolean, detail: number): void {
    this.#ref(`control ${kind} ${value} ${detail} ${acked}`);
  }

  /** What was told since the last call. */
  take(): Told[] {
    const told = this.told;
    this.told = [];
    return told;
  }

  /** Numbers of one fate, since the last call of `take`. */
  numbers(fate: Told["fate"]): number[] {
    return this.told.filter((told) => told.fate === fate).map((told) => told.number);
  }

  #ref(text: string): void {
    const last = this.told.at(-1);
    if (last === undefined) throw new Error("a reference came before its packet");
    last.refs.push(text);
  }
}

/** An ACK of full numbers, as ranges of both ends, newest first. */
export function ackOf(ranges: readonly (readonly [number, number])[], delay = 0): AckFields {
  return {
    ackLargest: (ranges[0]?.[1] ?? 0) >>> 0,
    ackDelay: delay,
    ackRangeCount: ranges.length,
    ackRangeLength: (i) => (ranges[i]?.[1] ?? 0) - (ranges[i]?.[0] ?? 0) + 1,
    ackRangeGap: (i) => i === 0 ? 0 : (ranges[i - 1]?.[0] ?? 0) - (ranges[i]?.[1] ?? 0) - 1,
  };
}

/** Ranges of a set of numbers, newest first. */
export function rangesOf(numbers: Iterable<number>): [number, number][] {
  const ranges: [number, number][] = [];
  for (const number of [...numbers].sort((a, b) => b - a)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[0] === number + 1) last[0] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}
