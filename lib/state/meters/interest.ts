// What clients with the same prefixes want to see, and the packets that are made for all of them at once.
// Decides which columns of which source a packet has; never when it is sent.

import { ByteWriter } from "../../wire/mod.ts";
import type { BoardSource } from "./board_source.ts";
import { MAX_METER_PACKET_BYTES, MAX_METER_SOURCES } from "./limits.ts";
import { beginPacket, SECTION_HEADER_BYTES, writeSection } from "./packet.ts";
import { rangeBelow } from "./table.ts";

/** A packet that several clients get. */
export interface PressedPacket {
  readonly writer: ByteWriter;
  bytes: Uint8Array;
}

/** Clients that subscribed to the same. */
export class MeterInterest<Client> {
  readonly clients: Set<Client> = new Set();
  readonly #firsts = new Uint16Array(MAX_METER_SOURCES);
  readonly #counts = new Uint16Array(MAX_METER_SOURCES);
  #tables = -1;

  constructor(readonly key: string, readonly prefixes: readonly string[]) {}

  /** Looks which columns are wanted, where a table has changed since. `tables` counts those changes. */
  refresh(tables: number, sources: Iterable<BoardSource>): void {
    if (this.#tables === tables) return;
    this.#tables = tables;
    this.#counts.fill(0);
    for (const { slot, name, table } of sources) {
      const { first, count } = rangeBelow(name, table, this.prefixes);
      this.#firsts[slot] = first;
      this.#counts[slot] = count;
    }
  }

  firstOf(source: BoardSource): number {
    return this.#firsts[source.slot] as number;
  }

  countOf(source: BoardSource): number {
    return this.#counts[source.slot] as number;
  }
}

/** Makes packets, and makes them once for all who have seen the same. */
export class MeterPress {
  /** As many as {@linkcode count} are of the last pressing. */
  readonly packets: PressedPacket[] = [];
  count = 0;
  #interest: MeterInterest<unknown> | null = null;
  #from = -1;
  #to = -1;
  #tables = -1;
  #nowUs = -1;

  /**
   * Presses the frames that came after stamp `from`, the oldest first.
   * @param newest the source that spoke last, `to` its stamp; `tables` counts changes of tables.
   */
  press(
    nowUs: number,
    interest: MeterInterest<unknown>,
    from: number,
    to: number,
    tables: number,
    newest: BoardSource | null,
  ): void {
    const isSame = interest === this.#interest && from === this.#from && to === this.#to;
    if (isSame && tables === this.#tables && nowUs === this.#nowUs) return;
    this.#interest = interest;
    this.#from = from;
    this.#to = to;
    this.#tables = tables;
    this.#nowUs = nowUs;
    this.count = 0;
    let source = newest;
    while (source?.older && source.older.stamp > from) source = source.older;
    let packet: PressedPacket | null = null;
    for (; source !== null; source = source.newer) {
      const count = interest.countOf(source);
      if (source.stamp <= from || count === 0 || !source.isNamed) continue;
      const most = SECTION_HEADER_BYTES + 4 * count;
      if (packet === null || packet.writer.length + most > MAX_METER_PACKET_BYTES) {
        packet = this.#begin();
      }
      const { id, mark, stamp, heardUs, values } = source;
      const ageMs = Math.max(0, Math.floor((nowUs - heardUs) / 1_000));
      writeSection(packet.writer, id, mark, stamp, ageMs, values, interest.firstOf(source), count);
    }
    for (let i = 0; i < this.count; i++) {
      const made = this.packets[i] as PressedPacket;
      made.bytes = made.writer.view();
    }
  }

  #begin(): PressedPacket {
    let packet = this.packets[this.count];
    if (packet === undefined) {
      packet = { writer: new ByteWriter(MAX_METER_PACKET_BYTES), bytes: new Uint8Array(0) };
      this.packets.push(packet);
    }
    this.count++;
    beginPacket(packet.writer);
    return packet;
  }
}
