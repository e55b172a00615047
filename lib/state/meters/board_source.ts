// One source as the board knows it: its newest frame, its table, its place among those that spoke last.
// Decides which frame of it is the newest; never whom it goes to.

import { AskPause } from "../stream/mod.ts";
import { MAX_METERS, METER_STALE_US } from "./limits.ts";
import type { MeterPacketReader } from "./packet.ts";
import { type MeterTable, NO_METERS } from "./table.ts";

/** A source of a board. */
export class BoardSource {
  readonly values: Float32Array = new Float32Array(MAX_METERS);
  readonly ask: AskPause = new AskPause();
  table: MeterTable = NO_METERS;
  /** Of the newest frame: the mark of its table, how many values it has, its number; 0 before the first. */
  mark = 0;
  count = 0;
  number = 0;
  /** When it was last heard; its arrival at the board before that. */
  heardUs: number;
  /** The board's count of frames when its newest came; 0 while there is nothing to show of it. */
  stamp = 0;
  /** Those that spoke before and after it. */
  older: BoardSource | null = null;
  newer: BoardSource | null = null;

  /**
   * @param id its number for clients.
   * @param slot its place among the sources that there are.
   */
  constructor(readonly id: number, readonly slot: number, readonly name: string, nowUs: number) {
    this.heardUs = nowUs;
  }

  /** Whether its names are known for the frame that it sent last. */
  get isNamed(): boolean {
    return this.mark === this.table.mark && this.count === this.table.meters.length;
  }

  /** Takes a section as its newest frame; false for one that is late, or came before. */
  take(nowUs: number, section: MeterPacketReader): boolean {
    // After a silence an older number is no straggler: whoever counts has begun anew.
    if (section.number <= this.number && nowUs - this.heardUs <= METER_STALE_US) return false;
    this.number = section.number;
    this.mark = section.mark;
    this.count = section.count;
    section.copyTo(this.values);
    this.heardUs = nowUs;
    return true;
  }
}
