// The meters that a client looks at: values by name, as new as they came.
// Decides which value is the newest, how old it is, and when it no longer counts. Reading allocates nothing: a program asks
// for the place of a name once and reads it in every frame.

import { AskPause } from "../stream/mod.ts";
import {
  MAX_METER_SLOTS,
  MAX_METER_SOURCES,
  MAX_METERS,
  MAX_TABLES_PER_ANSWER,
  METER_DROP_US,
  METER_STALE_US,
} from "./limits.ts";
import type { SourceMeters } from "./messages.ts";
import { MeterPacketReader, type MeterProblem } from "./packet.ts";
import { type MeterDefinition, type MeterTable, NO_METERS, readMeterTable } from "./table.ts";

/** The place of a name in a view; it stays for as long as the view does. */
export type MeterSlot = number & { readonly __brand: "MeterSlot" };

/** Nothing came yet or not any more; as new as it should be; silent for 2.5 s. */
export type MeterState = "none" | "fresh" | "stale";

/** What a view counted. */
export interface ViewCounters {
  /** Frames that were taken. */
  frames: number;
  /** Frames that came twice, or after a newer one. */
  late: number;
  /** Packets that were none, and tables that could not be. */
  malformed: number;
  /** Frames of a source whose names are not known. */
  unnamed: number;
  /** Sources that were silent for a minute. */
  dropped: number;
  /** Sources and names beyond the bounds. */
  refused: number;
}

class ViewSource {
  readonly values = new Float32Array(MAX_METERS).fill(NaN);
  readonly ask = new AskPause();
  readonly places = new Map<string, number>();
  name = "";
  table: MeterTable = NO_METERS;
  /** Of the newest frame that came: its number and the mark of its table. */
  number = 0;
  mark = 0;
  /** When its newest values were made, as far as known; -Infinity for never. */
  madeUs = -Infinity;

  constructor(readonly id: number, public heardUs: number) {}
}

/** The meters that one client sees. */
export class MeterView {
  readonly counters: ViewCounters = {
    ...{ frames: 0, late: 0, malformed: 0, unnamed: 0, dropped: 0, refused: 0 },
  };
  readonly #sources = new Map<number, ViewSource>();
  readonly #reader = new MeterPacketReader();
  readonly #slots = new Map<string, MeterSlot>();
  /** Where the value of each slot is. */
  readonly #sourceOf: (ViewSource | null)[] = [];
  readonly #indexOf: number[] = [];

  // --- what comes --------------------------------------------------------------------------------------------------

  /** A packet of the host. Says what is wrong with it; null where it was taken, or was late. */
  handlePacket(nowUs: number, bytes: Uint8Array): MeterProblem | null {
    const reader = this.#reader;
    const problem = reader.open(bytes);
    if (problem !== null) {
      this.counters.malformed++;
      return problem;
    }
    while (reader.next()) this.#handleSection(nowUs, reader);
    return null;
  }

  /** What the host answered to `hana.state.meters`. */
  handleTables(nowUs: number, told: readonly SourceMeters[]): void {
    for (const { source: id, name, meters } of told) {
      const table = readMeterTable(meters);
      if (table === null) {
        this.counters.malformed++;
        continue;
      }
      const source = this.#source(nowUs, id);
      if (source === null || (source.name === name && source.table.mark === table.mark)) continue;
      // Columns of another table are other meters: nothing of them is shown under the new names.
      source.values.fill(NaN);
      source.madeUs = -Infinity;
      source.name = name;
      source.table = table;
      source.places.clear();
      table.meters.forEach((meter, index) => source.places.set(`${name}/${meter.name}`, index));
      if (source.mark === table.mark) source.ask.noteAnswered();
      this.#placeAll();
    }
  }

  /**
   * Numbers of sources whose names are not known, for `hana.state.meters` to be asked for; empty for none. The same ones are
   * named again after a pause.
   */
  pollAsk(nowUs: number): number[] {
    const wanted: number[] = [];
    for (const source of this.#sources.values()) {
      if (source.mark === source.table.mark || source.mark === 0 || source.ask.nextUs > nowUs) continue;
      if (wanted.length === MAX_TABLES_PER_ANSWER) break;
      source.ask.noteAsked(nowUs);
      wanted.push(source.id);
    }
    return wanted;
  }

  /** Another host, or the same one with nothing in its hands: numbers of sources mean something else. Slots stay. */
  reset(): void {
    this.#sources.clear();
    this.#placeAll();
  }

  /** When it must be called next, in microseconds; null while there is nothing. */
  pollTimeout(): { readonly atUs: number; readonly reason: "ask" | "drop" } | null {
    let atUs = Infinity;
    let reason: "ask" | "drop" = "drop";
    for (const source of this.#sources.values()) {
      if (source.heardUs + METER_DROP_US < atUs) {
        atUs = source.heardUs + METER_DROP_US;
        reason = "drop";
      }
      if (source.mark !== 0 && source.mark !== source.table.mark && source.ask.nextUs < atUs) {
        atUs = source.ask.nextUs;
        reason = "ask";
      }
    }
    return atUs === Infinity ? null : { atUs, reason };
  }

  /** Forgets sources that were silent for a minute. */
  handleTimeout(nowUs: number): void {
    let isLess = false;
    for (const source of this.#sources.values()) {
      if (nowUs < source.heardUs + METER_DROP_US) continue;
      this.#sources.delete(source.id);
      this.counters.dropped++;
      isLess = true;
    }
    if (isLess) this.#placeAll();
  }

  // --- what is seen ------------------------------------------------------------------------------------------------

  /**
   * The place of a name such as `stage-left/audio/left`, whether or not there is such a meter yet; -1 where
   * {@linkcode MAX_METER_SLOTS} names have one.
   */
  slotOf(name: string): MeterSlot | -1 {
    const known = this.#slots.get(name);
    if (known !== undefined) return known;
    if (this.#slots.size >= MAX_METER_SLOTS) {
      this.counters.refused++;
      return -1;
    }
    const slot = this.#slots.size as MeterSlot;
    this.#slots.set(name, slot);
    this.#place(name, slot);
    return slot;
  }

  /** The newest value; NaN where there is none. */
  valueOf(slot: MeterSlot): number {
    const source = this.#sourceOf[slot];
    return source ? source.values[this.#indexOf[slot] as number] as number : NaN;
  }

  /** Writes the newest values of some places into `into`, in their order: a whole frame without an object a number. */
  read(slots: readonly MeterSlot[], into: Float32Array): void {
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i] as MeterSlot;
      const source = this.#sourceOf[slot];
      if (source) into[i] = source.values[this.#indexOf[slot] as number] as number;
      else into[i] = NaN;
    }
  }

  /** How old the value is, in microseconds: its age at the host and the time since. Infinite where there is none. */
  ageUs(slot: MeterSlot, nowUs: number): number {
    const source = this.#sourceOf[slot];
    return source && !Number.isNaN(this.valueOf(slot)) ? nowUs - source.madeUs : Infinity;
  }

  /** Whether the value is one to show, and whether it is as new as it should be. */
  stateOf(slot: MeterSlot, nowUs: number): MeterState {
    const ageUs = this.ageUs(slot, nowUs);
    return ageUs === Infinity ? "none" : ageUs > METER_STALE_US ? "stale" : "fresh";
  }

  /** Unit and range of a meter; null where it is not known. */
  definitionOf(slot: MeterSlot): MeterDefinition | null {
    return this.#sourceOf[slot]?.table.meters[this.#indexOf[slot] ?? -1] ?? null;
  }

  /** The names of all meters that are known, by source. */
  names(): string[] {
    return [...this.#sources.values()].flatMap(({ places }) => [...places.keys()]);
  }

  // --- inside ------------------------------------------------------------------------------------------------------

  #handleSection(nowUs: number, section: MeterPacketReader): void {
    const source = this.#source(nowUs, section.source);
    if (source === null) return;
    // After a silence an older number is no straggler: whoever counts has begun anew.
    if (section.number <= source.number && nowUs - source.heardUs <= METER_STALE_US) {
      this.counters.late++;
      return;
    }
    source.mark = section.mark;
    source.heardUs = nowUs;
    const { first, count } = section;
    if (section.mark !== source.table.mark || first + count > source.table.meters.length) {
      this.counters.unnamed++;
      return;
    }
    source.number = section.number;
    source.madeUs = nowUs - section.ageMs * 1_000;
    section.copyTo(source.values);
    this.counters.frames++;
  }

  #source(nowUs: number, id: number): ViewSource | null {
    const known = this.#sources.get(id);
    if (known !== undefined) return known;
    if (this.#sources.size >= MAX_METER_SOURCES) {
      this.counters.refused++;
      return null;
    }
    const source = new ViewSource(id, nowUs);
    this.#sources.set(id, source);
    return source;
  }

  #placeAll(): void {
    for (const [name, slot] of this.#slots) this.#place(name, slot);
  }

  #place(name: string, slot: MeterSlot): void {
    this.#sourceOf[slot] = null;
    this.#indexOf[slot] = -1;
    for (const source of this.#sources.values()) {
      const index = source.places.get(name);
      if (index === undefined) continue;
      this.#sourceOf[slot] = source;
      this.#indexOf[slot] = index;
    }
  }
}
