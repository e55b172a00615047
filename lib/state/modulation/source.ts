// The sending half of modulation: an LFO, an audio follower, a tracker.
// Decides when its values go out: at once after a pause, 1,000 times a second at most. Every frame has all that the source
// does, so that a frame that is lost, or overtaken in a queue, costs nothing but its age. Setting allocates nothing.

import { HanaError } from "../../base/mod.ts";
import { ByteWriter, utf8Length } from "../../wire/mod.ts";
import { DEFAULT_PRIORITY, MAX_PRIORITY } from "../model/mod.ts";
import { type Outlet, Pacer } from "../stream/mod.ts";
import { FRAME_NAMED, MAX_SOURCE, MODULATION_FRAME } from "./frame.ts";
import type { ModulationLayout, ModulationSlot } from "./layout.ts";
import {
  MAX_BINDINGS,
  MAX_MODULATION_BYTES,
  MAX_SOURCE_NAME_BYTES,
  MODULATION_MODES,
  MODULATION_PACE,
  type ModulationMode,
  NAME_EVERY_US,
} from "./limits.ts";

/** What a source is made of. */
export interface ModulationSourceOptions {
  /** For people: `lfo-1`; 1 to 31 bytes. */
  readonly name: string;
  /** Its number among the sources of its node, 0 to 255: the key of its messages on the lane. */
  readonly number: number;
  /** The places of the visualization. */
  readonly layout: ModulationLayout;
  readonly outlet: Outlet;
}

/** One thing that a source does to one place. */
export interface ModulationBinding {
  readonly slot: ModulationSlot;
  readonly mode: ModulationMode;
  /** 1 to 200; that of an app, 100, when not given. */
  readonly priority?: number;
}

/** What a source counted. */
export interface ModulationSourceCounters {
  frames: number;
  bytes: number;
  /** Times at which the lane took nothing; the values of then were overtaken by newer ones. */
  blocked: number;
  /** Values that were no number, out of range, or of nothing that the source does. */
  refused: number;
}

interface Bound {
  readonly slot: number;
  readonly mode: number;
  readonly priority: number;
  value: number;
}

/** One source of modulation of one visualization. */
export class ModulationSource {
  readonly counters: ModulationSourceCounters = { frames: 0, bytes: 0, blocked: 0, refused: 0 };
  readonly #options: ModulationSourceOptions;
  readonly #pacer = new Pacer(MODULATION_PACE);
  readonly #writer = new ByteWriter(MAX_MODULATION_BYTES);
  /** Its value of each place, and whether it does anything there. */
  readonly #bound: (Bound | null)[];
  /** By mode, priority and place: the order of the wire. */
  #ordered: Bound[] = [];
  #number = 0;
  #namedUs = -Infinity;

  /** Throws `schema` for a name or number that cannot be. */
  constructor(options: ModulationSourceOptions) {
    const { name, number, layout } = options;
    const length = name.isWellFormed() ? utf8Length(name) : 0;
    if (length < 1 || length > MAX_SOURCE_NAME_BYTES) {
      const why = `a name has 1 to ${MAX_SOURCE_NAME_BYTES} bytes`;
      throw new HanaError("schema", { what: `source of modulation ${JSON.stringify(name)}`, why });
    }
    if (!Number.isInteger(number) || number < 0 || number > MAX_SOURCE) {
      const why = `its number is 0 to ${MAX_SOURCE}, not ${number}`;
      throw new HanaError("schema", { what: `source of modulation ${name}`, why });
    }
    this.#options = options;
    this.#bound = new Array<Bound | null>(layout.count).fill(null);
  }

  /** Its key on the lane. */
  get key(): number {
    return this.#options.number;
  }

  /**
   * Begins to do something to a place, or does it otherwise from now on. Its value is 0 for `add`, 1 for `multiply` and the
   * default of the parameter for `replace`, until it is set. Throws `not-found` for a place that is none, `schema` for a
   * priority that is none, `overloaded` beyond {@linkcode MAX_BINDINGS}.
   */
  bind({ slot, mode, priority = DEFAULT_PRIORITY }: ModulationBinding): void {
    const { layout, name } = this.#options;
    if (layout.definitionOf(slot) === null) {
      throw new HanaError("not-found", { what: `place ${slot} to modulate by ${name}` });
    }
    if (!Number.isInteger(priority) || priority < 1 || priority > MAX_PRIORITY) {
      const why = `a priority is 1 to ${MAX_PRIORITY}, not ${priority}`;
      throw new HanaError("schema", { what: `modulation of ${layout.nameOf(slot)} by ${name}`, why });
    }
    if (this.#bound[slot] === null && this.#ordered.length >= MAX_BINDINGS) {
      const why = `a source modulates at most ${MAX_BINDINGS} places`;
      throw new HanaError("overloaded", { what: `modulation of ${layout.nameOf(slot)} by ${name}`, why });
    }
    const value = mode === "add" ? 0 : mode === "multiply" ? 1 : layout.defaultOf(slot);
    this.#bound[slot] = { slot, mode: MODULATION_MODES.indexOf(mode), priority, value };
    this.#order();
  }

  /** Does nothing to a place any more; what it did fades. */
  unbind(slot: ModulationSlot): void {
    if (this.#bound[slot]) {
      this.#bound[slot] = null;
      this.#order();
    }
  }

  /** Does nothing at all any more. */
  unbindAll(): void {
    this.#bound.fill(null);
    this.#order();
  }

  /** Sets a value; false where it is NaN, out of range, or the source does nothing there. */
  set(slot: ModulationSlot, value: number): boolean {
    const bound = this.#bound[slot];
    const kept = Math.fround(value);
    if (!bound || !Number.isFinite(kept) || !this.#isInRange(bound, kept)) {
      this.counters.refused++;
      return false;
    }
    if (bound.value === kept) return true;
    bound.value = kept;
    this.#pacer.noteChange();
    return true;
  }

  /** When it sends next, in microseconds; null before it did anything. */
  pollTimeout(): { readonly atUs: number; readonly reason: "send" } | null {
    const atUs = this.#pacer.dueUs;
    return atUs === Infinity ? null : { atUs, reason: "send" };
  }

  /** Sends what there is to say now: after every batch of {@linkcode set}, and when its time has come. */
  handleTimeout(nowUs: number): void {
    if (this.#pacer.dueUs > nowUs) return;
    const { outlet } = this.#options;
    const isNamed = nowUs - this.#namedUs >= NAME_EVERY_US;
    this.#write(isNamed);
    if (!outlet.isWritable || !outlet.send(this.#writer.view())) {
      this.counters.blocked++;
      this.#pacer.noteBlocked(nowUs);
      return;
    }
    if (isNamed) this.#namedUs = nowUs;
    this.#number = (this.#number + 1) >>> 0;
    this.counters.frames++;
    this.counters.bytes += this.#writer.length;
    this.#pacer.noteSent(nowUs);
  }

  #write(isNamed: boolean): void {
    const { number, layout, name } = this.#options;
    const writer = this.#writer;
    writer.reset();
    writer.u8(MODULATION_FRAME | (isNamed ? FRAME_NAMED : 0));
    writer.u8(number);
    writer.u32(layout.mark);
    writer.u32((this.#number + 1) >>> 0);
    if (isNamed) writer.shortText(name, MAX_SOURCE_NAME_BYTES);
    const ordered = this.#ordered;
    for (let at = 0; at < ordered.length; at++) {
      const bound = ordered[at] as Bound;
      const before = ordered[at - 1];
      const isSame = before !== undefined && isOneGroup(before, bound);
      if (!isSame) {
        let end = at + 1;
        while (end < ordered.length && isOneGroup(ordered[end] as Bound, bound)) end++;
        writer.u8(bound.mode);
        writer.u8(bound.priority);
        writer.varint(end - at);
      }
      writer.varint(isSame ? bound.slot - before.slot : bound.slot);
      writer.f32le(bound.value);
    }
  }

  #order(): void {
    this.#ordered = this.#bound.filter((bound) => bound !== null)
      .sort((a, b) => a.mode - b.mode || a.priority - b.priority || a.slot - b.slot);
    this.#pacer.noteChange();
  }

  #isInRange(bound: Bound, value: number): boolean {
    return this.#options.layout.isInRange(bound.slot, bound.mode, value);
  }
}

function isOneGroup(a: Bound, b: Bound): boolean {
  return a.mode === b.mode && a.priority === b.priority;
}
