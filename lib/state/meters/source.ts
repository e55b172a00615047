// The meters of one program: a visualization's frame rate, an app's audio peaks.
// Decides when its values go out: at once after a pause, 30 times a second at most, whatever it sets in between. Setting
// allocates nothing and sends nothing. Never knows who looks.

import { ByteWriter } from "../../wire/mod.ts";
import { type Outlet, Pacer } from "../stream/mod.ts";
import { MAX_METER_PACKET_BYTES, MAX_METERS, METER_PACE } from "./limits.ts";
import { beginPacket, writeSection } from "./packet.ts";
import type { ToldMeters } from "./messages.ts";
import { type MeterDefinition, type MeterTable, NO_METERS, withMeter } from "./table.ts";

/** The place of a meter in its source, from 0 on. */
export type MeterIndex = number & { readonly __brand: "MeterIndex" };

/** What a source counted. */
export interface MeterSourceCounters {
  packets: number;
  bytes: number;
  /** Times at which the lane took nothing; the values of then were overtaken by newer ones. */
  blocked: number;
  /** Values that were no finite number of 32 bits, or of no meter. */
  refused: number;
}

/** The meters of one program. */
export class MeterSource {
  readonly counters: MeterSourceCounters = { packets: 0, bytes: 0, blocked: 0, refused: 0 };
  readonly #outlet: Outlet;
  readonly #pacer = new Pacer(METER_PACE);
  readonly #writer = new ByteWriter(MAX_METER_PACKET_BYTES);
  readonly #values = new Float32Array(MAX_METERS);
  /** Whether a meter holds the highest value since the last packet. */
  readonly #isRaised = new Uint8Array(MAX_METERS);
  #table = NO_METERS;
  #number = 0;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  /** The names of its meters: what it answers to `hana.state.meters`. */
  get table(): MeterTable {
    return this.#table;
  }

  /**
   * Adds a meter, or gives the one of that name another unit or range. Its value is `min`, or 0, until it is set.
   * Throws `schema` for a meter that cannot be, `overloaded` beyond {@linkcode MAX_METERS}.
   */
  register(meter: MeterDefinition): MeterIndex {
    const before = this.#table;
    this.#table = withMeter(before, meter);
    const index = this.#table.meters.findIndex(({ name }) => name === meter.name) as MeterIndex;
    if (index === before.meters.length) this.#values[index] = meter.min ?? 0;
    if (this.#table.mark !== before.mark) this.#pacer.noteChange();
    return index;
  }

  /** Sets a value; false where it is no finite number of 32 bits, or there is no such meter. */
  set(index: MeterIndex, value: number): boolean {
    if (!this.#isGood(index, value)) return false;
    this.#isRaised[index] = 0;
    this.#put(index, value);
    return true;
  }

  /** As {@linkcode set} for peaks: of all values since the last packet the highest goes out. */
  raise(index: MeterIndex, value: number): boolean {
    if (!this.#isGood(index, value)) return false;
    if (this.#isRaised[index] === 1 && (this.#values[index] as number) >= value) return true;
    this.#isRaised[index] = 1;
    this.#put(index, value);
    return true;
  }

  /** The value that goes out next; NaN where there is no such meter. */
  valueOf(index: MeterIndex): number {
    return index < this.#table.meters.length ? this.#values[index] ?? NaN : NaN;
  }

  /** What it answers to `hana.state.meters`, with the name of its node. */
  tell(name: string): ToldMeters {
    const meters = this.#table.meters.map((meter, at) => ({ ...meter, value: this.#values[at] ?? null }));
    return { sources: [{ source: 0, name, ageMs: 0, stale: false, meters }], more: false, numbers: [0] };
  }

  /** When it sends next; null while it has nothing to say. */
  pollTimeout(): { readonly atUs: number; readonly reason: "send" } | null {
    const atUs = this.#table.meters.length === 0 ? Infinity : this.#pacer.dueUs;
    return atUs === Infinity ? null : { atUs, reason: "send" };
  }

  /** Sends what there is to say now: after every batch of {@linkcode set}, and when its time has come. */
  handleTimeout(nowUs: number): void {
    const { meters, mark } = this.#table;
    if (meters.length === 0 || this.#pacer.dueUs > nowUs) return;
    const writer = this.#writer;
    beginPacket(writer);
    writeSection(writer, 0, mark, this.#number + 1, 0, this.#values, 0, meters.length);
    if (!this.#outlet.isWritable || !this.#outlet.send(writer.view())) {
      this.counters.blocked++;
      this.#pacer.noteBlocked(nowUs);
      return;
    }
    this.#number++;
    this.counters.packets++;
    this.counters.bytes += writer.length;
    this.#isRaised.fill(0);
    this.#pacer.noteSent(nowUs);
  }

  #isGood(index: number, value: number): boolean {
    if (index >= 0 && index < this.#table.meters.length && Number.isFinite(Math.fround(value))) return true;
    this.counters.refused++;
    return false;
  }

  #put(index: number, value: number): void {
    const kept = Math.fround(value);
    if (this.#values[index] === kept) return;
    this.#values[index] = kept;
    this.#pacer.noteChange();
  }
}
